//! Targets that do not stay: killed, or started again where they were.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::Cases;
use super::check::{Check, NOWHERE, Report};
use super::collector::Collector;
use super::daemons::Crowd;
use crate::support::eventually;

const DURATION: Duration = Duration::from_secs(45);

/// Waits until this number of readings is in the recording.
#[track_caller]
fn wait_for_readings(recording: &Path, count: usize) {
    eventually("readings", || {
        let text = std::fs::read_to_string(recording).ok()?;
        (count <= text.matches(r#""type":"reading""#).count()).then_some(())
    });
}

/// Starts a check, waits until it has read the target for a while, does this, and waits for the end.
#[track_caller]
fn with_change(host: &str, args: &[&str], change: impl FnOnce()) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let recording = dir.path().join("recording");
    let path = recording.display().to_string();
    let check = Check::start(host, DURATION, &[&["--record", &path], args].concat());
    wait_for_readings(&recording, 10);
    change();
    check.report()
}

#[test]
fn targets_that_do_not_stay() {
    Cases::default()
        .add("killed, by HTTP", || killed(Collector::url))
        .add("killed, by pid", || killed(|program| format!("pid:{}", program.pid())))
        .add("killed, driven", killed_while_driven)
        .add("started again", || started_again("peer", &[]))
        .add("started again, without a start time", || started_again("time", &["-plain"]))
        .run();
}

fn killed(target: impl Fn(&Collector) -> String) {
    let mut program = Collector::start("peer", &[]);
    let target = target(&program);
    let report = with_change(NOWHERE, &["--passive", "--target", &target], || program.kill());
    assert_eq!(report.verdict(), "INVALID", "{report}");
    let because = report.sentence();
    let (words, when) = because.split_once(" at ").unwrap_or_else(|| panic!("no time: {report}"));
    assert_eq!(words, "the target went away", "{report}");
    let seconds: f64 = when.split('s').next().unwrap().trim().parse().unwrap();
    // After the ten readings before, and before the end.
    assert!((1.0..DURATION.as_secs_f64()).contains(&seconds), "{when}: {report}");
    let shown = report.value["unavailable"].as_array().unwrap();
    let of_target = |one: &&Value| one["metric"].as_str().unwrap().starts_with("target.");
    assert_eq!(shown.iter().filter(of_target).count(), 1, "said once: {report}");
    report.has_no_leak();
}

#[test]
fn daemons_that_do_not_stay() {
    Cases::default().add("killed", daemon_killed).add("started again", daemon_started_again).run();
}

fn daemon_killed() {
    let crowd = Crowd::start(2);
    let report = with_change(&crowd.daemon.url(), &[], || crowd.daemon.signal("KILL"));
    // The containers are removed by it.
    crowd.daemon.start_again();
    assert_eq!(report.verdict(), "INVALID", "{report}");
    let because = report.sentence();
    assert!(because.starts_with("the daemon went away at "), "{report}");
    report.has_no_leak().says("own.survivors", "CLEAN");
}

fn daemon_started_again() {
    let crowd = Crowd::start_with(&["--live-restore"], 2);
    let report = with_change(&crowd.daemon.url(), &[], || {
        crowd.daemon.signal("KILL");
        crowd.daemon.start_again();
    });
    let cuts = report.value["cuts"].as_array().unwrap();
    assert_eq!((cuts.len(), &cuts[0]["source"]), (1, &Value::from("daemon")), "{report}");
    report.has_no_leak().says("own.survivors", "CLEAN");
    assert_ne!(report.verdict(), "INVALID", "it is there again: {report}");
}

/// The command of a cycle fails as well, and that ends it sooner.
fn killed_while_driven() {
    let mut program = Collector::start("peer", &[]);
    let args = ["--target", &program.url(), "--drive-cmd", &program.rotate()];
    let report = with_change(NOWHERE, &args, || program.kill());
    assert_eq!(report.verdict(), "INVALID", "{report}");
    let because = report.sentence();
    assert!(because.starts_with("the command of a cycle, `exec bash"), "{report}");
    report.has_no_leak();
}

fn started_again(mode: &str, args: &[&str]) {
    let mut program = Collector::start(mode, args);
    let address = program.address().to_owned();
    let source = program.metric("").trim_end_matches('.').to_owned();
    let mut another = None;
    let report = with_change(NOWHERE, &["--passive", "--target", &program.url()], || {
        program.kill();
        let again = [&["-listen", &address][..], args].concat();
        another = Some(Collector::start(mode, &again));
    });
    let cuts = report.value["cuts"].as_array().unwrap();
    assert_eq!(cuts.len(), 1, "noticed, once: {report}");
    assert_eq!(cuts[0]["source"], source.as_str(), "{report}");
    let why = cuts[0]["why"].as_str().unwrap();
    assert!(why.contains("started again") || why.contains("did not answer"), "{report}");
    report.has_no_leak();
    assert_ne!(report.verdict(), "INVALID", "it is there again: {report}");
}
