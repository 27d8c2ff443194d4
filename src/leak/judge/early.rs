//! Stops a driven run as soon as it is sure, and may look after each pair.
//!
//! A bet on the sign of each difference: without a leak a coin decided it, so that the fortune
//! stays at 1 on average however often one looks (Ville's inequality: it ever reaches `x` with a
//! chance of at most `1/x`). The bet alone stops nothing: the judge must say LEAK of what there is by
//! then, with the tolerance and all its other conditions, which can only make stops fewer. Only LEAK
//! stops a run; for CLEAN the whole duration was asked.

use super::driven::{self, Pair, Rung};
use super::{Interval, Options, Verdict};

/// The part of `alpha` that is spent on the way; the rest is for the test at the end.
pub(super) const SHARE: f64 = 1.0 / 3.0;
/// What of the fortune is put on the next sign.
const STAKE: f64 = 0.7;
/// A rate is known well where the upper bound is not further from the lower one.
const WELL: f64 = 2.0;
/// No run is stopped before this many pairs.
const LEAST: usize = 10;

/// Whether a driven run can be stopped after these rungs: one metric's bet has come in, and judged
/// now it is a LEAK whose rate is known well. A function of the rungs alone, so that the same ones judged again
/// say the same.
pub fn is_sure(rungs: &[Rung], options: &Options) -> bool {
    if !options.early_stop || Bet::on(rungs, options).stopped().is_none() {
        return false;
    }
    let judged = driven::by_cycles(rungs, options).0;
    // A rate that is told too soon is told wrong.
    let is_known = |rate: Interval| rate.high <= WELL * rate.low;
    judged.verdict == Verdict::Leak && judged.per_cycle.is_some_and(is_known)
}

/// The bet so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bet {
    /// The fortune must reach this.
    target: f64,
    log: f64,
    /// The sum of the differences after each pair, from 0.
    sums: Vec<f64>,
    stopped: Option<usize>,
}

impl Bet {
    /// Before the first pair. A third of `alpha` is spent here, shared by the gated metrics.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            target: options.tests() / (SHARE * options.chance()),
            log: 0.0,
            sums: vec![0.0],
            stopped: None,
        }
    }

    /// On all pairs of a run.
    pub(super) fn on(rungs: &[Rung], options: &Options) -> Self {
        let mut bet = Self::new(options);
        Pair::turning(rungs).for_each(|(_, pair)| bet.add(pair.difference()));
        bet
    }

    /// After a pair: its growth while driven minus its growth while idle. Once it has come in, nothing
    /// more is put on it. A difference that is not finite is left out.
    pub(super) fn add(&mut self, difference: f64) {
        if !super::sound(difference) || self.stopped.is_some() {
            return;
        }
        let sum = self.sums.last().copied().unwrap_or_default() + difference;
        self.sums.push(sum);
        if difference > 0.0 {
            self.log += STAKE.ln_1p();
        } else if difference < 0.0 {
            self.log += (-STAKE).ln_1p();
        }
        let pairs = self.sums.len() - 1;
        let half = pairs / 2;
        let older = self.sums[half];
        // A pool that fills with cycles looks like a leak in its first half.
        let lasts = (sum - older) / (pairs - half) as f64 >= 0.5 * older / half.max(1) as f64;
        if self.fortune() >= self.target && pairs >= LEAST && lasts {
            self.stopped = Some(pairs);
        }
    }

    /// The fortune, from 1 at the start.
    pub(super) fn fortune(&self) -> f64 {
        self.log.exp()
    }

    /// After how many pairs it came in.
    pub(super) fn stopped(&self) -> Option<usize> {
        self.stopped
    }
}
