//! Testing by betting: an e-process that may be checked after each pair, so that a driven run can stop early.
//!
//! It bets on the sign of each difference. Without a leak the random order decides that sign, so the expected
//! wealth stays 1 however often it is checked. By Ville's inequality the wealth ever reaches `x` with a
//! probability of at most `1/x`. Reaching the threshold is necessary for an early stop, not sufficient: see
//! `driven::is_sure`.

use super::Options;
use super::pairs::{Pair, Phase};

/// The part of `alpha` that is spent on checks during the run; the rest is for the test at the end.
pub(super) const ALPHA_SHARE: f64 = 1.0 / 3.0;
/// The part of the wealth that is bet on the next sign.
const BET_FRACTION: f64 = 0.7;
/// No run is stopped before this many pairs.
const PAIRS_MIN: usize = 10;

/// The e-process of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EProcess {
    /// The wealth must reach this.
    threshold: f64,
    log_wealth: f64,
    /// The sum of the differences after each pair, from 0.
    sums: Vec<f64>,
    stopped: Option<usize>,
}

impl EProcess {
    /// Before the first pair. The gated metrics share the part of `alpha` that is spent here.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            threshold: options.tests() / (ALPHA_SHARE * options.chance()),
            log_wealth: 0.0,
            sums: vec![0.0],
            stopped: None,
        }
    }

    /// After all pairs of a run.
    pub(super) fn of(phases: &[Phase], options: &Options) -> Self {
        let mut process = Self::new(options);
        Pair::with_cycles(phases).for_each(|(_, pair)| process.add(pair.difference()));
        process
    }

    /// Adds the difference of the next pair. After the threshold was reached nothing changes any more. A
    /// difference that is not finite is skipped.
    pub(super) fn add(&mut self, difference: f64) {
        if !super::sound(difference) || self.stopped.is_some() {
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
        // A pool that fills with cycles looks like a leak in its first half.
        let lasts = (sum - older) / (pairs - half) as f64 >= 0.5 * older / half.max(1) as f64;
        if self.wealth() >= self.threshold && pairs >= PAIRS_MIN && lasts {
            self.stopped = Some(pairs);
        }
    }

    /// The wealth; it starts at 1.
    pub(super) fn wealth(&self) -> f64 {
        self.log_wealth.exp()
    }

    /// After how many pairs the threshold was reached.
    pub(super) fn stopped(&self) -> Option<usize> {
        self.stopped
    }
}
