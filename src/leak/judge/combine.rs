//! One verdict of all metrics and all ways to judge them.
//!
//! Each further metric is a further chance of a false LEAK; Holm's procedure keeps the chance of
//! any at `alpha` (Holm 1979). What was counted exactly needs no such care.

use std::collections::BTreeMap;

use serde::Serialize;

use super::baseline::{Against, By, Part};
use super::cohort::Cohorts;
use super::driven::Driven;
use super::exact::Exact;
use super::passive::Passive;
use super::words::span;
use super::work::Work;
use super::{Interval, Options, Verdict};

/// Which hypotheses Holm's procedure rejects, so that any is rejected wrongly with a chance of at
/// most `alpha`. In the order given; what is not a number is never rejected.
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut rejected = vec![false; p_values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        // Written so that what is not a number ends it.
        let small = p_values[index] * left <= alpha;
        if !small {
            break;
        }
        rejected[index] = true;
    }
    rejected
}

/// How a finding came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Survivors of the drain.
    Exact,
    /// Per cycle, by drive and idle.
    Driven,
    /// Per minute, by the readings at rest of a driven run.
    Idle,
    /// Per minute, on the target's own load.
    Passive,
    /// Survivors by id.
    Cohorts,
    /// The runtime of the target says so itself.
    Proof,
    /// Against an earlier run.
    Baseline,
}

/// What one way says of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The metric, by its name.
    pub metric: String,
    /// Whether it counts for the verdict.
    pub gated: bool,
    /// How it came about.
    pub mode: Mode,
    /// What it says.
    pub verdict: Verdict,
    /// Its chance without a leak; nothing when it needs none or decided nothing.
    pub p: Option<f64>,
    /// It forbids CLEAN although it proves no leak: growth above what is allowed.
    pub doubt: bool,
    /// How fast it grows, where it does for certain; 0 where it may be level. What grows fastest is named first.
    pub growth: f64,
    /// In words.
    pub words: String,
}

impl Finding {
    /// A finding without a p-value: a proof, a baseline, a target that cannot be read.
    pub fn new(metric: &str, gated: bool, mode: Mode, verdict: Verdict, words: &str) -> Self {
        let (metric, words) = (metric.to_owned(), words.to_owned());
        Self { metric, gated, mode, verdict, p: None, doubt: false, growth: 0.0, words }
    }

    /// Of survivors.
    pub fn exact(metric: &str, gated: bool, exact: &Exact) -> Self {
        Self::new(metric, gated, Mode::Exact, exact.verdict, &exact.words())
    }

    /// Of a driven run: one per cycle and one per minute while idle.
    pub fn driven(metric: &str, gated: bool, driven: &Driven, options: &Options) -> [Self; 2] {
        let cycle = Self::new(metric, gated, Mode::Driven, driven.verdict, &driven.why);
        let mut idle = Self::passive(metric, gated, &driven.idle, options);
        if driven.idle.may_grow(options) {
            idle.doubt = true;
            idle.words = format!("grows by time, or warms up: {}", idle.words);
        }
        let growth = certain(metric, driven.per_cycle);
        [Self { p: driven.p, growth, ..cycle }, Self { mode: Mode::Idle, ..idle }]
    }

    /// Whether there is something to tell of it: cohorts that are no leak say nothing.
    fn speaks(&self) -> bool {
        self.mode != Mode::Cohorts || self.verdict == Verdict::Leak
    }

    /// Whether nothing could be said of growth by time beside that per cycle: a CLEAN that comes
    /// from the other finding holds per cycle only.
    pub fn undecided_by_time(&self) -> bool {
        self.mode == Mode::Idle && self.verdict == Verdict::Inconclusive
    }

    /// Of a passive run.
    pub fn passive(metric: &str, gated: bool, passive: &Passive, options: &Options) -> Self {
        let words = passive.words();
        let found = Self::new(metric, gated, Mode::Passive, passive.verdict, &words);
        let bounded = passive.late.is_some() && passive.verdict != Verdict::Clean;
        let growth = certain(metric, passive.per_minute);
        Self { p: passive.p, doubt: passive.rising(options) || bounded, growth, ..found }
    }

    /// Against an earlier run, one for each figure: growth that was there before is no news, so
    /// that they stand in for the findings of this run alone.
    pub fn against(metric: &str, gated: bool, against: &Against) -> Vec<Self> {
        let driven = against.parts.iter().any(|part| part.by == By::Cycle);
        let of = |part: &Part| {
            // Of a driven run, growth by time is what it does while idle, here too.
            let idle = driven && part.by == By::Minute;
            let mode = if idle { Mode::Idle } else { Mode::Baseline };
            let found = Self::new(metric, gated, mode, part.verdict, &part.words());
            Self { p: part.p, doubt: part.doubt, ..found }
        };
        against.parts.iter().map(of).collect()
    }

    /// Of cohorts. Each of them is paid for, and LEAK is all that it says: a pool and what came and
    /// went leave survivors as well, so that few of them do not make a metric clean.
    pub fn cohorts(metric: &str, gated: bool, cohorts: &Cohorts) -> Self {
        let verdict = match cohorts.verdict {
            Verdict::Leak => Verdict::Leak,
            _ => Verdict::Inconclusive,
        };
        let found = Self::new(metric, gated, Mode::Cohorts, verdict, &cohorts.why);
        Self { p: cohorts.p, ..found }
    }
}

/// A rate that is above 0 for certain. Bytes and counts have no common measure: counts are named first.
fn certain(metric: &str, rate: Option<Interval>) -> f64 {
    let rate = rate.filter(|rate| rate.low > 0.0 && !metric.ends_with("_bytes"));
    rate.map_or(0.0, |rate| rate.estimate)
}

/// The verdict on one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Whether it counts for the verdict.
    pub gated: bool,
    /// LEAK when any way says so and the number of metrics is paid for.
    pub verdict: Verdict,
    /// A LEAK that the number of metrics turned into INCONCLUSIVE.
    pub held_back: bool,
    /// Growth by time was looked at and could not be judged: what is said holds per cycle only.
    pub undecided_by_time: bool,
    /// Where it came from.
    pub findings: Vec<Finding>,
}

impl Metric {
    /// How fast it grows by the findings of this verdict.
    fn telling(&self, verdict: Verdict) -> f64 {
        let found = self.findings.iter().filter(|finding| finding.verdict == verdict);
        found.fold(0.0, |most, finding| finding.growth.max(most))
    }
}

/// The verdict on a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overall {
    /// The verdict.
    pub verdict: Verdict,
    /// Metric by metric, by name.
    pub metrics: Vec<Metric>,
    /// What decided, in words: what was missing first, then metric by metric, the one that grows fastest first.
    pub why: Vec<String>,
    /// How many of them say what was missing.
    pub missing: usize,
}

/// What must have happened for a verdict to mean anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Conditions {
    /// Lines that came, when they were counted.
    pub lines: Option<u64>,
    /// Cycles that were done, when there ought to be some.
    pub cycles: Option<u64>,
    /// The target's own work.
    pub work: Option<Work>,
    /// Targets that never told a figure.
    pub unread: usize,
    /// When the target went away for good, seconds since the start.
    pub gone_at: Option<f64>,
    /// The same of the daemon, where it is needed.
    pub daemon_gone_at: Option<f64>,
}

impl Conditions {
    /// What was missing, in words.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.lines == Some(0) {
            missing.push("no lines came: nothing was followed".to_owned());
        }
        if self.cycles == Some(0) {
            missing
                .push("no cycles: nothing was opened and closed, and nothing was run".to_owned());
        }
        if let Some(work) = &self.work
            && work.stopped_at.is_some()
        {
            missing.push(work.words());
        }
        match self.unread {
            0 => {}
            1 => missing.push("a target never told a figure".to_owned()),
            count => missing.push(format!("{count} targets never told a figure")),
        }
        if let Some(at) = self.gone_at {
            missing.push(format!("the target went away at {}", span(at)));
        }
        if let Some(at) = self.daemon_gone_at {
            missing.push(format!("the daemon went away at {}", span(at)));
        }
        missing
    }
}

/// Makes one verdict of all findings.
///
/// LEAK comes first: a leak that was proven stays one when the target dies of it. Then INVALID,
/// then INCONCLUSIVE; CLEAN needs all gated metrics clean, and at least one of them.
pub fn combine(findings: &[Finding], conditions: &Conditions, options: &Options) -> Overall {
    let stands = stands(findings, options);
    let mut metrics: BTreeMap<&str, Vec<(&Finding, bool)>> = BTreeMap::new();
    for (finding, stands) in findings.iter().zip(stands) {
        metrics.entry(&finding.metric).or_default().push((finding, stands));
    }
    let metrics: Vec<Metric> =
        metrics.into_iter().map(|(name, found)| metric(name, &found)).collect();
    let gated: Vec<&Metric> = metrics.iter().filter(|metric| metric.gated).collect();
    let any = |verdict: Verdict| gated.iter().any(|metric| metric.verdict == verdict);
    let missing = conditions.missing();
    let verdict = if any(Verdict::Leak) {
        Verdict::Leak
    } else if !missing.is_empty() || gated.is_empty() || any(Verdict::Invalid) {
        Verdict::Invalid
    } else if any(Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else {
        Verdict::Clean
    };
    let (missing, mut why) = (missing.len(), missing);
    if gated.is_empty() {
        why.push("no metric could be judged".to_owned());
    }
    let mut telling: Vec<&&Metric> = gated.iter().filter(|m| m.verdict == verdict).collect();
    telling.sort_by(|a, b| b.telling(verdict).total_cmp(&a.telling(verdict)));
    telling.sort_by_key(|metric| !metric.findings.iter().any(|finding| finding.doubt));
    for metric in telling {
        let said = metric.findings.iter().filter(|finding| finding.speaks());
        let mut said: Vec<&Finding> =
            said.filter(|f| f.verdict == verdict || metric.held_back).collect();
        // What forbids CLEAN comes before what could not tell.
        said.sort_by_key(|finding| !finding.doubt);
        for finding in said {
            why.push(format!("{}: {}", metric.name, finding.words));
        }
        if metric.held_back {
            why.push(format!("{}: too weak a sign among so many metrics", metric.name));
        }
    }
    Overall { verdict, metrics, why, missing }
}

/// Which findings of a leak stand once all gated ones are paid for; one that is not gated stands
/// for itself.
fn stands(findings: &[Finding], options: &Options) -> Vec<bool> {
    let tested: Vec<usize> =
        (0..findings.len()).filter(|n| findings[*n].gated && findings[*n].p.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|n| findings[*n].p).collect();
    let rejected = holm(&p_values, options.chance());
    let mut stands = vec![true; findings.len()];
    tested.into_iter().zip(rejected).for_each(|(n, rejected)| stands[n] = rejected);
    stands
}

fn metric(name: &str, found: &[(&Finding, bool)]) -> Metric {
    let has = |verdict: Verdict| found.iter().any(|(f, _)| f.verdict == verdict);
    let leaks = found.iter().any(|(f, stands)| f.verdict == Verdict::Leak && *stands);
    let held_back = !leaks && has(Verdict::Leak);
    let doubt = found.iter().any(|(f, _)| f.doubt);
    // Survivors alone are enough for what cmon opened itself.
    let verdict = if leaks {
        Verdict::Leak
    } else if has(Verdict::Invalid) {
        Verdict::Invalid
    } else if held_back || doubt || !has(Verdict::Clean) {
        Verdict::Inconclusive
    } else {
        Verdict::Clean
    };
    Metric {
        name: name.to_owned(),
        gated: found.iter().any(|(f, _)| f.gated),
        verdict,
        held_back,
        undecided_by_time: found.iter().any(|(f, _)| f.undecided_by_time()),
        findings: found.iter().map(|(f, _)| (*f).clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_decided_nothing_is_noticed_against_an_earlier_run_too() {
        let part = |by, verdict| Part {
            by,
            verdict,
            p: None,
            doubt: false,
            difference: None,
            own: verdict,
        };
        let undecided = |parts: Vec<Part>| {
            let against = Against { verdict: Verdict::Clean, parts };
            let found = Finding::against("daemon.fds", true, &against);
            found.iter().any(Finding::undecided_by_time)
        };
        let minute = |verdict| part(By::Minute, verdict);
        let cycle = part(By::Cycle, Verdict::Clean);
        assert!(undecided(vec![cycle, minute(Verdict::Inconclusive)]));
        assert!(!undecided(vec![cycle, minute(Verdict::Clean)]));
        // A target on its own load is told by time alone.
        assert!(!undecided(vec![minute(Verdict::Inconclusive)]));
    }
}
