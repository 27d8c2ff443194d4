//! What the pairs of a driven run say of growth per cycle: which of them tell, what is taken of each, and the
//! interval.
//!
//! Three things must not be mistaken for each other. Noise that is far from the usual (one step, the end of a
//! burst) goes to driven and idle rungs alike, and is left out or cut. A leak of several at once (a follower of
//! a daemon is five goroutines and three descriptors) is as far from the usual, and only in driven rungs: it is
//! what was looked for. And what a cycle makes may end by itself some time later: then idle rungs take back
//! what driven ones left, and a difference of the two counts twice what does not stay. Their sum does not, but
//! has what time does in it: between the two lies the truth, and no leak is proven.

use super::driven::Pair;
use super::early;
use super::signs::Way;
use super::stats::{binomial_at_least, mean, median, spread, t_quantile};
use super::{Interval, Options};

/// What counts at rest scatter at least, as a deviation of differences of pairs.
const GRAIN: f64 = 0.5;
/// A leak per cycle that no pool makes, where too few cycles came before the first rung.
pub(super) const PLAIN: f64 = 0.25;
/// What is on one side so seldom by chance is there for a reason.
const ONE_SIDED: f64 = 0.04;
/// What idle rungs take back counts from this part of the difference on.
const TAKEN_BACK: f64 = 0.1;
/// How much more is asked for each sign that is missing, by simulation.
const COARSE: f64 = 0.1;

/// What the pairs say.
pub(super) struct Rates {
    /// The sum of their growth.
    pub(super) sum: f64,
    /// Per cycle.
    pub(super) per_cycle: Interval,
    /// The smallest leak per cycle that would have been found four times in five.
    pub(super) smallest: Option<f64>,
    /// The bound of the interval with what was left out as noise, but for one step.
    pub(super) at_most: f64,
    /// The second half grew by less than half as much as the first.
    pub(super) fades: bool,
    /// Idle rungs take back what driven ones left.
    pub(super) lingers: bool,
}

impl Rates {
    /// Of these pairs, of which those that fall by more than `deep` in a rung tell nothing; so many are tested.
    /// `None` where there are fewer than two.
    pub(super) fn of(all: &[Pair], tested: usize, deep: f64, options: &Options) -> Option<Self> {
        let pairs = telling(all, deep);
        let cycles: Vec<f64> = pairs.iter().map(|pair| pair.cycles).collect();
        let lingers = is_taken_back(&pairs, options);
        let raw: Vec<f64> = pairs.iter().map(|pair| pair.difference()).collect();
        let values = trim(&raw, &cycles);
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
        if lingers {
            let sums: Vec<f64> = pairs.iter().map(|pair| pair.driven + pair.idle).collect();
            let (stays, _) = interval(&trim(&sums, &cycles), &cycles, options)?;
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
            fades: rate(&values[half..], &cycles[half..]) < 0.4 * older,
            lingers,
        })
    }
}

/// The pairs without those of which a rung rises or falls far. Where it is the rule, or where it is the driven
/// rungs that rise, they tell.
fn telling(all: &[Pair], deep: f64) -> Vec<Pair> {
    let tops: Vec<f64> = all.iter().map(|pair| pair.driven.max(pair.idle)).collect();
    let mut high = median(&tops) + 4.0 * (spread(&tops) + 1.0);
    let far = all.iter().filter(|pair| high < pair.driven.max(pair.idle));
    let (driven, idle): (Vec<&Pair>, Vec<&Pair>) = far.partition(|pair| pair.idle < pair.driven);
    if is_one_sided(driven.len(), idle.len()) {
        high = f64::INFINITY;
    }
    let tells =
        |pair: &&Pair| -deep <= pair.driven.min(pair.idle) && pair.driven.max(pair.idle) <= high;
    let pairs: Vec<Pair> = all.iter().filter(tells).copied().collect();
    if 2 * all.len() <= 3 * pairs.len() { pairs } else { all.to_vec() }
}

/// Whether so many on this side and on the other are no chance.
fn is_one_sided(here: usize, there: usize) -> bool {
    let [here, all] = [here, here + there].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    binomial_at_least(here, all, 0.5) <= ONE_SIDED
}

/// Whether idle rungs fall by what driven ones have risen.
fn is_taken_back(pairs: &[Pair], options: &Options) -> bool {
    let ones = vec![1.0; pairs.len()];
    let idle: Vec<f64> = pairs.iter().map(|pair| pair.idle).collect();
    let idle = trim(&idle, &ones);
    let differences: Vec<f64> = pairs.iter().map(|pair| pair.difference()).collect();
    let options = Options { alpha: 0.05, ..options.clone() };
    interval(&idle, &ones, &options).is_some_and(|(idle, _)| {
        idle.high < 0.0 && TAKEN_BACK * mean(&trim(&differences, &ones)) < -idle.estimate
    })
}

/// Cuts what is far from the usual rate, the same to both sides: what is far on one side only is no noise.
fn trim(values: &[f64], cycles: &[f64]) -> Vec<f64> {
    let rates: Vec<f64> = values.iter().zip(cycles).map(|(d, c)| d / c).collect();
    let usual = median(&rates);
    let rests: Vec<f64> = values.iter().zip(cycles).map(|(d, c)| d - usual * c).collect();
    let cap = 2.0 * (spread(&rests) + 1.0);
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

/// The rate with its t interval, and its error. Long rungs may scatter more than short ones (White 1980, with the
/// correction for those that weigh much of `MacKinnon` and White 1985).
pub(super) fn interval(
    values: &[f64],
    cycles: &[f64],
    options: &Options,
) -> Option<(Interval, Error)> {
    let squares = powers(cycles, 2);
    if values.len() < 2 || squares <= 0.0 {
        return None;
    }
    let estimate = rate(values, cycles);
    let pulls = values.iter().zip(cycles).map(|(d, c)| {
        let weight = c * c / squares;
        (d - estimate * c) * c / squares / (1.0 - weight).max(1e-9).sqrt()
    });
    let pulls: Vec<f64> = pulls.collect();
    let error = Error::of(powers(&pulls, 2).sqrt(), cycles);
    let reach = error.reach(options);
    // A mean of few large numbers among many small ones is more often far too small than too large (Johnson
    // 1978); to narrow the interval on the other side would be bold.
    let skew = powers(&pulls, 3) / (6.0 * error.of_rate * error.of_rate);
    let (low, high) = (estimate - reach + skew.min(0.0), estimate + reach + skew.max(0.0));
    Some((Interval { estimate, low, high }, error))
}

/// The sum of the powers.
fn powers(values: &[f64], n: i32) -> f64 {
    values.iter().map(|value| value.powi(n)).sum()
}

/// How well a rate is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Error {
    /// Its standard error.
    pub(super) of_rate: f64,
    /// How many numbers it rests on, less one.
    pub(super) freedom: f64,
}

impl Error {
    /// So much, by pairs of so many cycles: few long ones tell less than their number with all the short ones
    /// (Satterthwaite 1946).
    fn of(of_rate: f64, cycles: &[f64]) -> Self {
        let squares = powers(cycles, 2);
        let worth = squares * squares / powers(cycles, 4);
        Self { of_rate: of_rate.max(GRAIN / squares.sqrt()), freedom: (worth - 1.0).max(1.0) }
    }

    /// What is to be expected of pairs of so many cycles whose differences scatter by this.
    pub(super) fn expected(scatter: f64, cycles: &[f64]) -> Self {
        Self::of(scatter / powers(cycles, 2).sqrt(), cycles)
    }

    /// How far the interval reaches to each side.
    fn reach(self, options: &Options) -> f64 {
        t_quantile(1.0 - options.chance(), self.freedom) * self.of_rate
    }
}

/// The smallest leak per cycle that is found four times in five where a rate has this error, by so many pairs in
/// the test and the cycles of those that tell. The judge says it of a run, and the plan before.
pub(super) fn smallest(
    error: Error,
    cycles: &[f64],
    tested: usize,
    options: &Options,
) -> Option<f64> {
    let Error { of_rate, freedom } = error;
    // A leak that comes at random scatters by itself (Poisson), and more the larger it is: this is the rate that
    // is so many of its own deviations above another.
    let own = powers(cycles, 3) / powers(cycles, 2).powi(2);
    let above = |other: f64, by: f64| {
        let middle = other + by * by * own / 2.0;
        middle + (middle * middle - other * other + (by * of_rate).powi(2)).max(0.0).sqrt()
    };
    let alpha = first(options);
    let way = Way::of(tested, options);
    // Simulated, the test with its cuts finds in four of five what normal noise would let it find in nine of ten;
    // and where few pairs weigh, next to all of their signs must be the same.
    let coarse = (-alpha.log2() - freedom + 2.0).max(0.0);
    let found = t_quantile(0.9, freedom) * (1.0 + COARSE * coarse);
    let test = above(0.0, t_quantile(1.0 - alpha, freedom).max(way.asks(alpha)) + found);
    let known = options.warmup_cycles >= super::plan::WARM_CYCLES;
    let bound = t_quantile(1.0 - options.chance(), freedom) + t_quantile(0.8, freedom);
    let plain = if known { 0.0 } else { above(PLAIN, bound) };
    let least = options.least() / cycles.iter().sum::<f64>();
    (way.finest(tested) <= alpha).then(|| test.max(plain).max(least))
}

/// What Holm's procedure asks of the first of all tests.
fn first(options: &Options) -> f64 {
    let share = if options.early_stop { 1.0 - early::SHARE } else { 1.0 };
    options.chance() * share / options.tests()
}

/// How many pairs it takes for the chance to be as small as is asked for.
pub(super) fn fewest_pairs(options: &Options) -> usize {
    let alpha = first(options);
    (1..1000).find(|pairs| Way::of(*pairs, options).finest(*pairs) <= alpha).unwrap_or(1000)
}
