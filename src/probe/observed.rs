//! What a reading shows beside its values: groups, ids, restarts, and what could not be read.

use serde::{Deserialize, Serialize};

use super::labels::Label;
use super::reasons::{CutReason, Noted, UnavailableReason, form};

/// A count, split into groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Seconds since the check began.
    pub at: f64,
    /// Cycles since the check began.
    pub cycles: f64,
    /// The metric that the groups add up to, like `daemon.goroutines`.
    pub metric: String,
    /// The groups; a group that is absent counts 0 unless `truncated`.
    pub groups: Vec<Group>,
    /// The answer was cut off, so groups may be missing.
    pub truncated: bool,
}

impl Groups {
    /// Groups from an answer that was read to its end.
    pub(crate) fn complete(at: f64, cycles: f64, metric: String, groups: Vec<Group>) -> Self {
        Self { at, cycles, metric, groups, truncated: false }
    }
}

/// Goroutines with one stack, descriptors of one class, or tasks of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Identifies the group. For goroutines: all functions of the stack, innermost first, joined by `;`.
    pub key: String,
    /// The name in reports. For goroutines: the first function of the program itself, with its file and line.
    pub title: String,
    /// Number of members.
    pub count: u64,
    /// The goroutines' pprof labels, as a hint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_values: Vec<Label>,
    /// The same as text: `kind=log, id (24 values)`. A recording of an older cmon has this alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub labels: String,
}

/// The members of a count, by id: descriptors or threads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// Milliseconds since the check began.
    pub at_ms: u64,
    /// The metric that counts them, like `target.web.fds`.
    pub metric: String,
    /// One number for each member, constant for its lifetime.
    pub ids: Vec<u64>,
}

/// A series starts again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Milliseconds since the check began.
    pub at_ms: u64,
    /// The prefix of the metrics' names: `daemon`, `target.web`.
    pub source: String,
    /// As `reason`, and as a sentence in `why`.
    #[serde(flatten, serialize_with = "form::cut", deserialize_with = "form::read")]
    pub(crate) reason: Noted<CutReason>,
}

/// A metric, or a whole source, could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unavailable {
    /// The metric, or the prefix of the metrics' names.
    pub metric: String,
    /// As `reason`, and as a sentence in `why`.
    #[serde(flatten, serialize_with = "form::cut", deserialize_with = "form::read")]
    pub(crate) reason: Noted<UnavailableReason>,
}
