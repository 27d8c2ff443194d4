//! Ends before the time: signals, a reader that goes away, a disk that is full.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use super::check::{NOWHERE, Report, cmon};
use super::daemons::Crowd;
use super::recording;
use crate::support::{Cmon, eventually};

/// A check of the embedded daemon that would go on for long, and has opened and closed streams.
fn started(recording: &Path, args: &[&str]) -> Cmon {
    let path = recording.display().to_string();
    let args = [&["--demo", "--duration", "10m", "--record", &path], args].concat();
    let cmon = cmon(NOWHERE, &args, |_| {}).read();
    eventually("cycles in the recording", || {
        let text = std::fs::read_to_string(recording).ok()?;
        text.lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .any(|record| 20.0 <= record["cycles"].as_f64().unwrap_or_default())
            .then_some(())
    });
    cmon
}

#[test]
fn an_interrupt_shows_the_verdict_so_far() {
    let dir = tempfile::tempdir().unwrap();
    let begin = |name: &str, args: &[&str]| started(&dir.path().join(name), args);
    let report = Report::of(begin("json", &["-o", "json"]).interrupt().code(130));
    assert_eq!(report.value["interrupted"], true, "{report}");
    // There was no on/off pair yet.
    assert_eq!(report.verdict(), "INCONCLUSIVE", "{report}");
    let because = report.sentence();
    assert!(because.starts_with("this check does not show whether"), "{report}");
    assert_eq!(report.value["pairs"], 0, "{report}");
    report.says("own.survivors", "CLEAN").has_no_leak();
    let done = begin("text", &[]).interrupt().code(130);
    assert!(done.text().contains("INCONCLUSIVE"), "{done}");
    assert!(done.text().to_lowercase().contains("interrupted"), "{done}");
    let cmon = begin("terminated", &["-o", "json"]);
    cmon.signal(Signal::TERM);
    Report::of(cmon.done().code(143));
}

#[test]
fn an_interrupted_recording_can_be_judged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recording");
    let first = started(&path, &["-o", "json"]).interrupt().code(130).text();
    let shown = path.display().to_string();
    let again = Cmon::run(&["leak-check", "-o", "json", "--replay", &shown]);
    assert_eq!(again.text(), first, "{again}");
    // A crash in the middle of a line is no reason to lose the rest.
    let recorded = std::fs::read(&path).unwrap();
    let cut = recording::write(dir.path(), "cut", &recorded[..recorded.len() - 9]);
    let report = Report::of(Cmon::run(&["leak-check", "-o", "json", "--replay", &cut]));
    assert_eq!(report.value["interrupted"], true, "its end is not there: {report}");
}

#[test]
fn a_signal_before_the_check_begins_ends_it_at_once() {
    let cases =
        [(&[][..], Signal::INT, 130), (&[], Signal::TERM, 143), (&["--dry-run"], Signal::INT, 130)];
    for (more, signal, code) in cases {
        // It takes the question and never answers: cmon waits for it when the signal comes.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let args = [&["--passive", "--target", &url], more].concat();
        let cmon = cmon(NOWHERE, &args, |_| {}).read();
        let (asked, _) = silent.accept().unwrap();
        cmon.signal(signal);
        let done = cmon.done().code(code);
        assert_eq!(done.text(), "", "there is no verdict: {done}");
        assert_eq!(done.stderr, "~ interrupted before anything was read\n", "{done}");
        drop(asked);
    }
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let crowd = Crowd::start(1);
    let cmon = cmon(&crowd.daemon.url(), &["--duration", "10m"], |_| {}).read();
    cmon.wait_for_err("warming up · ");
    // The verdict so far now takes as long as a daemon is waited for that does not answer.
    crowd.daemon.signal("STOP");
    let mut cmon = cmon;
    let status = eventually("the end", || {
        cmon.signal(Signal::INT);
        cmon.try_status()
    });
    crowd.daemon.signal("CONT");
    assert_eq!(status.code(), Some(130));
    let done = cmon.done();
    assert_eq!(done.text(), "", "it did not wait for a verdict: {done}");
}

#[test]
fn a_reader_that_went_away_does_not_change_the_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let leak = recording::write(dir.path(), "leak", recording::driven(1.0));
    let clean = recording::write(dir.path(), "clean", recording::driven(0.0));
    for (path, code) in [(&leak, 1), (&clean, 0)] {
        let args = ["--replay", path];
        let mut gone = cmon(NOWHERE, &args, |_| {});
        drop(gone.take_stdout());
        let done = gone.done_with(Vec::new()).code(code);
        assert_eq!(done.stderr, "", "{done}");
    }
    // Without any stdout from the start.
    let closed = |path: &str| {
        let mut command = std::process::Command::new("sh");
        let script = "exec \"$1\" leak-check --replay \"$2\" >&-";
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_cmon"), path]);
        command.stderr(Stdio::piped()).output().unwrap()
    };
    assert_eq!(closed(&leak).status.code(), Some(1));
    assert_eq!(closed(&clean).status.code(), Some(0));
}

#[test]
fn a_full_disk_is_no_leak() {
    let dir = tempfile::tempdir().unwrap();
    let leak = recording::write(dir.path(), "leak", recording::driven(1.0));
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let args = ["--replay", &leak];
    let mut cmon = cmon(NOWHERE, &args, |command| {
        command.stdout(full());
    });
    assert_eq!(cmon.status().code(), Some(2), "1 would be a leak");
    let done = cmon.done_with(Vec::new());
    let done = done.says("could not write to stdout");
    done.says("make room on the disk");
    let junit = dir.path().join("none/junit.xml").display().to_string();
    let args = ["leak-check", "--replay", &leak, "--junit", &junit];
    Cmon::run(&args).code(2).says(&format!("could not write `{junit}`"));
    let args = ["leak-check", "--demo", "--duration", "10s", "--record", "/dev/full"];
    let done = Cmon::run(&args).code(2);
    let done = done.says("could not write the recording").says("make room on the disk");
    assert!(done.text().contains("INCONCLUSIVE"), "the verdict is shown all the same: {done}");
}
