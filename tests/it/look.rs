//! How lines look: timestamps, and the forms of output. Most run on the embedded daemon.

use std::process::Command;

use regex::Regex;

use super::support::{Cmon, Done};

/// Runs `cmon tail --demo` on what is stored.
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
fn timestamps_have_the_form_that_was_asked_for() {
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
