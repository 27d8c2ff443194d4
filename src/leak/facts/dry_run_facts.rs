//! What a check would do and what it could find (`--dry-run`).

use serde::{Serialize, Serializer};

use super::{DaemonFacts, Phase, Unavailable};
use crate::leak::record::{Drive, Rules};
use crate::probe;
use crate::probe::metric::{MetricId, Source};

/// What a check would do and what it could find.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PlanReport {
    /// The version of cmon.
    pub(crate) cmon: String,
    /// `null` without a daemon.
    pub(crate) daemon: Option<DaemonFacts>,
    /// When the dry run read the metrics: RFC 3339, UTC.
    #[serde(skip)]
    pub(crate) time: String,
    /// The containers whose streams the check would open and close.
    pub(crate) containers: Vec<String>,
    /// The targets as given on the command line.
    pub(crate) targets: Vec<String>,
    pub(crate) drive: Drive,
    /// The metric by which a target counts its cycles; empty without one.
    pub(crate) cycles_metric: String,
    /// The requested length, in seconds.
    #[serde(rename = "duration_seconds")]
    pub(crate) duration: f64,
    /// The planned length in seconds. A certain leak ends a check earlier.
    pub(crate) seconds: f64,
    /// The age in seconds at which cmon would close each stream; 0 when it opens none.
    #[serde(rename = "stream_timeout_seconds")]
    pub(crate) stream_timeout: f64,
    /// The maximum of cycles per minute while driven; `null` when cmon drives none.
    pub(crate) cycles_per_minute: Option<f64>,
    /// The length of the warm-up in seconds.
    #[serde(rename = "warm_up_seconds")]
    pub(crate) warm_up: f64,
    /// Cycles of the warm-up.
    pub(crate) warm_up_cycles: f64,
    /// On/off pairs (a drive phase and an idle phase).
    pub(crate) pairs: u64,
    pub(crate) phases: Vec<Phase>,
    /// The smallest leak per cycle that the check detects with a power of 80 %, if counts at rest scatter by 1.
    pub(crate) smallest_per_cycle: Option<f64>,
    /// The smallest growth per minute that the check detects, if counts scatter by 1. `null` with phases, or when
    /// the check is too short.
    pub(crate) smallest_per_minute: Option<f64>,
    /// Seconds between two readings. With phases only the readings at rest decide, one at the end of each phase.
    #[serde(rename = "reading_every_seconds")]
    pub(crate) reading_every: f64,
    /// A common duration that has enough pairs, in seconds; `null` without phases.
    #[serde(rename = "long_enough_seconds")]
    pub(crate) long_enough: Option<f64>,
    /// The seed of the random order of phases.
    pub(crate) seed: u64,
    pub(crate) rules: Rules,
    /// What cmon can read of each source.
    pub(crate) probes: Vec<Readable>,
    /// The current values.
    pub(crate) metrics: Vec<Now>,
    /// Metrics and sources that cannot be read.
    pub(crate) unavailable: Vec<Unavailable>,
}

/// What can be read of one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Readable {
    pub(crate) source: Source,
    /// In JSON, a list for people.
    #[serde(serialize_with = "as_sentence")]
    pub(crate) readable: probe::Readable,
}

fn as_sentence<S: Serializer>(readable: &probe::Readable, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(readable)
}

/// A metric with its current value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Now {
    #[serde(flatten)]
    pub(crate) id: MetricId,
    /// Whether it would take part in the verdict.
    pub(crate) gated: bool,
    pub(crate) value: f64,
}
