//! Turns records into facts: one [`Report`](super::facts::Report) with the judges' findings on every metric.
//!
//! Pure: the same records give the same report, live or from a recording.

mod advice;
mod baseline_check;
mod compare_timeouts;
mod early_stop;
mod exact_findings;
mod gate;
mod judge_options;
mod judging;
mod metric_findings;
mod refusals;
mod series;
#[cfg(test)]
mod tests;
mod undecided;
mod unjudged;

pub(crate) use compare_timeouts::compared;
pub(crate) use early_stop::EarlyStop;
pub(crate) use gate::{is_gated, known};
pub(crate) use judge_options::planned_options;
use judging::{Judged, Judging};
pub(crate) use judging::{NoHeader, judge};
use series::Series;

/// The metric that counts cmon's tasks and connections after the drain.
const SURVIVORS: &str = "own.survivors";
