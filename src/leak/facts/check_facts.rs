//! The result of a whole check.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Advice, Baseline, Metric, OtherSide, Signature, Verdict, VerdictReason};
use crate::leak::record::{Cut, Drive, Header, Rules, Survivor};
use crate::probe::reasons::{Noted, UnavailableReason, form};

/// The facts of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    /// Over all gated metrics.
    pub(crate) verdict: Verdict,
    pub(crate) reason: VerdictReason,
    /// The version of cmon.
    pub(crate) cmon: String,
    /// When the check started: RFC 3339, UTC.
    pub(crate) started: String,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// A signal ended it early.
    pub(crate) interrupted: bool,
    /// `null` without a daemon.
    pub(crate) daemon: Option<DaemonFacts>,
    /// The containers whose streams cmon opened and closed.
    pub(crate) containers: Vec<String>,
    /// The targets as given on the command line.
    pub(crate) targets: Vec<String>,
    pub(crate) drive: Drive,
    /// The age in seconds at which cmon closed each stream; 0 when it opened none.
    #[serde(rename = "stream_timeout_seconds")]
    pub(crate) stream_timeout: f64,
    /// The seed of the random order of phases.
    pub(crate) seed: u64,
    /// Cycles in all, warm-up included.
    pub(crate) cycles: f64,
    /// Cycles per minute while driven, as achieved.
    pub(crate) cycles_per_minute: f64,
    /// The same as planned; `null` when unknown.
    pub(crate) cycles_expected: Option<f64>,
    /// Cycles of the warm-up.
    pub(crate) warm_up_cycles: f64,
    /// On/off pairs (a drive phase and an idle phase) that were judged.
    pub(crate) pairs: u64,
    /// On/off pairs that a verdict per cycle needs.
    pub(crate) pairs_needed: u64,
    /// Lines read; `null` when cmon opened no streams.
    pub(crate) lines: Option<f64>,
    /// Processor time by source (`own`), as a share of one core over the check. cmon does not judge it.
    pub(crate) cpu: BTreeMap<String, f64>,
    /// The earlier check of `--baseline`.
    pub(crate) baseline: Option<Baseline>,
    pub(crate) rules: Rules,
    /// One per metric, gated ones first.
    pub(crate) metrics: Vec<Metric>,
    /// cmon's own tasks and connections that were alive at the end.
    pub(crate) survivors: Vec<Survivor>,
    /// Metrics and sources that could not be read.
    pub(crate) unavailable: Vec<Unavailable>,
    /// Where a series started again.
    pub(crate) cuts: Vec<Cut>,
    /// The drive and idle phases.
    pub(crate) phases: Vec<Phase>,
    /// Known patterns that the growth fits, most useful first.
    pub(crate) signatures: Vec<Signature>,
    /// Growth of the daemon that mirrors the connections of another source.
    pub(crate) other_sides: Vec<OtherSide>,
    /// What to do next.
    pub(crate) advice: Vec<Advice>,
}

impl Report {
    /// The metrics that decide the verdict.
    pub(in crate::leak) fn gated(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| metric.gated)
    }

    pub(in crate::leak) fn gated_with(&self, verdict: Verdict) -> impl Iterator<Item = &Metric> {
        self.gated().filter(move |metric| metric.verdict == verdict)
    }

    pub(in crate::leak) fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name() == name)
    }
}

/// The Docker daemon of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DaemonFacts {
    /// Its address, and how it was chosen.
    pub(crate) address: String,
    /// Its version; empty when it does not report one.
    pub(crate) version: String,
}

impl DaemonFacts {
    /// `None` without a daemon.
    pub(crate) fn of(header: &Header) -> Option<Self> {
        let (address, version) = (header.daemon.clone(), header.daemon_version.clone());
        (!address.is_empty()).then_some(Self { address, version })
    }
}

/// A metric or source that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Unavailable {
    pub(crate) metric: String,
    /// As `reason`, and as a sentence in `error`.
    #[serde(flatten, serialize_with = "form::error")]
    pub(crate) reason: Noted<UnavailableReason>,
    /// How often it occurred.
    pub(crate) times: usize,
}

/// A drive or idle phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Phase {
    /// Its start in seconds.
    pub(crate) from: f64,
    /// Its end in seconds.
    pub(crate) to: f64,
    /// It is a drive phase.
    pub(crate) driven: bool,
}
