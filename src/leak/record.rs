//! What a check has read, in order: all that a verdict is made from.
//!
//! Each record is one line of a recording (`--record`), a JSON object with the field `type`. Times are
//! seconds since the check began, on a clock that does not go back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reasons::{CutReason, FailureReason, Noted, UnavailableReason, form};

/// The version of the recording's form.
pub const VERSION: u32 = 1;

/// One line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The first one: what is checked, and how.
    Header(Header),
    /// What the probes have read at one moment.
    Reading(Reading),
    /// Which groups a count is made of, at one moment.
    Groups(Groups),
    /// Who a count is made of, at one moment.
    Ids(Ids),
    /// A series starts anew: what was measured is not the same any more.
    Cut(Cut),
    /// A metric cannot be had, or no longer.
    Unavailable(Unavailable),
    /// The last one.
    End(End),
}

/// What is checked, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`].
    pub v: u32,
    /// The version of cmon.
    pub cmon: String,
    /// When the check began: RFC 3339, UTC.
    #[serde(rename = "begun")]
    pub started: String,
    /// The daemon, its version and how it was chosen, in words; empty without one.
    pub daemon: String,
    /// The daemon's version as it reports it; empty without one.
    pub daemon_version: String,
    /// The containers whose streams are opened and closed, by name.
    pub containers: Vec<String>,
    /// The targets, as they were given.
    pub targets: Vec<String>,
    /// The metric by which a target counts its cycles; empty without one.
    #[serde(default)]
    pub cycles_metric: String,
    /// How the load is made.
    pub drive: Drive,
    /// The planned length of the check in seconds.
    pub duration: f64,
    /// The age in seconds at which each stream is closed; 0 where cmon drives none.
    pub stream_timeout: f64,
    /// The random order comes from this.
    pub seed: u64,
    /// How the verdict is made.
    pub rules: Rules,
}

/// How the load is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drive {
    /// cmon opens and closes streams, and rests, in random order.
    Streams,
    /// A command is run for each cycle.
    Command,
    /// cmon follows all the time and closes each stream at its age, without rests.
    Held,
    /// The target has its own load.
    Passive,
}

impl Drive {
    /// Whether driven stretches are compared with idle ones.
    pub fn has_phases(self) -> bool {
        matches!(self, Drive::Streams | Drive::Command)
    }

    /// Whether cmon opens streams.
    pub fn opens_streams(self) -> bool {
        matches!(self, Drive::Streams | Drive::Held)
    }
}

/// How the verdict is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The chance of a false alarm over all gated metrics.
    pub alpha: f64,
    /// Growth per cycle that is tolerated.
    pub max_per_cycle: f64,
    /// Growth per minute that is tolerated.
    pub max_per_min: f64,
    /// The metrics that decide, by name or by the beginning of a name up to a dot; empty: the usual ones.
    pub gate: Vec<String>,
    /// How the names of metrics end that a target was asked for by name; they decide too.
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

/// When in the check something was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before the warm-up, at rest.
    Start,
    /// Streams are driven, and what is read does not count yet.
    WarmUp,
    /// While a phase is driven.
    Drive,
    /// While a phase is idle.
    Idle,
    /// On the target's own load.
    Passive,
}

/// What the probes have read at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Seconds since the check began.
    pub at: f64,
    /// When in the check.
    pub stage: Stage,
    /// At rest: the phase has ended, all streams are closed, and the figures stand still. Driven checks
    /// are judged by these alone; two of them enclose a phase, whose kind is the later one's `stage`.
    pub rest: bool,
    /// How long it took until the figures stood still, in seconds; 0 unless at rest.
    pub settled: f64,
    /// Cycles since the check began (of the target, with `--cycles-metric`).
    pub cycles: f64,
    /// Lines read since the check began.
    pub lines: f64,
    /// Figures by metric, like `own.tasks`, `daemon.goroutines`, `target.web.fds`. What could not be read
    /// is absent, never 0.
    pub values: BTreeMap<String, f64>,
}

/// Which groups a count is made of, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Seconds since the check began.
    pub at: f64,
    /// Cycles since the check began.
    pub cycles: f64,
    /// The metric that they are parts of, like `daemon.goroutines`.
    pub metric: String,
    /// The groups; a group that is absent counts 0 unless `truncated`.
    pub groups: Vec<Group>,
    /// The rest of the answer was cut off.
    pub truncated: bool,
}

impl Groups {
    /// Groups of which none is missing.
    pub(crate) fn whole(at: f64, cycles: f64, metric: String, groups: Vec<Group>) -> Self {
        Self { at, cycles, metric, groups, truncated: false }
    }
}

/// Some that are alike: goroutines with one stack, descriptors of one class, tasks of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What makes them alike; for goroutines all functions of the stack, innermost first, joined by `;`.
    pub key: String,
    /// For people: the first function that is the program's own, and where it stands.
    pub title: String,
    /// How many there are.
    pub count: u64,
    /// Labels that the program gave to its goroutines, as a hint: `kind=log, id (24 values)`. Empty without any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub labels: String,
}

/// Who a count is made of, at one moment: descriptors and threads by what identifies each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// Milliseconds since the check began.
    pub at_ms: u64,
    /// The metric that they are members of, like `target.web.fds`.
    pub metric: String,
    /// One number each, the same for as long as it lives.
    pub ids: Vec<u64>,
}

/// A series starts anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Milliseconds since the check began.
    pub at_ms: u64,
    /// The beginning of the metrics' names: `daemon`, `target.web`.
    pub source: String,
    /// As `reason`, and as a sentence in `why`.
    #[serde(flatten, serialize_with = "form::why", deserialize_with = "form::read")]
    pub(crate) reason: Noted<CutReason>,
}

/// A metric, or all of a source, cannot be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unavailable {
    /// The metric or the beginning of the metrics' names.
    pub metric: String,
    /// As `reason`, and as a sentence in `why`.
    #[serde(flatten, serialize_with = "form::why", deserialize_with = "form::read")]
    pub(crate) reason: Noted<UnavailableReason>,
}

/// The end of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Seconds since the check began.
    pub at: f64,
    /// It was ended by a signal before its time.
    pub interrupted: bool,
    /// It was ended before its time because a leak was certain; older recordings do not say so.
    #[serde(default)]
    pub sure: bool,
    /// Streams that cmon opened, and closed.
    pub streams_opened: u64,
    /// Streams that cmon closed.
    pub streams_closed: u64,
    /// What of cmon's own was still alive after everything was stopped and had time to end.
    pub survivors: Vec<Survivor>,
    /// Why the check could not go on, where it could not: as `failure_reason`, and as a sentence in `failure`.
    #[serde(flatten, serialize_with = "form::failure", deserialize_with = "form::read_option")]
    pub(crate) failure: Option<Noted<FailureReason>>,
}

/// Something of cmon's own that has outlived its use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Survivor {
    /// What it is: a kind of task (`reader`, `drain`, `events`, `request`, `connection`), or `connection` for
    /// one to the daemon.
    pub kind: String,
    /// Which one.
    pub name: String,
    /// How old it is, in seconds.
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
        fn what_is_read_again_is_what_was_written(at in 0.0..1e5_f64, value in any::<f64>()) {
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
