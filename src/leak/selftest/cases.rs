//! The cases of the self-test: what to inject, and the expected verdict.

use std::time::Duration;

use super::own_leak::OwnLeak;
use crate::demo::InjectedLeak;
use crate::leak::facts::{Interval, Metric, Report};
use crate::leak::judge::Verdict;

/// A leak or a known non-leak, and the expected verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(super) own: Option<OwnLeak>,
    pub(super) daemon: Option<InjectedLeak>,
    pub(super) expected: Expected,
}

/// The expected verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Expected {
    Clean,
    /// CLEAN or INCONCLUSIVE, for a known non-leak.
    NoLeak,
    /// LEAK of this metric at this rate per cycle.
    PerCycle(&'static str, f64),
    /// LEAK of this metric at this rate per minute, and 0 per cycle.
    PerMinute(&'static str, f64),
}

pub(crate) const CASES: [Case; 8] = {
    const MINUTE: Duration = Duration::from_secs(60);
    const fn own(name: &'static str, own: OwnLeak, expected: Expected) -> Case {
        Case { name, own: Some(own), daemon: None, expected }
    }
    const fn daemon(name: &'static str, leak: InjectedLeak, expected: Expected) -> Case {
        Case { name, own: None, daemon: Some(leak), expected }
    }
    let goroutines = "daemon.goroutines";
    [
        Case { name: "nothing injected", own: None, daemon: None, expected: Expected::Clean },
        own(
            "a reader of cmon's that is never released, one in ten cycles",
            OwnLeak::Reader,
            Expected::PerCycle("own.survivors", 0.1),
        ),
        own(
            "a connection of cmon's that is kept, one in ten cycles",
            OwnLeak::Connection,
            Expected::PerCycle("own.survivors", 0.1),
        ),
        daemon(
            "a goroutine in the daemon per cycle",
            InjectedLeak::PerStream(1.0),
            Expected::PerCycle(goroutines, 1.0),
        ),
        daemon(
            "16 goroutines in the daemon every 30s, whatever cmon does",
            InjectedLeak::PerTime(16, Duration::from_secs(30)),
            Expected::PerMinute(goroutines, 32.0),
        ),
        daemon("harmless: a warm-up", InjectedLeak::Ramp(60, MINUTE), Expected::NoLeak),
        daemon("harmless: a sawtooth", InjectedLeak::Sawtooth(30, MINUTE), Expected::NoLeak),
        daemon(
            "harmless: one step",
            InjectedLeak::Step(25, Duration::from_secs(300)),
            Expected::NoLeak,
        ),
    ]
};

impl Case {
    /// The difference between this report and the expected verdict; `None` if it is as expected.
    pub(super) fn error(self, report: &Report) -> Option<String> {
        let within = |interval: Option<Interval>, slack: f64, value: f64| {
            interval.is_some_and(|rate| rate.low - slack <= value && value <= rate.high + slack)
        };
        let unexpected = |expected: &str| {
            Some(format!("{} instead of {expected}: {}", report.verdict.as_str(), report.summary()))
        };
        let leak = |metric: &Metric| metric.verdict == Verdict::Leak;
        match self.expected {
            Expected::Clean if report.verdict != Verdict::Clean => unexpected("CLEAN"),
            Expected::NoLeak if matches!(report.verdict, Verdict::Leak | Verdict::Invalid) => {
                unexpected("CLEAN or INCONCLUSIVE")
            }
            Expected::Clean | Expected::NoLeak => None,
            Expected::PerCycle(name, each) => match report.metric(name) {
                Some(metric) if !leak(metric) => unexpected(&format!("a LEAK of {name}")),
                Some(metric) if !within(metric.per_cycle, 0.02, each) => {
                    Some(format!("{name}: not {each} per cycle: {}", metric.summary()))
                }
                Some(_) => None,
                None => Some(format!("{name} was not measured")),
            },
            Expected::PerMinute(name, each) => match report.metric(name) {
                Some(metric) if !leak(metric) => unexpected(&format!("a LEAK of {name}")),
                Some(metric) if !within(metric.per_minute, 1.0, each) => {
                    Some(format!("{name}: not {each} per minute: {}", metric.summary()))
                }
                Some(metric) if !within(metric.per_cycle, 0.0, 0.0) => {
                    Some(format!("{name}: does not depend on cycles: {}", metric.summary()))
                }
                Some(_) => None,
                None => Some(format!("{name} was not measured")),
            },
        }
    }
}
