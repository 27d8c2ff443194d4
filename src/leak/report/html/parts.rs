//! The parts of the page: tables, cards, bars. Every text goes through
//! [`markup`](crate::leak::report::escape::markup) here.

use std::fmt::Write;

use super::chart::{Frame, chart};
use super::elements::{badge, each};
use crate::format::units::span;
use crate::leak::facts::{GroupGrowth, Interval, Metric, Report};
use crate::leak::metric::Unit;
use crate::leak::record::Drive;
use crate::leak::report::escape::markup;
use crate::leak::report::figures::{self, NONE, amount, share};
use crate::leak::report::ranking::ordered;
use crate::leak::report::sentences;

/// A metric shows at most this many groups.
const GROUPS_MAX: usize = 12;

/// The work that was done, in large figures.
pub(super) fn figures(report: &Report) -> String {
    let count = |value: f64| amount(value.round(), Unit::Count);
    let tenth = |value: f64| amount((value * 10.0).round() / 10.0, Unit::Count);
    let expected = match report.cycles_expected {
        Some(expected) => {
            let driven = if report.drive.has_phases() { " while driven" } else { "" };
            format!("cycles/min{driven}, {} expected", tenth(expected))
        }
        None => "cycles/min".to_owned(),
    };
    let mut all = vec![(span(report.seconds), "measured".to_owned())];
    if report.drive != Drive::Passive || 0.0 < report.cycles {
        let warm_up = count(report.warm_up_cycles);
        all.push((count(report.cycles), format!("cycles, {warm_up} of them warm-up")));
        all.push((tenth(report.cycles_per_minute), expected));
    }
    if report.drive.has_phases() {
        let what = "on/off pairs".to_owned();
        all.push((report.pairs.to_string(), what));
    }
    all.extend(report.lines.map(|lines| (count(lines), "lines read".to_owned())));
    let cells = each(&all, |(value, what)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>\n", markup(what), markup(value))
    });
    format!("<section>\n<h2>Work done</h2>\n<dl class=\"figures\">\n{cells}</dl>\n</section>\n")
}

/// The table of metrics.
pub(super) fn table(report: &Report, ids: &str) -> String {
    if report.metrics.is_empty() {
        return String::new();
    }
    let per_cycle = report.metrics.iter().filter_map(|metric| metric.per_cycle.as_ref());
    let per_minute = report.metrics.iter().filter_map(|metric| metric.per_minute.as_ref());
    let titles = [
        "Verdict".to_owned(),
        "Metric".to_owned(),
        format!("Per cycle{}", sentences::confidence(per_cycle)),
        sentences::heading(sentences::per_minute_title(report))
            + &sentences::confidence(per_minute),
        "p".to_owned(),
        "From, to".to_owned(),
    ];
    let head = each(&titles, |title| format!("<th scope=\"col\">{title}</th>"));
    let mut text =
        format!("<section>\n<h2>Metrics</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n");
    for (at, metric) in ordered(report) {
        let unit = metric.id.unit;
        let gated = if metric.gated { "" } else { " <small>does not decide</small>" };
        let cells = [
            badge(metric.verdict),
            format!("<a href=\"#{ids}m{at}\">{}</a>{gated}", markup(&metric.id.name)),
            rate(metric.per_cycle.as_ref(), unit),
            rate(metric.per_minute.as_ref(), unit),
            markup(&sentences::p(metric)),
            format!("{} → {}", amount(metric.first, unit), amount(metric.last, unit)),
        ];
        text.push_str("<tr>");
        for (title, cell) in titles.iter().zip(cells) {
            // Writing to a String cannot fail.
            let class = if cell == NONE { " class=\"none\"" } else { "" };
            let _ = write!(text, "<td{class} data-title=\"{title}\">{cell}</td>");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n</section>\n");
    text
}

/// An estimate stands out from its interval.
fn rate(interval: Option<&Interval>, unit: Unit) -> String {
    match interval {
        None => NONE.to_owned(),
        Some(interval) => {
            let (estimate, bounds) = figures::estimate_and_bounds(interval, unit);
            match bounds {
                Some(bounds) => format!("<b>{estimate}</b> <small>({bounds})</small>"),
                None => estimate,
            }
        }
    }
}

/// All of one metric: its chart, why, and its groups.
pub(super) fn card(report: &Report, metric: &Metric, at: usize, frame: &Frame<'_>) -> String {
    let wide = if metric.groups.is_empty() { "" } else { " wide" };
    let mut text = format!(
        "<article class=\"card{wide}\" id=\"{ids}m{at}\">\n<h3><span>{}</span> {}</h3>\n<div>\n{}<p>{}</p>\n",
        markup(&metric.id.name),
        badge(metric.verdict),
        chart(report, metric, frame),
        markup(&sentences::headline(metric)),
        ids = frame.ids,
    );
    if let Some(shape) = sentences::shape(metric) {
        let _ = writeln!(text, "<p class=\"shape\">Shape: {}</p>", markup(&shape));
    }
    text.push_str("</div>\n");
    text.push_str(&groups(metric));
    text.push_str("</article>\n");
    text
}

fn groups(metric: &Metric) -> String {
    if metric.groups.is_empty() {
        return String::new();
    }
    let mut text =
        "<div>\n<h4>Groups that grow, and their share</h4>\n<ul class=\"groups\">\n".to_owned();
    let shown = &metric.groups[..metric.groups.len().min(GROUPS_MAX)];
    text.extend(shown.iter().map(|group| bar(group, metric)));
    if shown.len() < metric.groups.len() {
        let _ = writeln!(text, "<li>and {} more</li>", metric.groups.len() - shown.len());
    }
    if let Some(rest) = sentences::rest(&metric.groups) {
        let what = "<span class=\"rest\">in no group that grows for certain</span>";
        text.push_str(&row(what, rest, "", " unexplained"));
    }
    text.push_str("</ul>\n</div>\n");
    text
}

fn bar(group: &GroupGrowth, metric: &Metric) -> String {
    let title = format!("<code>{}</code>", markup(&group.title));
    let stack: Vec<&str> = group.key.split(';').filter(|frame| !frame.is_empty()).collect();
    let title = match stack.len() {
        0 | 1 => title,
        _ => {
            let frames = each(stack, |frame| format!("<li><code>{}</code></li>", markup(frame)));
            format!("<details><summary>{title}</summary><ol>{frames}</ol></details>")
        }
    };
    let rate = sentences::group_rate(group, metric);
    row(&title, group.share, &format!("{rate} · {} → {}", group.first, group.last), "")
}

fn row(title: &str, part: f64, rate: &str, class: &str) -> String {
    let width = if part.is_finite() { (part * 100.0).clamp(0.0, 100.0) } else { 0.0 };
    format!(
        "<li>{title}<div class=\"bar{class}\"><i style=\"width:{width:.1}%\"></i></div>\
         <div class=\"rate\"><b>{}</b> {}</div></li>\n",
        share(part),
        markup(rate)
    )
}

/// What the run was given, and how to do it again.
pub(super) fn parameters(report: &Report) -> String {
    let names = |names: &[String]| match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    };
    let timeout = match 0.0 < report.stream_timeout {
        true => span(report.stream_timeout),
        false => "cmon drove no streams".to_owned(),
    };
    let seed = match report.drive {
        Drive::Held | Drive::Passive => "nothing was random".to_owned(),
        Drive::Streams | Drive::Command => {
            format!("{} (the same order again: --seed {0})", report.seed)
        }
    };
    let all = [
        ("Containers", names(&report.containers)),
        ("Targets", names(&report.targets)),
        ("Stream timeout", timeout),
        ("Seed", seed),
    ];
    let rows = each(&all, |(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", markup(value)));
    format!("<section>\n<h2>Parameters</h2>\n<dl class=\"parameters\">\n{rows}</dl>\n</section>\n")
}
