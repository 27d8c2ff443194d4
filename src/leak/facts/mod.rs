//! The facts of a check: numbers, enums and names, without sentences. The JSON report serializes them, and
//! [`report`](super::report) formats them for people.

mod baseline_facts;
mod check_facts;
mod comparison;
mod dry_run_facts;
mod metric_facts;
mod reason;
mod signature;

pub(crate) use super::judge::Verdict;
pub(crate) use baseline_facts::{AsBefore, Baseline, Difference, Load};
pub(crate) use check_facts::{DaemonFacts, Phase, Report, Unavailable};
pub(crate) use comparison::{Compared, Comparison, Gone};
pub(crate) use dry_run_facts::{Now, PlanReport, Readable};
pub(crate) use metric_facts::{GroupGrowth, Interval, Labels, Metric};
pub(crate) use reason::{Advice, MetricReason, Reason, TimeReason, VerdictReason};
pub(crate) use signature::{Connections, Course, OtherSide, Seen, Signature, StepSize, Steps};
