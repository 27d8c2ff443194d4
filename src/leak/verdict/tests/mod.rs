//! Checks with a known outcome, from their records to the report.

mod leading;
mod partly;
mod typical;

use std::collections::BTreeMap;

use super::*;
use crate::leak::facts::{Metric, Report};
use crate::leak::judge::Verdict;
use crate::leak::judge::plan::Plan;
use crate::leak::judge::shape::Shape;
use crate::leak::record::{
    Cut, Drive, End, Groups, Header, Reading, Record, Rules, Stage, Unavailable, VERSION,
};
use crate::probe::reasons::{CutReason, UnavailableReason};

pub(super) fn header(drive: Drive) -> Header {
    Header {
        v: VERSION,
        cmon: "0.1.0".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        daemon: "a daemon".to_owned(),
        daemon_version: "20.10.24".to_owned(),
        containers: vec!["web".to_owned(), "db".to_owned()],
        targets: Vec::new(),
        cycles_metric: String::new(),
        drive,
        duration: 600.0,
        stream_timeout: 0.2,
        seed: 7,
        rules: Rules {
            alpha: 0.01,
            max_per_cycle: 0.03,
            max_per_min: 1.0,
            gate: Vec::new(),
            pointed: Vec::new(),
        },
    }
}

/// A driven check of ten minutes, in which `daemon.goroutines` is `value(seconds, cycles)`.
pub(super) fn driven(value: impl Fn(f64, f64) -> f64) -> Vec<Record> {
    let plan = Plan::new(600.0, 10.0, 7);
    let mut records = vec![Record::Header(header(Drive::Streams))];
    let (mut at, mut cycles) = (0.0, 0.0);
    let reading = |at: f64, cycles: f64, stage, rest| {
        Record::Reading(Reading {
            at,
            stage,
            rest,
            settled: 0.0,
            cycles,
            lines: cycles * 3.0,
            values: BTreeMap::from([("daemon.goroutines".to_owned(), value(at, cycles))]),
        })
    };
    records.push(reading(at, cycles, Stage::Start, true));
    (at, cycles) = (plan.warmup, plan.warmup_cycles);
    records.push(reading(at, cycles, Stage::WarmUp, false));
    records.push(reading(at + 1.0, cycles, Stage::WarmUp, true));
    for step in &plan.steps {
        let stage = if step.driven { Stage::Drive } else { Stage::Idle };
        at += step.drive;
        if step.driven {
            cycles += step.drive * 10.0;
        }
        records.push(reading(at, cycles, stage, false));
        at += step.settle;
        records.push(reading(at, cycles, stage, true));
    }
    records.push(Record::End(end(at, &[])));
    records
}

pub(super) fn end(at: f64, survivors: &[(&str, &str)]) -> End {
    let survivors = survivors.iter().map(|(kind, name)| crate::leak::record::Survivor {
        kind: (*kind).to_owned(),
        name: (*name).to_owned(),
        age: 60.0,
    });
    End {
        at,
        interrupted: false,
        sure: false,
        streams_opened: 5000,
        streams_closed: 5000,
        survivors: survivors.collect(),
        failure: None,
    }
}

fn metric<'a>(report: &'a Report, name: &str) -> &'a Metric {
    report.metrics.iter().find(|metric| metric.name() == name).unwrap()
}

#[test]
fn a_level_metric_is_clean_and_has_a_smallest_detectable_rate() {
    let report = judge(&driven(|_, _| 72.0), None).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{}", report.summary());
    assert!(
        report.summary().starts_with("none of the 2 metrics that decide grows"),
        "{}",
        report.summary()
    );
    let goroutines = metric(&report, "daemon.goroutines");
    assert_eq!((goroutines.verdict, goroutines.gated), (Verdict::Clean, true));
    assert!(goroutines.smallest_per_cycle.unwrap() < 0.03);
    let rate = report.cycles_per_minute;
    assert!((599.0..601.0).contains(&rate), "{rate}");
    assert_eq!(report.cycles_expected, Some(600.0));
}

#[test]
fn a_leak_per_cycle_is_found_with_its_rate() {
    let report = judge(&driven(|_, cycles| 72.0 + (cycles * 0.5).floor()), None).unwrap();
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.summary());
    let per_cycle = metric(&report, "daemon.goroutines").per_cycle.unwrap();
    assert!(per_cycle.low <= 0.5 && 0.5 <= per_cycle.high, "{per_cycle:?}");
}

#[test]
fn memory_growth_is_no_leak_unless_the_gate_names_it() {
    let mut records = driven(|_, cycles| 72.0 + cycles * 70.0);
    for record in &mut records {
        if let Record::Reading(reading) = record {
            let bytes = reading.values.remove("daemon.goroutines").unwrap();
            reading.values.insert("own.rss_bytes".to_owned(), bytes);
            reading.values.insert("own.fds".to_owned(), 16.0);
        }
    }
    let report = judge(&records, None).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{}", report.summary());
    assert_eq!(metric(&report, "own.rss_bytes").verdict, Verdict::Inconclusive);
    if let Record::Header(header) = &mut records[0] {
        header.rules.gate = vec!["own".to_owned()];
    }
    assert_eq!(judge(&records, None).unwrap().verdict, Verdict::Leak);
}

#[test]
fn a_leak_by_time_is_a_leak_per_minute_and_not_per_cycle() {
    let report = judge(&driven(|at, _| 52.0 + 16.0 * (at / 30.0).floor()), None).unwrap();
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.summary());
    let goroutines = metric(&report, "daemon.goroutines");
    let (per_cycle, per_minute) = (goroutines.per_cycle.unwrap(), goroutines.per_minute.unwrap());
    assert!(per_cycle.low <= 0.0, "{per_cycle:?}");
    assert!((31.0..33.0).contains(&per_minute.estimate), "{per_minute:?}");
    assert!(per_minute.low <= 32.0 && 32.0 <= per_minute.high, "{per_minute:?}");
}

#[test]
fn one_survivor_of_cmons_own_is_a_leak() {
    let mut records = driven(|_, _| 72.0);
    records.pop();
    records.push(Record::End(end(600.0, &[("reader", "web")])));
    let report = judge(&records, None).unwrap();
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.summary());
    assert!(
        report.summary().contains("cmon itself leaks: 1 task or connection is left of"),
        "{}",
        report.summary()
    );
}

#[test]
fn a_check_without_lines_or_cycles_is_invalid() {
    for still in ["lines", "cycles"] {
        let mut records = driven(|_, _| 72.0);
        for record in &mut records {
            if let Record::Reading(reading) = record {
                match still {
                    "lines" => reading.lines = 0.0,
                    _ => reading.cycles = 0.0,
                }
            }
        }
        let report = judge(&records, None).unwrap();
        assert_eq!(report.verdict, Verdict::Invalid);
        assert!(report.summary().contains(still), "{}", report.summary());
    }
}

#[test]
fn a_restart_of_the_daemon_does_not_hide_a_leak_per_cycle() {
    let restarted = |at: f64| if at < 300.0 { 500.0 } else { 72.0 };
    let mut records = driven(|at, cycles| restarted(at) + (cycles * 0.5).floor());
    let middle = records.iter().position(|record| match record {
        Record::Reading(reading) => 300.0 <= reading.at,
        _ => false,
    });
    let cut = Cut {
        at_ms: 299_000,
        source: "daemon".to_owned(),
        reason: CutReason::DaemonRestarted.into(),
    };
    records.insert(middle.unwrap(), Record::Cut(cut));
    let report = judge(&records, None).unwrap();
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.summary());
    let per_cycle = metric(&report, "daemon.goroutines").per_cycle.unwrap();
    assert!((per_cycle.estimate - 0.5).abs() < 0.01, "{per_cycle:?}");
}

/// A target with its own load, read every 5 s for ten minutes.
pub(super) fn passive(value: impl Fn(f64) -> f64, cycles: impl Fn(f64) -> f64) -> Vec<Record> {
    let mut header = header(Drive::Passive);
    header.targets = vec!["http://127.0.0.1:6060".to_owned()];
    let readings = (0..=120).map(f64::from).map(|step| step * 5.0).map(|at| {
        Record::Reading(Reading {
            at,
            stage: Stage::Passive,
            rest: false,
            settled: 0.0,
            cycles: cycles(at),
            lines: 0.0,
            values: BTreeMap::from([("target.app.goroutines".to_owned(), value(at))]),
        })
    });
    let mut records = vec![Record::Header(header)];
    records.extend(readings);
    records.push(Record::End(end(600.0, &[])));
    records
}

#[test]
fn a_staircase_is_detected_with_its_step_and_period() {
    let report = judge(&passive(|at| 52.0 + 16.0 * (at / 30.0).floor(), |_| 0.0), None).unwrap();
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.summary());
    let shape = &metric(&report, "target.app.goroutines").shape;
    let Shape::Staircase(stairs) = shape else { panic!("{shape:?}") };
    assert_eq!((stairs.size, stairs.period.round()), (16.0, 30.0));
    assert!(
        report.summary().contains("+32.0 per minute (52 to 372 in 10m)"),
        "{}",
        report.summary()
    );
}

#[test]
fn growth_that_the_baseline_has_too_is_clean() {
    let grows = |per_second: f64| passive(move |at| 52.0 + (at * per_second).floor(), |_| 0.0);
    let (old, new) = (grows(0.5), grows(0.5));
    assert_eq!(judge(&new, None).unwrap().verdict, Verdict::Leak);
    let report = judge(&new, Some(&old)).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{}", report.summary());
    assert_eq!(
        report.summary(),
        "nothing new grows, compared with the earlier check; \
         target.app.goroutines grows as before: 30 per minute"
    );
    assert_eq!(judge(&grows(1.0), Some(&old)).unwrap().verdict, Verdict::Leak);
    let less = judge(&new, Some(&grows(1.0))).unwrap();
    assert!(less.summary().ends_with("goroutines grows less than before: 30 per minute"));
    let report = judge(&grows(0.0), Some(&old)).unwrap();
    assert_eq!(report.verdict, Verdict::Clean);
    assert!(report.baseline.unwrap().as_before.is_empty());
}

/// A check with held streams. Each cycle leaves `per_cycle` goroutines, and each minute `per_minute`.
fn held(timeout: f64, per_cycle: f64, per_minute: f64) -> Report {
    judge(&held_records(timeout, per_cycle, per_minute), None).unwrap()
}

pub(super) fn held_records(timeout: f64, per_cycle: f64, per_minute: f64) -> Vec<Record> {
    let mut header = header(Drive::Held);
    header.stream_timeout = timeout;
    let mut records = vec![Record::Header(header)];
    for at in (0..=200).map(|step| f64::from(step) * 3.0) {
        let cycles = (at * 2.0 / timeout).floor();
        let grown = (cycles * per_cycle).floor() + (at / 60.0 * per_minute).floor();
        // Nothing is open at first.
        let (stage, open) = if at == 0.0 { (Stage::Start, 0.0) } else { (Stage::Passive, 40.0) };
        records.push(Record::Reading(Reading {
            at,
            stage,
            rest: at == 0.0,
            settled: 0.0,
            cycles,
            lines: at,
            values: BTreeMap::from([("daemon.goroutines".to_owned(), 50.0 + open + grown)]),
        }));
    }
    records.push(Record::End(end(600.0, &[])));
    records
}

#[test]
fn the_goroutines_of_open_streams_are_no_growth() {
    let report = held(30.0, 0.0, 0.0);
    assert_eq!(report.verdict, Verdict::Clean, "{}", report.summary());
    assert!((report.cycles_per_minute - 4.0).abs() < 1e-9);
    assert_eq!(report.cycles_expected, Some(4.0));
}

#[test]
fn two_stream_timeouts_show_whether_growth_depends_on_the_timeout() {
    let answer = |per_cycle: f64, per_minute: f64| {
        let run = |timeout| held(timeout, per_cycle, per_minute);
        compared(vec![run(3.0), run(30.0)]).sentences().remove(0)
    };
    let time = answer(0.0, 32.0);
    assert!(time.contains("daemon.goroutines does not depend on the stream timeout"), "{time}");
    let cycles = answer(1.0, 0.0);
    assert!(cycles.contains("daemon.goroutines depends on the stream timeout"), "{cycles}");
    assert!(answer(0.0, 0.0).starts_with("no growth under either stream timeout"));
}

#[test]
fn lines_are_absent_unless_cmon_opens_streams() {
    let lines = |drive| {
        let mut records = driven(|_, _| 50.0);
        if let Some(Record::Header(header)) = records.first_mut() {
            header.drive = drive;
        }
        judge(&records, None).unwrap().lines
    };
    assert!(lines(Drive::Streams).is_some_and(|lines| 0.0 < lines));
    assert_eq!([lines(Drive::Command), lines(Drive::Passive)], [None, None]);
}

#[test]
fn containers_missing_from_a_later_run_are_reported() {
    let run = |timeout, names: &[&str]| {
        let containers = names.iter().map(|name| (*name).to_owned()).collect();
        Report { containers, ..held(timeout, 0.0, 0.0) }
    };
    let (all, some) = (["a", "b", "c"], ["b"]);
    let sentences = compared(vec![run(3.0, &all), run(30.0, &some), run(60.0, &all)]).sentences();
    let gone = "2 of 3 containers of the first run were gone in the run with 30s: a, c";
    assert_eq!(sentences[1..], [gone.to_owned()]);
}

#[test]
fn a_check_whose_target_went_away_is_invalid() {
    let mut records = passive(|_| 52.0, |_| 0.0);
    for record in &mut records {
        if let Record::Reading(reading) = record
            && 200.0 < reading.at
        {
            reading.values.clear();
        }
    }
    let reason = UnavailableReason::Connection { message: "connection refused".to_owned() };
    records.push(Record::Unavailable(Unavailable {
        metric: "target.app".to_owned(),
        reason: reason.into(),
    }));
    let report = judge(&records, None).unwrap();
    assert_eq!(report.verdict, Verdict::Invalid);
    assert!(report.summary().contains("the target went away at 3m20s"), "{}", report.summary());
}

#[test]
fn a_leak_that_ends_with_the_work_is_not_clean() {
    let worked = |at: f64| at.min(360.0) * 2.0;
    let report = judge(&passive(|at| 52.0 + (at.min(360.0) / 8.0).floor(), worked), None).unwrap();
    assert_ne!(report.verdict, Verdict::Clean);
    assert!(report.summary().starts_with("work stopped at 6m: 0 cycles"), "{}", report.summary());
}

#[test]
fn the_gate_is_chosen_by_name_or_by_source() {
    let rules = |gate: &[&str]| Rules {
        gate: gate.iter().map(|name| (*name).to_owned()).collect(),
        ..header(Drive::Streams).rules
    };
    let default = rules(&[]);
    for gated in ["own.survivors", "own.fds", "daemon.followers", "target.app.threads"] {
        assert!(is_gated(gated, &default), "{gated}");
    }
    for free in ["own.rss_bytes", "target.app.rss_bytes", "own.threads"] {
        assert!(!is_gated(free, &default), "{free}");
    }
    let chosen = rules(&["daemon", "own.rss_bytes"]);
    assert!(is_gated("daemon.fds", &chosen) && is_gated("own.rss_bytes", &chosen));
    assert!(!is_gated("own.fds", &chosen) && !is_gated("daemonic.fds", &chosen));
}

#[test]
fn records_without_a_header_are_refused() {
    assert_eq!(judge(&[], None).unwrap_err(), NoHeader);
}

#[test]
fn a_check_is_invalid_if_one_of_two_targets_went_away() {
    let mut records = passive(|_| 52.0, |_| 0.0);
    for record in &mut records {
        if let Record::Reading(reading) = record
            && reading.at < 300.0
        {
            reading.values.insert("target.other.fds".to_owned(), 9.0);
        }
    }
    let report = judge(&records, None).unwrap();
    assert_eq!(report.verdict, Verdict::Invalid, "{}", report.summary());
    assert!(report.summary().contains("went away at 4m55s"), "{}", report.summary());
}

#[test]
fn a_cycle_counter_that_stands_still_makes_the_check_invalid() {
    let mut records = passive(|_| 52.0, |_| 0.0);
    assert_eq!(judge(&records, None).unwrap().verdict, Verdict::Clean);
    if let Some(Record::Header(header)) = records.first_mut() {
        header.cycles_metric = "rotations_total".to_owned();
    }
    let report = judge(&records, None).unwrap();
    assert_eq!(report.verdict, Verdict::Invalid, "{}", report.summary());
    assert!(report.summary().contains("no cycles"), "{}", report.summary());
}

#[test]
fn a_metric_selected_in_the_target_is_gated() {
    let mut records = passive(|at| 52.0 + (at / 4.0).floor(), |_| 0.0);
    for record in &mut records {
        if let Record::Reading(reading) = record {
            let value = reading.values.remove("target.app.goroutines").unwrap();
            reading.values.insert("target.app.Workers".to_owned(), value);
        }
    }
    assert_ne!(judge(&records, None).unwrap().verdict, Verdict::Leak);
    if let Some(Record::Header(header)) = records.first_mut() {
        header.rules.pointed = vec!["Workers".to_owned()];
    }
    assert_eq!(judge(&records, None).unwrap().verdict, Verdict::Leak);
}

#[test]
fn a_recording_without_an_end_is_not_clean() {
    let mut records = driven(|_, _| 72.0);
    records.pop();
    let report = judge(&records, None).unwrap();
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.summary().contains("no end"), "{}", report.summary());
}

#[test]
fn proofs_of_any_size_are_added_up() {
    let mut records = passive(|_| 52.0, |_| 0.0);
    let end = records.pop().unwrap();
    for (at, count) in [(0.0, 1), (600.0, u64::MAX)] {
        let group = |key: &str| crate::leak::record::Group {
            key: key.to_owned(),
            title: key.to_owned(),
            count,
            ..Default::default()
        };
        records.push(Record::Groups(Groups {
            at,
            cycles: 0.0,
            metric: "target.app.goroutineleak".to_owned(),
            groups: vec![group("a"), group("b")],
            truncated: false,
        }));
    }
    records.push(end);
    assert_eq!(judge(&records, None).unwrap().verdict, Verdict::Leak);
}

#[test]
fn an_entry_of_the_gate_that_names_nothing_is_refused() {
    let known = |gate: &[&str]| {
        let gate = gate.iter().map(|entry| (*entry).to_owned()).collect();
        super::known(&Rules { gate, ..Rules::default() }, ["daemon.fds", "own.fds"].into_iter())
    };
    assert_eq!(known(&["daemon", "own.fds", "own.survivors"]), Ok(()));
    let error = known(&["own", "deamon"]).unwrap_err().to_string();
    assert!(error.contains("`deamon`") && error.contains("daemon.fds"), "{error}");
}
