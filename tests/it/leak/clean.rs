//! A check of a daemon that leaks nothing.

use super::check::Check;
use super::daemons::Crowd;
use super::length;
use crate::support::{Cmon, eventually};

#[test]
fn eight_containers_that_are_followed_rightly() {
    let crowd = Crowd::start(8);
    let before = crowd.wait_until_still();
    assert_eq!(crowd.daemon.followers(), 0);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recording").display().to_string();
    // Where cycles are slow the warm-up takes up to 150 s; the rest has twice the pairs that CLEAN takes.
    let report = Check::run(&crowd.daemon.url(), length(300, 600), &["--record", &path]);

    // Other metrics may be noisy on a busy machine, and then it is undecided; a leak is none of them.
    report.has_no_leak();
    report.says("own.survivors", "CLEAN").says("daemon.followers", "CLEAN");
    assert!(matches!(report.verdict(), "CLEAN" | "INCONCLUSIVE"), "{report}");
    let figure = |name: &str| report.value[name].as_f64().unwrap();
    assert!(100.0 < figure("cycles") && 0.0 < figure("lines"), "{report}");
    assert_eq!(report.value["survivors"], serde_json::json!([]), "{report}");
    let followers = report.growth("daemon.followers", "per_cycle");
    assert!(followers.low <= 0.0 && followers.high < 0.03, "{followers:?}: {report}");
    let smallest = report.metric("daemon.followers")["smallest_per_cycle"].as_f64();
    assert!(smallest.is_some_and(|least| least < 0.25), "shown on green too: {report}");
    assert_eq!(
        (&report.value["cuts"], report.value["containers"].as_array().unwrap().len()),
        (&serde_json::json!([]), 8)
    );

    // All of it is gone from the daemon, as seen from outside.
    eventually("the followers to end", || (crowd.daemon.followers() == 0).then_some(()));
    eventually("the goroutines of before", || (crowd.goroutines() <= before).then_some(()));

    // The recording is judged the same, to the last digit.
    let again = Cmon::run(&["leak-check", "-o", "json", "--replay", &path]);
    assert_eq!(again.text(), report.done.text(), "{again}");
    assert_eq!(again.status.code(), report.done.status.code());
}
