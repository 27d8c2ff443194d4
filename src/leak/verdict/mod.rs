//! From records to facts: the judges' findings on every metric, as one [`Report`]. Pure: the same records give the
//! same report, at once or from a recording.

mod advice;
mod baseline_check;
mod compare_timeouts;
mod early_stop;
mod exact_findings;
mod gate;
mod judging;
mod metric_findings;
mod refusals;
mod series;
mod undecided;
mod unjudged;

use super::attribute;
use super::facts::{AsBefore, Metric, Report};
use super::judge::Options;
use super::judge::combine::Finding;
use super::judge::new_growth::OwnFigure;
use super::judge::required_duration::RequiredDuration;
use super::record::{Cut, Groups, Header, Record};
use baseline_check::Before;
pub(crate) use compare_timeouts::compared;
pub(crate) use early_stop::EarlyStop;
pub(crate) use gate::{is_gated, known};
use series::Series;

/// The metric of what is alive in cmon itself after the drain.
const SURVIVORS: &str = "own.survivors";

/// The options of the judges for this many gated metrics: all of them that are known before a check starts.
pub(crate) fn planned_options(header: &Header, metrics: usize) -> Options {
    // Each of them is tested twice when cmon drives: per cycle and per minute.
    let tests = if header.drive.has_phases() { 2 * metrics } else { metrics };
    Options {
        alpha: header.rules.alpha,
        max_per_cycle: header.rules.max_per_cycle,
        max_per_minute: header.rules.max_per_min,
        early_stop: header.drive.has_phases(),
        metrics: tests.max(1),
        seed: header.seed,
        ..Options::default()
    }
}

/// The same, with what has become of the check.
fn options(series: &Series<'_>, metrics: usize) -> Options {
    Options {
        stopped: series.end.is_some_and(|end| end.sure),
        warmup_cycles: series.warm_up_cycles(),
        ..planned_options(series.header, metrics)
    }
}

/// Judges a check by its records, in their order. `baseline` are those of an earlier one: then only new growth
/// counts.
///
/// # Errors
/// They do not start with a header.
pub(crate) fn judge(records: &[Record], baseline: Option<&[Record]>) -> Result<Report, NoHeader> {
    let series = Series::of(records).ok_or(NoHeader)?;
    let before = match baseline {
        None => None,
        Some(records) => Some(Before::of(records, judge(records, None)?, &series)?),
    };
    let (dumps, cuts) = (series.dumps(), series.cuts.iter().map(|cut| (*cut).clone()).collect());
    Ok(Judging { series: &series, dumps, cuts, before: before.as_ref() }.report())
}

/// Records that do not start with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not begin with a header")]
pub(crate) struct NoHeader;

struct Judging<'a> {
    series: &'a Series<'a>,
    /// The dumps after the warm-up.
    dumps: Vec<Groups>,
    cuts: Vec<Cut>,
    before: Option<&'a Before>,
}

/// What was found on one metric.
struct Judged {
    findings: Vec<Finding>,
    /// The figures that are compared with a baseline.
    figures: Vec<OwnFigure>,
    /// Its growth that was there before.
    as_before: Vec<AsBefore>,
    /// The longer run that would decide, when this one did not.
    longer: Option<RequiredDuration>,
    metric: Metric,
}

impl Judged {
    fn new(findings: Vec<Finding>, figures: Vec<OwnFigure>, metric: Metric) -> Self {
        Self { findings, figures, as_before: Vec::new(), longer: None, metric }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_leading;
#[cfg(test)]
mod tests_partly;
#[cfg(test)]
mod tests_typical;
