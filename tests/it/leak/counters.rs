//! Counters of cycles that a Go program shows by expvar, whole or as the JSON that it is.

use std::time::Duration;

use super::Cases;
use super::check::{Check, NOWHERE};
use super::collector::Collector;

/// It rotates so often, at most.
const EVERY: &str = "50ms";
const PER_SECOND: f64 = 20.0;

/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(15);

/// Its cycles are those that it has counted itself, whatever they are called.
fn counts(path: &str, counter: &str) {
    let program = Collector::start("self", &["-every", EVERY, "-plain", "-vars"]);
    let url = format!("{}/debug/vars{path}", program.url());
    let args = ["--passive", "--target", &url, "--cycles-metric", counter];
    let report = Check::run(NOWHERE, WATCHED, &args);
    assert_eq!(report.value["unavailable"], serde_json::json!([]), "{report}");
    let seconds = report.value["seconds"].as_f64().unwrap();
    let cycles = report.value["cycles"].as_f64().unwrap();
    // A machine under load ticks later, never more often.
    let most = PER_SECOND * seconds;
    assert!((10.0..=1.1 * most).contains(&cycles), "{cycles} of {most}: {report}");
    // A goroutine for each, beside those that serve.
    let metric = report.metric(&program.metric("goroutines"));
    let grown = metric["last"].as_f64().unwrap() - metric["first"].as_f64().unwrap();
    assert!((grown - cycles).abs() < 0.2 * cycles, "{grown} in {cycles} cycles: {report}");
}

#[test]
fn cycles_are_counted_by_expvar() {
    Cases::default()
        .add("by a path with dots", || counts("", "collector.rotations"))
        .add("by a pointer beside a figure", || counts("#/goroutines", "/collector/rotations"))
        .run();
}
