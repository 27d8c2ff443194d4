//! How sure a driven run is of its rate, and the smallest leak that it detects.

use super::Options;
use super::design::FULL_WARMUP_CYCLES;
use super::sequential;
use super::sign_flip::PValueMethod;
use super::stats::t_quantile;

/// The least standard deviation of differences of pairs: counts at rest scatter by this much.
const DIFFERENCE_SD_MIN: f64 = 0.5;
/// No pool grows by this much per cycle, not even when the warm-up was short.
pub(super) const PLAIN_LEAK_PER_CYCLE: f64 = 0.25;
/// By simulation: the detection limit rises by this part for each pair that is missing.
const MISSING_PAIR_PENALTY: f64 = 0.1;

/// The sum of the powers.
pub(super) fn power_sum(values: &[f64], n: i32) -> f64 {
    values.iter().map(|value| value.powi(n)).sum()
}

/// The standard error of a rate per cycle, with its degrees of freedom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RateError {
    pub(super) se: f64,
    pub(super) df: f64,
}

impl RateError {
    /// From pairs with these cycles. Few long pairs beside many short ones count for less than their number
    /// (Satterthwaite 1946).
    pub(super) fn new(se: f64, cycles: &[f64]) -> Self {
        let squares = power_sum(cycles, 2);
        let effective = squares * squares / power_sum(cycles, 4);
        Self { se: se.max(DIFFERENCE_SD_MIN / squares.sqrt()), df: (effective - 1.0).max(1.0) }
    }

    /// The error to expect from pairs with these cycles when their differences scatter by `sd`.
    pub(super) fn expected(sd: f64, cycles: &[f64]) -> Self {
        Self::new(sd / power_sum(cycles, 2).sqrt(), cycles)
    }

    /// How far the confidence interval reaches to each side.
    pub(super) fn half_width(self, options: &Options) -> f64 {
        t_quantile(1.0 - options.chance(), self.df) * self.se
    }
}

/// The smallest leak per cycle that is detected with a power of 80 %: for a rate with this error, with `tested`
/// pairs in the test, and with the cycles of the pairs that the rate was estimated from.
///
/// The judge states it for a run, and the plan before one. `None` when the pairs are too few.
pub(super) fn smallest(
    error: RateError,
    cycles: &[f64],
    tested: usize,
    options: &Options,
) -> Option<f64> {
    let RateError { se, df } = error;
    // A leak that comes at random scatters by itself (Poisson), more so the larger it is. `above` is the rate
    // that lies `by` of its own deviations above `other`.
    let own = power_sum(cycles, 3) / power_sum(cycles, 2).powi(2);
    let above = |other: f64, by: f64| {
        let middle = other + by * by * own / 2.0;
        middle + (middle * middle - other * other + (by * se).powi(2)).max(0.0).sqrt()
    };
    let alpha = first_alpha(options);
    let method = PValueMethod::of(tested, options);
    // By simulation, the winsorized test finds in 80 % of runs what normal noise would let it find in 90 %. With
    // few pairs, nearly all signs must agree.
    let missing = (-alpha.log2() - df + 2.0).max(0.0);
    let found = t_quantile(0.9, df) * (1.0 + MISSING_PAIR_PENALTY * missing);
    let test = above(0.0, t_quantile(1.0 - alpha, df).max(method.critical_value(alpha)) + found);
    let warm = options.warmup_cycles >= FULL_WARMUP_CYCLES;
    let bound = t_quantile(1.0 - options.chance(), df) + t_quantile(0.8, df);
    let plain = if warm { 0.0 } else { above(PLAIN_LEAK_PER_CYCLE, bound) };
    let least = options.least() / cycles.iter().sum::<f64>();
    (method.min_p_value(tested) <= alpha).then(|| test.max(plain).max(least))
}

/// The level that Holm's procedure demands of the first of all tests.
fn first_alpha(options: &Options) -> f64 {
    let share = if options.early_stop { 1.0 - sequential::ALPHA_SHARE } else { 1.0 };
    options.chance() * share / options.tests()
}

/// How many pairs a run must have before a leak per cycle can be significant.
pub(crate) fn fewest_pairs(options: &Options) -> usize {
    let alpha = first_alpha(options);
    (1..1000)
        .find(|pairs| PValueMethod::of(*pairs, options).min_p_value(*pairs) <= alpha)
        .unwrap_or(1000)
}
