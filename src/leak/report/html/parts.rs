//! The parts of the page: tables, cards, bars.

use maud::{Markup, html};

use super::chart::{Frame, chart};
use super::elements::{badge, pairs};
use crate::format::figures::{amount, share};
use crate::format::units::span;
use crate::leak::facts::{GroupGrowth, Metric, Report};
use crate::leak::record::Drive;
use crate::leak::report::sentences;
use crate::probe::metric::Unit;

/// A metric shows at most this many groups.
const GROUPS_MAX: usize = 12;

/// The work done, in large numbers.
pub(super) fn figures(report: &Report) -> Markup {
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
        all.push((report.pairs.to_string(), "on/off pairs".to_owned()));
    }
    all.extend(report.lines.map(|lines| (count(lines), "lines read".to_owned())));
    html! {
        section {
            h2 { "Work done" }
            dl.figures { @for (value, what) in all { div { dt { (what) } dd { (value) } } } }
        }
    }
}

/// The card of one metric: chart, reason, groups.
pub(super) fn card(report: &Report, metric: &Metric, at: usize, frame: &Frame) -> Markup {
    html! {
        article.card.wide[!metric.groups.is_empty()] id={ (frame.ids) "m" (at) } {
            h3 { span { (metric.id.name) } " " (badge(metric.verdict)) }
            div {
                (chart(report, metric, frame))
                p { (sentences::headline(metric)) }
                @if let Some(shape) = sentences::shape(metric) { p.shape { "Shape: " (shape) } }
            }
            (groups(metric))
        }
    }
}

fn groups(metric: &Metric) -> Markup {
    let shown = &metric.groups[..metric.groups.len().min(GROUPS_MAX)];
    html! {
        @if !shown.is_empty() {
            div {
                h4 { "Groups that grow, and their share" }
                ul.groups {
                    @for group in shown { (group_row(group, metric)) }
                    @if shown.len() < metric.groups.len() {
                        li { "and " (metric.groups.len() - shown.len()) " more" }
                    }
                    @if let Some(rest) = sentences::rest(&metric.groups) {
                        li {
                            span.rest { "in no group that grows for certain" }
                            (bar(rest, " unexplained"))
                            div.rate { b { (share(rest)) } }
                        }
                    }
                }
            }
        }
    }
}

fn group_row(group: &GroupGrowth, metric: &Metric) -> Markup {
    let stack: Vec<&str> = group.key.split(';').filter(|frame| !frame.is_empty()).collect();
    let title = html! { code { (group.title) } };
    html! {
        li {
            @if stack.len() < 2 { (title) } @else {
                details {
                    summary { (title) }
                    ol { @for frame in stack { li { code { (frame) } } } }
                }
            }
            (bar(group.share, ""))
            div.rate {
                b { (share(group.share)) } " " (sentences::group_rate(group, metric)) " · " (group.first) " → " (group.last)
            }
        }
    }
}

/// A bar for a share from 0 to 1.
fn bar(share: f64, class: &str) -> Markup {
    let width = if share.is_finite() { (share * 100.0).clamp(0.0, 100.0) } else { 0.0 };
    html! { div class={ "bar" (class) } { i style={ "width:" (format!("{width:.1}")) "%" } {} } }
}

/// The parameters of the run, and the seed to repeat it.
pub(super) fn parameters(report: &Report) -> Markup {
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
    let all = all.iter().map(|(name, value)| (*name, value.as_str()));
    html! { section { h2 { "Parameters" } (pairs("parameters", all)) } }
}
