//! Judges a run in which cmon itself opened and closed streams: what does a cycle leave behind?
//!
//! Each pair gives one number: its growth while driven minus its growth while idle. A ramp, a slow pool and a
//! leak by time are in both phases and cancel out. The random order decided which phase came first, so without
//! a leak per cycle each number is as likely to have the other sign. The sign-flip permutation test
//! (`sign_flip.rs`) needs no model of the noise.
//!
//! Large differences are winsorized by a rule that looks at sizes only, which keeps the test exact: one spike or
//! step must not hide a leak.

use serde::Serialize;

use super::cycle_growth::Rates;
use super::design::FULL_WARMUP_CYCLES;
use super::despike::Despiked;
use super::pairs::{Pair, Phase};
use super::passive::{self, Passive};
use super::power::PLAIN_LEAK_PER_CYCLE;
use super::sequential::{self, EProcess};
use super::sign_flip::{PValueMethod, sign_flip};
use super::stats::{mad, median};
use super::{Interval, Options, Reading, Verdict, sound};

/// A rate is known well enough to stop when its upper bound is at most this many times the lower one.
const EARLY_STOP_MAX_RATIO: f64 = 2.0;

/// What a driven run shows of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Driven {
    /// Whether a cycle leaves something behind. Growth by time alone is in `idle`.
    pub(crate) verdict: Verdict,
    pub(crate) reason: CycleReason,
    pub(crate) pairs: usize,
    /// Growth per cycle, with a t interval (`1 - alpha` to each side).
    pub(crate) per_cycle: Option<Interval>,
    /// The p-value, corrected for the checks during the run.
    pub(crate) p: Option<f64>,
    /// After how many pairs the run could have been stopped.
    pub(crate) stopped: Option<usize>,
    /// Growth per cycle fell by more than half: a pool that fills with cycles.
    pub(crate) decelerating: bool,
    /// Idle phases take back what drive phases left.
    pub(crate) self_clearing: bool,
    /// The smallest leak per cycle that this run detects with a power of 80 %.
    pub(crate) smallest: Option<f64>,
    /// What the same readings do by time alone, without the growth of the cycles.
    pub(crate) idle: Passive,
}

/// What decided the verdict per cycle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum CycleReason {
    /// No cycle happened between two readings.
    NoCycles,
    /// Fewer than two pairs are usable, or too few for a significant result.
    FewPairs,
    /// The upper bound is below the tolerance.
    BelowTolerance {
        /// Growth per cycle that is tolerated.
        tolerance: f64,
    },
    /// Idle phases take back what drive phases left.
    SelfClearing,
    /// The growth may be chance.
    MayBeChance,
    /// The rate is not above the tolerance, and its interval is not below it.
    NearTolerance {
        /// Growth per cycle that is tolerated.
        tolerance: f64,
    },
    /// Growth per cycle becomes less: a pool may be filling.
    Decelerating,
    /// The warm-up had too few cycles: a pool may be filling.
    ShortWarmUp,
    /// The growth is significant and above the tolerance.
    Significant { p: f64 },
}

/// Winsorizes differences for the test; their signs are not looked at.
fn winsorize(differences: &[f64]) -> Vec<f64> {
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let cap = median(&sizes) + mad(&sizes) + 1.0;
    differences.iter().map(|difference| difference.clamp(-cap, cap)).collect()
}

/// Judges the phases of a run, two by two the pairs, of one metric.
pub(crate) fn judge(phases: &[Phase], options: &Options) -> Driven {
    let (mut judged, despiked) = by_cycles(phases, options);
    // When idle phases fall, what the cycles left is unknown.
    let unknown = |rate: Interval| Interval { low: rate.low.min(0.0), ..rate };
    let left = judged.per_cycle.map(|rate| if judged.self_clearing { unknown(rate) } else { rate });
    judged.idle = passive::judge_at_rest(&at_rest(&despiked), left, options);
    if judged.self_clearing
        && judged.verdict == Verdict::Inconclusive
        && judged.idle.verdict == Verdict::Clean
        && judged.idle.per_minute.is_some_and(|slope| -options.max_per_minute <= slope.estimate)
    {
        // The readings at rest do not grow, and they include all that the cycles left.
        judged.verdict = Verdict::Clean;
    }
    judged
}

/// Whether a driven run can be stopped after these phases: the e-process of one metric has reached its
/// threshold, and judged now the metric is a LEAK with a rate that is known well.
///
/// It depends on the phases alone, so the same ones judged again give the same answer. Only LEAK stops a run;
/// CLEAN takes the whole duration.
pub(crate) fn is_sure(phases: &[Phase], options: &Options) -> bool {
    if !options.early_stop || EProcess::of(phases, options).stopped().is_none() {
        return false;
    }
    let judged = by_cycles(phases, options).0;
    let is_known = |rate: Interval| rate.high <= EARLY_STOP_MAX_RATIO * rate.low;
    judged.verdict == Verdict::Leak && judged.per_cycle.is_some_and(is_known)
}

/// What the cycles leave, without growth by time; and the despiked phases.
pub(super) fn by_cycles(phases: &[Phase], options: &Options) -> (Driven, Vec<Phase>) {
    let process = EProcess::of(phases, options);
    let Despiked { phases, fall_threshold, ambiguous_pairs } = Despiked::new(phases);
    let all: Vec<(usize, Pair)> = Pair::with_cycles(&phases).collect();
    // Unlike the test, the estimate may look at which phases were driven.
    let clear = all.iter().filter(|(n, _)| !ambiguous_pairs.contains(n)).map(|(_, pair)| *pair);
    let clear: Vec<Pair> = clear.collect();
    let all: Vec<Pair> = all.into_iter().map(|(_, pair)| pair).collect();
    let cycles: Vec<f64> = all.iter().map(|pair| pair.cycles).collect();
    let estimated = if all.len() <= 3 * clear.len() { &clear } else { &all };
    let rates = Rates::of(estimated, all.len(), fall_threshold, options);
    let mut judged = Driven {
        verdict: Verdict::Invalid,
        reason: CycleReason::NoCycles,
        pairs: all.len(),
        per_cycle: None,
        p: None,
        stopped: process.stopped(),
        decelerating: false,
        self_clearing: false,
        smallest: None,
        idle: Passive::unknown(),
    };
    let Some(rates) = rates else {
        let stood_still = phases.iter().any(|phase| phase.driven && phase.cycles <= 0.0);
        // A run that was merely short is not INVALID.
        if !all.is_empty() || !stood_still {
            (judged.verdict, judged.reason) = (Verdict::Inconclusive, CycleReason::FewPairs);
        }
        return (judged, phases);
    };
    // Which pairs are outliers may depend on which phase was driven, so the test has all of them.
    let raw: Vec<f64> = all.iter().map(|pair| pair.difference()).collect();
    let differences = winsorize(&raw);
    (judged.per_cycle, judged.smallest) = (Some(rates.per_cycle), rates.smallest);
    (judged.decelerating, judged.self_clearing) = (rates.decelerating, rates.self_clearing);
    let method = PValueMethod::of(all.len(), options);
    let flipped = || sign_flip(&differences, &cycles, method, options.seed);
    let stopped = options.stopped || process.stopped().is_some();
    let p = match (options.early_stop, stopped) {
        // A part of alpha is spent during the run. A run that was stopped has no end to test at.
        (true, true) => 1.0 / process.wealth() / sequential::ALPHA_SHARE,
        (true, false) => flipped() / (1.0 - sequential::ALPHA_SHARE),
        (false, _) => flipped(),
    };
    judged.p = Some(p.min(1.0));
    (judged.verdict, judged.reason) = decide(&rates, judged.p.unwrap_or(1.0), options);
    (judged, phases)
}

fn decide(rates: &Rates, p: f64, options: &Options) -> (Verdict, CycleReason) {
    let (rate, tolerance) = (rates.per_cycle, options.max_per_cycle);
    if rates.smallest.is_some() && rates.at_most < tolerance {
        return (Verdict::Clean, CycleReason::BelowTolerance { tolerance });
    }
    let warm = options.warmup_cycles >= FULL_WARMUP_CYCLES || rate.low >= PLAIN_LEAK_PER_CYCLE;
    let reason = if rates.self_clearing {
        CycleReason::SelfClearing
    } else if p > options.chance() || rate.low <= 0.0 || rates.sum < options.least() {
        match rates.smallest {
            None => CycleReason::FewPairs,
            Some(_) => CycleReason::MayBeChance,
        }
    } else if rate.estimate <= tolerance {
        CycleReason::NearTolerance { tolerance }
    } else if rates.decelerating {
        CycleReason::Decelerating
    } else if !warm {
        CycleReason::ShortWarmUp
    } else {
        return (Verdict::Leak, CycleReason::Significant { p });
    };
    (Verdict::Inconclusive, reason)
}

/// The readings at rest.
fn at_rest(phases: &[Phase]) -> Vec<Reading> {
    let (mut cycles, mut readings) = (0.0, Vec::with_capacity(phases.len() + 1));
    for (n, phase) in phases.iter().enumerate() {
        if n == 0 {
            readings.push(Reading {
                seconds: phase.at - phase.seconds,
                cycles,
                value: phase.before,
            });
        }
        cycles += if sound(phase.cycles) { phase.cycles } else { 0.0 };
        readings.push(Reading { seconds: phase.at, cycles, value: phase.after });
    }
    readings
}
