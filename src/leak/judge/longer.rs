//! How long a run would have to be that goes as fast as one that could not tell. Pure.
//!
//! Apart from the plan, which knows what was meant and not what came of it: streams of a machine under load, and a
//! command that takes its time, make fewer cycles, and rungs wait for the command, so that fewer pairs fit.

use super::plan::{MORE, Plan, RATE, WARM_CYCLES};

/// The lengths that one asks for, in seconds.
const USUAL: [f64; 11] =
    [180.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0, 86400.0];

/// What a longer run would change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gain {
    /// It would be long enough to decide at all by time.
    ByTime,
    /// It would rule out more growth.
    Limit,
    /// It would tell a leak from a slow warm-up or one step.
    WarmUp,
    /// It would have as many pairs of rungs as a certain leak takes.
    Pairs {
        /// How many that is.
        wanted: usize,
        /// How many there were.
        had: u64,
    },
    /// It would have more cycles before its first rung.
    WarmUpCycles {
        /// How many there were.
        had: f64,
    },
}

/// A longer run and what it would change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Longer {
    /// How long it has to be, in seconds; nothing where a day is too short.
    pub seconds: Option<f64>,
    /// What it would change.
    pub gain: Gain,
}

/// The first usual length of so many seconds that is longer than the run that was made.
pub fn usual(seconds: f64, made: f64) -> Option<f64> {
    USUAL.into_iter().find(|usual| seconds <= *usual && 1.1 * made < *usual)
}

/// How fast a run went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// Cycles per second while driven.
    pub pace: f64,
    /// Seconds of a pair; 0 where there was none.
    pub pair: f64,
}

impl Reached {
    /// The first usual length that has so many pairs.
    pub fn length_of_pairs(self, pairs: usize) -> Option<f64> {
        USUAL.into_iter().find(|seconds| pairs <= self.pairs(*seconds))
    }

    /// The first usual length that has cycles enough before its first rung.
    pub fn length_of_warm_up(self) -> Option<f64> {
        USUAL
            .into_iter()
            .find(|seconds| WARM_CYCLES <= self.pace * self.warm_up(&Plan::new(*seconds, RATE, 0)))
    }

    fn pairs(self, seconds: f64) -> usize {
        let plan = Plan::new(seconds, RATE, 0);
        let mut at = self.warm_up(&plan);
        let pairs = plan.steps.chunks(2).map(|two| {
            let planned: f64 = two.iter().map(|step| step.drive + step.settle).sum();
            at += planned.max(self.pair);
            at
        });
        pairs.take_while(|end| *end <= seconds).count()
    }

    /// Seconds of warm-up: where the cycles are slower than planned, more of it is driven.
    fn warm_up(self, plan: &Plan) -> f64 {
        let wanted = plan.warmup_cycles.min(super::plan::WARMUP_CYCLES) / self.pace.max(1e-9);
        wanted.clamp(plan.warmup, (1.0 + MORE) * plan.warmup)
    }
}
