//! The first lines of a report: stopped work, the metric that grows, and the advice.

use std::collections::BTreeMap;

use super::{driven, end, header, held_records, passive};
use crate::leak::facts::Report;
use crate::leak::judge::Verdict;
use crate::leak::judge::combine::Mode;
use crate::leak::judge::shape::Shape;
use crate::leak::record::{Drive, Reading, Record, Stage};
use crate::leak::verdict::*;

fn report(records: &[Record]) -> Report {
    judge(records, None).unwrap()
}

fn readings(records: &mut [Record]) -> impl Iterator<Item = &mut Reading> {
    records.iter_mut().filter_map(|record| match record {
        Record::Reading(reading) => Some(reading),
        _ => None,
    })
}

/// Removes all lines after this second.
fn silenced(mut records: Vec<Record>, from: f64) -> Vec<Record> {
    let mut last = 0.0;
    for reading in readings(&mut records) {
        if reading.at <= from {
            last = reading.lines;
        }
        reading.lines = reading.lines.min(last);
    }
    records
}

#[test]
fn a_check_whose_lines_stop_is_invalid_and_its_summary_starts_with_that() {
    for records in [driven(|_, _| 72.0), held_records(30.0, 0.0, 0.0)] {
        assert_eq!(report(&records).verdict, Verdict::Clean);
        let found = report(&silenced(records, 341.0));
        assert_eq!(found.verdict, Verdict::Invalid, "{}", found.summary());
        let began = found.summary().starts_with("work stopped at 5m");
        assert!(began && found.summary().contains(": 0 lines since"), "{}", found.summary());
        let counts = found.metrics.iter().filter(|metric| metric.mode != Mode::Exact);
        assert!(counts.clone().all(|metric| metric.verdict != Verdict::Clean));
    }
}

#[test]
fn growth_before_the_work_stopped_is_a_leak() {
    let grows = |at: f64, cycles: f64| 72.0 + if at < 345.0 { cycles } else { 3000.0 };
    let found = report(&silenced(driven(grows), 345.0));
    assert_eq!(found.verdict, Verdict::Leak, "{}", found.summary());
    let summary = found.summary();
    assert!(summary.starts_with("work stopped at 5m"), "{summary}");
    assert!(summary.contains("; until then the daemon leaks goroutines: +1"), "{summary}");
}

/// A collector that follows 8 logs of a daemon until this second.
fn followed(until: f64, goroutines: impl Fn(f64) -> f64, followers: impl Fn(f64) -> f64) -> Report {
    let mut records = passive(goroutines, |_| 0.0);
    for reading in readings(&mut records) {
        let count = if reading.at <= until { followers(reading.at) } else { 0.0 };
        reading.values.insert("daemon.followers".to_owned(), count);
    }
    report(&records)
}

#[test]
fn followers_that_end_count_as_stopped_work() {
    let stopped = followed(341.0, |_| 52.0, |_| 8.0);
    assert_eq!(stopped.verdict, Verdict::Invalid, "{}", stopped.summary());
    let began = stopped.summary().starts_with("work stopped at 5m40s: 0 followers since");
    assert!(began, "{}", stopped.summary());
    for metric in stopped.metrics.iter().filter(|metric| metric.mode == Mode::Passive) {
        let level = matches!(metric.shape, Shape::Level | Shape::ChangePoint { .. });
        assert!(level, "{:?}: judged up to there", metric.shape);
    }
    let leaks = followed(341.0, |at| 52.0 + 16.0 * (at.min(340.0) / 30.0).floor(), |_| 8.0);
    assert_eq!(leaks.verdict, Verdict::Leak, "{}", leaks.summary());
    let summary = leaks.summary();
    assert!(
        summary.contains("until then target app leaks goroutines: +32.0 per minute"),
        "{summary}"
    );
    // Rotations, and a short-lived follower.
    let rotates = |at: f64| if at % 30.0 < 4.0 { 0.0 } else { 8.0 };
    assert_eq!(followed(1e9, |_| 52.0, rotates).verdict, Verdict::Clean);
    let looks = |at: f64| f64::from(u8::from(at < 40.0));
    let found = followed(1e9, |_| 52.0, looks);
    assert!(!found.summary().contains("work stopped"), "{}", found.summary());
}

#[test]
fn rare_lines_do_not_count_as_stopped() {
    for every in [20.0, 45.0, 90.0] {
        let mut records = driven(|_, _| 72.0);
        readings(&mut records).for_each(|reading| reading.lines = (reading.at / every).floor());
        let found = report(&records);
        assert_eq!(found.verdict, Verdict::Clean, "{every}: {}", found.summary());
    }
}

/// One metric is level but inconclusive, another grows. By name the level one comes first.
#[test]
fn the_summary_names_the_metric_that_grows() {
    let mut records = passive(|at| 50.0 + (60.0 * (1.0 - (-at / 400.0).exp())).round(), |_| 0.0);
    for (n, reading) in readings(&mut records).enumerate() {
        let scatter = f64::from(u32::try_from(n * 7919 % 31).unwrap());
        reading.values.insert("target.app.fds".to_owned(), 90.0 + scatter);
    }
    let found = report(&records);
    assert_eq!(found.verdict, Verdict::Inconclusive, "{}", found.summary());
    let level = found.metrics.iter().find(|metric| metric.name() == "target.app.fds").unwrap();
    assert_eq!(level.verdict, Verdict::Inconclusive, "{}", level.summary());
    assert!(found.summary().contains("whether target.app.goroutines"), "{}", found.summary());
}

/// A passive run of this many seconds.
fn short(seconds: u32, value: impl Fn(f64) -> f64) -> Vec<Record> {
    let mut header = header(Drive::Passive);
    (header.duration, header.targets) = (f64::from(seconds), vec!["pid:1".to_owned()]);
    let reading = |at: f64| {
        let values = BTreeMap::from([("target.app.fds".to_owned(), value(at))]);
        let stage = Stage::Passive;
        let (rest, settled, cycles, lines) = (false, 0.0, 0.0, 0.0);
        Record::Reading(Reading { at, stage, rest, settled, cycles, lines, values })
    };
    let every = (seconds / 240).max(1);
    let readings = (0..=seconds / every).map(|n| reading(f64::from(n * every)));
    let last = Record::End(end(f64::from(seconds), &[]));
    std::iter::once(Record::Header(header)).chain(readings).chain([last]).collect()
}

/// Seconds of the first `--duration` in a text.
fn duration(text: &str) -> Option<f64> {
    let word = text.split("--duration ").nth(1)?.split([')', ' ', ':']).next()?;
    let (mut seconds, mut number) = (0.0, 0.0);
    for letter in word.chars() {
        match letter {
            'h' => seconds += 3600.0 * std::mem::take(&mut number),
            'm' => seconds += 60.0 * std::mem::take(&mut number),
            's' => seconds += std::mem::take(&mut number),
            digit => number = 10.0 * number + f64::from(digit.to_digit(10)?),
        }
    }
    Some(seconds)
}

#[test]
fn an_inconclusive_run_has_one_advice_with_a_longer_duration() {
    let mut advised = 0;
    for seconds in [60, 170, 299, 400, 600, 1200, 3600] {
        let pool = |at: f64| 50.0 + (60.0 * (1.0 - (-at / f64::from(seconds)).exp())).round();
        let saw = |at: f64| 50.0 + (30.0 * (at / f64::from(seconds) * 2.3).fract()).round();
        let line = |at: f64| 50.0 + at.floor();
        let level = |_: f64| 50.0;
        let courses: [&dyn Fn(f64) -> f64; 4] = [&pool, &saw, &line, &level];
        for (n, course) in courses.into_iter().enumerate() {
            let found = report(&short(seconds, course));
            let context = format!("{n} in {seconds} s: {} {:?}", found.summary(), found.advice);
            assert!(found.advice.len() <= 1, "{context}");
            assert!(found.verdict == Verdict::Inconclusive || found.advice.is_empty(), "{context}");
            assert!(!found.summary().contains("run at least"), "{context}");
            for advice in &found.advice_lines() {
                let named = advice.contains("): that ") || advice.contains("for a run that ");
                assert!(named, "{context}");
                let longer = duration(advice).is_none_or(|length| found.seconds < length);
                assert!(longer, "{context}");
                advised += 1;
            }
        }
    }
    assert!(advised >= 8, "{advised}");
    let leak = report(&driven(|_, cycles| 72.0 + cycles));
    assert_eq!((leak.verdict, leak.advice), (Verdict::Leak, Vec::new()));
}

/// The metric has readings for a part of the run only. The minimum length of that part is shorter than the run.
#[test]
fn the_advised_duration_exceeds_the_run_when_a_metric_appears_late() {
    let mut records = short(230, |at| 50.0 + at.floor());
    for reading in readings(&mut records).filter(|reading| reading.at < 90.0) {
        reading.values.clear();
    }
    let found = report(&records);
    assert_eq!(found.verdict, Verdict::Inconclusive, "{}", found.summary());
    let seconds = found.advice_lines().first().and_then(|advice| duration(advice));
    assert!(seconds.is_some_and(|seconds| found.seconds < seconds), "{:?}", found.advice);
}

#[test]
fn a_leak_has_no_advice_though_another_metric_is_inconclusive() {
    let mut records = passive(|at| 50.0 + at.floor(), |_| 0.0);
    for reading in readings(&mut records) {
        let pool = 50.0 + (60.0 * (1.0 - (-reading.at / 400.0).exp())).round();
        reading.values.insert("target.app.fds".to_owned(), pool);
    }
    let found = report(&records);
    assert_eq!(found.verdict, Verdict::Leak, "{}", found.summary());
    let pool = found.metrics.iter().find(|metric| metric.name() == "target.app.fds").unwrap();
    assert_eq!(pool.verdict, Verdict::Inconclusive, "{}", pool.summary());
    assert_eq!(found.advice, Vec::new());
}
