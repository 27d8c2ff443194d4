//! Checks with missing data are never clean.

use std::collections::BTreeMap;

use super::{end, header};
use crate::leak::facts::Report;
use crate::leak::judge::Verdict;
use crate::leak::record::{Cut, Drive, Group, Groups, Reading, Record, Stage, Unavailable};
use crate::leak::verdict::*;
use crate::probe::reasons::{CutReason, UnavailableReason};

/// A passive check with a reading every 10 s. `shown(seconds, metric)` is the value, if any.
fn watched(seconds: u32, shown: impl Fn(f64, &str) -> Option<f64>) -> Vec<Record> {
    let mut header = header(Drive::Passive);
    (header.duration, header.targets) = (f64::from(seconds), vec!["pid:1".to_owned()]);
    let names = ["target.app.goroutines", "target.app.fds", "own.fds", "own.cpu_seconds"];
    let reading = |at: f64| {
        let values = names.iter().filter_map(|name| Some(((*name).to_owned(), shown(at, name)?)));
        Record::Reading(Reading {
            at,
            stage: Stage::Passive,
            rest: false,
            settled: 0.0,
            cycles: at,
            lines: 0.0,
            values: values.collect(),
        })
    };
    let readings = (0..=seconds / 10).map(|at| reading(f64::from(at) * 10.0));
    let last = Record::End(end(f64::from(seconds), &[]));
    std::iter::once(Record::Header(header)).chain(readings).chain([last]).collect()
}

fn restarted(records: &mut Vec<Record>, at: f64) {
    let after = records
        .iter()
        .position(|record| matches!(record, Record::Reading(reading) if at <= reading.at));
    let cut = Cut {
        at_ms: judging::to_count(at * 1000.0),
        source: "target.app".to_owned(),
        reason: CutReason::TargetBack.into(),
    };
    records.insert(after.unwrap(), Record::Cut(cut));
}

fn report(records: &[Record]) -> Report {
    judge(records, None).unwrap()
}

#[test]
fn growth_after_a_restart_is_a_leak_though_the_longer_part_is_level() {
    let leaks = |at: f64, name: &str| {
        let grown = 32.0 * ((at - 1810.0) / 60.0).max(0.0).floor();
        Some(if name == "target.app.goroutines" { 50.0 + grown } else { 50.0 })
    };
    let mut records = watched(3600, leaks);
    restarted(&mut records, 1805.0);
    let found = report(&records);
    assert_eq!(found.verdict, Verdict::Leak, "{}", found.summary());
    let leak = found.metrics.iter().find(|metric| metric.verdict == Verdict::Leak).unwrap();
    let per_minute = leak.per_minute.unwrap();
    assert!(per_minute.low <= 32.0 && 32.0 <= per_minute.high, "{per_minute:?}");
    assert!(found.summary().ends_with("+32.0 per minute (from 30m10s on)"), "{}", found.summary());
    // The jump at a restart is no growth.
    let mut records = watched(3600, |at, _| Some(if at < 1805.0 { 50.0 } else { 80.0 }));
    restarted(&mut records, 1805.0);
    assert_eq!(report(&records).verdict, Verdict::Clean);
}

#[test]
fn a_metric_that_disappears_is_not_clean() {
    let vanishes =
        |at: f64, name: &str| (name != "target.app.goroutines" || at < 700.0).then_some(10.0);
    let found = report(&watched(3600, vanishes));
    assert_eq!(found.verdict, Verdict::Inconclusive, "{}", found.summary());
    let cannot = "this check does not show whether target.app.goroutines leaks";
    assert_eq!(found.summary(), cannot);
    let goroutines = found.metrics.iter().find(|metric| metric.name() == "target.app.goroutines");
    let summary = goroutines.unwrap().summary();
    assert!(summary.contains("; it could be read until 11m30s only"), "{summary}");
}

#[test]
fn a_check_is_invalid_if_a_target_never_reported_anything() {
    let silent = |_: f64, name: &str| (!name.starts_with("target.")).then_some(10.0);
    let mut records = watched(600, silent);
    let found = report(&records);
    assert_eq!(found.verdict, Verdict::Invalid, "{}", found.summary());
    assert!(found.summary().contains("a target never showed a figure"), "{}", found.summary());
    // A target that only counts the cycles needs no other metric.
    let Record::Header(header) = &mut records[0] else { unreachable!() };
    header.cycles_metric = "rotations".to_owned();
    assert!(!report(&records).summary().contains("never showed"));
    let unavailable =
        Unavailable { metric: "target.app".to_owned(), reason: UnavailableReason::Backoff.into() };
    records.insert(1, Record::Unavailable(unavailable));
    assert!(!report(&records).summary().contains("never showed"));
}

#[test]
fn a_check_is_invalid_if_a_target_has_no_gated_metric() {
    let memory = |at: f64, name: &str| {
        let grows = if name.ends_with("rss_bytes") { at } else { 0.0 };
        (name != "target.app.goroutines").then_some(10.0 + grows)
    };
    let with_memory = |shown: &dyn Fn(f64, &str) -> Option<f64>| {
        let renamed = |name: &str| name.replace("target.app.fds", "target.app.rss_bytes");
        let mut records = watched(3600, |at, name| shown(at, &renamed(name)));
        for record in &mut records {
            if let Record::Reading(reading) = record
                && let Some(value) = reading.values.remove("target.app.fds")
            {
                reading.values.insert("target.app.rss_bytes".to_owned(), value);
            }
        }
        records
    };
    let level = |_: f64, name: &str| (name != "target.app.goroutines").then_some(10.0);
    let found = report(&with_memory(&level));
    assert_eq!(found.verdict, Verdict::Invalid, "{}", found.summary());
    let no_figure = "target.app has no figure that decides (it shows rss_bytes): name one, as in --target URL#NAME";
    assert_eq!(found.summary(), no_figure);
    assert_eq!(report(&with_memory(&memory)).verdict, Verdict::Invalid);
    // The only gated metric disappears.
    let vanishes =
        |at: f64, name: &str| (name != "target.app.goroutines" || at < 700.0).then_some(10.0);
    let found = report(&with_memory(&vanishes));
    assert_eq!(found.verdict, Verdict::Invalid, "{}", found.summary());
    assert_eq!(
        found.summary(),
        "target.app: what decides (goroutines) was shown until 11m30s only"
    );
    // An explicit gate needs no metric of the target.
    let mut records = with_memory(&level);
    let Record::Header(header) = &mut records[0] else { unreachable!() };
    header.rules.gate = vec!["own.fds".to_owned()];
    assert_eq!(report(&records).verdict, Verdict::Clean);
    // Another target with a gated metric does not help.
    let mut records = with_memory(&level);
    for record in &mut records {
        if let Record::Reading(reading) = record {
            reading.values.insert("target.other.fds".to_owned(), 10.0);
        }
    }
    let Record::Header(header) = &mut records[0] else { unreachable!() };
    header.targets.push("pid:2".to_owned());
    assert_eq!(report(&records).summary(), no_figure);
    // A target that counts the cycles needs no gated metric if another target has one.
    let Record::Header(header) = &mut records[0] else { unreachable!() };
    header.cycles_metric = "rotations".to_owned();
    assert_eq!(report(&records).verdict, Verdict::Clean);
}

#[test]
fn a_leak_stands_though_another_target_has_no_gated_metric() {
    let leaks = |at: f64, name: &str| {
        Some(if name == "target.app.goroutines" { 50.0 + at / 2.0 } else { 50.0 })
    };
    let mut records = watched(1200, leaks);
    for record in &mut records {
        if let Record::Reading(reading) = record {
            reading.values.insert("target.other.rss_bytes".to_owned(), 10.0);
        }
    }
    assert_eq!(report(&records).verdict, Verdict::Leak);
}

#[test]
fn processor_time_is_not_judged_but_reported_as_a_share() {
    let busy = |at: f64, name: &str| Some(if name.ends_with("seconds") { at / 4.0 } else { 10.0 });
    let mut records = watched(600, busy);
    let Record::Header(header) = &mut records[0] else { unreachable!() };
    header.rules.gate = vec!["own".to_owned(), "target".to_owned()];
    let found = report(&records);
    assert_eq!(found.verdict, Verdict::Clean, "{}", found.summary());
    assert_eq!(found.cpu, BTreeMap::from([("own".to_owned(), 0.25)]));
    assert!(found.metrics.iter().all(|metric| metric.name() != "own.cpu_seconds"));
}

#[test]
fn a_proven_goroutine_leak_decides_unless_the_gate_excludes_goroutines() {
    let proof = |at: f64, count| {
        let (key, title) = ("a;b".to_owned(), "a".to_owned());
        let groups = vec![Group { key, title, count, ..Default::default() }];
        let metric = "target.app.goroutineleak".to_owned();
        Record::Groups(Groups { at, cycles: 0.0, metric, groups, truncated: false })
    };
    let verdict = |gate: &[&str]| {
        let mut records = watched(600, |_, _| Some(10.0));
        records.splice(1..1, [proof(0.0, 0), proof(600.0, 1)]);
        let Record::Header(header) = &mut records[0] else { unreachable!() };
        header.rules.gate = gate.iter().map(|name| (*name).to_owned()).collect();
        report(&records).verdict
    };
    assert_eq!(verdict(&[]), Verdict::Leak);
    assert_eq!(verdict(&["target.app.goroutines"]), Verdict::Leak);
    assert_eq!(verdict(&["target"]), Verdict::Leak);
    assert_eq!(verdict(&["target.app.fds"]), Verdict::Clean);
}
