//! Ten typical checks, from their records to the text at a terminal of 80 columns.

use std::collections::BTreeMap;

use super::{end, header};
use crate::leak::facts::Report;
use crate::leak::judge::Verdict;
use crate::leak::judge::plan::Plan;
use crate::leak::record::{Cut, Drive, Group, Groups, Reading, Record, Stage, Unavailable};
use crate::leak::report::compare;
use crate::leak::report::tests::schema_check::violation;
use crate::leak::report::text::Colors;
use crate::leak::report::{Detail, json, text};
use crate::leak::verdict::*;
use crate::probe::reasons::{CutReason, UnavailableReason};

/// A metric and its value after this many seconds and cycles.
type Course<'a> = (&'a str, &'a dyn Fn(f64, f64) -> f64);

const IDLE: &str =
    "internal/poll.runtime_pollWait;bufio.(*Reader).Peek;net/http.(*persistConn).readLoop";
const WRITE: &str = "runtime.selectgo;net/http.(*persistConn).writeLoop";

fn reading(at: f64, cycles: f64, stage: Stage, rest: bool, all: &[Course<'_>]) -> Record {
    let values = all.iter().map(|(name, value)| ((*name).to_owned(), value(at, cycles)));
    let values: BTreeMap<String, f64> = values.collect();
    Record::Reading(Reading { at, stage, rest, settled: 0.0, cycles, lines: cycles * 3.0, values })
}

fn dump(at: f64, cycles: f64, metric: &str, groups: &[(&str, &str, u64)]) -> Record {
    let group = |(key, title, count): &(&str, &str, u64)| Group {
        key: (*key).to_owned(),
        title: (*title).to_owned(),
        count: *count,
        ..Group::default()
    };
    let groups = groups.iter().map(group).collect();
    Record::Groups(Groups { at, cycles, metric: metric.to_owned(), groups, truncated: false })
}

/// A check that drives streams for this long.
fn driven(seconds: f64, all: &[Course<'_>]) -> Vec<Record> {
    let plan = Plan::new(seconds, 10.0, 7);
    let mut header = header(Drive::Streams);
    "unix:///run/docker.sock (the default)".clone_into(&mut header.daemon);
    header.duration = seconds;
    let mut records = vec![Record::Header(header)];
    let (mut at, mut cycles) = (plan.warmup, plan.warmup_cycles);
    records.push(reading(0.0, 0.0, Stage::Start, true, all));
    records.push(reading(at, cycles, Stage::WarmUp, false, all));
    at += 1.0;
    records.push(reading(at, cycles, Stage::WarmUp, true, all));
    for step in &plan.steps {
        let stage = if step.driven { Stage::Drive } else { Stage::Idle };
        at += step.drive;
        cycles += if step.driven { step.drive * 10.0 } else { 0.0 };
        records.push(reading(at, cycles, stage, false, all));
        at += step.settle;
        records.push(reading(at, cycles, stage, true, all));
    }
    records.push(Record::End(end(at, &[])));
    records
}

/// A passive check of this length.
fn watched(seconds: u32, all: &[Course<'_>]) -> Vec<Record> {
    let mut header = header(Drive::Passive);
    header.daemon.clear();
    header.daemon_version.clear();
    (header.containers, header.stream_timeout) = (Vec::new(), 0.0);
    (header.duration, header.targets) =
        (f64::from(seconds), vec!["http://127.0.0.1:6060".to_owned()]);
    let mut records = vec![Record::Header(header)];
    let count = seconds * 2 / 5;
    records
        .extend((0..=count).map(|n| reading(f64::from(n) * 2.5, 0.0, Stage::Passive, false, all)));
    records.push(Record::End(end(f64::from(seconds), &[])));
    records
}

/// Inserts records before the end.
fn with(mut records: Vec<Record>, more: impl IntoIterator<Item = Record>) -> Vec<Record> {
    let end = records.pop();
    records.extend(more);
    records.extend(end);
    records
}

fn edit(records: &mut [Record], change: impl Fn(&mut crate::leak::record::Header)) {
    if let Some(Record::Header(header)) = records.first_mut() {
        change(header);
    }
}

/// The brief text; asserts that it fits in 80 columns and that the JSON follows its schema.
fn brief(report: &Report) -> String {
    let value = serde_json::from_str(&json::json(report)).unwrap();
    assert_eq!(violation(&value), None, "of the schema");
    let text = text::text(report, Detail::Brief, Colors::Off, &[]);
    let wide = text.lines().find(|line| 80 < line.chars().count());
    assert_eq!(wide, None, "{text}");
    text
}

fn text_of(records: &[Record]) -> String {
    brief(&judge(records, None).unwrap())
}

/// +2 goroutines and +1 descriptor for each of 8 containers every 30 s, on both sides of the connections.
fn collector() -> Vec<Record> {
    let steps = |at: f64| (at / 30.0).floor();
    let records = watched(
        600,
        &[
            ("target.collector.goroutines", &|at, _| 52.0 + 16.0 * steps(at)),
            ("target.collector.fds", &|at, _| 20.0 + 8.0 * steps(at)),
            ("target.collector.threads", &|_, _| 9.0),
            ("target.collector.rss_bytes", &|at, _| 31e6 + 3e4 * at),
            ("daemon.goroutines", &|at, _| 72.0 + 16.0 * steps(at)),
            ("daemon.fds", &|at, _| 70.0 + 8.0 * steps(at)),
        ],
    );
    let goroutines = |at: f64, count: u64| {
        let read = "net/http.(*persistConn).readLoop net/http/transport.go:2205";
        let write = "net/http.(*persistConn).writeLoop net/http/transport.go:2410";
        let groups =
            [(IDLE, read, 8 + count), (WRITE, write, 17 + count), ("main.main", "main.main", 1)];
        dump(at, 0.0, "target.collector.goroutines", &groups)
    };
    with(records, [goroutines(120.0, 32), goroutines(360.0, 96), goroutines(600.0, 160)])
}

#[test]
fn a_target_that_forgets_connections() {
    insta::assert_snapshot!(text_of(&collector()));
}

#[test]
fn a_daemon_that_keeps_streams() {
    let records = driven(
        600.0,
        &[
            ("daemon.goroutines", &|_, cycles| 72.0 + 5.0 * (cycles * 0.1).floor()),
            ("daemon.fds", &|_, cycles| 70.0 + 3.0 * (cycles * 0.1).floor()),
            ("own.tasks", &|_, _| 12.0),
            ("own.fds", &|_, _| 16.0),
            ("own.rss_bytes", &|at, _| 16e6 + 100.0 * at),
        ],
    );
    let at = |at: f64, count: u64| {
        let cycles = at * 5.0;
        let groups = [
            (
                "a;daemon.(*Daemon).ContainerLogs.func2",
                "daemon.(*Daemon).ContainerLogs.func2 daemon/logs.go:125",
                count,
            ),
            ("b", "httputils.WriteLogStream httputils/write_log_stream.go:22", count),
            ("c", "loggerutils.(*follow).waitRead loggerutils/follow.go:112", count),
            ("d", "net/http.(*connReader).backgroundRead net/http/server.go:674", count),
            ("e", "fsnotify.(*Watcher).readEvents fsnotify/inotify.go:174", count),
        ];
        dump(at, cycles, "daemon.goroutines", &groups)
    };
    insta::assert_snapshot!(text_of(&with(
        records,
        [at(150.0, 100), at(350.0, 200), at(590.0, 340)]
    )));
}

#[test]
fn cmon_itself() {
    let mut records = driven(
        600.0,
        &[
            ("own.tasks", &|_, _| 12.0),
            ("daemon.goroutines", &|_, _| 72.0),
            ("daemon.fds", &|_, _| 70.0),
        ],
    );
    if let Some(Record::End(last)) = records.last_mut() {
        *last = end(last.at, &[("reader", "web"), ("reader", "db"), ("connection", "web")]);
    }
    insta::assert_snapshot!(text_of(&records));
}

#[test]
fn memory_that_was_asked_for() {
    let mut records = watched(
        600,
        &[
            ("target.web.rss_bytes", &|at, _| 120e6 + 26_214.4 * at + 4096.0 * (at % 7.0).floor()),
            ("target.web.goroutines", &|_, _| 40.0),
        ],
    );
    edit(&mut records, |header| header.rules.gate = vec!["target.web".to_owned()]);
    insta::assert_snapshot!(text_of(&records));
}

fn quiet() -> Vec<Record> {
    driven(
        600.0,
        &[
            ("daemon.goroutines", &|at, _| 72.0 + (at * 7.3 % 3.0).floor()),
            ("daemon.fds", &|_, _| 70.0),
            ("daemon.followers", &|_, _| 0.0),
            ("own.tasks", &|_, _| 12.0),
            ("own.fds", &|_, _| 16.0),
            ("own.rss_bytes", &|at, _| 16e6 + 100.0 * at),
        ],
    )
}

#[test]
fn a_clean_check() {
    insta::assert_snapshot!(text_of(&quiet()));
}

#[test]
fn a_check_that_was_too_short() {
    let records = driven(
        130.0,
        &[
            ("daemon.goroutines", &|_, cycles| 72.0 + (cycles * 0.05).floor()),
            ("daemon.fds", &|_, _| 70.0),
            ("daemon.followers", &|_, _| 0.0),
            ("own.tasks", &|_, _| 12.0),
            ("own.fds", &|_, _| 16.0),
            ("own.streams", &|_, _| 0.0),
            ("own.connections", &|_, _| 2.0),
            ("own.threads", &|_, _| 3.0),
            ("target.web.goroutines", &|_, _| 40.0),
            ("target.web.fds", &|_, _| 12.0),
            ("target.web.threads", &|_, _| 9.0),
        ],
    );
    insta::assert_snapshot!(text_of(&records));
}

#[test]
fn a_check_without_lines() {
    let mut records = quiet();
    for record in &mut records {
        if let Record::Reading(reading) = record {
            reading.lines = 0.0;
        }
    }
    let refused = || {
        Record::Unavailable(Unavailable {
            metric: "target.web".to_owned(),
            reason: UnavailableReason::Connection {
                message: "`http://127.0.0.1:9` cannot be reached: connection refused".to_owned(),
            }
            .into(),
        })
    };
    insta::assert_snapshot!(text_of(&with(records, (0..20).map(|_| refused()))));
}

#[test]
fn two_stream_timeouts_compared() {
    let run = |timeout: f64, pace: f64| {
        let steps = |at: f64| 52.0 + 16.0 * (at / 30.0).floor();
        let mut records = watched(600, &[("target.collector.goroutines", &|at, _| steps(at))]);
        edit(&mut records, |header| {
            (header.drive, header.stream_timeout) = (Drive::Held, timeout);
            header.containers = (1..=8).map(|at| format!("web-{at}")).collect();
        });
        for record in &mut records {
            if let Record::Reading(reading) = record {
                reading.cycles = (reading.at * pace / 60.0).floor();
                reading.lines = reading.at * 8.0;
            }
        }
        judge(&records, None).unwrap()
    };
    let text = compare::text(
        &compared(vec![run(30.0, 16.0), run(300.0, 1.6)]),
        Detail::Brief,
        Colors::Off,
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn growth_that_an_earlier_check_had_too() {
    let run = |rate: f64| super::driven(|_, cycles| 72.0 + (cycles * rate).floor());
    let same = brief(&judge(&run(0.5), Some(&run(0.5))).unwrap());
    let more = brief(&judge(&run(0.5), Some(&run(0.1))).unwrap());
    insta::assert_snapshot!(format!("{same}\n=== more than before ===\n\n{more}"));
}

#[test]
fn work_that_stopped() {
    let steps = |at: f64| 52.0 + 16.0 * (at.min(341.0) / 30.0).floor();
    let mut records = watched(
        480,
        &[
            ("target.collector.goroutines", &|at, _| steps(at)),
            ("target.collector.fds", &|_, _| 20.0),
        ],
    );
    edit(&mut records, |header| header.cycles_metric = "target.collector.lines".to_owned());
    for record in &mut records {
        if let Record::Reading(reading) = record {
            reading.cycles = (reading.at.min(341.0) * 8.0).floor();
        }
    }
    insta::assert_snapshot!(text_of(&records));
}

#[test]
fn restarts_leave_no_part_that_is_long_enough() {
    let records =
        watched(240, &[("target.web.goroutines", &|at, _| 40.0 + ((at % 60.0) / 4.0).floor())]);
    let restart = |minute: u64| {
        Record::Cut(Cut {
            at_ms: minute * 60_000,
            source: "target.web".to_owned(),
            reason: CutReason::TargetBack.into(),
        })
    };
    let report = judge(&with(records, (1..4).map(restart)), None).unwrap();
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.summary());
    let text = brief(&report);
    assert!(text.contains("it was restarted 3 times"), "{text}");
    assert!(text.contains("find what restarts it"), "{text}");
    assert!(!text.contains("run at least"), "{text}");
}

#[test]
fn late_growth_is_reported_with_its_start_and_rate() {
    let late: Course<'_> = ("target.web.goroutines", &|at, _| 40.0 + (at - 240.0).max(0.0).floor());
    let text = text_of(&watched(600, &[late]));
    let line = text.replace("\n      ", " ");
    assert!(text.starts_with("LEAK: "), "{text}");
    assert!(line.contains("level until 4m") && line.contains("then +60.0 per minute"), "{text}");
}

#[test]
fn stopped_growth_is_not_reported_as_chance() {
    let stops: Course<'_> =
        ("target.web.goroutines", &|at, _| 40.0 + 8.0 * (at.min(100.0) / 10.0).floor());
    let text = text_of(&watched(360, &[stops]));
    assert!(text.starts_with("INCONCLUSIVE: "), "{text}");
    assert!(!text.contains("may be chance") && text.contains("+48"), "{text}");
}

#[test]
fn an_invalid_check_shows_values_without_verdicts() {
    let mut records = driven(600.0, &[("daemon.goroutines", &|_, _| 72.0)]);
    for record in &mut records {
        if let Record::Reading(reading) = record {
            reading.lines = 0.0;
        }
    }
    let text = text_of(&records);
    assert!(text.starts_with("INVALID: ") && text.contains("metric (not judged)"), "{text}");
    assert!(!text.contains("CLEAN") && !text.contains("per cycle"), "{text}");
}
