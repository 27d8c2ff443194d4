//! What the judges tolerate, and which chance of a false alarm they accept.

use super::design::WARMUP_CYCLES;

/// The options of the judges.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// The accepted probability of a false LEAK, over all gated metrics together.
    pub(crate) alpha: f64,
    /// Growth per cycle that is tolerated.
    pub(crate) max_per_cycle: f64,
    /// Growth per minute that is tolerated.
    pub(crate) max_per_minute: f64,
    /// Growth over a whole run below this is ignored; never less than 3.
    pub(crate) ignore_below: f64,
    /// Whether a driven run may stop early. `alpha` is then split between the checks during the run and the test
    /// at the end.
    pub(crate) early_stop: bool,
    /// Whether it was stopped early: it has no end to test at.
    pub(crate) stopped: bool,
    /// How many tests of gated metrics share `alpha`.
    pub(crate) metrics: usize,
    /// Cycles of the warm-up.
    pub(crate) warmup_cycles: f64,
    /// The seed of Monte Carlo tests.
    pub(crate) seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            max_per_cycle: 0.03,
            max_per_minute: 1.0,
            ignore_below: 0.0,
            early_stop: true,
            stopped: false,
            metrics: 1,
            warmup_cycles: WARMUP_CYCLES,
            seed: 1,
        }
    }
}

impl Options {
    /// `alpha`, clamped to a probability that has quantiles.
    pub(super) fn chance(&self) -> f64 {
        if self.alpha.is_finite() { self.alpha.clamp(1e-6, 0.25) } else { 0.01 }
    }

    /// How many tests share `alpha`, at least one.
    pub(super) fn tests(&self) -> f64 {
        self.metrics.max(1) as f64
    }

    /// The smallest growth over a run that counts.
    pub(super) fn least(&self) -> f64 {
        if self.ignore_below.is_finite() { self.ignore_below.max(3.0) } else { 3.0 }
    }
}
