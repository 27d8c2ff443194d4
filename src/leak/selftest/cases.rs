//! What is injected, case by case, and whether the verdict on it is right.

use std::time::Duration;

use super::own_leak::OwnLeak;
use crate::demo::InjectedLeak;
use crate::leak::facts::{Interval, Metric, Report};
use crate::leak::judge::Verdict;

/// What is injected, and the verdict that is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(super) own: Option<OwnLeak>,
    pub(super) daemon: Option<InjectedLeak>,
    pub(super) wanted: Wanted,
}

/// The verdict that is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    Clean,
    /// Anything but LEAK: what a harmless shape allows.
    NoLeak,
    /// LEAK of this metric, that much per cycle.
    PerCycle(&'static str, f64),
    /// LEAK of this metric, that much per minute and nothing per cycle.
    PerMinute(&'static str, f64),
}

pub(crate) const CASES: [Case; 8] = {
    const MINUTE: Duration = Duration::from_secs(60);
    const fn own(name: &'static str, own: OwnLeak, wanted: Wanted) -> Case {
        Case { name, own: Some(own), daemon: None, wanted }
    }
    const fn daemon(name: &'static str, leak: InjectedLeak, wanted: Wanted) -> Case {
        Case { name, own: None, daemon: Some(leak), wanted }
    }
    let goroutines = "daemon.goroutines";
    [
        Case { name: "nothing injected", own: None, daemon: None, wanted: Wanted::Clean },
        own(
            "a reader of cmon's that is never released, one in ten cycles",
            OwnLeak::Reader,
            Wanted::PerCycle("own.survivors", 0.1),
        ),
        own(
            "a connection of cmon's that is kept, one in ten cycles",
            OwnLeak::Connection,
            Wanted::PerCycle("own.survivors", 0.1),
        ),
        daemon(
            "a goroutine in the daemon per cycle",
            InjectedLeak::PerStream(1.0),
            Wanted::PerCycle(goroutines, 1.0),
        ),
        daemon(
            "16 goroutines in the daemon every 30s, whatever cmon does",
            InjectedLeak::PerTime(16, Duration::from_secs(30)),
            Wanted::PerMinute(goroutines, 32.0),
        ),
        daemon("harmless: a warm-up", InjectedLeak::Ramp(60, MINUTE), Wanted::NoLeak),
        daemon("harmless: a sawtooth", InjectedLeak::Sawtooth(30, MINUTE), Wanted::NoLeak),
        daemon(
            "harmless: one step",
            InjectedLeak::Step(25, Duration::from_secs(300)),
            Wanted::NoLeak,
        ),
    ]
};

impl Case {
    /// What is wrong with this report.
    pub(super) fn wrong(self, report: &Report) -> Option<String> {
        let within = |interval: Option<Interval>, slack: f64, value: f64| {
            interval.is_some_and(|of| of.low - slack <= value && value <= of.high + slack)
        };
        let says = |wanted: &str| {
            Some(format!(
                "{} where {wanted} is right: {}",
                report.verdict.as_str(),
                report.summary()
            ))
        };
        let leak = |metric: &Metric| metric.verdict == Verdict::Leak;
        match self.wanted {
            Wanted::Clean if report.verdict != Verdict::Clean => says("CLEAN"),
            Wanted::NoLeak if matches!(report.verdict, Verdict::Leak | Verdict::Invalid) => {
                says("CLEAN or INCONCLUSIVE")
            }
            Wanted::Clean | Wanted::NoLeak => None,
            Wanted::PerCycle(name, each) => match report.metric(name) {
                Some(metric) if !leak(metric) => says(&format!("a LEAK of {name}")),
                Some(metric) if !within(metric.per_cycle, 0.02, each) => {
                    Some(format!("{name}: not {each} per cycle: {}", metric.summary()))
                }
                Some(_) => None,
                None => Some(format!("{name} was not measured")),
            },
            Wanted::PerMinute(name, each) => match report.metric(name) {
                Some(metric) if !leak(metric) => says(&format!("a LEAK of {name}")),
                Some(metric) if !within(metric.per_minute, 1.0, each) => {
                    Some(format!("{name}: not {each} per minute: {}", metric.summary()))
                }
                Some(metric) if !within(metric.per_cycle, 0.0, 0.0) => {
                    Some(format!("{name}: does not hang on cycles: {}", metric.summary()))
                }
                Some(_) => None,
                None => Some(format!("{name} was not measured")),
            },
        }
    }
}
