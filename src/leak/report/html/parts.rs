//! The parts of the page: badges, tables, lists, bars. Every text goes through
//! [`markup`](crate::leak::report::escape::markup) here.

use std::fmt::Write;

use super::chart::{Frame, chart};
use crate::leak::record::Drive;
use crate::leak::report::escape::markup;
use crate::leak::report::figures::{NONE, Unit, amount, duration, share};
use crate::leak::report::{GroupGrowth, Metric, Report, Verdict, words};

/// So many groups are shown for a metric.
const GROUPS: usize = 12;

pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak => "leak",
        Verdict::Clean => "clean",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Invalid => "invalid",
    }
}

/// A sign of its own for each verdict, so that colour is not needed.
pub(super) fn icon(verdict: Verdict) -> String {
    let drawing = match verdict {
        Verdict::Leak => {
            "<path d=\"M12 2.6 22.6 21.4H1.4z\"/><path class=\"sign\" d=\"M12 9.4v5.4m0 3v.2\"/>"
        }
        Verdict::Clean => {
            "<circle cx=\"12\" cy=\"12\" r=\"10.4\"/><path class=\"sign\" d=\"m7 12.4 3.6 3.6L17 8.6\"/>"
        }
        Verdict::Inconclusive => {
            "<circle cx=\"12\" cy=\"12\" r=\"10.4\"/><path class=\"sign\" d=\"M9 9.4c0-4 6.2-3.6 6.2-.2 0 \
             2.4-3.2 2.4-3.2 5m0 3v.2\"/>"
        }
        Verdict::Invalid => {
            "<path d=\"M7.6 1.6h8.8l6 6v8.8l-6 6H7.6l-6-6V7.6z\"/><path class=\"sign\" d=\"m8.4 8.4 7.2 \
             7.2m0-7.2-7.2 7.2\"/>"
        }
    };
    format!("<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">{drawing}</svg>")
}

pub(super) fn badge(verdict: Verdict) -> String {
    format!("<span class=\"badge {}\">{}{}</span>", class(verdict), icon(verdict), verdict.as_str())
}

/// All of them, written one after the other.
pub(super) fn each<T>(all: impl IntoIterator<Item = T>, written: impl Fn(T) -> String) -> String {
    let all: Vec<String> = all.into_iter().map(written).collect();
    all.concat()
}

/// A section with a list; nothing without items.
pub(super) fn list(title: &str, class: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items = each(items, |item| format!("<li>{}</li>\n", markup(item)));
    let title = markup(title);
    format!("<section class=\"list {class}\">\n<h2>{title}</h2>\n<ul>\n{items}</ul>\n</section>\n")
}

/// The work that was done, in large figures.
pub(super) fn figures(report: &Report) -> String {
    let count = |value: f64| amount(value.round(), Unit::Count);
    let tenth = |value: f64| amount((value * 10.0).round() / 10.0, Unit::Count);
    let expected = match report.cycles_expected {
        Some(expected) => {
            let driven = if report.drive.has_rungs() { " while driven" } else { "" };
            format!("cycles/min{driven}, {} expected", tenth(expected))
        }
        None => "cycles/min".to_owned(),
    };
    let mut all = vec![(duration(report.seconds), "measured".to_owned())];
    if report.drive != Drive::Passive || 0.0 < report.cycles {
        let warm_up = count(report.warm_up_cycles);
        all.push((count(report.cycles), format!("cycles, {warm_up} of them warm-up")));
        all.push((tenth(report.cycles_per_minute), expected));
    }
    if report.drive.has_rungs() {
        let what = "pairs of a driven and an idle stretch".to_owned();
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
        format!("Per cycle{}", words::confidence(per_cycle)),
        format!("P{}{}", &words::per_minute_title(report)[1..], words::confidence(per_minute)),
        "p".to_owned(),
        "From, to".to_owned(),
    ];
    let head = each(&titles, |title| format!("<th scope=\"col\">{title}</th>"));
    let mut text =
        format!("<section>\n<h2>Metrics</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n");
    for (at, metric) in words::ordered(report) {
        let unit = Unit::of(&metric.name);
        let gated = if metric.gated { "" } else { " <small>does not decide</small>" };
        let cells = [
            badge(metric.verdict),
            format!("<a href=\"#{ids}m{at}\">{}</a>{gated}", markup(&metric.name)),
            figure(&words::per_cycle(metric)),
            figure(&words::per_minute(metric)),
            figure(&words::p(metric)),
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
fn figure(text: &str) -> String {
    let text = markup(text);
    match text.split_once(" (") {
        Some((estimate, interval)) => format!("<b>{estimate}</b> <small>({interval}</small>"),
        None => text,
    }
}

/// All of one metric: its chart, why, and its groups.
pub(super) fn card(report: &Report, metric: &Metric, at: usize, frame: &Frame<'_>) -> String {
    let wide = if metric.groups.is_empty() { "" } else { " wide" };
    let mut text = format!(
        "<article class=\"card{wide}\" id=\"{ids}m{at}\">\n<h3><span>{}</span> {}</h3>\n<div>\n{}<p>{}</p>\n",
        markup(&metric.name),
        badge(metric.verdict),
        chart(report, metric, frame),
        markup(&words::headline(metric)),
        ids = frame.ids(),
    );
    if let Some(shape) = words::shape(metric) {
        let _ = writeln!(text, "<p class=\"shape\">Shape: {}</p>", markup(shape));
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
    let shown = &metric.groups[..metric.groups.len().min(GROUPS)];
    text.extend(shown.iter().map(|group| bar(group, metric)));
    if shown.len() < metric.groups.len() {
        let _ = writeln!(text, "<li>and {} more</li>", metric.groups.len() - shown.len());
    }
    if let Some(rest) = words::rest(&metric.groups) {
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
    let rate = words::group_rate(group, metric);
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
        true => duration(report.stream_timeout),
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
        ("Form", report.schema.to_owned()),
    ];
    let rows = each(&all, |(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", markup(value)));
    format!("<section>\n<h2>Parameters</h2>\n<dl class=\"parameters\">\n{rows}</dl>\n</section>\n")
}
