//! Growth per cycle of a driven run: selects pairs, winsorizes their values, and estimates the rate.
//!
//! Winsorizing clamps outliers. It must distinguish three cases that look alike:
//!
//! - Noise (one step, the end of a spike) occurs in drive and idle phases. It is left out or winsorized.
//! - A leak of several members at once (a follower in a daemon is five goroutines and three descriptors) occurs in
//!   drive phases alone. It is kept.
//! - The members of a cycle may end by themselves later (self-clearing), so the count falls in idle phases. Then the
//!   difference counts the release twice, and the sum includes growth by time. The true rate lies between them, so it
//!   proves no leak.

use super::pairs::Pair;
use super::power::{RateError, power_sum, smallest};
use super::stats::{binomial_at_least, mad, mean, median};
use super::{Interval, Options};

/// Outliers on one side are not noise if the p-value of that is at most this.
const ONE_SIDED_P: f64 = 0.04;
/// A metric is self-clearing if it falls in idle phases by at least this share of the difference.
const TAKEN_BACK_MIN_SHARE: f64 = 0.1;

/// Growth per cycle of a run.
pub(super) struct Rates {
    /// The total growth.
    pub(super) sum: f64,
    /// The rate per cycle.
    pub(super) per_cycle: Interval,
    /// The smallest leak per cycle that the run detects with a power of 80 %.
    pub(super) smallest: Option<f64>,
    /// The upper bound, plus the growth that was left out as noise, except for one step.
    pub(super) at_most: f64,
    /// The second half grew by less than half as much as the first.
    pub(super) decelerating: bool,
    /// The count falls again in idle phases.
    pub(super) self_clearing: bool,
}

impl Rates {
    /// Leaves out pairs in which a phase falls by more than `fall_threshold`. `tested` is the number of pairs of the
    /// test. `None` if fewer than two pairs are left.
    pub(super) fn of(
        all: &[Pair],
        tested: usize,
        fall_threshold: f64,
        options: &Options,
    ) -> Option<Self> {
        let pairs = without_outliers(all, fall_threshold);
        let cycles: Vec<f64> = pairs.iter().map(|pair| pair.cycles).collect();
        let self_clearing = is_self_clearing(&pairs, options);
        let raw: Vec<f64> = pairs.iter().map(|pair| pair.difference()).collect();
        let values = winsorize(&raw, &cycles);
        let (mut per_cycle, error) = interval(&values, &cycles, options)?;
        let taken: f64 = values.iter().sum();
        let total: f64 = cycles.iter().sum();
        let excess: Vec<f64> =
            all.iter().map(|pair| pair.difference() - per_cycle.estimate * pair.cycles).collect();
        let kept = taken - per_cycle.estimate * total;
        // One step is no leak.
        let step = excess.iter().copied().fold(0.0, f64::max);
        let step = if all.len() <= pairs.len() + 2 { step } else { 0.0 };
        let left_out = (excess.iter().sum::<f64>() - kept - step).max(0.0);
        let at_most = per_cycle.high + left_out / total;
        let smallest = smallest(error, &cycles, tested, options);
        if self_clearing {
            let sums: Vec<f64> = pairs.iter().map(|pair| pair.driven + pair.idle).collect();
            let (remaining, _) = interval(&winsorize(&sums, &cycles), &cycles, options)?;
            let (low, high) =
                (per_cycle.low.min(remaining.low), per_cycle.high.max(remaining.high));
            per_cycle = Interval { estimate: remaining.estimate, low, high };
        }
        let half = values.len() / 2;
        let older = rate(&values[..half], &cycles[..half]);
        Some(Self {
            sum: raw.iter().sum(),
            per_cycle,
            smallest,
            at_most,
            decelerating: rate(&values[half..], &cycles[half..]) < 0.4 * older,
            self_clearing,
        })
    }
}

/// Leaves out pairs in which a phase rises or falls far. Keeps them if there are many, or if mainly drive phases rise.
fn without_outliers(all: &[Pair], fall_threshold: f64) -> Vec<Pair> {
    let tops: Vec<f64> = all.iter().map(|pair| pair.driven.max(pair.idle)).collect();
    let mut high = median(&tops) + 4.0 * (mad(&tops) + 1.0);
    let far = all.iter().filter(|pair| high < pair.driven.max(pair.idle));
    let (driven, idle): (Vec<&Pair>, Vec<&Pair>) = far.partition(|pair| pair.idle < pair.driven);
    if is_one_sided(driven.len(), idle.len()) {
        high = f64::INFINITY;
    }
    let counts = |pair: &&Pair| {
        -fall_threshold <= pair.driven.min(pair.idle) && pair.driven.max(pair.idle) <= high
    };
    let pairs: Vec<Pair> = all.iter().filter(counts).copied().collect();
    if 2 * all.len() <= 3 * pairs.len() { pairs } else { all.to_vec() }
}

/// Whether a sign test finds significantly more on the first side.
fn is_one_sided(first: usize, second: usize) -> bool {
    let [first, total] =
        [first, first + second].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    binomial_at_least(first, total, 0.5) <= ONE_SIDED_P
}

fn is_self_clearing(pairs: &[Pair], options: &Options) -> bool {
    let ones = vec![1.0; pairs.len()];
    let idle: Vec<f64> = pairs.iter().map(|pair| pair.idle).collect();
    let idle = winsorize(&idle, &ones);
    let differences: Vec<f64> = pairs.iter().map(|pair| pair.difference()).collect();
    let options = Options { alpha: 0.05, ..options.clone() };
    interval(&idle, &ones, &options).is_some_and(|(idle, _)| {
        idle.high < 0.0
            && TAKEN_BACK_MIN_SHARE * mean(&winsorize(&differences, &ones)) < -idle.estimate
    })
}

/// Clamps outliers from the median rate, by the same cap on both sides. Outliers on one side only are not noise, so
/// they stay.
fn winsorize(values: &[f64], cycles: &[f64]) -> Vec<f64> {
    let rates: Vec<f64> = values.iter().zip(cycles).map(|(d, c)| d / c).collect();
    let rate = median(&rates);
    let residuals: Vec<f64> = values.iter().zip(cycles).map(|(d, c)| d - rate * c).collect();
    let cap = 2.0 * (mad(&residuals) + 1.0);
    let above = residuals.iter().filter(|residual| cap < **residual).count();
    let below = residuals.iter().filter(|residual| **residual < -cap).count();
    if is_one_sided(above, below) || is_one_sided(below, above) {
        return values.to_vec();
    }
    residuals.iter().zip(cycles).map(|(residual, c)| rate * c + residual.clamp(-cap, cap)).collect()
}

/// Growth per cycle: the least-squares line through the origin.
fn rate(values: &[f64], cycles: &[f64]) -> f64 {
    let squares: f64 = cycles.iter().map(|c| c * c).sum();
    let products: f64 = values.iter().zip(cycles).map(|(d, c)| d * c).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}

/// The rate with its t interval and its HC2 standard error. HC2 allows that long phases scatter more than short ones
/// (White 1980), and corrects for pairs with high leverage (`MacKinnon` and White 1985).
pub(super) fn interval(
    values: &[f64],
    cycles: &[f64],
    options: &Options,
) -> Option<(Interval, RateError)> {
    let squares = power_sum(cycles, 2);
    if values.len() < 2 || squares <= 0.0 {
        return None;
    }
    let estimate = rate(values, cycles);
    let scores = values.iter().zip(cycles).map(|(d, c)| {
        let leverage = c * c / squares;
        (d - estimate * c) * c / squares / (1.0 - leverage).max(1e-9).sqrt()
    });
    let scores: Vec<f64> = scores.collect();
    let error = RateError::new(power_sum(&scores, 2).sqrt(), cycles);
    let half_width = error.half_width(options);
    // The mean of a skewed sample is more often far too small than too large (Johnson 1978). The correction only
    // widens the interval.
    let skew = power_sum(&scores, 3) / (6.0 * error.se * error.se);
    let (low, high) =
        (estimate - half_width + skew.min(0.0), estimate + half_width + skew.max(0.0));
    Some((Interval { estimate, low, high }, error))
}
