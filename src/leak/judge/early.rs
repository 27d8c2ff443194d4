//! Stops a driven run as soon as it is sure, and may look after each pair.
//!
//! A bet on the sign of each difference: without a leak a coin decided it, so that the fortune
//! stays at 1 on average however often one looks (Ville's inequality: it ever reaches `x` with a
//! chance of at most `1/x`). Only LEAK stops a run; for CLEAN the whole duration was asked.

use serde::Serialize;

use super::Options;

/// The part of `alpha` that is spent on the way; the rest is for the test at the end.
pub(super) const SHARE: f64 = 1.0 / 3.0;
/// What of the fortune is put on the next sign.
const STAKE: f64 = 0.7;
/// No run is stopped before this many pairs.
const LEAST: usize = 10;

/// The bet so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlyStop {
    /// The fortune must reach this.
    target: f64,
    least: f64,
    log: f64,
    differences: Vec<f64>,
    stopped: Option<usize>,
}

impl EarlyStop {
    /// Before the first pair. A third of `alpha` is spent here, shared by the gated metrics.
    pub fn new(options: &Options) -> Self {
        let metrics = options.metrics.max(1) as f64;
        Self {
            target: metrics / (SHARE * options.chance()),
            least: options.least(),
            log: 0.0,
            differences: Vec::new(),
            stopped: None,
        }
    }

    /// After a pair: its growth while driven minus its growth while idle. True when the run can be
    /// stopped, from then on always. A difference that is not finite is left out.
    pub fn add(&mut self, difference: f64) -> bool {
        if !super::sound(difference) || self.stopped.is_some() {
            return self.stopped.is_some();
        }
        self.differences.push(difference);
        if difference > 0.0 {
            self.log += STAKE.ln_1p();
        } else if difference < 0.0 {
            self.log += (-STAKE).ln_1p();
        }
        let pairs = self.differences.len();
        let (older, newer) = self.differences.split_at(pairs / 2);
        let per = |part: &[f64]| super::stats::mean(part);
        // A pool that fills with cycles looks like a leak in its first half.
        let lasts = per(newer) >= 0.5 * per(older);
        let sum: f64 = self.differences.iter().sum();
        if self.fortune() >= self.target && pairs >= LEAST && sum >= self.least && lasts {
            self.stopped = Some(pairs);
        }
        self.stopped.is_some()
    }

    /// The fortune, from 1 at the start.
    pub fn fortune(&self) -> f64 {
        self.log.exp()
    }

    /// After how many pairs the run could be stopped.
    pub fn stopped(&self) -> Option<usize> {
        self.stopped
    }
}
