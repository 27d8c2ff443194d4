//! The facts of a check: numbers, enums and names, without a sentence. The JSON form is made of them, and
//! [`report`](super::report) puts them into words.

mod baseline;
mod comparison;
mod plan;
mod reason;
mod signature;

use std::collections::BTreeMap;

use serde::Serialize;

pub(crate) use baseline::{AsBefore, Baseline, Difference, Load};
pub(crate) use comparison::{Compared, Comparison, Gone};
pub(crate) use plan::{Now, PlanReport, Readable};
pub(crate) use reason::{Advice, MetricReason, Reason, TimeReason, VerdictReason};
pub(crate) use signature::{Connections, Course, OtherSide, Per, Seen, Signature, StepSize, Steps};

use super::judge;
pub(crate) use super::judge::Verdict;
use super::judge::cohort::Cohorts;
use super::judge::combine::Mode;
use super::judge::shape::Shape;
use super::metric::MetricId;

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
    pub(crate) daemon: Option<Daemon>,
    /// The containers whose streams were opened and closed.
    pub(crate) containers: Vec<String>,
    /// The targets as they were given.
    pub(crate) targets: Vec<String>,
    /// How the load was made.
    pub(crate) drive: super::record::Drive,
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
    pub(crate) rules: super::record::Rules,
    /// One per metric, gated ones first.
    pub(crate) metrics: Vec<Metric>,
    /// What of cmon itself was alive at the end.
    pub(crate) survivors: Vec<super::record::Survivor>,
    /// What could not be read.
    pub(crate) unavailable: Vec<Unavailable>,
    /// Where a series started anew.
    pub(crate) cuts: Vec<super::record::Cut>,
    /// The drive and idle phases.
    pub(crate) phases: Vec<Phase>,
    /// Known patterns that the growth fits, most useful first.
    pub(crate) signatures: Vec<Signature>,
    /// Growth of the daemon that is the other side of somebody else's connections.
    pub(crate) other_sides: Vec<OtherSide>,
    /// What to do to learn more.
    pub(crate) advice: Vec<Advice>,
}

/// The Docker daemon of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Daemon {
    /// Its address, and how it was chosen.
    pub(crate) address: String,
    /// Its version; empty when it does not report one.
    pub(crate) version: String,
}

impl Daemon {
    /// The daemon of a recording's header.
    pub(crate) fn of(header: &super::record::Header) -> Option<Self> {
        let (address, version) = (header.daemon.clone(), header.daemon_version.clone());
        (!address.is_empty()).then_some(Self { address, version })
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unavailable {
    /// A metric or a source.
    pub(crate) metric: String,
    pub(crate) error: String,
    /// How often it came.
    pub(crate) times: usize,
}

/// What came of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Metric {
    #[serde(flatten)]
    pub(crate) id: MetricId,
    /// Whether it takes part in the verdict.
    pub(crate) gated: bool,
    pub(crate) verdict: Verdict,
    pub(crate) mode: Mode,
    pub(crate) per_cycle: Option<Interval>,
    /// Growth per minute while idle (driven), or over the run (passive).
    pub(crate) per_minute: Option<Interval>,
    pub(crate) p: Option<f64>,
    /// The smallest leak per cycle that this run detects with a power of 80 %.
    pub(crate) smallest_per_cycle: Option<f64>,
    /// The same per minute.
    pub(crate) smallest_per_minute: Option<f64>,
    /// The shape of the series.
    pub(crate) shape: Shape,
    /// When the part started that was judged, in seconds, when restarts left several parts.
    #[serde(rename = "judged_from_seconds")]
    pub(crate) since: Option<f64>,
    /// Value at the first reading.
    pub(crate) first: f64,
    /// Value at the last reading.
    pub(crate) last: f64,
    /// Why the verdict is what it is.
    pub(crate) reason: MetricReason,
    /// What kept it from a clear verdict.
    pub(crate) undecided: Option<Reason>,
    /// When it was read last, in seconds, when it could not be read until the end.
    #[serde(rename = "readable_until_seconds")]
    pub(crate) readable_until: Option<f64>,
    /// Members by time of birth. They decide nothing.
    pub(crate) cohorts: Option<Cohorts>,
    /// The groups that grow, largest first.
    pub(crate) groups: Vec<GroupGrowth>,
    /// The readings: seconds, cycles, value.
    pub(crate) series: Vec<(f64, f64, f64)>,
}

impl Metric {
    /// Nothing is known of it but its name.
    pub(in crate::leak) fn named(name: &str) -> Self {
        Self {
            id: MetricId::parse(name),
            gated: false,
            verdict: Verdict::Inconclusive,
            mode: Mode::Passive,
            per_cycle: None,
            per_minute: None,
            p: None,
            smallest_per_cycle: None,
            smallest_per_minute: None,
            shape: Shape::Unknown,
            since: None,
            first: 0.0,
            last: 0.0,
            reason: MetricReason::NotJudged,
            undecided: None,
            readable_until: None,
            cohorts: None,
            groups: Vec::new(),
            series: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.id.name
    }

    /// It grows while nothing is driven, and not with the cycles.
    pub(in crate::leak) fn grows_while_idle(&self) -> bool {
        let idle = self.per_minute.is_some_and(|per_minute| 0.0 < per_minute.low);
        idle && self.per_cycle.is_none_or(|per_cycle| per_cycle.low <= 0.0)
    }
}

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The confidence, like 0.99.
    pub(crate) confidence: f64,
}

impl Interval {
    /// An interval of a judge, with its confidence.
    pub(in crate::leak) fn of(judged: judge::Interval, confidence: f64) -> Self {
        let judge::Interval { estimate, low, high } = judged;
        Self { estimate, low, high, confidence }
    }
}

impl From<Interval> for judge::Interval {
    fn from(Interval { estimate, low, high, .. }: Interval) -> Self {
        Self { estimate, low, high }
    }
}

/// A group that grows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct GroupGrowth {
    pub(crate) title: String,
    /// What its members share.
    pub(crate) key: String,
    /// Labels that the program gave to its goroutines, as a hint: `kind=log, id (24 values)`. Empty without any.
    pub(crate) labels: String,
    /// Members at the first dump.
    pub(crate) first: u64,
    /// Members at the last dump.
    pub(crate) last: u64,
    /// Growth per cycle between the dumps; `null` without cycles.
    pub(crate) per_cycle: Option<f64>,
    /// Growth per minute between the dumps.
    pub(crate) per_minute: f64,
    /// Its part of the growth of the whole metric; 1 is all of it.
    pub(crate) share: f64,
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
