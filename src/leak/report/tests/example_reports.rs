//! Example reports: one of each verdict, an interrupted one, and edge cases.

use crate::leak::facts::{
    Advice, AsBefore, Baseline, DaemonFacts, Difference, GroupGrowth, Interval, Labels, Metric,
    MetricReason, OtherSide, Phase, Reason, Report, Seen, Signature, StepSize, Steps, TimeReason,
    Unavailable, Verdict, VerdictReason,
};
use crate::leak::judge::combine::{Missing, Mode};
use crate::leak::judge::driven::CycleReason;
use crate::leak::judge::new_growth::{By, Part};
use crate::leak::judge::required_duration::Gain;
use crate::leak::judge::shape::{Shape, Stairs};
use crate::leak::record::{Cut, Drive, Rules, Survivor};
use crate::probe::labels::Label;
use crate::probe::metric::{MetricId, Source};
use crate::probe::reasons::{CutReason, Noted, RestartSign};

/// A report without any metric.
pub(in crate::leak::report) fn empty() -> Report {
    Report {
        verdict: Verdict::Invalid,
        reason: VerdictReason::NothingJudged,
        cmon: "0.1.0".to_owned(),
        started: "2026-11-24T12:00:00Z".to_owned(),
        seconds: 0.0,
        interrupted: false,
        daemon: None,
        containers: Vec::new(),
        targets: Vec::new(),
        drive: Drive::Passive,
        stream_timeout: 0.0,
        seed: 7,
        cycles: 0.0,
        cycles_per_minute: 0.0,
        cycles_expected: None,
        warm_up_cycles: 0.0,
        pairs: 0,
        pairs_needed: 0,
        lines: None,
        baseline: None,
        rules: Rules::default(),
        metrics: Vec::new(),
        survivors: Vec::new(),
        unavailable: Vec::new(),
        cuts: Vec::new(),
        phases: Vec::new(),
        signatures: Vec::new(),
        other_sides: Vec::new(),
        advice: Vec::new(),
        cpu: std::collections::BTreeMap::new(),
    }
}

/// A reason as a recording of an older version has it.
pub(in crate::leak) fn recorded<R>(sentence: &str) -> Noted<R> {
    Noted::Recorded { sentence: sentence.to_owned(), typed: serde_json::Value::Null }
}

pub(in crate::leak::report) fn interval(estimate: f64, low: f64, high: f64) -> Interval {
    Interval { estimate, low, high, confidence: 0.99 }
}

fn by_time(verdict: Verdict) -> TimeReason {
    TimeReason { verdict, cycles_may_add: false, late: None, undecided: None, work: None }
}

fn driven_reason(per_cycle: CycleReason, verdict: Verdict) -> MetricReason {
    MetricReason::Driven { per_cycle, per_minute: by_time(verdict) }
}

/// A constant metric.
pub(in crate::leak::report) fn level(name: &str, value: f64) -> Metric {
    Metric {
        id: MetricId::parse(name),
        gated: true,
        verdict: Verdict::Clean,
        mode: Mode::Driven,
        per_cycle: Some(interval(0.0, -0.0089, 0.0089)),
        per_minute: Some(interval(0.0, -0.4, 0.4)),
        p: Some(1.0),
        smallest_per_cycle: Some(0.027),
        smallest_per_minute: Some(0.6),
        first: value,
        last: value,
        reason: driven_reason(CycleReason::BelowTolerance { tolerance: 0.03 }, Verdict::Clean),
        undecided: None,
        readable_until: None,
        cohorts: None,
        shape: Shape::Level,
        since: None,
        groups: Vec::new(),
        series: series(|_| value),
    }
}

/// 21 readings at rest, 9 s apart, 43 cycles in each driven phase.
fn series(value: impl Fn(usize) -> f64) -> Vec<(f64, f64, f64)> {
    (0..21).map(|at| (at as f64 * 9.0, (at / 2) as f64 * 43.0, value(at))).collect()
}

fn driven() -> Report {
    Report {
        reason: VerdictReason::Clean { per_cycle_only: false },
        seconds: 184.0,
        daemon: Some(DaemonFacts {
            address: "unix:///run/docker.sock (default)".to_owned(),
            version: "20.10.24".to_owned(),
        }),
        containers: (1..=8).map(|at| format!("web-{at}")).collect(),
        drive: Drive::Streams,
        stream_timeout: 0.8,
        seed: 42,
        cycles: 1860.0,
        cycles_per_minute: 598.2,
        cycles_expected: Some(600.0),
        warm_up_cycles: 1000.0,
        pairs: 10,
        lines: Some(14_352.0),
        verdict: Verdict::Clean,
        phases: (0..20).map(phase).collect(),
        ..empty()
    }
}

fn phase(at: u32) -> Phase {
    let from = f64::from(at) * 9.0;
    Phase { from, to: from + 8.0, driven: at % 2 == 1 }
}

pub(in crate::leak::report) fn group(
    title: &str,
    last: u64,
    per_cycle: f64,
    share: f64,
) -> GroupGrowth {
    GroupGrowth {
        title: title.to_owned(),
        key: format!("{title};net/http.(*conn).serve"),
        labels: Labels::default(),
        first: 0,
        last,
        per_cycle: Some(per_cycle),
        per_minute: last as f64 / 3.0,
        share,
    }
}

/// The daemon keeps 3 % of the streams.
pub(in crate::leak) fn leak() -> Report {
    let goroutines = Metric {
        verdict: Verdict::Leak,
        per_cycle: Some(interval(0.18, 0.07, 0.29)),
        p: Some(0.0039),
        last: 228.0,
        reason: driven_reason(CycleReason::Significant { p: 0.0039 }, Verdict::Clean),
        shape: Shape::Line { per_minute: 51.0 },
        groups: vec![
            group("net/http.(*connReader).backgroundRead net/http/server.go:674", 26, 0.0302, 0.2),
            group("daemon/logger/loggerutils.(*follow).waitRead follow.go:112", 26, 0.0302, 0.2),
            group("api/server/httputils.WriteLogStream write_log_stream.go:22", 26, 0.0302, 0.2),
            group("daemon.(*Daemon).ContainerLogs.func2 daemon/logs.go:118", 26, 0.0302, 0.2),
            group(
                "github.com/fsnotify/fsnotify.(*Watcher).readEvents inotify.go:174",
                26,
                0.03,
                0.1,
            ),
        ],
        series: series(|at| 72.0 + (at / 2) as f64 * 15.6),
        ..level("daemon.goroutines", 72.0)
    };
    let own = Metric {
        mode: Mode::Exact,
        per_cycle: None,
        per_minute: None,
        p: None,
        smallest_per_cycle: None,
        smallest_per_minute: None,
        reason: MetricReason::Exact { opened: 1860, survivors: Vec::new() },
        ..level("own.tasks", 12.0)
    };
    let rss = Metric {
        gated: false,
        per_minute: Some(interval(10_240.0, -20_480.0, 1_048_576.0)),
        per_cycle: None,
        p: None,
        shape: Shape::Step { size: 3.2e6, at: 130.0 },
        last: 16e6,
        series: series(|at| if at < 14 { 12.8e6 } else { 16e6 }),
        ..level("own.rss_bytes", 12.8e6)
    };
    Report {
        verdict: Verdict::Leak,
        reason: VerdictReason::Leak { until_then: Vec::new() },
        metrics: vec![goroutines, level("daemon.fds", 70.0), own, rss],
        survivors: vec![Survivor { kind: "reader".into(), name: "web-3".into(), age: 31.4 }],
        unavailable: vec![Unavailable {
            metric: "target.web.threads".to_owned(),
            reason: recorded("/proc/812/task may not be read by this user"),
            times: 1,
        }],
        cuts: vec![Cut {
            at_ms: 61_000,
            source: "target.web".to_owned(),
            reason: CutReason::TargetRestarted {
                sign: RestartSign::PidChanged { old: 12, new: 40 },
            }
            .into(),
        }],
        signatures: vec![Signature::Followers { rate: 0.03, by: By::Cycle, seen: Seen::Stacks }],
        targets: vec!["pid:812".to_owned()],
        ..driven()
    }
}

pub(in crate::leak::report) fn clean() -> Report {
    let step = Metric {
        shape: Shape::Step { size: 25.0, at: 130.0 },
        last: 61.0,
        ..level("target.web.goroutines", 36.0)
    };
    Report {
        metrics: vec![level("daemon.goroutines", 72.0), level("daemon.fds", 70.0), step],
        ..driven()
    }
}

/// Too short to decide.
pub(in crate::leak::report) fn inconclusive() -> Report {
    let goroutines = Metric {
        verdict: Verdict::Inconclusive,
        per_cycle: Some(interval(5.0, 4.985, 5.015)),
        p: Some(0.125),
        smallest_per_cycle: Some(0.09),
        undecided: Some(Reason::FewPairs),
        reason: driven_reason(CycleReason::FewPairs, Verdict::Inconclusive),
        last: 720.0,
        series: series(|at| 72.0 + (at / 2) as f64 * 64.8),
        ..level("daemon.goroutines", 72.0)
    };
    Report {
        verdict: Verdict::Inconclusive,
        reason: VerdictReason::Inconclusive,
        metrics: vec![goroutines, level("daemon.fds", 70.0)],
        pairs: 3,
        pairs_needed: 10,
        seconds: 61.0,
        advice: vec![Advice::RunLonger {
            seconds: Some(180.0),
            gains: vec![Gain::Pairs { needed: 10, had: 3 }],
            driven: true,
        }],
        ..driven()
    }
}

pub(in crate::leak::report) fn invalid() -> Report {
    let silent = Metric {
        verdict: Verdict::Invalid,
        per_cycle: None,
        per_minute: None,
        p: None,
        smallest_per_cycle: None,
        smallest_per_minute: None,
        reason: driven_reason(CycleReason::NoCycles, Verdict::Invalid),
        ..level("daemon.goroutines", 72.0)
    };
    Report {
        verdict: Verdict::Invalid,
        reason: VerdictReason::Missing { conditions: vec![Missing::NoLines] },
        metrics: vec![silent],
        lines: Some(0.0),
        cycles_per_minute: 12.0,
        advice: vec![Advice::SelectOtherContainers],
        ..driven()
    }
}

/// A timer in a collector leaks; ended by Ctrl-C.
pub(in crate::leak::report) fn interrupted() -> Report {
    let fds = Metric {
        verdict: Verdict::Leak,
        mode: Mode::Passive,
        per_cycle: None,
        per_minute: Some(interval(16.0, 15.2, 16.8)),
        p: Some(0.000_001),
        smallest_per_cycle: None,
        shape: Shape::Staircase(Stairs { size: 8.0, period: 30.0, steps: 9 }),
        first: 20.0,
        last: 92.0,
        reason: MetricReason::Passive { per_minute: by_time(Verdict::Leak) },
        series: (0..65)
            .map(|at| (f64::from(at) * 4.5, 0.0, 20.0 + f64::from(at / 7) * 8.0))
            .collect(),
        ..level("target.collector.fds", 20.0)
    };
    Report {
        verdict: Verdict::Leak,
        reason: VerdictReason::Leak { until_then: Vec::new() },
        interrupted: true,
        seconds: 292.0,
        targets: vec!["http://127.0.0.1:6060".to_owned()],
        metrics: vec![fds],
        signatures: vec![Signature::Steps {
            period: 30.0,
            metrics: vec![StepSize { metric: "target.collector.fds".to_owned(), size: 8.0 }],
            cause: Steps::TimerOrCycles,
        }],
        ..empty()
    }
}

/// It leaks, as it did in an earlier check.
pub(in crate::leak::report) fn as_before() -> Report {
    let goroutines = Metric {
        mode: Mode::Baseline,
        per_cycle: Some(interval(0.5, 0.49, 0.51)),
        last: 400.0,
        reason: MetricReason::Baseline {
            figures: vec![Part {
                by: By::Cycle,
                verdict: Verdict::Clean,
                p: Some(0.5),
                doubt: false,
                difference: Some(interval(0.0, -0.005, 0.005).into()),
                own: Verdict::Leak,
            }],
        },
        series: series(|at| 72.0 + (at / 2) as f64 * 21.5),
        ..level("daemon.goroutines", 72.0)
    };
    Report {
        reason: VerdictReason::Clean { per_cycle_only: false },
        baseline: Some(Baseline {
            started: "2026-11-17T12:00:00Z".to_owned(),
            verdict: Verdict::Leak,
            compared: vec![By::Cycle],
            differences: vec![Difference::Length {
                then_seconds: 184.0,
                now_seconds: 600.0,
                excludes_per_minute: true,
            }],
            as_before: vec![AsBefore {
                name: "daemon.goroutines".to_owned(),
                by: By::Cycle,
                now: 0.5,
                before: 0.502,
                less: false,
            }],
        }),
        metrics: vec![goroutines, level("daemon.fds", 70.0)],
        ..driven()
    }
}

/// All of the above.
pub(in crate::leak::report) fn all() -> [Report; 7] {
    [empty(), leak(), clean(), inconclusive(), invalid(), interrupted(), as_before()]
}

/// `NaN` and infinity in every place that can hold them.
pub(in crate::leak::report) fn without_numbers() -> Report {
    let nothing = Interval {
        estimate: f64::NAN,
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
        confidence: f64::NAN,
    };
    let metric = Metric {
        per_cycle: Some(nothing),
        per_minute: Some(nothing),
        p: Some(f64::NAN),
        smallest_per_cycle: Some(f64::NAN),
        smallest_per_minute: Some(f64::INFINITY),
        first: f64::NAN,
        last: f64::INFINITY,
        groups: vec![GroupGrowth {
            per_cycle: Some(f64::NAN),
            per_minute: f64::NAN,
            share: f64::NAN,
            ..group("f", 3, 0.0, 0.0)
        }],
        series: vec![(f64::NAN, f64::NAN, f64::NAN), (1.0, 1.0, f64::INFINITY), (2.0, 2.0, 3.0)],
        ..level("daemon.goroutines", 72.0)
    };
    let leak = Metric { verdict: Verdict::Leak, ..metric.clone() };
    Report {
        seconds: f64::NAN,
        stream_timeout: f64::NAN,
        cycles: f64::NAN,
        cycles_per_minute: f64::NAN,
        cycles_expected: Some(f64::NAN),
        warm_up_cycles: f64::INFINITY,
        lines: Some(f64::NEG_INFINITY),
        rules: Rules {
            alpha: f64::NAN,
            max_per_cycle: f64::NAN,
            max_per_min: f64::NAN,
            gate: vec![],
            pointed: vec![],
        },
        metrics: vec![leak, metric],
        survivors: vec![Survivor { kind: "task".into(), name: "x".into(), age: f64::NAN }],
        phases: vec![Phase { from: f64::NAN, to: f64::INFINITY, driven: true }],
        ..driven()
    }
}

/// `text` in every place that holds one.
pub(in crate::leak::report) fn with_text(text: &str) -> Report {
    let text = || text.to_owned();
    let mut report = leak();
    report.reason = VerdictReason::Failed { cause: recorded(&text()) };
    report.baseline = Some(Baseline {
        started: text(),
        verdict: Verdict::Leak,
        compared: Vec::new(),
        differences: vec![Difference::Targets { gone: vec![text()], new: vec![text()] }],
        as_before: vec![AsBefore {
            name: text(),
            by: By::Minute,
            now: f64::NAN,
            before: f64::INFINITY,
            less: true,
        }],
    });
    (report.cmon, report.started) = (text(), text());
    report.daemon = Some(DaemonFacts { address: text(), version: text() });
    (report.containers, report.targets) = (vec![text()], vec![text()]);
    report.rules.gate = vec![text()];
    report.signatures = vec![
        Signature::OwnTasks { title: text(), count: 3.0 },
        Signature::OtherSide { metrics: vec![text()], of: Source::Target(text()) },
    ];
    report.other_sides = vec![OtherSide { metric: text(), of: MetricId::parse(&text()) }];
    report.survivors[0] = Survivor { kind: text(), name: text(), age: 1.0 };
    report.unavailable[0] = Unavailable { metric: text(), reason: recorded(&text()), times: 2 };
    report.cuts[0] = Cut { at_ms: 61_000, source: text(), reason: recorded(&text()) };
    for metric in &mut report.metrics {
        metric.id = MetricId {
            name: text(),
            source: Source::Target(text()),
            quantity: text(),
            ..metric.id.clone()
        };
        for group in &mut metric.groups {
            (group.title, group.key) = (text(), text());
            group.labels =
                Labels::Typed(vec![Label { name: text(), values: 1, value: Some(text()) }]);
        }
    }
    report
}

/// Many metrics, one in three leaks, one in three could not be judged.
pub(in crate::leak::report) fn many(count: usize) -> Report {
    let verdicts = [Verdict::Leak, Verdict::Inconclusive, Verdict::Clean];
    let metric = |at: usize| Metric {
        verdict: verdicts[at % 3],
        ..level(&format!("target.service-{at}.goroutines"), 10.0)
    };
    Report { verdict: Verdict::Leak, metrics: (0..count).map(metric).collect(), ..leak() }
}

/// One metric with this many readings, about 1 s apart.
pub(in crate::leak::report) fn long(points: u32) -> Report {
    let series = (0..points)
        .map(|at| (f64::from(at), f64::from(at), 50.0 + f64::from(at % 977) * 0.1))
        .collect();
    let metric = Metric { series, ..level("daemon.goroutines", 50.0) };
    Report { metrics: vec![metric], seconds: f64::from(points), phases: Vec::new(), ..clean() }
}
