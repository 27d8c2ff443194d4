//! Judges a run with drive and idle phases: does a cycle leave something behind?
//!
//! Each on/off pair gives one difference: its growth while driven minus its growth while idle. A ramp, a slow pool and
//! a leak by time occur in both phases and cancel out. The order of phases is random, so without a leak per cycle each
//! difference is as likely to have the other sign. The sign-flip permutation test (`sign_flip.rs`) needs no model of
//! the noise.
//!
//! Winsorizing clamps large differences, so that one spike or step does not hide a leak. The rule uses sizes only,
//! which keeps the test exact.

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
use super::{Interval, Options, Reading, Verdict, is_usable};

/// An early stop requires that the upper bound of the rate is at most this many times the lower one.
const EARLY_STOP_MAX_RATIO: f64 = 2.0;

/// The result of a driven run for one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Driven {
    /// The verdict per cycle. Growth by time is in `idle`.
    pub(crate) verdict: Verdict,
    pub(crate) reason: CycleReason,
    pub(crate) pairs: usize,
    /// Growth per cycle with a t interval. The bounds are one-sided at `1 - alpha`.
    pub(crate) per_cycle: Option<Interval>,
    /// Corrected for the tests during the run.
    pub(crate) p: Option<f64>,
    /// The number of pairs after which the e-process reached its threshold.
    pub(crate) stopped: Option<usize>,
    /// Growth per cycle fell by more than half: a pool may be filling.
    pub(crate) decelerating: bool,
    /// The count falls again in idle phases.
    pub(crate) self_clearing: bool,
    /// The smallest leak per cycle that this run detects with a power of 80 %.
    pub(crate) smallest: Option<f64>,
    /// Growth by time, without growth by cycles.
    pub(crate) idle: Passive,
}

/// The reason of the verdict per cycle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum CycleReason {
    /// No cycle happened between two readings.
    NoCycles,
    /// Fewer than two pairs are usable, or too few for a significant result.
    FewPairs,
    /// The upper bound is below the tolerance.
    BelowTolerance {
        /// The tolerated growth per cycle.
        tolerance: f64,
    },
    /// The count falls again in idle phases.
    SelfClearing,
    /// The growth may be chance.
    MayBeChance,
    /// The interval of the rate contains the tolerance.
    NearTolerance {
        /// The tolerated growth per cycle.
        tolerance: f64,
    },
    /// Growth per cycle slows down: a pool may be filling.
    Decelerating,
    /// The warm-up had too few cycles: a pool may be filling.
    ShortWarmUp,
    /// The growth is significant and above the tolerance.
    Significant { p: f64 },
}

/// Winsorizes differences for the test, regardless of their signs.
fn winsorize(differences: &[f64]) -> Vec<f64> {
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let cap = median(&sizes) + mad(&sizes) + 1.0;
    differences.iter().map(|difference| difference.clamp(-cap, cap)).collect()
}

/// Judges the phases of one metric. Each two phases are a pair.
pub(crate) fn judge(phases: &[Phase], options: &Options) -> Driven {
    let (mut judged, despiked) = by_cycles(phases, options);
    // If the count falls in idle phases, growth by cycles may be 0.
    let with_zero = |rate: Interval| Interval { low: rate.low.min(0.0), ..rate };
    let left =
        judged.per_cycle.map(|rate| if judged.self_clearing { with_zero(rate) } else { rate });
    judged.idle = passive::judge_at_rest(&at_rest(&despiked), left, options);
    if judged.self_clearing
        && judged.verdict == Verdict::Inconclusive
        && judged.idle.verdict == Verdict::Clean
        && judged.idle.per_minute.is_some_and(|slope| -options.max_per_minute <= slope.estimate)
    {
        // The readings at rest include growth by cycles, and do not grow.
        judged.verdict = Verdict::Clean;
    }
    judged
}

/// Whether a driven run may stop after these phases. The e-process must have reached its threshold, and the verdict
/// must be LEAK with a precise rate.
///
/// The result depends on the phases alone. CLEAN always takes the whole duration.
pub(crate) fn is_sure(phases: &[Phase], options: &Options) -> bool {
    if !options.early_stop || EProcess::of(phases, options).stopped().is_none() {
        return false;
    }
    let judged = by_cycles(phases, options).0;
    let is_precise = |rate: Interval| rate.high <= EARLY_STOP_MAX_RATIO * rate.low;
    judged.verdict == Verdict::Leak && judged.per_cycle.is_some_and(is_precise)
}

/// The verdict per cycle, with `idle` still unknown, and the despiked phases.
pub(super) fn by_cycles(phases: &[Phase], options: &Options) -> (Driven, Vec<Phase>) {
    let process = EProcess::of(phases, options);
    let Despiked { phases, fall_threshold, ambiguous_pairs } = Despiked::new(phases);
    let all: Vec<(usize, Pair)> = Pair::with_cycles(&phases).collect();
    // Unlike the test, the estimate may use which phases were driven.
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
        // A short run is not INVALID.
        if !all.is_empty() || !stood_still {
            (judged.verdict, judged.reason) = (Verdict::Inconclusive, CycleReason::FewPairs);
        }
        return (judged, phases);
    };
    // Outliers may depend on which phase was driven, so the test uses all pairs.
    let raw: Vec<f64> = all.iter().map(|pair| pair.difference()).collect();
    let differences = winsorize(&raw);
    (judged.per_cycle, judged.smallest) = (Some(rates.per_cycle), rates.smallest);
    (judged.decelerating, judged.self_clearing) = (rates.decelerating, rates.self_clearing);
    let method = PValueMethod::of(all.len(), options);
    let flipped = || sign_flip(&differences, &cycles, method, options.seed);
    let stopped = options.stopped || process.stopped().is_some();
    let p = match (options.early_stop, stopped) {
        // The tests during the run use a share of alpha. A stopped run has no final test.
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
    } else if p > options.clamped_alpha() || rate.low <= 0.0 || rates.sum < options.min_growth() {
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
        cycles += if is_usable(phase.cycles) { phase.cycles } else { 0.0 };
        readings.push(Reading { seconds: phase.at, cycles, value: phase.after });
    }
    readings
}
