//! Draws one series as an SVG: the line, shaded drive phases, and restarts.
//!
//! ```text
//!    228 ┤            ▒▒  ▒▒ ••   the SVG stretches to the width of the page; labels are HTML, so
//!    150 ┤   ▒▒  ▒▒ ••▒▒••▒▒      that they keep their font size
//!     72 ┤•••▒▒••▒▒
//!        0      1m     2m    3m
//! ```

use std::fmt::Write;

use maud::{Markup, html};

use super::elements::Place;
use super::scale::{Axis, Point, thinned};
use crate::format::figures::amount;
use crate::format::units::span;
use crate::leak::facts::{Metric, Phase, Report, Verdict};
use crate::leak::judge::combine::Mode;
use crate::probe::metric::{Unit, is_of};

/// The size of the SVG view box.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 300.0;
/// Above this number of points the chart has no dots.
const DOTS_MAX: usize = 60;
/// Above this number of phases the chart has no shading.
const SHADED_PHASES_MAX: usize = 1500;

/// What all charts of a run share: the time axis and the shading.
pub(super) struct Frame {
    /// The prefix of element ids, unique for each run on the page.
    pub(super) ids: String,
    time: Axis,
    /// Whether drive phases are shaded.
    pub(super) has_phases: bool,
}

impl Frame {
    pub(super) fn new(report: &Report, place: Place) -> Self {
        let last =
            report.metrics.iter().filter_map(|metric| metric.series.last()).map(|point| point.0);
        let ends = report.phases.iter().map(|phase| phase.to).chain(last).chain([report.seconds]);
        let end = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
        Self { ids: place.ids(), time: Axis::time(end), has_phases: !driven(report).is_empty() }
    }

    /// The shared elements, before the first chart.
    pub(super) fn shared(&self, report: &Report) -> Markup {
        let path = path_of(driven(report), |phase| {
            let (from, to) = (self.x(phase.from), self.x(phase.to));
            format!("M{from:.1} 0H{to:.1}V{HEIGHT}H{from:.1}z")
        });
        html! {
            @if self.has_phases {
                svg.shared aria-hidden="true" {
                    defs { path id={ (self.ids) "phases" } d=(path) {} }
                }
            }
        }
    }

    fn x(&self, at: f64) -> f64 {
        self.time.part(at) * WIDTH
    }
}

/// The drive phases to shade; empty if there are too many.
fn driven(report: &Report) -> Vec<&Phase> {
    let known = |phase: &&Phase| phase.driven && phase.from.is_finite() && phase.to.is_finite();
    let phases: Vec<&Phase> = report.phases.iter().filter(known).collect();
    if SHADED_PHASES_MAX < phases.len() { Vec::new() } else { phases }
}

/// The chart of a metric.
pub(super) fn chart(report: &Report, metric: &Metric, frame: &Frame) -> Markup {
    let points = thinned(metric.series.iter().map(|(at, _, value)| (*at, *value)));
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        let what = match metric.mode {
            Mode::Exact => "Counted one by one at the end: there is no series.",
            Mode::Proof => "Reported by the runtime of the target: there is no series.",
            _ => "No readings.",
        };
        return html! { p.none { (what) } };
    };
    let unit = metric.id.unit;
    let values = Axis::values(points.iter().map(|point| point.1), unit);
    let cuts = cuts(report, metric);
    let (low, high) = (amount(first.1, unit), amount(last.1, unit));
    let (time, verdict) = (span(frame.time.high), metric.verdict.as_str());
    let label = format!("{} from {low} to {high} over {time}: {verdict}", metric.name());
    let kind = if metric.verdict == Verdict::Leak { "line leaks" } else { "line" };
    let grid = path_of(&values.ticks, |tick| format!("M0 {:.1}H{WIDTH}", y(&values, *tick)));
    let dot = |point: &Point| format!("M{:.1} {:.1}h0", frame.x(point.0), y(&values, point.1));
    html! {
        div.chart
            data-x={ (frame.time.low) "," (frame.time.high) }
            data-y={ (values.low) "," (values.high) }
            data-unit=(if unit == Unit::Bytes { "bytes" } else { "" })
        {
            div.plot {
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
                    @if frame.has_phases { use href={ "#" (frame.ids) "phases" } class="driven" {} }
                    path.grid d=(grid) {}
                    @for (at, _) in &cuts { path.cut d=(format!("M{:.1} 0V{HEIGHT}", frame.x(*at))) {} }
                    path class=(kind) d=(line(&points, &cuts, &values, frame)) {}
                    @if points.len() <= DOTS_MAX { path class={ (kind) " dots" } d=(path_of(&points, dot)) {} }
                }
                (labels(&points, &cuts, &values, frame, metric))
            }
        }
    }
}

/// Concatenates the pieces of a path.
fn path_of<T>(items: impl IntoIterator<Item = T>, piece: impl Fn(T) -> String) -> String {
    items.into_iter().map(piece).collect()
}

fn y(values: &Axis, value: f64) -> f64 {
    (1.0 - values.part(value)) * HEIGHT
}

/// The line, interrupted at restarts.
fn line(points: &[Point], cuts: &[(f64, String)], values: &Axis, frame: &Frame) -> String {
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

/// The labels of a chart, positioned in percent.
fn labels(
    points: &[Point],
    cuts: &[(f64, String)],
    values: &Axis,
    frame: &Frame,
    metric: &Metric,
) -> Markup {
    let unit = metric.id.unit;
    let left = |at: f64| 100.0 * frame.time.part(at);
    let top = |value: f64| 100.0 - 100.0 * values.part(value);
    // CSS classes for labels at the edge.
    let tick_class = |at: usize, left: f64| match at {
        0 => " first",
        _ if 96.0 < left => " last",
        _ => "",
    };
    let first_class = |(at, value): Point| match (0.8 < values.part(value), 85.0 < left(at)) {
        (true, _) => " below",
        (false, true) => " left",
        (false, false) => "",
    };
    html! {
        // The title of the value axis: `goroutines` of `daemon.goroutines`.
        span.unit { (metric.id.quantity) }
        @for tick in &values.ticks {
            span.ytick style=(format!("top:{:.2}%", top(*tick))) { (amount(*tick, unit)) }
        }
        @for (at, tick) in frame.time.ticks.iter().enumerate() {
            span class={ "xtick" (tick_class(at, left(*tick))) } style=(format!("left:{:.2}%", left(*tick))) {
                (span(*tick))
            }
        }
        @for (at, reason) in cuts {
            span class={ "cutnote" @if 70.0 < left(*at) { " left" } } style=(format!("left:{:.2}%", left(*at))) title=(reason) {
                "restarted"
            }
        }
        @if let Some((at, value)) = points.first() {
            span class={ "value" (first_class((*at, *value))) } style=(format!("left:{:.2}%;top:{:.2}%", left(*at), top(*value))) {
                (amount(*value, unit))
            }
        }
        @if let Some((_, value)) = points.last() {
            span.value.last style=(format!("top:{:.2}%", top(*value))) { (amount(*value, unit)) }
        }
    }
}

/// The restarts of a series: seconds and reason.
fn cuts(report: &Report, metric: &Metric) -> Vec<(f64, String)> {
    let cuts = report.cuts.iter().filter(|cut| is_of(metric.name(), &cut.source));
    cuts.map(|cut| (cut.at_ms as f64 / 1000.0, cut.reason.to_string())).collect()
}
