//! The standard error of a driven run's rate, and the smallest leak that the run detects.

use super::Options;
use super::design::FULL_WARMUP_CYCLES;
use super::sequential;
use super::sign_flip::PValueMethod;
use super::stats::t_quantile;

/// The minimum standard deviation of the differences of pairs.
const DIFFERENCE_SD_MIN: f64 = 0.5;
/// No pool grows by this much per cycle, not even when the warm-up was short.
pub(super) const PLAIN_LEAK_PER_CYCLE: f64 = 0.25;
/// The detection limit rises by this share for each missing pair. Determined by simulation.
const MISSING_PAIR_PENALTY: f64 = 0.1;

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
    /// For pairs with these cycles. A mix of long and short pairs has fewer degrees of freedom (Satterthwaite 1946).
    pub(super) fn new(se: f64, cycles: &[f64]) -> Self {
        let squares = power_sum(cycles, 2);
        let effective = squares * squares / power_sum(cycles, 4);
        Self { se: se.max(DIFFERENCE_SD_MIN / squares.sqrt()), df: (effective - 1.0).max(1.0) }
    }

    /// The expected error, if the differences of pairs have the standard deviation `sd`.
    pub(super) fn expected(sd: f64, cycles: &[f64]) -> Self {
        Self::new(sd / power_sum(cycles, 2).sqrt(), cycles)
    }

    /// Half the width of the confidence interval.
    pub(super) fn half_width(self, options: &Options) -> f64 {
        t_quantile(1.0 - options.clamped_alpha(), self.df) * self.se
    }
}

/// The smallest leak per cycle that a run detects with a power of 80 %. `error` and `cycles` are those of the estimate,
/// and `tested` is the number of pairs of the test. `None` with too few pairs.
pub(super) fn smallest(
    error: RateError,
    cycles: &[f64],
    tested: usize,
    options: &Options,
) -> Option<f64> {
    let RateError { se, df } = error;
    // A random leak has Poisson scatter, which grows with its rate. `above` is the rate that lies `by` of its own
    // standard deviations above `other`.
    let poisson = power_sum(cycles, 3) / power_sum(cycles, 2).powi(2);
    let above = |other: f64, by: f64| {
        let middle = other + by * by * poisson / 2.0;
        middle + (middle * middle - other * other + (by * se).powi(2)).max(0.0).sqrt()
    };
    let alpha = first_alpha(options);
    let method = PValueMethod::of(tested, options);
    // By simulation, the winsorized test has a power of 80 % where normal noise would give 90 %. With few pairs,
    // nearly all signs must agree.
    let missing = (-alpha.log2() - df + 2.0).max(0.0);
    let found = t_quantile(0.9, df) * (1.0 + MISSING_PAIR_PENALTY * missing);
    let test = above(0.0, t_quantile(1.0 - alpha, df).max(method.critical_value(alpha)) + found);
    let warm = options.warmup_cycles >= FULL_WARMUP_CYCLES;
    let bound = t_quantile(1.0 - options.clamped_alpha(), df) + t_quantile(0.8, df);
    let plain = if warm { 0.0 } else { above(PLAIN_LEAK_PER_CYCLE, bound) };
    let min_rate = options.min_growth() / cycles.iter().sum::<f64>();
    (method.min_p_value(tested) <= alpha).then(|| test.max(plain).max(min_rate))
}

/// The level of the first test in Holm's procedure.
fn first_alpha(options: &Options) -> f64 {
    let share = if options.early_stop { 1.0 - sequential::ALPHA_SHARE } else { 1.0 };
    options.clamped_alpha() * share / options.tests()
}

/// The minimum of pairs for a significant leak per cycle.
pub(crate) fn fewest_pairs(options: &Options) -> usize {
    let alpha = first_alpha(options);
    (1..1000)
        .find(|pairs| PValueMethod::of(*pairs, options).min_p_value(*pairs) <= alpha)
        .unwrap_or(1000)
}
