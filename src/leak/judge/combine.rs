//! Combines the findings on all metrics into one verdict.
//!
//! Each metric adds a chance of a false LEAK. Holm's procedure (Holm 1979) keeps the probability of any false LEAK at
//! `alpha`. Exact counts need no correction.

use std::collections::BTreeMap;

use serde::Serialize;

use super::driven::Driven;
use super::exact::Exact;
use super::new_growth::{Against, By, OwnFigure, Part};
use super::passive::Passive;
use super::work::Work;
use super::{Options, Verdict};
use crate::sort::sort_by;

/// Which hypotheses Holm's procedure rejects. The probability of any false rejection is at most `alpha`. The result
/// has the order of `p_values`; NaN is never rejected.
pub(crate) fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    sort_by(&mut order, |a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut rejected = vec![false; p_values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        // NaN compares as false and ends the loop.
        let is_small = p_values[index] * remaining <= alpha;
        if !is_small {
            break;
        }
        rejected[index] = true;
    }
    rejected
}

/// The method of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Survivors of the drain.
    Exact,
    /// Per cycle, from drive and idle phases.
    Driven,
    /// Per minute, from the readings at rest of a driven run.
    Idle,
    /// Per minute, on the target's own load.
    Passive,
    /// The runtime of the target proves it.
    Proof,
    /// Compared with an earlier run.
    Baseline,
}

/// The result of one judge for one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The name of the metric.
    pub(crate) metric: String,
    /// Whether it counts for the verdict.
    pub(crate) gated: bool,
    pub(crate) mode: Mode,
    pub(crate) verdict: Verdict,
    /// `None` if the judge needs no p-value, or decided nothing.
    pub(crate) p: Option<f64>,
    /// It forbids CLEAN although it proves no leak.
    pub(crate) doubt: bool,
}

impl Finding {
    /// A gated finding without a p-value: a proof, a baseline, a target that cannot be read.
    pub(crate) fn new(metric: &str, mode: Mode, verdict: Verdict) -> Self {
        Self { metric: metric.to_owned(), gated: true, mode, verdict, p: None, doubt: false }
    }

    pub(crate) fn exact(metric: &str, exact: &Exact) -> Self {
        Self::new(metric, Mode::Exact, exact.verdict)
    }

    /// The findings of a driven run: per cycle, and per minute while idle.
    pub(crate) fn driven(metric: &str, driven: &Driven, options: &Options) -> [Self; 2] {
        let [cycle, idle] = OwnFigure::driven(driven, options);
        [Self::of(metric, Mode::Driven, &cycle), Self::of(metric, Mode::Idle, &idle)]
    }

    pub(crate) fn passive(metric: &str, passive: &Passive, options: &Options) -> Self {
        Self::of(metric, Mode::Passive, &OwnFigure::passive(passive, options))
    }

    fn of(metric: &str, mode: Mode, figure: &OwnFigure) -> Self {
        let OwnFigure { verdict, p, doubt, .. } = *figure;
        Self { p, doubt, ..Self::new(metric, mode, verdict) }
    }

    /// One finding for each rate that was compared with an earlier run. They replace the findings of this run.
    pub(crate) fn against(metric: &str, against: &Against) -> Vec<Self> {
        let driven = against.parts.iter().any(|part| part.by == By::Cycle);
        let finding = |part: &Part| {
            // In a driven run, growth by time is that of the idle phases.
            let idle = driven && part.by == By::Minute;
            let mode = if idle { Mode::Idle } else { Mode::Baseline };
            Self { p: part.p, doubt: part.doubt, ..Self::new(metric, mode, part.verdict) }
        };
        against.parts.iter().map(finding).collect()
    }

    /// Whether growth by time could not be judged, so that CLEAN holds per cycle only.
    pub(crate) fn undecided_by_time(&self) -> bool {
        self.mode == Mode::Idle && self.verdict == Verdict::Inconclusive
    }
}

/// The verdict on one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    /// Whether it counts for the verdict.
    pub(crate) gated: bool,
    /// LEAK if any finding is LEAK after Holm's correction.
    pub(crate) verdict: Verdict,
    /// Holm's correction turned a LEAK into INCONCLUSIVE.
    pub(crate) held_back: bool,
    /// Growth by time could not be judged: the verdict holds per cycle only.
    pub(crate) undecided_by_time: bool,
    pub(crate) findings: Vec<Finding>,
}

/// The verdict on a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Overall {
    pub(crate) verdict: Verdict,
    /// Sorted by name.
    pub(crate) metrics: Vec<Metric>,
    /// The conditions of a valid measurement that were not met.
    pub(crate) missing: Vec<Missing>,
}

/// The conditions of a valid measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Conditions {
    /// Lines read, if they were counted.
    pub(crate) lines: Option<u64>,
    /// Cycles done, if the check needs some.
    pub(crate) cycles: Option<u64>,
    /// The target's own work.
    pub(crate) work: Option<Work>,
    /// Targets without any reading.
    pub(crate) unread: usize,
    /// When the target went away for good, in seconds since the start.
    pub(crate) gone_at: Option<f64>,
    /// The same for the daemon, if the check needs it.
    pub(crate) daemon_gone_at: Option<f64>,
}

/// A condition of a valid measurement that was not met.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Missing {
    /// No line was read.
    NoLines,
    /// No stream was opened and closed, and no command ran.
    NoCycles,
    /// The work stopped.
    WorkStopped { work: Work },
    /// Targets without any reading.
    Unread { targets: usize },
    /// A target went away for good.
    TargetGone {
        /// When, in seconds since the start.
        at: f64,
    },
    /// The daemon went away for good.
    DaemonGone {
        /// When, in seconds since the start.
        at: f64,
    },
}

impl Conditions {
    /// The conditions that were not met.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        let work = self.work.clone().filter(|work| work.stopped_at.is_some());
        let missing = [
            (self.lines == Some(0)).then_some(Missing::NoLines),
            (self.cycles == Some(0)).then_some(Missing::NoCycles),
            work.map(|work| Missing::WorkStopped { work }),
            (0 < self.unread).then_some(Missing::Unread { targets: self.unread }),
            self.gone_at.map(|at| Missing::TargetGone { at }),
            self.daemon_gone_at.map(|at| Missing::DaemonGone { at }),
        ];
        missing.into_iter().flatten().collect()
    }
}

/// Combines all findings into one verdict.
///
/// LEAK comes first, because a leak stands even if the target dies of it. Then INVALID, then INCONCLUSIVE. CLEAN
/// requires at least one gated metric, and that all of them are clean.
pub(crate) fn combine(findings: &[Finding], conditions: &Conditions, options: &Options) -> Overall {
    let stands = stands(findings, options);
    let mut metrics: BTreeMap<&str, Vec<(&Finding, bool)>> = BTreeMap::new();
    for (finding, stands) in findings.iter().zip(stands) {
        metrics.entry(&finding.metric).or_default().push((finding, stands));
    }
    let metrics: Vec<Metric> =
        metrics.into_iter().map(|(name, found)| metric(name, &found)).collect();
    let any =
        |verdict: Verdict| metrics.iter().any(|metric| metric.gated && metric.verdict == verdict);
    let missing = conditions.missing();
    let none_gated = metrics.iter().all(|metric| !metric.gated);
    let verdict = if any(Verdict::Leak) {
        Verdict::Leak
    } else if !missing.is_empty() || none_gated || any(Verdict::Invalid) {
        Verdict::Invalid
    } else if any(Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else {
        Verdict::Clean
    };
    Overall { verdict, metrics, missing }
}

/// Which findings stand after Holm's correction over all gated ones. Findings that are not gated always stand.
fn stands(findings: &[Finding], options: &Options) -> Vec<bool> {
    let tested: Vec<usize> =
        (0..findings.len()).filter(|n| findings[*n].gated && findings[*n].p.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|n| findings[*n].p).collect();
    let rejected = holm(&p_values, options.clamped_alpha());
    let mut stands = vec![true; findings.len()];
    tested.into_iter().zip(rejected).for_each(|(n, rejected)| stands[n] = rejected);
    stands
}

fn metric(name: &str, found: &[(&Finding, bool)]) -> Metric {
    let has = |verdict: Verdict| found.iter().any(|(f, _)| f.verdict == verdict);
    let leaks = found.iter().any(|(f, stands)| f.verdict == Verdict::Leak && *stands);
    let held_back = !leaks && has(Verdict::Leak);
    let doubt = found.iter().any(|(f, _)| f.doubt);
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
    fn a_comparison_reports_undecided_growth_by_time() {
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
            let found = Finding::against("daemon.fds", &against);
            found.iter().any(Finding::undecided_by_time)
        };
        let minute = |verdict| part(By::Minute, verdict);
        let cycle = part(By::Cycle, Verdict::Clean);
        assert!(undecided(vec![cycle, minute(Verdict::Inconclusive)]));
        assert!(!undecided(vec![cycle, minute(Verdict::Clean)]));
        // A target with its own load is judged by time alone.
        assert!(!undecided(vec![minute(Verdict::Inconclusive)]));
    }
}
