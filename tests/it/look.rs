//! The look of lines: timestamps, and the forms of output. Most tests run on the embedded daemon.

use std::process::Command;

use regex::Regex;

use super::support::{Cmon, Container, Done};

/// Runs `cmon tail --demo` on stored lines.
fn demo(args: &[&str]) -> Done {
    let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
    cmon.env_clear()
        .args(["tail", "--demo", "--no-follow"])
        .args(args)
        .stdout(std::process::Stdio::piped());
    Cmon::of(cmon).done()
}

#[track_caller]
fn all_lines_match(done: &Done, form: &str) {
    let (form, text) = (Regex::new(form).unwrap(), done.text());
    assert!(!text.is_empty() && text.lines().all(|line| form.is_match(line)), "{form}: {text}");
}

#[test]
fn timestamps_have_the_requested_form() {
    for (flag, form) in [
        ("-t", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \S"),
        ("-t=full", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \S"),
        ("-t=iso", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S"),
        ("-t=short", r"^\d\d:\d\d:\d\d\.\d{3} \S"),
        ("-t=off", r"^[^0-9]"),
    ] {
        all_lines_match(&demo(&["web", flag]).code(0), form);
    }
    let tokyo = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+09:00 \S";
    all_lines_match(&demo(&["web", "-t=iso", "--timezone", "Asia/Tokyo"]).code(0), tokyo);
    let unknown = demo(&["web", "-t", "--timezone", "Asia/Toky"]).code(2);
    drop(unknown.says("there is no such time zone; did you mean Asia/Tokyo?"));
}

#[test]
fn raw_pretty_and_stripped_lines_of_real_containers() {
    let script = r#"echo '{"level":"warn","msg":"slow query","ms":812}'; printf '\033[31mred\033[0m text\n'"#;
    let (one, two) = (Container::run(script), Container::run(script));
    let logs = one.wait().logs().stdout;
    assert_eq!(two.wait().logs().stdout, logs);
    let read = |args: &[&str]| {
        let done = Cmon::run(&[&["tail", "--no-follow"], args].concat()).code(0);
        String::from_utf8(done.stdout).unwrap()
    };
    let raw = read(&["-o", "raw", &one.name, &two.name]);
    let [one_raw, two_raw] = ["{", "\x1b"].map(|mark| raw.matches(mark).count());
    assert_eq!((one_raw, two_raw, raw.len()), (2, 4, 2 * logs.len()), "{raw}");
    let pretty = "WARN  slow query ms=812\n\x1b[31mred\x1b[0m text\n";
    assert_eq!(read(&["-o", "pretty", &one.name]), pretty);
    let stripped = "WARN  slow query ms=812\nred text\n";
    assert_eq!(read(&["-o", "pretty", "--strip-ansi", &one.name]), stripped);
    let named = read(&["-o", "pretty", "--color", "always", &one.name, &two.name]);
    assert_eq!(named.matches(" | \x1b[33mWARN\x1b[0m  slow query").count(), 2, "{named}");
    assert!(read(&["-o", "json", "--strip-ansi", &one.name]).contains(r#""msg":"red text""#));
}

#[test]
fn a_template_makes_each_line() {
    let line = r"^(stdout|stderr) web=\S.* \d\d:\d\d:\d\d\.\d{3}$";
    let template = "{{stream}} {{container}}={{msg}} {{time}}";
    all_lines_match(&demo(&["web", "-t=short", "--template", template]).code(0), line);
    let wrong = demo(&["web", "--template", "{{msg}} {{contaner}}"]).code(2);
    let wrong = wrong.says("--template, line 1, column 11: there is no variable contaner");
    drop(wrong.says("did you mean container?"));
    drop(demo(&["web", "-o", "json", "--template", "x"]).code(2).says("cannot be used with"));
    let failed = demo(&["web", "--template", "{{msg|int}}"]).code(0);
    assert!(failed.text().contains("web is starting\n"), "{failed}");
    assert_eq!(failed.stderr.matches("! the template failed for a line").count(), 1, "{failed}");
}

#[test]
fn options_of_other_tools_work_or_have_a_hint() {
    let quiet = demo(&["web", "--only-log-lines"]).code(0);
    assert!(quiet.stderr.is_empty(), "{quiet}");
    drop(Cmon::run(&["ps"]).code(2).says("tip: cmon watch --once lists the containers"));
    let idle = Cmon::run(&["tail", "web", "-o", "raw", "--no-prefix"]).code(2);
    drop(idle.says("lines have no prefix"));
}
