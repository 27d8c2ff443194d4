//! The result for one metric.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{MetricReason, Reason, Verdict};
use crate::leak::judge;
use crate::leak::judge::cohort::Cohorts;
use crate::leak::judge::combine::Mode;
use crate::leak::judge::shape::Shape;
use crate::probe::labels::{self, Label};
use crate::probe::metric::MetricId;
use crate::probe::observed::Group;

/// The result for one metric.
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
    /// The start of the judged part in seconds, if restarts split the series.
    #[serde(rename = "judged_from_seconds")]
    pub(crate) since: Option<f64>,
    /// Value at the first reading.
    pub(crate) first: f64,
    /// Value at the last reading.
    pub(crate) last: f64,
    /// Why the verdict is what it is.
    pub(crate) reason: MetricReason,
    /// Why it has no clear verdict.
    pub(crate) undecided: Option<Reason>,
    /// The time of its last reading in seconds, if it could not be read until the end.
    #[serde(rename = "readable_until_seconds")]
    pub(crate) readable_until: Option<f64>,
    /// Members by time of birth. They do not change the verdict.
    pub(crate) cohorts: Option<Cohorts>,
    /// The groups that grow, largest first.
    pub(crate) groups: Vec<GroupGrowth>,
    /// The readings: seconds, cycles, value.
    pub(crate) series: Vec<(f64, f64, f64)>,
}

impl Metric {
    /// A metric without any reading.
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

    /// Both rates, as far as they are known.
    pub(in crate::leak) fn rates(&self) -> impl Iterator<Item = &Interval> {
        self.per_cycle.iter().chain(&self.per_minute)
    }

    pub(crate) fn name(&self) -> &str {
        &self.id.name
    }

    /// Whether it grows in idle phases, and not with the cycles.
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
    /// Identifies the group across dumps.
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) labels: Labels,
    /// Members at the first dump.
    pub(crate) first: u64,
    /// Members at the last dump.
    pub(crate) last: u64,
    /// Growth per cycle between the dumps; `null` without cycles.
    pub(crate) per_cycle: Option<f64>,
    /// Growth per minute between the dumps.
    pub(crate) per_minute: f64,
    /// Its share of the metric's growth, from 0 to 1.
    pub(crate) share: f64,
}

/// The pprof labels of a group, as a hint. In JSON: `labels` as text, and `label_values` typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Labels {
    Typed(Vec<Label>),
    /// The text of a recording of an older cmon.
    Recorded(String),
}

impl Labels {
    pub(in crate::leak) fn of(group: &Group) -> Self {
        match group.label_values.as_slice() {
            [] => Self::Recorded(group.labels.clone()),
            typed => Self::Typed(typed.to_vec()),
        }
    }

    /// `kind=log, id (24 values)`; empty without labels.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Typed(labels) => labels::text(labels),
            Self::Recorded(text) => text.clone(),
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::Typed(Vec::new())
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        let typed = match self {
            Self::Typed(labels) => labels.as_slice(),
            Self::Recorded(_) => &[],
        };
        let mut map = into.serialize_map(Some(2))?;
        map.serialize_entry("labels", &self.text())?;
        map.serialize_entry("label_values", typed)?;
        map.end()
    }
}
