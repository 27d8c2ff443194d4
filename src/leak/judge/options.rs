//! Options of the judges: tolerances and the false alarm rate.

use super::design::WARMUP_CYCLES;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// The probability of any false LEAK over all gated metrics.
    pub(crate) alpha: f64,
    /// The tolerated growth per cycle.
    pub(crate) max_per_cycle: f64,
    /// The tolerated growth per minute.
    pub(crate) max_per_minute: f64,
    /// Total growth below this is ignored. The minimum is 3.
    pub(crate) ignore_below: f64,
    /// Whether a driven run may stop early. The tests during the run and the final test then share `alpha`.
    pub(crate) early_stop: bool,
    /// Whether the run was stopped early, so that it has no final test.
    pub(crate) stopped: bool,
    /// The number of tests that share `alpha`.
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
    /// `alpha` in the range 1e-6 to 0.25.
    pub(super) fn clamped_alpha(&self) -> f64 {
        if self.alpha.is_finite() { self.alpha.clamp(1e-6, 0.25) } else { 0.01 }
    }

    pub(super) fn tests(&self) -> f64 {
        self.metrics.max(1) as f64
    }

    /// The minimum of total growth that counts.
    pub(super) fn min_growth(&self) -> f64 {
        if self.ignore_below.is_finite() { self.ignore_below.max(3.0) } else { 3.0 }
    }
}
