//! Formats the verdict as one sentence about the leading metric.

use super::ranking::{grown, leading};
use super::{explain, sentences};
use crate::format::figures::{self, amount, plural};
use crate::format::units::span;
use crate::leak::facts::{AsBefore, Interval, Metric, Report, Verdict, VerdictReason};
use crate::leak::judge::combine::{Missing, Mode};
use crate::leak::judge::shape::Shape;
use crate::leak::record::Drive;
use crate::probe::metric::Unit;
use crate::sort::sort_by;

impl Report {
    /// The verdict in one sentence.
    pub(crate) fn summary(&self) -> String {
        verdict(self)
    }
}

/// The verdict in one sentence, with a note when the check was interrupted.
pub(super) fn with_interruption(report: &Report) -> String {
    let sentence = verdict(report);
    match report.interrupted {
        true => {
            let after = span(report.seconds);
            format!("{sentence} (interrupted after {after}: this is the verdict so far)")
        }
        false => sentence,
    }
}

/// The verdict in one sentence.
fn verdict(report: &Report) -> String {
    match &report.reason {
        VerdictReason::Leak { until_then } => {
            let leak = leak(report);
            match until_then.as_slice() {
                [] => leak,
                missing => {
                    format!("{}; until then {leak}", explain::all(missing, Missing::summary))
                }
            }
        }
        VerdictReason::Clean { per_cycle_only } => clean(
            report,
            match per_cycle_only {
                true => " with the cycles (growth by time could not be judged)",
                false => "",
            },
        ),
        VerdictReason::Inconclusive => inconclusive(report),
        VerdictReason::RecordingWithoutEnd => {
            "the recording has no end: what cmon left behind is not known".to_owned()
        }
        VerdictReason::Missing { conditions } => match conditions.as_slice() {
            [] => "nothing could be judged".to_owned(),
            [one] => one.summary(),
            [first, more @ ..] => format!("{} (and {} more)", first.summary(), more.len()),
        },
        VerdictReason::NothingJudged => "no metric could be judged".to_owned(),
        VerdictReason::NoDecidingFigure { target, figures } => {
            let figures = match figures.as_slice() {
                [] => "it shows no figure".to_owned(),
                figures => format!("it shows {}", figures.join(", ")),
            };
            format!(
                "{target} has no figure that decides ({figures}): name one, as in --target URL#NAME"
            )
        }
        VerdictReason::DecidingFiguresGone { target, figures, until } => format!(
            "{target}: what decides ({}) was shown until {} only",
            figures.join(", "),
            span(*until)
        ),
        VerdictReason::Failed { cause } => cause.to_string(),
    }
}

/// Joins the first three.
fn shortened(all: &[String]) -> String {
    const SHOWN_MAX: usize = 3;
    let shown = all.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("; ");
    match all.len() {
        0..=SHOWN_MAX => shown,
        count => format!("{shown}; and {} more as before", count - SHOWN_MAX),
    }
}

/// The sentence for LEAK.
fn leak(report: &Report) -> String {
    let Some(metric) = leading(report) else { return "a metric that decides grows".to_owned() };
    let owner = metric.id.source.label();
    match metric.mode {
        Mode::Exact => {
            let cycles = plural(report.cycles.round(), "stream");
            let left = match figures::is_one(metric.last) {
                true => "1 task or connection is".to_owned(),
                false => format!("{} tasks and connections are", amount(metric.last, Unit::Count)),
            };
            format!("{owner} leaks: {left} left of {cycles} that it closed")
        }
        Mode::Proof => {
            let (first, last) =
                (amount(metric.first, Unit::Count), amount(metric.last, Unit::Count));
            format!(
                "{owner} leaks goroutines: its runtime proves that {last} can never wake, {first} at the start"
            )
        }
        _ => {
            format!("{owner} leaks {}: {}", explain::things(&metric.id).many, rate(metric, report))
        }
    }
}

/// The rate: per cycle if it grows by cycles, otherwise per minute.
fn rate(metric: &Metric, report: &Report) -> String {
    let unit = metric.id.unit;
    let rate = |Interval { estimate, low, high, .. }| match figures::is_wide(estimate, low..=high) {
        true => figures::interval(estimate, low..=high, unit),
        false => figures::growth(estimate, unit),
    };
    let against = if metric.mode == Mode::Baseline { "new growth, now " } else { "" };
    match (metric.per_cycle, metric.per_minute) {
        (Some(per_cycle), _) if 0.0 < per_cycle.low && report.drive != Drive::Passive => {
            let pace = per_cycle.estimate * report.cycles_per_minute;
            let pace = figures::growth(pace, unit);
            format!("{against}{} per cycle, {pace} per minute at this pace", rate(per_cycle))
        }
        (_, Some(per_minute)) => {
            let idle = match (metric.grows_while_idle(), report.drive) {
                (true, Drive::Streams) => ", also while no stream is opened or closed",
                (true, Drive::Command) => ", also while the command does not run",
                _ => "",
            };
            let rate = rate(per_minute);
            // Late growth has this rate since its start.
            let started = match metric.shape {
                Shape::ChangePoint { level_until, .. } => {
                    format!("level until {}, then ", span(level_until.round()))
                }
                _ => String::new(),
            };
            match idle.is_empty() {
                true => format!("{against}{started}{rate} per minute ({})", over(metric, report)),
                false => format!("{against}{rate} per minute{idle}"),
            }
        }
        (Some(per_cycle), None) => format!("{against}{} per cycle", rate(per_cycle)),
        (None, None) => over(metric, report),
    }
}

/// `52 to 372 in 10m`.
fn over(metric: &Metric, report: &Report) -> String {
    match metric.since {
        Some(since) => format!("from {} on", span(since)),
        None => format!("{} in {}", sentences::ends(metric), span(report.seconds)),
    }
}

/// The sentence for CLEAN.
fn clean(report: &Report, with: &str) -> String {
    let metrics = match report.gated().count() {
        1 => "the one metric that decides does not grow".to_owned(),
        count => format!("none of the {count} metrics that decide grows"),
    };
    match report.baseline.as_ref().filter(|baseline| !baseline.compared.is_empty()) {
        Some(baseline) => {
            let new = format!("nothing new grows{with}, compared with the earlier check");
            let grown: Vec<String> = baseline.as_before.iter().map(AsBefore::summary).collect();
            if grown.is_empty() { new } else { format!("{new}; {}", shortened(&grown)) }
        }
        None => format!("{metrics}{with}"),
    }
}

/// The sentence for INCONCLUSIVE.
fn inconclusive(report: &Report) -> String {
    let mut unclear: Vec<&Metric> = report.gated_with(Verdict::Inconclusive).collect();
    // The largest growth comes first.
    sort_by(&mut unclear, |a, b| grown(b, report).total_cmp(&grown(a, report)));
    let names: Vec<String> = unclear.iter().map(|metric| metric.id.name.clone()).collect();
    match (unclear.as_slice(), report.gated().count()) {
        ([], _) => "this check does not show whether anything leaks".to_owned(),
        (_, all) if names.len() == all && 3 < all => {
            format!("this check does not show whether any of {all} metrics leaks")
        }
        (_, _) if names.len() <= 3 => {
            let leak = if names.len() == 1 { "leaks" } else { "leak" };
            format!("this check does not show whether {} {leak}", figures::names(&names))
        }
        (_, all) => {
            format!("this check does not show whether {} of {all} metrics leak", names.len())
        }
    }
}
