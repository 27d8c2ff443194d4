//! The records of a check, in order. A verdict depends on nothing else.
//!
//! Each record is one line of a recording (`--record`), a JSON object with the field `type`. Times are seconds
//! since the start of the check, on a monotonic clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::failure::FailureReason;
pub use crate::probe::observed::{Cut, Group, Groups, Ids, Unavailable};
use crate::probe::reasons::{Noted, form};

/// The version of the recording format.
pub const VERSION: u32 = 1;

/// One line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The first record: the plan and the rules of the check.
    Header(Header),
    /// The values of all metrics at one time.
    Reading(Reading),
    /// A count, split into groups.
    Groups(Groups),
    /// The members of a count, by id.
    Ids(Ids),
    /// A series starts again, because the measured program restarted.
    Cut(Cut),
    /// A metric could not be read.
    Unavailable(Unavailable),
    /// The last record.
    End(End),
}

/// The plan and the rules of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`].
    pub v: u32,
    /// The version of cmon.
    pub cmon: String,
    /// When the check started: RFC 3339, UTC.
    #[serde(rename = "begun")]
    pub started: String,
    /// The daemon's address and how it was chosen; empty without a daemon.
    pub daemon: String,
    /// The version that the daemon reports; empty without a daemon.
    pub daemon_version: String,
    /// The containers whose streams are opened and closed, by name.
    pub containers: Vec<String>,
    /// The targets as given on the command line.
    pub targets: Vec<String>,
    /// The metric by which a target counts its cycles; empty without one.
    #[serde(default)]
    pub cycles_metric: String,
    pub drive: Drive,
    /// The planned length of the check in seconds.
    pub duration: f64,
    /// The age in seconds at which cmon closes each stream; 0 when it opens none.
    pub stream_timeout: f64,
    /// The seed of the random order of phases.
    pub seed: u64,
    pub rules: Rules,
}

/// The kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drive {
    /// Drive phases, in which cmon opens and closes streams, and idle phases, in random order.
    Streams,
    /// cmon runs a command for each cycle.
    Command,
    /// cmon follows all the time and closes each stream at its maximum age. There are no idle phases.
    Held,
    /// The target has its own load.
    Passive,
}

impl Drive {
    /// Whether the check compares drive phases with idle phases.
    pub fn has_phases(self) -> bool {
        matches!(self, Drive::Streams | Drive::Command)
    }

    /// Whether cmon opens streams.
    pub fn opens_streams(self) -> bool {
        matches!(self, Drive::Streams | Drive::Held)
    }
}

/// The rules of the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The false alarm rate over all gated metrics together.
    pub alpha: f64,
    /// The tolerated growth per cycle.
    pub max_per_cycle: f64,
    /// The tolerated growth per minute.
    pub max_per_min: f64,
    /// The gated metrics: names, or prefixes of names up to a dot. Empty means the default ones.
    pub gate: Vec<String>,
    /// Quantities that the user selected in a target's address. They are gated too.
    #[serde(default)]
    pub pointed: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            max_per_cycle: 0.03,
            max_per_min: 1.0,
            gate: Vec::new(),
            pointed: Vec::new(),
        }
    }
}

/// The part of the check that a reading belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before the warm-up, at rest.
    Start,
    /// Under load. The readings are not judged.
    WarmUp,
    /// In a drive phase.
    Drive,
    /// In an idle phase.
    Idle,
    /// On the target's own load.
    Passive,
}

/// The values of all metrics at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Seconds since the check began.
    pub at: f64,
    pub stage: Stage,
    /// At rest: the phase has ended, all streams are closed, and the values no longer fall. The verdict of a driven
    /// check uses these readings alone. Two of them enclose a phase; the later one's `stage` is its kind.
    pub rest: bool,
    /// Seconds until the values no longer fell; 0 unless at rest.
    pub settled: f64,
    /// Cycles since the check began (of the target, with `--cycles-metric`).
    pub cycles: f64,
    /// Lines read since the check began.
    pub lines: f64,
    /// Values by metric, like `own.tasks`, `daemon.goroutines`, `target.web.fds`. A metric that could not be read
    /// is absent, never 0.
    pub values: BTreeMap<String, f64>,
}

/// The end of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Seconds since the check began.
    pub at: f64,
    /// A signal ended it early.
    pub interrupted: bool,
    /// A certain leak ended it early. Older recordings do not have this field.
    #[serde(default)]
    pub sure: bool,
    /// Streams that cmon opened, including those it closed.
    pub streams_opened: u64,
    /// Streams that cmon closed.
    pub streams_closed: u64,
    /// cmon's own tasks and connections that were still alive after the drain.
    pub survivors: Vec<Survivor>,
    /// Why the check stopped, if it failed: as `failure_reason`, and as a sentence in `failure`.
    #[serde(flatten, serialize_with = "form::failure", deserialize_with = "form::read_option")]
    pub(crate) failure: Option<Noted<FailureReason>>,
}

/// A task or connection of cmon that outlived the check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Survivor {
    /// A kind of task (`reader`, `drain`, `events`, `request`, `connection`), or `connection` for a connection to
    /// the daemon.
    pub kind: String,
    pub name: String,
    /// Its age in seconds.
    pub age: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_an_older_recording_is_read() {
        let line = r#"{"type":"end","at":9.0,"interrupted":false,"streams_opened":1,
            "streams_closed":1,"survivors":[],"failure":null}"#;
        let Record::End(end) = serde_json::from_str(line).unwrap() else { panic!("no end") };
        assert!(!end.sure);
        let sure = Record::End(End { sure: true, ..end });
        let line = serde_json::to_string(&sure).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), sure);
    }

    proptest! {
        #[test]
        fn a_reading_survives_a_round_trip(at in 0.0..1e5_f64, value in any::<f64>()) {
            prop_assume!(value.is_finite());
            let reading = Record::Reading(Reading {
                at,
                stage: Stage::Idle,
                rest: true,
                settled: at / 3.0,
                cycles: 1.0,
                lines: 2.0,
                values: BTreeMap::from([("own.fds".to_owned(), value)]),
            });
            let line = serde_json::to_string(&reading).unwrap();
            prop_assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), reading);
        }
    }
}
