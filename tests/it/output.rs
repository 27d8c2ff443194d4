//! The forms of output on real containers.

use super::support::{Cmon, Container};

#[test]
fn json_holds_lines_notes_and_the_summary() {
    let container = Container::run("echo out; echo err >&2; exit 4");
    container.wait();
    container.docker("start");
    container.wait();
    let args = ["tail", "-o", "json", "--no-follow", "--summary", &container.name];
    let done = Cmon::run(&args).code(0);
    assert_eq!(done.stderr, "");
    assert_eq!(done.messages(&container.name, "stdout"), ["out", "out"]);
    assert_eq!(done.messages(&container.name, "stderr"), ["err", "err"]);
    let summary = done.objects("summary").pop().unwrap();
    assert_eq!((&summary["lines"], &summary["containers"]), (&4.into(), &1.into()));
    let times: Vec<String> =
        done.objects("line").iter().map(|line| line["time"].as_str().unwrap().to_owned()).collect();
    assert!(times.iter().all(|time| time.len() == 30 && time.ends_with('Z')), "{times:?}");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let (one, two) = (Container::run("echo a"), Container::run("echo b"));
    one.wait();
    two.wait();
    let args = ["tail", "--no-follow", &one.name, &two.name];
    assert!(!Cmon::run(&args).code(0).text().contains('\x1b'));
    let always = [&args[..], &["--color", "always"]].concat();
    assert!(Cmon::run(&always).code(0).text().contains('\x1b'));
}

#[test]
fn verbose_tells_on_stderr_what_happens() {
    let container = Container::run("echo a");
    container.wait();
    let done = Cmon::run(&["tail", "-v", "--exit-on-stop", &container.name]).code(0);
    assert_eq!(done.text(), "a\n");
    let done = done.says("DEBUG");
    assert!(!done.stderr.contains("TRACE"), "{done}");
    Cmon::run(&["tail", "-vv", "--exit-on-stop", &container.name]).code(0).says("TRACE");
}
