//! What came of a check: the same [`Report`] for the text, for JSON, `JUnit`, HTML and GitHub.

mod baseline;
pub mod compare;
mod course;
pub(crate) mod document;
pub(crate) mod escape;
pub(in crate::leak) mod figures;
pub mod github;
pub(in crate::leak) mod headline;
pub mod html;
pub mod json;
pub mod junit;
pub mod outlook;
mod reason;
#[cfg(test)]
mod sample;
mod sections;
mod sparkline;
pub mod text;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;

pub use baseline::{AsBefore, Baseline};
pub use document::Detail;
pub use reason::Reason;

pub use super::attribute::{OtherSide, Signature};
pub use super::judge::Verdict;
use super::judge::shape::Shape;

/// The name and version of the JSON form.
pub const SCHEMA: &str = "cmon.leak-check/1";

/// All that is told of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Over all gated metrics.
    pub verdict: Verdict,
    /// Why, in one plain sentence.
    pub because: String,
    /// The version of cmon.
    pub cmon: String,
    /// When the check began: RFC 3339, UTC.
    pub begun: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// It was ended by a signal before its time.
    pub interrupted: bool,
    /// The daemon in words.
    pub daemon: String,
    /// The containers whose streams were opened and closed.
    pub containers: Vec<String>,
    /// The targets as they were given.
    pub targets: Vec<String>,
    /// How the load was made.
    pub drive: super::record::Drive,
    /// The age in seconds at which each stream was closed; 0 where cmon drove none.
    pub stream_timeout: f64,
    /// The random order came from this.
    pub seed: u64,
    /// Cycles in all, warm-up included.
    pub cycles: f64,
    /// Cycles per minute while driven, reached.
    pub cycles_per_minute: f64,
    /// The same as planned; `null` where it is not known.
    pub cycles_expected: Option<f64>,
    /// Cycles of the warm-up.
    pub warm_up_cycles: f64,
    /// On/off pairs (a drive phase and an idle phase) that were judged.
    pub pairs: u64,
    /// On/off pairs that a verdict per cycle needs.
    pub pairs_needed: u64,
    /// Lines read; `null` where cmon opened no streams to read from.
    pub lines: Option<f64>,
    /// Processor time by source (`own`), as a share of one core over the check: neither counted nor judged.
    pub cpu: BTreeMap<String, f64>,
    /// The earlier check that it is held against, where there is one.
    pub baseline: Option<Baseline>,
    /// The rules that were applied.
    pub rules: super::record::Rules,
    /// One per metric, gated ones first.
    pub metrics: Vec<Metric>,
    /// What of cmon's own was still alive at the end.
    pub survivors: Vec<super::record::Survivor>,
    /// What could not be had.
    pub unavailable: Vec<super::record::Unavailable>,
    /// Where a series began anew.
    pub cuts: Vec<super::record::Cut>,
    /// The rungs, for charts: begin and end in seconds, driven or not.
    pub rungs: Vec<Rung>,
    /// What it means; the most useful ones first.
    pub signatures: Vec<Signature>,
    /// Growth of the daemon that is the other side of a target's or of cmon's own.
    pub other_sides: Vec<OtherSide>,
    /// What to do to learn more, where that helps: longer runs, other flags.
    pub advice: Vec<String>,
}

/// What came of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// Its name, like `daemon.goroutines`.
    pub name: String,
    /// Whether it takes part in the verdict.
    pub gated: bool,
    /// Its own verdict.
    pub verdict: Verdict,
    /// What decided: `exact`, `driven`, `passive`, `proof`, `baseline`.
    pub mode: &'static str,
    /// Growth per cycle.
    pub per_cycle: Option<Interval>,
    /// Growth per minute while idle (driven), or over the run (passive).
    pub per_minute: Option<Interval>,
    /// The chance of such a reading without a leak.
    pub p: Option<f64>,
    /// The smallest leak per cycle that this run could have seen, with a chance of 80 %.
    pub smallest_per_cycle: Option<f64>,
    /// The same per minute.
    pub smallest_per_minute: Option<f64>,
    /// The shape of the series in words: `flat`, `one step of +25 at 4m10s`, `+16 every 30 s: a staircase`.
    pub shape: Option<String>,
    /// The same as a value.
    #[serde(skip)]
    pub form: Shape,
    /// When the stretch began that was judged, where restarts left several of them; in seconds.
    #[serde(skip)]
    pub since: Option<f64>,
    /// Value at the first reading.
    pub first: f64,
    /// Value at the last reading.
    pub last: f64,
    /// Why, in words.
    pub because: String,
    /// Why there is no clear verdict, where there is none.
    #[serde(skip)]
    pub reason: Option<Reason>,
    /// The groups that grow, the largest first.
    pub groups: Vec<GroupGrowth>,
    /// The readings: seconds, cycles, value.
    pub series: Vec<(f64, f64, f64)>,
}

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The confidence, like 0.99.
    pub confidence: f64,
}

/// A group that grows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupGrowth {
    /// For people.
    pub title: String,
    /// What makes its members alike.
    pub key: String,
    /// Labels that the program gave to its goroutines, as a hint: `kind=log, id (24 values)`. Empty without any.
    pub labels: String,
    /// Members at the first dump.
    pub first: u64,
    /// Members at the last dump.
    pub last: u64,
    /// Growth per cycle between the dumps; `null` without cycles.
    pub per_cycle: Option<f64>,
    /// Growth per minute between the dumps.
    pub per_minute: f64,
    /// Its part of the growth of the whole metric, 1 is all of it.
    pub share: f64,
}

/// A rung, for charts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rung {
    /// Begin in seconds.
    pub from: f64,
    /// End in seconds.
    pub to: f64,
    /// Streams were driven in it.
    pub driven: bool,
}
