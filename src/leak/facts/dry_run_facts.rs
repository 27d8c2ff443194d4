//! What a check would do and what it could find (`--dry-run`).

use serde::Serialize;

use super::{DaemonFacts, Phase, Unavailable};
use crate::leak::metric::{MetricId, Source};
use crate::leak::record::{Drive, Rules};

/// What a check would do and what it could find.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PlanReport {
    /// The version of cmon.
    pub(crate) cmon: String,
    /// The daemon, when there is one.
    pub(crate) daemon: Option<DaemonFacts>,
    /// When it was looked: RFC 3339, UTC.
    #[serde(skip)]
    pub(crate) time: String,
    /// The containers whose streams would be opened and closed.
    pub(crate) containers: Vec<String>,
    /// The targets as they were given.
    pub(crate) targets: Vec<String>,
    /// How the load would be made.
    pub(crate) drive: Drive,
    /// The metric by which a target counts its cycles; empty without one.
    pub(crate) cycles_metric: String,
    /// The length that was asked for, in seconds.
    #[serde(rename = "duration_seconds")]
    pub(crate) duration: f64,
    /// How long it would take, in seconds, unless it is sure before.
    pub(crate) seconds: f64,
    /// The age in seconds at which each stream would be closed; 0 where cmon drives none.
    #[serde(rename = "stream_timeout_seconds")]
    pub(crate) stream_timeout: f64,
    /// Cycles per minute while driven, at most; nothing where cmon drives none.
    pub(crate) cycles_per_minute: Option<f64>,
    /// How long it would drive before anything counts, in seconds.
    #[serde(rename = "warm_up_seconds")]
    pub(crate) warm_up: f64,
    /// Cycles in that time.
    pub(crate) warm_up_cycles: f64,
    /// Pairs of a driven and an idle phase.
    pub(crate) pairs: u64,
    /// The phases: begin and end in seconds, driven or not.
    pub(crate) phases: Vec<Phase>,
    /// The smallest leak per cycle that it detects with a power of 80 %, when counts at rest scatter by 1.
    pub(crate) smallest_per_cycle: Option<f64>,
    /// The smallest growth per minute that it finds where counts scatter by 1; nothing with phases, or where it is
    /// too short.
    pub(crate) smallest_per_minute: Option<f64>,
    /// Seconds between two readings; with phases those that decide are at rest, one at the end of each.
    #[serde(rename = "reading_every_seconds")]
    pub(crate) reading_every: f64,
    /// A common duration that has enough pairs, in seconds; `null` without phases.
    #[serde(rename = "long_enough_seconds")]
    pub(crate) long_enough: Option<f64>,
    /// The random order comes from this.
    pub(crate) seed: u64,
    /// How the verdict would be made.
    pub(crate) rules: Rules,
    /// What was found to be readable.
    pub(crate) probes: Vec<Readable>,
    /// What was read just now.
    pub(crate) metrics: Vec<Now>,
    /// What cannot be had.
    pub(crate) unavailable: Vec<Unavailable>,
}

/// What can be read of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Readable {
    pub(crate) source: Source,
    /// What of it, in words.
    pub(crate) readable: String,
}

/// A metric as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Now {
    #[serde(flatten)]
    pub(crate) id: MetricId,
    /// Whether it would take part in the verdict.
    pub(crate) gated: bool,
    pub(crate) value: f64,
}
