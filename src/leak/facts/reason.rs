//! The reason of a verdict, and the advice.

use serde::Serialize;

use crate::leak::failure::FailureReason;
use crate::leak::judge::Verdict;
use crate::leak::judge::combine::Missing;
use crate::leak::judge::driven::{CycleReason, Driven};
use crate::leak::judge::exact::SurvivorKind;
use crate::leak::judge::new_growth::Part;
use crate::leak::judge::passive::{Late, Passive, Undecided};
use crate::leak::judge::required_duration::Gain;
use crate::leak::judge::work::Work;
use crate::probe::metric::Source;
use crate::probe::reasons::{Noted, form};

/// The reason of the verdict over all metrics.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum VerdictReason {
    /// A gated metric grows.
    Leak {
        /// What stopped during the check. The growth is measured until then.
        until_then: Vec<Missing>,
    },
    /// No gated metric grows.
    Clean {
        /// Growth by time could not be judged.
        per_cycle_only: bool,
    },
    /// A gated metric has no clear verdict.
    Inconclusive,
    /// The recording has no end, so what cmon left behind is unknown.
    RecordingWithoutEnd,
    /// The check did not meet the conditions of a valid measurement.
    Missing { conditions: Vec<Missing> },
    /// No metric could be judged.
    NothingJudged,
    /// A target has no gated metric.
    NoDecidingFigure {
        target: Source,
        /// The quantities that it has.
        figures: Vec<String>,
    },
    /// A target stopped reporting its gated metrics.
    DecidingFiguresGone {
        target: Source,
        figures: Vec<String>,
        /// The time of their last reading, in seconds since the start.
        until: f64,
    },
    /// The check failed.
    Failed {
        /// As `cause`, and as a sentence in `error`.
        #[serde(flatten, serialize_with = "form::cause")]
        cause: Noted<FailureReason>,
    },
}

/// The reason of the verdict on one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum MetricReason {
    NotJudged,
    Exact {
        /// Streams that cmon opened.
        opened: u64,
        /// Tasks and connections that were alive after the drain.
        survivors: Vec<SurvivorKind>,
    },
    /// The runtime of a target proves how many goroutines can never wake.
    Proof {
        first: u64,
        last: u64,
    },
    /// The check compared drive phases with idle phases.
    Driven {
        /// What decided per cycle.
        per_cycle: CycleReason,
        /// What decided per minute while idle.
        per_minute: TimeReason,
    },
    /// The target had its own load.
    Passive {
        /// What decided per minute.
        per_minute: TimeReason,
    },
    /// Compared with an earlier check.
    Baseline {
        figures: Vec<Part>,
    },
}

impl MetricReason {
    pub(crate) fn driven(result: &Driven) -> Self {
        Self::Driven { per_cycle: result.reason, per_minute: TimeReason::of(&result.idle) }
    }
}

/// What decided the verdict per minute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TimeReason {
    /// The verdict per minute.
    pub(crate) verdict: Verdict,
    /// Cycles went on at the same time and may have caused some of the growth.
    pub(crate) cycles_may_add: bool,
    /// The part of the run after the growth had stopped.
    pub(crate) late: Option<Late>,
    /// What was missing for a verdict.
    pub(crate) undecided: Option<Undecided>,
    /// The work done, if it was counted.
    pub(crate) work: Option<Work>,
}

impl TimeReason {
    pub(crate) fn of(result: &Passive) -> Self {
        Self {
            verdict: result.verdict,
            cycles_may_add: result.cycles_may_add,
            late: result.late.clone(),
            undecided: result.undecided,
            work: result.work.clone(),
        }
    }
}

/// Why a metric has no clear verdict. Reports list metrics with the same reason together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Reason {
    /// Too few on/off pairs for the test.
    FewPairs,
    /// The growth per cycle may be chance.
    MayBeChance,
    /// The count falls again in idle phases.
    SelfClearing,
    /// The interval of the rate contains the tolerance.
    NearTolerance,
    /// Growth per cycle slows down: a pool may be filling.
    Decelerating,
    /// The warm-up had too few cycles.
    ShortWarmUp,
    /// Growth by time could not be judged.
    ByTime { missing: Undecided },
    /// Restarts left no part of the series that is long enough.
    Restarted {
        /// Number of restarts.
        times: usize,
        /// Seconds of the longest part.
        longest_seconds: f64,
        /// The minimum in seconds.
        least_seconds: f64,
    },
    /// It grew by time, as in a warm-up.
    GrowsByTime,
    /// Its p-value is not significant after Holm's correction for the number of metrics.
    WeakAmongMany,
    /// It could not be read until the end.
    NotReadable {
        /// The time of its last reading, in seconds since the start.
        until: f64,
    },
    /// It cannot be compared with the earlier check.
    Baseline,
    /// None of these.
    Other,
}

/// What to do after a check without a clear verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Advice {
    /// The containers wrote nothing: select others.
    SelectOtherContainers,
    /// The earlier check had another kind of load: leave `--baseline` out, or record one with the same load.
    MatchBaselineLoad,
    /// Find what restarts the target.
    FindRestarts {
        /// The minimum of seconds without a restart.
        least_seconds: f64,
    },
    RunLonger {
        /// For this many seconds; `null` when a day is too short.
        seconds: Option<f64>,
        gains: Vec<Gain>,
        /// Whether a larger `--max-per-cycle` helps too, or else a larger `--max-per-min`.
        driven: bool,
    },
}
