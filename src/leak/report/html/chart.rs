//! One series as an SVG: the line, driven stretches shaded, places where it started anew.
//!
//! ```text
//!    228 ┤            ▒▒  ▒▒ ••   the drawing is stretched to the width of the page; what is written
//!    150 ┤   ▒▒  ▒▒ ••▒▒••▒▒      stands beside it as HTML, so that letters keep their size
//!     72 ┤•••▒▒••▒▒
//!        0      1m     2m    3m
//! ```

use std::fmt::Write;

use super::elements::each;
use super::scale::{Axis, Point, thinned};
use crate::format::units::span;
use crate::leak::facts::{Metric, Phase, Report, Verdict};
use crate::leak::judge::combine::Mode;
use crate::leak::metric::{Unit, is_of};
use crate::leak::report::escape::markup;
use crate::leak::report::figures::amount;

/// The drawing's own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 300.0;
/// With more points than this the line says it all.
const DOTS_MAX: usize = 60;
/// With more phases than this they could not be distinguished.
const SHADED_PHASES_MAX: usize = 1500;

/// What all charts share: the driven stretches, drawn once and used in each.
pub(super) struct Frame<'a> {
    /// How the names of places begin: those of another run on the page begin otherwise.
    pub(super) ids: &'a str,
    time: Axis,
    /// Whether driven stretches are shaded.
    pub(super) has_phases: bool,
}

impl<'a> Frame<'a> {
    pub(super) fn new(report: &Report, ids: &'a str) -> Self {
        let last = report.metrics.iter().filter_map(|metric| metric.series.last()).map(|it| it.0);
        let ends = report.phases.iter().map(|phase| phase.to).chain(last).chain([report.seconds]);
        let end = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
        Self { ids, time: Axis::of_time(end), has_phases: !driven(report).is_empty() }
    }

    /// Goes before the first chart.
    pub(super) fn shared(&self, report: &Report) -> String {
        if !self.has_phases {
            return String::new();
        }
        let mut path = String::new();
        for phase in driven(report) {
            let (from, to) = (self.x(phase.from), self.x(phase.to));
            // Writing to a String cannot fail.
            let _ = write!(path, "M{from:.1} 0H{to:.1}V{HEIGHT}H{from:.1}z");
        }
        format!(
            "<svg class=\"shared\" aria-hidden=\"true\"><defs><path id=\"{}phases\" d=\"{path}\"/></defs></svg>\n",
            self.ids
        )
    }

    fn x(&self, at: f64) -> f64 {
        self.time.part(at) * WIDTH
    }
}

/// The driven phases, when they are few enough to be distinguished.
fn driven(report: &Report) -> Vec<&Phase> {
    let known = |phase: &&Phase| phase.driven && phase.from.is_finite() && phase.to.is_finite();
    let phases: Vec<&Phase> = report.phases.iter().filter(known).collect();
    if SHADED_PHASES_MAX < phases.len() { Vec::new() } else { phases }
}

/// The chart of a metric.
pub(super) fn chart(report: &Report, metric: &Metric, frame: &Frame<'_>) -> String {
    let points = thinned(metric.series.iter().map(|(at, _, value)| (*at, *value)));
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        let what = match metric.mode {
            Mode::Exact => "Counted one by one at the end: there is no series.",
            Mode::Proof => "Reported by the runtime of the target: there is no series.",
            _ => "No readings.",
        };
        return format!("<p class=\"none\">{what}</p>\n");
    };
    let unit = metric.id.unit;
    let values = Axis::of_values(points.iter().map(|point| point.1), unit);
    let cuts = cuts(report, metric);
    // What is counted stands at the upwards axis: `goroutines` of `daemon.goroutines`.
    let what = metric.id.quantity.as_str();
    let label = format!(
        "{} from {} to {} over {}: {}",
        metric.name(),
        amount(first.1, unit),
        amount(last.1, unit),
        span(frame.time.high),
        metric.verdict.as_str()
    );
    let mut text = format!(
        "<div class=\"chart\" data-x=\"{},{}\" data-y=\"{},{}\" data-unit=\"{}\">\n\
         <div class=\"plot\">\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"{}\">\n",
        frame.time.low,
        frame.time.high,
        values.low,
        values.high,
        if unit == Unit::Bytes { "bytes" } else { "" },
        markup(&label)
    );
    if frame.has_phases {
        let _ = writeln!(text, "<use href=\"#{}phases\" class=\"driven\"/>", frame.ids);
    }
    let grid = each(&values.ticks, |tick| format!("M0 {:.1}H{WIDTH}", y(&values, *tick)));
    let _ = writeln!(text, "<path class=\"grid\" d=\"{grid}\"/>");
    for (at, _) in &cuts {
        let _ = writeln!(text, "<path class=\"cut\" d=\"M{:.1} 0V{HEIGHT}\"/>", frame.x(*at));
    }
    let kind = if metric.verdict == Verdict::Leak { "line leaks" } else { "line" };
    let _ =
        writeln!(text, "<path class=\"{kind}\" d=\"{}\"/>", line(&points, &cuts, &values, frame));
    if points.len() <= DOTS_MAX {
        let dot = |point: &Point| format!("M{:.1} {:.1}h0", frame.x(point.0), y(&values, point.1));
        let dots = each(&points, dot);
        let _ = writeln!(text, "<path class=\"{kind} dots\" d=\"{dots}\"/>");
    }
    text.push_str("</svg>\n");
    text.push_str(&written(&points, &cuts, &values, frame, unit, what));
    text.push_str("</div>\n</div>\n");
    text
}

fn y(values: &Axis, value: f64) -> f64 {
    (1.0 - values.part(value)) * HEIGHT
}

/// The line, interrupted where the series started anew.
fn line(points: &[Point], cuts: &[(f64, String)], values: &Axis, frame: &Frame<'_>) -> String {
    let mut path = String::new();
    let mut before: Option<f64> = None;
    for (at, value) in points {
        let new =
            before.is_none_or(|before| cuts.iter().any(|(cut, _)| before < *cut && *cut <= *at));
        let letter = if new { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{:.1} {:.1}", frame.x(*at), y(values, *value));
        before = Some(*at);
    }
    path
}

/// All that is written on a chart, by its place in parts of a hundred.
fn written(
    points: &[Point],
    cuts: &[(f64, String)],
    values: &Axis,
    frame: &Frame<'_>,
    unit: Unit,
    what: &str,
) -> String {
    let mut text = format!("<span class=\"unit\">{}</span>\n", markup(what));
    for tick in &values.ticks {
        let top = 100.0 - 100.0 * values.part(*tick);
        let tick = amount(*tick, unit);
        let _ = writeln!(text, "<span class=\"ytick\" style=\"top:{top:.2}%\">{tick}</span>");
    }
    for (at, tick) in frame.time.ticks.iter().enumerate() {
        let left = 100.0 * frame.time.part(*tick);
        let side = match (at, left) {
            (0, _) => " first",
            (_, left) if 96.0 < left => " last",
            _ => "",
        };
        let tick = span(*tick);
        let _ =
            writeln!(text, "<span class=\"xtick{side}\" style=\"left:{left:.2}%\">{tick}</span>");
    }
    for (at, reason) in cuts {
        let left = 100.0 * frame.time.part(*at);
        let side = if 70.0 < left { " left" } else { "" };
        let reason = markup(reason);
        let _ = writeln!(
            text,
            "<span class=\"cutnote{side}\" style=\"left:{left:.2}%\" title=\"{reason}\">started anew</span>"
        );
    }
    // The first value stands above its point or below it, the last one beside the plot.
    if let Some((at, value)) = points.first() {
        let (left, part) = (100.0 * frame.time.part(*at), values.part(*value));
        let side = match (0.8 < part, 85.0 < left) {
            (true, _) => " below",
            (false, true) => " left",
            (false, false) => "",
        };
        let (top, value) = (100.0 - 100.0 * part, amount(*value, unit));
        let _ = writeln!(
            text,
            "<span class=\"value{side}\" style=\"left:{left:.2}%;top:{top:.2}%\">{value}</span>"
        );
    }
    if let Some((_, value)) = points.last() {
        let (top, value) = (100.0 - 100.0 * values.part(*value), amount(*value, unit));
        let _ = writeln!(text, "<span class=\"value last\" style=\"top:{top:.2}%\">{value}</span>");
    }
    text
}

/// When a series started anew, with the reason.
fn cuts(report: &Report, metric: &Metric) -> Vec<(f64, String)> {
    let cuts = report.cuts.iter().filter(|cut| is_of(metric.name(), &cut.source));
    cuts.map(|cut| (cut.at_ms as f64 / 1000.0, cut.reason.to_string())).collect()
}
