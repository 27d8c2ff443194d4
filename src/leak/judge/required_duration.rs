//! The duration that a run needs to decide, at the pace that this one achieved. Pure.
//!
//! A busy machine or a slow command makes fewer cycles and pairs than planned.

use serde::Serialize;

use super::design::{CYCLES_PER_SECOND, FULL_WARMUP_CYCLES, WARMUP_CYCLES, WARMUP_EXTENSION};
use super::plan::Plan;

/// Common durations, in seconds.
const COMMON_SECONDS: [f64; 11] =
    [180.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0, 86400.0];

/// The benefit of a longer run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Gain {
    /// It is long enough to judge growth by time.
    ByTime,
    /// It rules out smaller growth.
    Limit,
    /// It distinguishes a leak from a slow warm-up or one step.
    WarmUp,
    /// It has enough on/off pairs for a significant leak.
    Pairs { needed: usize, had: u64 },
    /// Its warm-up has enough cycles.
    WarmUpCycles { had: f64 },
}

/// A longer run and its benefit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RequiredDuration {
    /// `None` if a day is too short.
    pub(crate) seconds: Option<f64>,
    pub(crate) gain: Gain,
}

/// The first common duration of at least `seconds` that is longer than this run.
pub(crate) fn common(seconds: f64, run_seconds: f64) -> Option<f64> {
    COMMON_SECONDS.into_iter().find(|common| seconds <= *common && 1.1 * run_seconds < *common)
}

/// The pace that a run achieved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AchievedRate {
    /// Cycles per second while driven.
    pub(crate) pace: f64,
    /// Seconds of a pair; 0 without pairs.
    pub(crate) pair: f64,
}

impl AchievedRate {
    /// The first common duration that has this many pairs.
    pub(crate) fn length_of_pairs(self, pairs: usize) -> Option<f64> {
        COMMON_SECONDS.into_iter().find(|seconds| pairs <= self.pairs(*seconds))
    }

    /// The first common duration with a full warm-up.
    pub(crate) fn length_of_warm_up(self) -> Option<f64> {
        COMMON_SECONDS.into_iter().find(|seconds| {
            FULL_WARMUP_CYCLES
                <= self.pace * self.warm_up(&Plan::new(*seconds, CYCLES_PER_SECOND, 0))
        })
    }

    fn pairs(self, seconds: f64) -> usize {
        let plan = Plan::new(seconds, CYCLES_PER_SECOND, 0);
        let mut at = self.warm_up(&plan);
        let pairs = plan.steps.chunks(2).map(|two| {
            let planned: f64 = two.iter().map(|step| step.drive + step.settle).sum();
            at += planned.max(self.pair);
            at
        });
        pairs.take_while(|end| *end <= seconds).count()
    }

    /// Seconds of warm-up, extended if cycles are slower than planned.
    fn warm_up(self, plan: &Plan) -> f64 {
        let needed = plan.warmup_cycles.min(WARMUP_CYCLES) / self.pace.max(1e-9);
        needed.clamp(plan.warmup, (1.0 + WARMUP_EXTENSION) * plan.warmup)
    }
}
