//! Why a verdict is what it is, and what to do.

use serde::Serialize;

use crate::leak::judge::Verdict;
use crate::leak::judge::combine::Missing;
use crate::leak::judge::driven::{CycleReason, Driven};
use crate::leak::judge::exact::SurvivorKind;
use crate::leak::judge::new_growth::Part;
use crate::leak::judge::passive::{Late, Passive, Undecided};
use crate::leak::judge::required_duration::Gain;
use crate::leak::judge::work::Work;
use crate::leak::metric::Source;
use crate::leak::reasons::{FailureReason, Noted, form};

/// Why the verdict over all metrics is what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum VerdictReason {
    /// A metric that decides grows.
    Leak {
        /// What stopped during the check. The growth is that until then.
        until_then: Vec<Missing>,
    },
    /// No metric that decides grows.
    Clean {
        /// Growth by time could not be judged.
        per_cycle_only: bool,
    },
    /// A metric that decides could not be judged.
    Inconclusive,
    /// The recording has no end, so what cmon left behind is unknown.
    RecordingWithoutEnd,
    /// Conditions of a valid measurement were not met.
    Missing { conditions: Vec<Missing> },
    /// No metric could be judged.
    NothingJudged,
    /// A target has no figure that decides.
    NoDecidingFigure {
        target: Source,
        /// The figures that it has.
        figures: Vec<String>,
    },
    /// A target stopped showing the figures that decide.
    DecidingFiguresGone {
        target: Source,
        figures: Vec<String>,
        /// When the last of them was read, in seconds since the start.
        until: f64,
    },
    /// The check could not go on.
    Failed {
        /// As `cause`, and as a sentence in `error`.
        #[serde(flatten, serialize_with = "form::cause")]
        cause: Noted<FailureReason>,
    },
}

/// Why the verdict on one metric is what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum MetricReason {
    NotJudged,
    Exact {
        /// Streams that cmon opened.
        opened: u64,
        /// What was alive after the drain.
        survivors: Vec<SurvivorKind>,
    },
    /// The runtime of a target proves how many goroutines can never wake.
    Proof {
        first: u64,
        last: u64,
    },
    /// Drive phases were compared with idle phases.
    Driven {
        /// What decided per cycle.
        per_cycle: CycleReason,
        /// What decided per minute while idle.
        per_minute: TimeReason,
    },
    /// The target was watched on its own load.
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
    /// Of a driven run.
    pub(crate) fn driven(found: &Driven) -> Self {
        Self::Driven { per_cycle: found.reason, per_minute: TimeReason::of(&found.idle) }
    }
}

/// What decided the verdict per minute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TimeReason {
    /// The verdict per minute.
    pub(crate) verdict: Verdict,
    /// Cycles went on meanwhile and may have made some of the growth.
    pub(crate) cycles_may_add: bool,
    /// The part of the run after the growth had stopped.
    pub(crate) late: Option<Late>,
    /// What was missing for a verdict.
    pub(crate) undecided: Option<Undecided>,
    /// The work done, when it was counted.
    pub(crate) work: Option<Work>,
}

impl TimeReason {
    /// From the result of the judge.
    pub(crate) fn of(found: &Passive) -> Self {
        Self {
            verdict: found.verdict,
            cycles_may_add: found.cycles_may_add,
            late: found.late.clone(),
            undecided: found.undecided,
            work: found.work.clone(),
        }
    }
}

/// What kept a metric from a clear verdict. Metrics with the same reason are named together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Reason {
    /// Too few on/off pairs for the test.
    FewPairs,
    /// The growth per cycle may be chance.
    MayBeChance,
    /// Idle phases take back what drive phases left.
    SelfClearing,
    /// The rate is not above the tolerance, and its interval is not below it.
    NearTolerance,
    /// Growth per cycle becomes less: a pool may be filling.
    Decelerating,
    /// The warm-up had too few cycles.
    ShortWarmUp,
    /// Growth by time could not be judged.
    ByTime { missing: Undecided },
    /// Restarts left no part that is long enough.
    Restarted {
        /// How often the series started anew.
        times: usize,
        /// Seconds of the longest part.
        longest_seconds: f64,
        /// Seconds that are enough.
        least_seconds: f64,
    },
    /// It grew by time, as it does in a warm-up.
    GrowsByTime,
    /// A sign of a leak that is too weak among this many metrics.
    WeakAmongMany,
    /// It could not be read until the end.
    NotReadable {
        /// When it was read last, in seconds since the start.
        until: f64,
    },
    /// It cannot be compared with the earlier check.
    Baseline,
    /// None of these.
    Other,
}

/// What to do to learn more.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Advice {
    /// The containers wrote nothing: select others.
    SelectOtherContainers,
    /// The earlier check had another kind of load: leave `--baseline` out, or record one with the same load.
    MatchBaselineLoad,
    /// Find what restarts the target.
    FindRestarts {
        /// A check needs this many seconds without a restart.
        least_seconds: f64,
    },
    RunLonger {
        /// For this many seconds; `null` when a day is too short.
        seconds: Option<f64>,
        gains: Vec<Gain>,
        /// The load is made by cycles, so a larger `--max-per-cycle` helps too; else a larger `--max-per-min`.
        driven: bool,
    },
}
