//! What came of a check as a whole.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Advice, Baseline, Metric, OtherSide, Signature, Verdict, VerdictReason};
use crate::leak::reasons::{Noted, UnavailableReason, form};
use crate::leak::record::{Cut, Drive, Header, Rules, Survivor};

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
    /// The daemon, when there was one.
    pub(crate) daemon: Option<DaemonFacts>,
    /// The containers whose streams were opened and closed.
    pub(crate) containers: Vec<String>,
    /// The targets as they were given.
    pub(crate) targets: Vec<String>,
    /// How the load was made.
    pub(crate) drive: Drive,
    /// The age in seconds at which each stream was closed; 0 when cmon drove none.
    #[serde(rename = "stream_timeout_seconds")]
    pub(crate) stream_timeout: f64,
    /// The random order came from this.
    pub(crate) seed: u64,
    /// Cycles in all, warm-up included.
    pub(crate) cycles: f64,
    /// Cycles per minute while driven, reached.
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
    /// Processor time by source (`own`), as a share of one core over the check. It is not judged.
    pub(crate) cpu: BTreeMap<String, f64>,
    /// The earlier check that it is compared with.
    pub(crate) baseline: Option<Baseline>,
    /// The rules of the verdict.
    pub(crate) rules: Rules,
    /// One per metric, gated ones first.
    pub(crate) metrics: Vec<Metric>,
    /// What of cmon itself was alive at the end.
    pub(crate) survivors: Vec<Survivor>,
    /// What could not be read.
    pub(crate) unavailable: Vec<Unavailable>,
    /// Where a series started anew.
    pub(crate) cuts: Vec<Cut>,
    /// The drive and idle phases.
    pub(crate) phases: Vec<Phase>,
    /// Known patterns that the growth fits, most useful first.
    pub(crate) signatures: Vec<Signature>,
    /// Growth of the daemon that is the other side of somebody else's connections.
    pub(crate) other_sides: Vec<OtherSide>,
    /// What to do to learn more.
    pub(crate) advice: Vec<Advice>,
}

impl Report {
    /// The metrics that decide.
    pub(in crate::leak) fn gated(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| metric.gated)
    }

    /// Those of them that have this verdict.
    pub(in crate::leak) fn gated_with(&self, verdict: Verdict) -> impl Iterator<Item = &Metric> {
        self.gated().filter(move |metric| metric.verdict == verdict)
    }

    /// The metric of this name.
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
    /// The daemon of a recording's header.
    pub(crate) fn of(header: &Header) -> Option<Self> {
        let (address, version) = (header.daemon.clone(), header.daemon_version.clone());
        (!address.is_empty()).then_some(Self { address, version })
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Unavailable {
    /// A metric or a source.
    pub(crate) metric: String,
    /// As `reason`, and as a sentence in `error`.
    #[serde(flatten, serialize_with = "form::error")]
    pub(crate) reason: Noted<UnavailableReason>,
    /// How often it came.
    pub(crate) times: usize,
}

/// A drive or idle phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Phase {
    /// Its start in seconds.
    pub(crate) from: f64,
    /// Its end in seconds.
    pub(crate) to: f64,
    /// Streams were driven in it.
    pub(crate) driven: bool,
}
