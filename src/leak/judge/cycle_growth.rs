//! Growth per cycle of a driven run: the pairs that count, their winsorized values, the rate and its interval.
//!
//! Three things look alike. Noise far from the median (one step, the end of a spike) is in drive and idle phases
//! alike; it is left out or winsorized. A leak of several at once (a follower in a daemon is five goroutines and
//! three descriptors) is as far from the median, but only in drive phases; it is kept. What a cycle makes may also
//! end by itself some time later (self-clearing). Idle phases then take back what drive phases left: the
//! difference counts the delayed release twice, and the sum includes growth by time. The true rate lies between
//! them, so no leak is proven.

use super::pairs::Pair;
use super::power::{RateError, power_sum, smallest};
use super::stats::{binomial_at_least, mad, mean, median};
use super::{Interval, Options};

/// Values on one side are not noise when chance does the same with at most this probability.
const ONE_SIDED_P: f64 = 0.04;
/// A metric is self-clearing when idle phases take back at least this part of the difference.
const TAKEN_BACK_MIN_SHARE: f64 = 0.1;

/// Growth per cycle, by the pairs of a run.
pub(super) struct Rates {
    /// The sum of their growth.
    pub(super) sum: f64,
    /// The rate per cycle.
    pub(super) per_cycle: Interval,
    /// The smallest leak per cycle that is detected with a power of 80 %.
    pub(super) smallest: Option<f64>,
    /// The upper end of the interval, plus the growth that was left out as noise except for one step.
    pub(super) at_most: f64,
    /// The second half grew by less than half as much as the first.
    pub(super) decelerating: bool,
    /// Idle phases take back what drive phases left.
    pub(super) self_clearing: bool,
}

impl Rates {
    /// Estimates from these pairs, without those in which a phase falls by more than `fall_threshold`. `tested` is
    /// how many pairs the test has. `None` when fewer than two pairs are left.
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
        // One step is harmless.
        let step = excess.iter().copied().fold(0.0, f64::max);
        let step = if all.len() <= pairs.len() + 2 { step } else { 0.0 };
        let left_out = (excess.iter().sum::<f64>() - kept - step).max(0.0);
        let at_most = per_cycle.high + left_out / total;
        let smallest = smallest(error, &cycles, tested, options);
        if self_clearing {
            let sums: Vec<f64> = pairs.iter().map(|pair| pair.driven + pair.idle).collect();
            let (stays, _) = interval(&winsorize(&sums, &cycles), &cycles, options)?;
            let (low, high) = (per_cycle.low.min(stays.low), per_cycle.high.max(stays.high));
            per_cycle = Interval { estimate: stays.estimate, low, high };
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

/// The pairs without those in which a phase rises or falls far. They stay when many do so, or when it is the drive
/// phases that rise.
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

/// Whether chance seldom puts this many on one side and that many on the other.
fn is_one_sided(here: usize, there: usize) -> bool {
    let [here, all] = [here, here + there].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    binomial_at_least(here, all, 0.5) <= ONE_SIDED_P
}

/// Whether idle phases fall by a good part of what drive phases have risen.
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

/// Clamps values far from the median rate, by the same cap on both sides. Values that are far on one side only are
/// not noise and stay.
fn winsorize(values: &[f64], cycles: &[f64]) -> Vec<f64> {
    let rates: Vec<f64> = values.iter().zip(cycles).map(|(d, c)| d / c).collect();
    let usual = median(&rates);
    let rests: Vec<f64> = values.iter().zip(cycles).map(|(d, c)| d - usual * c).collect();
    let cap = 2.0 * (mad(&rests) + 1.0);
    let above = rests.iter().filter(|rest| cap < **rest).count();
    let below = rests.iter().filter(|rest| **rest < -cap).count();
    if is_one_sided(above, below) || is_one_sided(below, above) {
        return values.to_vec();
    }
    rests.iter().zip(cycles).map(|(rest, c)| usual * c + rest.clamp(-cap, cap)).collect()
}

/// Growth per cycle: the line through the origin.
fn rate(values: &[f64], cycles: &[f64]) -> f64 {
    let squares: f64 = cycles.iter().map(|c| c * c).sum();
    let products: f64 = values.iter().zip(cycles).map(|(d, c)| d * c).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}

/// The rate with its t interval, and its HC2 standard error: long phases may scatter more than short ones (White
/// 1980; `MacKinnon` and White 1985 correct for pairs with much leverage).
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
    // A mean of few large numbers among many small ones is more often far too small than too large (Johnson
    // 1978). The interval is widened for that, and never narrowed.
    let skew = power_sum(&scores, 3) / (6.0 * error.se * error.se);
    let (low, high) =
        (estimate - half_width + skew.min(0.0), estimate + half_width + skew.max(0.0));
    Some((Interval { estimate, low, high }, error))
}
