//! An e-process (testing by betting): a sequential test after each pair, so that a driven run can stop early.
//!
//! It bets on the sign of each difference. Without a leak the sign is random, so the expected wealth stays 1. By
//! Ville's inequality the probability that the wealth ever reaches `x` is at most `1/x`. The threshold is necessary for
//! an early stop, but not sufficient: see `driven::is_sure`.

use super::Options;
use super::pairs::{Pair, Phase};

/// The share of `alpha` for the tests during the run. The final test uses the rest.
pub(super) const ALPHA_SHARE: f64 = 1.0 / 3.0;
/// The share of the wealth that each bet uses.
const BET_FRACTION: f64 = 0.7;
/// The minimum of pairs before an early stop.
const PAIRS_MIN: usize = 10;

/// The e-process of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EProcess {
    /// The required wealth.
    threshold: f64,
    log_wealth: f64,
    /// Cumulative sums of the differences, starting with 0.
    sums: Vec<f64>,
    stopped: Option<usize>,
}

impl EProcess {
    /// All tests share [`ALPHA_SHARE`] of `alpha`.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            threshold: options.tests() / (ALPHA_SHARE * options.clamped_alpha()),
            log_wealth: 0.0,
            sums: vec![0.0],
            stopped: None,
        }
    }

    pub(super) fn of(phases: &[Phase], options: &Options) -> Self {
        let mut process = Self::new(options);
        Pair::with_cycles(phases).for_each(|(_, pair)| process.add(pair.difference()));
        process
    }

    /// Adds the difference of the next pair. Has no effect after the threshold was reached, or with a NaN.
    pub(super) fn add(&mut self, difference: f64) {
        if !super::is_usable(difference) || self.stopped.is_some() {
            return;
        }
        let sum = self.sums.last().copied().unwrap_or_default() + difference;
        self.sums.push(sum);
        if difference > 0.0 {
            self.log_wealth += BET_FRACTION.ln_1p();
        } else if difference < 0.0 {
            self.log_wealth += (-BET_FRACTION).ln_1p();
        }
        let pairs = self.sums.len() - 1;
        let half = pairs / 2;
        let older = self.sums[half];
        // In its first half, a pool that fills with cycles looks like a leak.
        let lasts = (sum - older) / (pairs - half) as f64 >= 0.5 * older / half.max(1) as f64;
        if self.wealth() >= self.threshold && pairs >= PAIRS_MIN && lasts {
            self.stopped = Some(pairs);
        }
    }

    /// Starts at 1.
    pub(super) fn wealth(&self) -> f64 {
        self.log_wealth.exp()
    }

    /// The number of pairs after which the wealth reached the threshold.
    pub(super) fn stopped(&self) -> Option<usize> {
        self.stopped
    }
}
