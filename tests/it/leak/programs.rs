//! Go programs under test: some leak per rotation, some by time, some only seem to.

use super::check::{Check, NOWHERE};
use super::collector::Collector;
use super::{Cases, is_long, length, until_sure};

/// What programs look like when they are only watched.
const PASSIVE: (u64, u64) = (200, 600);

fn watched(program: &Collector, args: &[&str]) -> super::check::Report {
    let url = program.url();
    let args = [&["--passive", "--target", &url], args].concat();
    Check::run(NOWHERE, length(PASSIVE.0, PASSIVE.1), &args)
}

#[test]
fn programs_are_called_rightly() {
    let cases = Cases::default()
        .add("a goroutine per rotation", a_goroutine_per_rotation)
        .add("a goroutine per rotation of its own", a_goroutine_per_rotation_of_its_own)
        .add("a goroutine by time", a_goroutine_by_time)
        .add("clients that are never closed", clients_that_are_never_closed)
        .add("bodies that are never closed", bodies_that_are_never_closed)
        .add("a sawtooth", a_sawtooth)
        .add("a warm-up", a_warm_up);
    let cases = match is_long() {
        true => cases.add("by time, with rotations", by_time_whatever_is_rotated),
        false => cases,
    };
    cases.run();
}

/// cmon makes it rotate.
fn a_goroutine_per_rotation() {
    let program = Collector::start("rotation", &[]);
    let args = ["--target", &program.url(), "--drive-cmd", &program.rotate()];
    let report = Check::run(NOWHERE, until_sure(), &args);
    let goroutines = program.metric("goroutines");
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says(&goroutines, "LEAK").grows(&goroutines, "per_cycle", 1.0, 0.05);
    report.blames(&goroutines, "main.forgottenReader");
    let group = &report.metric(&goroutines)["groups"][0];
    assert!(0.95 < group["share"].as_f64().unwrap(), "it is all of it: {report}");
    // In a short check next to nothing is known of what time would add, and the report must not say that it does.
    let metric = report.metric(&goroutines);
    let [by_time, by_cycle] = [&metric["per_minute"]["high"], &metric["per_cycle"]["low"]];
    let pace = report.value["cycles_per_minute"].as_f64().unwrap();
    let by_cycles = by_cycle.as_f64().unwrap() * pace;
    report.means(&match by_time.as_f64().unwrap() < (by_cycles / 10.0).max(1.0) {
        true => format!("only cycles make {goroutines} grow: a cycle is one run of the command"),
        false => {
            format!("cycles make {goroutines} grow; this check does not show whether time does too")
        }
    });
    assert_ne!(report.metric(&program.metric("fds"))["verdict"], "LEAK", "{report}");
}

/// It rotates by itself, and its own counter shows how often.
fn a_goroutine_per_rotation_of_its_own() {
    let program = Collector::start("self", &["-every", "200ms"]);
    let report = watched(&program, &["--cycles-metric", "collector_rotations_total"]);
    let goroutines = program.metric("goroutines");
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says(&goroutines, "LEAK").grows(&goroutines, "per_cycle", 1.0, 0.1);
    report.blames(&goroutines, "main.forgottenReader");
    assert!(100.0 < report.value["cycles"].as_f64().unwrap(), "{report}");
}

/// Nobody rotates anything.
fn a_goroutine_by_time() {
    let program = Collector::start("time", &["-every", "500ms"]);
    let report = watched(&program, &[]);
    let goroutines = program.metric("goroutines");
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says(&goroutines, "LEAK").grows(&goroutines, "per_minute", 120.0, 6.0);
    report.blames(&goroutines, "main.forgottenTimer");
    let metric = report.metric(&goroutines);
    assert_eq!(
        (&metric["mode"], &metric["per_cycle"]),
        (&"passive".into(), &().into()),
        "{report}"
    );
}

/// It is rotated, and that makes no difference.
fn by_time_whatever_is_rotated() {
    let program = Collector::start("time", &["-every", "500ms"]);
    let args = ["--target", &program.url(), "--drive-cmd", &program.rotate()];
    let report = Check::run(NOWHERE, length(600, 600), &args);
    let goroutines = program.metric("goroutines");
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says(&goroutines, "LEAK").grows(&goroutines, "per_minute", 120.0, 6.0);
    report.grows(&goroutines, "per_cycle", 0.0, 0.1);
    report.blames(&goroutines, "main.forgottenTimer");
    report.means(&format!("does not depend on the cycles: {goroutines} grows"));
}

fn clients_that_are_never_closed() {
    let peer = Collector::start("peer", &[]);
    let asked = format!("{}/rotate", peer.url());
    let program = Collector::start("idle", &["-every", "500ms", "-peer", &asked]);
    let report = watched(&program, &[]);
    let (goroutines, fds) = (program.metric("goroutines"), program.metric("fds"));
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says(&goroutines, "LEAK").grows(&goroutines, "per_minute", 240.0, 12.0);
    report.says(&fds, "LEAK").grows(&fds, "per_minute", 120.0, 6.0);
    report.means(
        "2 goroutines and 1 descriptor each: idle HTTP connections of clients that are never closed",
    );
    report.blames(&goroutines, "persistConn");
}

fn bodies_that_are_never_closed() {
    let peer = Collector::start("peer", &[]);
    let asked = format!("{}/rotate", peer.url());
    let program = Collector::start("unclosed", &["-every", "500ms", "-peer", &asked]);
    let report = watched(&program, &[]);
    let (goroutines, fds) = (program.metric("goroutines"), program.metric("fds"));
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says(&goroutines, "LEAK").grows(&goroutines, "per_minute", 240.0, 12.0);
    report.says(&fds, "LEAK").grows(&fds, "per_minute", 120.0, 6.0);
    report.means(
        "2 goroutines and 1 descriptor each: HTTP responses with a body that is never closed",
    );
}

fn a_sawtooth() {
    let program = Collector::start("sawtooth", &["-every", "300ms", "-period", "20s"]);
    let report = watched(&program, &[]);
    report.has_no_leak();
    let metric = report.metric(&program.metric("goroutines"));
    let values = metric["series"].as_array().unwrap().iter().map(|one| one[2].as_f64().unwrap());
    let most = values.fold(0.0, f64::max);
    assert!(40.0 < most, "it was there to be seen: {report}");
    let shape = &metric["shape"];
    assert_eq!(shape["kind"], "sawtooth", "{report}");
    assert_eq!(shape["period_seconds"].as_f64().map(f64::round), Some(20.0), "{report}");
}

fn a_warm_up() {
    let program = Collector::start("warm-up", &["-every", "500ms", "-period", "40s"]);
    let report = watched(&program, &[]);
    report.has_no_leak();
    let metric = report.metric(&program.metric("goroutines"));
    let grown = metric["last"].as_f64().unwrap() - metric["first"].as_f64().unwrap();
    assert!(50.0 < grown, "it was there to be seen: {report}");
    // It ends within the first minute, which is not judged, and is named all the same.
    assert_eq!(metric["shape"]["kind"], "warm_up", "{report}");
    report.blames(&program.metric("goroutines"), "main.busyWorker");
}
