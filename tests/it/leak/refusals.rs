//! Checks that cannot be made: each says what is the matter, and ends with 2. 1 is a leak and nothing
//! else.

use std::process::Command;
use std::time::Duration;

use super::check::{Check, NOWHERE, cmon};
use super::collector::Collector;
use super::recording;
use crate::support::{Cmon, Container, Dockerd, PATIENCE};

#[track_caller]
fn refused(host: &str, args: &[&str], words: &[&str]) {
    let mut done = cmon(host, args, |_| {}).done().code(2);
    assert_eq!(done.text(), "", "{done}");
    for words in words {
        done = done.says(words);
    }
}

#[test]
fn a_daemon_that_is_not_there() {
    let why = "could not connect to `unix:///nowhere/docker.sock` (from DOCKER_HOST): no such file";
    refused(NOWHERE, &[], &[why, "start the daemon"]);
    refused(NOWHERE, &["--dry-run"], &[why, "start the daemon"]);
    refused(NOWHERE, &["--compare", "1s,2s"], &[why]);
    // With nothing to drive and nothing to watch, it is needed as well.
    let nothing = "has nothing to watch: no --target is given, and there is no daemon: ";
    for what in [&["--passive"][..], &["--drive-cmd", "true"]] {
        let nothing = format!("{} {nothing}{why}", what[0]);
        refused(NOWHERE, what, &[&nothing, "try: name what to watch: --target pid:N"]);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let url = format!("unix://{}", path.display());
    let shown = format!("could not connect to `{url}` (from --host): connection refused");
    refused(NOWHERE, &["--host", &url], &[&shown]);
}

#[test]
fn containers_that_are_not_there() {
    let empty = Dockerd::alone(&[]);
    let none = "none of the selected containers runs, so there is no stream to open";
    refused(&empty.url(), &[], &[none]);
    drop(empty);
    let ended = Container::named("leak-ended", &[], "echo bye");
    ended.wait();
    let host = Dockerd::shared().url();
    refused(&host, &["leak-ended"], &[none]);
    let words = ["no container matches `leak-endde`", "did you mean `leak-ended`?"];
    refused(&host, &["leak-endde"], &words);
}

#[test]
fn containers_that_say_nothing() {
    let silent = [
        Container::named("leak-silent-a", &[], "sleep 600"),
        Container::named("leak-silent-b", &[], "sleep 600"),
    ];
    let args = ["leak-silent-*"];
    let report = Check::run(&Dockerd::shared().url(), Duration::from_secs(20), &args);
    assert_eq!(report.verdict(), "INVALID", "{report}");
    let because = report.sentence();
    assert!(because.contains("no lines came: nothing was followed"), "{report}");
    let advice = report.value["text"]["advice"].to_string();
    assert!(advice.contains("select some that write"), "{report}");
    assert!(0.0 < report.value["cycles"].as_f64().unwrap(), "{report}");
    drop(silent);
}

#[test]
fn a_command_that_fails() {
    let program = Collector::start("peer", &[]);
    let args = ["--target", &program.url(), "--drive-cmd", "echo no such app >&2; exit 3"];
    // It ends the check at once.
    let report = Check::run(NOWHERE, Duration::from_secs(36_000), &args);
    assert_eq!(report.verdict(), "INVALID", "{report}");
    let because = report.sentence();
    assert!(because.contains("exit status: 3: no such app"), "{report}");
}

#[test]
fn targets_that_are_not_there() {
    let nobody = ["--passive", "--target", "http://127.0.0.1:1"];
    refused(
        NOWHERE,
        &nobody,
        &["target `http://127.0.0.1:1`: ", "refused", "try: start the target"],
    );
    let nobody = ["--demo", "--passive", "--target", "container:nope"];
    refused(NOWHERE, &nobody, &["target `container:nope`: ", "try: `docker ps` lists"]);
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let pid = format!("pid:{}", ended.id());
    refused(NOWHERE, &["--passive", "--target", &pid], &[&format!("target `{pid}`: ")]);
    let host = Dockerd::shared().url();
    let args = ["--passive", "--target", "container:leak-nobody"];
    refused(&host, &args, &["target `container:leak-nobody`: ", "No such container"]);
    let args = ["--passive", "--target", "container:x"];
    let why = "could not connect to `unix:///nowhere/docker.sock` (from DOCKER_HOST): no such file";
    refused(NOWHERE, &args, &[why]);

    let program = Collector::start("peer", &["-plain"]);
    let url = program.url();
    let nothing = format!("{url}/rotate");
    let words = "`/rotate`: the answer is not a goroutine profile: it begins with `rotated`";
    refused(NOWHERE, &["--passive", "--target", &nothing], &[&nothing, words]);
    let args = ["--passive", "--target", &url, "--cycles-metric", "rotations_total"];
    let words = ["no target has a counter `rotations_total` for its cycles: ", "it serves neither"];
    refused(NOWHERE, &args, &words);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for (args, words) in [
        (&["--target", "ftp://x"][..], "`ftp://x` is not a target: write pid:N, container:NAME"),
        (&["--target", "pid:0"], "takes a number above 0"),
        (&["--target", "HTTP://x"], "write `http://` in lower case"),
        (&["--target", "http://x:80 "], "has a blank after the address"),
        (&["--target", "localhost:6060"], "did you mean `http://localhost:6060`?"),
        (&["--target", "http://::1:80"], "did you mean `http://[::1]:80`?"),
        (&["--target", "http://x:99999"], "the port is not a number from 1 to 65535"),
        (&["--target", "http://x:1#a b"], "after the #, write the name of a Prometheus metric"),
        (&["--cycles-metric", "x"], "it goes with --passive or --drive-cmd"),
        (&["--passive", "--cycles-metric", "x"], "--target"),
        (
            &["--passive", "--target", "http://x", "--cycles-metric", "a{b"],
            "`a{b` names no counter: write NAME or NAME{label=",
        ),
        (&["--duration", "3s"], "the shortest is 10s"),
        (&["--max-per-cycle", "0"], "not a number above 0"),
        (&["--alpha", "2"], "not a chance"),
        (&["--passive", "--drive-cmd", "true"], "cannot be used with"),
        (&["--passive", "web"], "--passive opens no streams, so containers are of no use with it"),
        (
            &["-a", "--drive-cmd", "true"],
            "--drive-cmd opens no streams, so containers are of no use",
        ),
        (&["--compare", "1s"], "--compare"),
        (&["--compare", "30s,5m,30000ms"], "--compare names one stream timeout twice"),
        (&["--replay", "x", "--record", "y"], "cannot be used with"),
        (&["--replay", "x", "--dry-run"], "cannot be used with"),
        (&["--replay", "x", "--passive"], "cannot be used with"),
        (&["--replay", "x", "--seed", "4"], "cannot be used with"),
        (
            &["--replay", "x", "--duration", "4m"],
            "'--duration <TIME>' cannot be used with '--replay",
        ),
        (&["--self-test", "--dry-run"], "cannot be used with"),
        (&["--self-test", "--alpha", "0.1"], "cannot be used with"),
        (&["--self-test", "--seed", "4"], "cannot be used with"),
        (&["--self-test", "--max-per-cycle", "1"], "cannot be used with"),
        (&["--self-test", "--max-per-min", "1"], "cannot be used with"),
        (
            &["--duration", "4m", "--self-test"],
            "'--duration <TIME>' cannot be used with '--self-test'",
        ),
    ] {
        refused(NOWHERE, args, &[words]);
    }
}

#[test]
fn what_is_no_recording() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &[u8]| recording::write(dir.path(), name, text);
    let whole = recording::driven(1.0);
    let cases: [(&str, &[u8], &str); 6] = [
        ("empty", b"", "because it is empty"),
        ("garbage", b"\x00\xff\xfe garbage\n\x01", "could not read `"),
        ("text", b"hello\nworld\n", "line 1 of `"),
        ("other", b"{\"type\":\"line\"}\n{}\n", "line 1 of `"),
        (
            "headless",
            whole.split_once('\n').unwrap().1.as_bytes(),
            "because line 1 is not a header",
        ),
        ("half a header", &whole.as_bytes()[..40], "line 1 of `"),
    ];
    let good = path("good", whole.as_bytes());
    let twice = path("twice", [whole.as_bytes(), whole.as_bytes()].concat().as_slice());
    let lines = whole.lines().count();
    let second = format!("line {} is the header of another recording", lines + 1);
    refused(NOWHERE, &["--replay", &twice], &[&second, &twice, "try: give each recording"]);
    let last = whole.lines().last().unwrap();
    let ended = path("ended", [whole.trim_end(), "\n", last, "\n"].concat().as_bytes());
    refused(NOWHERE, &["--replay", &ended], &["follows the end of the recording"]);
    let (head, readings) = whole.split_once('\n').unwrap();
    let mut back: Vec<&str> = readings.lines().collect();
    back.reverse();
    back.rotate_left(1);
    let back = path("back", [head, "\n", &back.join("\n")].concat().as_bytes());
    refused(NOWHERE, &["--replay", &back], &["is older than a line before it"]);
    for (name, text, words) in cases {
        let path = path(name, text);
        refused(NOWHERE, &["--replay", &path], &[words, &path]);
        // Before anything is measured, and with the right name.
        refused(NOWHERE, &["--replay", &good, "--baseline", &path], &[words, &path]);
        refused(NOWHERE, &["--replay", &path, "-o", "json"], &[words]);
    }
    let broken = whole.replacen("\"stage\":\"idle\"", "\"stage\":\"odd\"", 1);
    refused(NOWHERE, &["--replay", &path("broken", broken.as_bytes())], &["line 5 of `"]);
    let gone = dir.path().join("gone").display().to_string();
    refused(
        NOWHERE,
        &["--replay", &gone],
        &["could not read `", "No such file", "try: a recording is"],
    );
    refused(NOWHERE, &["--replay", &dir.path().display().to_string()], &["could not read `"]);
    // Reports are no recordings, neither those of today nor those of earlier versions.
    let report = Cmon::run(&["leak-check", "--replay", &good, "-o", "json"]).text();
    let earlier = r#"{"schema":"cmon.leak-check/1","verdict":"CLEAN","because":"so"}"#.to_owned();
    for report in [report, earlier] {
        let report = path("report", report.as_bytes());
        let words =
            ["is a report of `leak-check -o json`", "try: run the check again with `--record"];
        refused(NOWHERE, &["--replay", &good, "--baseline", &report], &words);
        refused(NOWHERE, &["--replay", &report], &words);
    }
    refused(NOWHERE, &["--replay", &good, "--baseline", &gone], &["could not read `"]);
    // Cut off at any byte, it is judged as far as it goes, or refused; never a panic.
    for length in (60..whole.len()).step_by(whole.len() / 24) {
        let cut = path("cut", &whole.as_bytes()[..length]);
        let done = Cmon::run(&["leak-check", "--replay", &cut]);
        assert!(matches!(done.status.code(), Some(1..=3)), "{length}: {done}");
        assert!(!done.stderr.contains("panicked"), "{length}: {done}");
    }
}

#[test]
fn it_tests_itself() {
    // A length that is meant for checks is no contradiction.
    let cmon = Cmon::start_with(&["leak-check", "--self-test"], |command| {
        command.env("CMON_LEAK_DURATION", "4m");
    });
    // How long it takes is for a benchmark: this may be a debug build, on a machine that has other work.
    let done = cmon.done_within(4 * PATIENCE).code(0);
    let text = done.text();
    assert!(text.ends_with("all 8 cases classified correctly\n"), "{done}");
    assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{done}");
}
