//! Sentences that several output formats share. They are not escaped.

use super::explain;
use crate::format::figures::{self, amount, plural};
use crate::format::units::{counted, span};
use crate::grouped::by_key;
use crate::leak::facts::{GroupGrowth, Interval, Metric, Report};
use crate::leak::judge::combine::Mode;
use crate::leak::judge::shape::Shape;
use crate::leak::record::{Cut, Drive};
use crate::probe::metric::Unit;

/// cmon's tasks and connections that survived.
pub(super) fn survivors(report: &Report) -> Vec<String> {
    let all = report.survivors.iter();
    all.map(|left| format!("{} {}, {} old", left.kind, left.name, span(left.age))).collect()
}

/// Unavailable metrics.
pub(super) fn unavailable(report: &Report) -> Vec<String> {
    let all = report.unavailable.iter();
    let sentences = all.map(|missing| match missing.times {
        0 | 1 => format!("{}: {}", missing.metric, missing.reason),
        times => format!("{}: {} ({times} times)", missing.metric, missing.reason),
    });
    sentences.collect()
}

/// The restarts. Many restarts of one source share a line.
pub(super) fn cuts(report: &Report) -> Vec<String> {
    const CUTS_SHOWN_MAX: usize = 3;
    let seconds = |cut: &Cut| cut.at_ms as f64 / 1000.0;
    let mut lines = Vec::new();
    for (source, cuts) in by_key(report.cuts.iter().map(|cut| (&cut.source, cut))) {
        if let (true, Some(last)) = (CUTS_SHOWN_MAX < cuts.len(), cuts.last()) {
            let at: Vec<f64> = cuts.iter().map(|cut| seconds(cut)).collect();
            lines.push(format!("{source}: {}; the last: {}", times(&at), last.reason));
            continue;
        }
        lines.extend(
            cuts.iter().map(|cut| format!("{source} at {}: {}", span(seconds(cut)), cut.reason)),
        );
    }
    lines
}

/// Capitalizes a heading.
pub(super) fn heading(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Both rates with their intervals, and the p-value, on one line.
pub(super) fn intervals(metric: &Metric) -> Option<String> {
    let lines = |interval: Option<&Interval>, by: &str| {
        interval.map(|rate| format!("{} {by}", interval_text(rate, metric)))
    };
    let chance = metric.p.map(|p| format!("p {}", figures::chance_with_sign(p)));
    let parts = [
        lines(metric.per_cycle.as_ref(), "per cycle"),
        lines(metric.per_minute.as_ref(), "per minute"),
        chance,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let sure = confidence(metric.rates()).map_or_else(String::new, |sure| format!(" ({sure})"));
    (!parts.is_empty()).then(|| parts.join(", ") + &sure)
}

fn interval_text(rate: &Interval, metric: &Metric) -> String {
    figures::interval(rate.estimate, rate.low..=rate.high, metric.id.unit)
}

/// A metric in one line: its rates and the reason of its verdict.
pub(super) fn headline(metric: &Metric) -> String {
    let mut parts = Vec::new();
    if let Some(rate) = &metric.per_cycle {
        parts.push(format!("{} per cycle", interval_text(rate, metric)));
    }
    if let Some(rate) = &metric.per_minute {
        let idle = if metric.mode == Mode::Driven { " while idle" } else { "" };
        parts.push(format!("{} per minute{idle}", interval_text(rate, metric)));
    }
    let rates = parts.join(", ");
    match rates.is_empty() {
        true => explain::metric(metric),
        false => format!("{rates}; {}", explain::metric(metric)),
    }
}

/// The confidence of the first interval: `99 %`.
pub(super) fn confidence<'a>(mut intervals: impl Iterator<Item = &'a Interval>) -> Option<String> {
    let known = intervals.find(|interval| interval.confidence.is_finite())?;
    Some(figures::percent(known.confidence))
}

/// `72 to 228`.
pub(super) fn ends(metric: &Metric) -> String {
    let [first, last] = figures::pair(metric.first, metric.last, metric.id.unit);
    format!("{first} to {last}")
}

/// The shape, unless it is level or unknown.
pub(super) fn shape(metric: &Metric) -> Option<String> {
    let is_known = !matches!(metric.shape, Shape::Unknown | Shape::Level);
    is_known.then(|| metric.shape.summary(metric.id.unit))
}

/// The rate of a group: per cycle if known, otherwise per minute.
pub(super) fn group_rate(group: &GroupGrowth, metric: &Metric) -> String {
    let unit = metric.id.unit;
    let per_cycle = metric.per_cycle.is_some().then_some(group.per_cycle).flatten();
    match per_cycle {
        Some(per_cycle) if per_cycle.is_finite() && !metric.grows_while_idle() => {
            format!("{} per cycle", figures::growth(per_cycle, unit))
        }
        _ => format!("{} per minute", figures::growth(group.per_minute, unit)),
    }
}

/// The share of the growth outside of the groups, if it is at least 5 %.
pub(super) fn rest(groups: &[GroupGrowth]) -> Option<f64> {
    let named: f64 = groups.iter().map(|group| group.share).sum();
    let rest = 1.0 - named;
    (!groups.is_empty() && 0.05 <= rest).then_some(rest)
}

/// The smallest detectable leak of each gated metric, with equal ones grouped.
pub(super) fn smallest(report: &Report) -> Vec<String> {
    let limit = |metric: &Metric| {
        let unit = metric.id.unit;
        let known = |value: Option<f64>| value.filter(|value| value.is_finite());
        let parts: Vec<String> = [
            known(metric.smallest_per_cycle)
                .map(|value| format!("{} per cycle", amount(value, unit))),
            known(metric.smallest_per_minute)
                .map(|value| format!("{} per minute", amount(value, unit))),
        ]
        .into_iter()
        .flatten()
        .collect();
        match (parts.is_empty(), metric.mode) {
            (false, _) => parts.join(" or "),
            (true, Mode::Exact) => "1 in all".to_owned(),
            (true, _) => "unknown".to_owned(),
        }
    };
    let alike = by_key(report.gated().map(|metric| (limit(metric), metric.name())));
    alike.into_iter().map(|(text, names)| format!("{text}: {}", names.join(", "))).collect()
}

/// The work done in the run.
pub(super) fn work(report: &Report) -> String {
    let count = |value: f64, one: &str| plural(value.round(), one);
    let length = span(report.seconds);
    if report.drive == Drive::Passive && report.cycles == 0.0 {
        return format!("{length} watched");
    }
    let mut parts = vec![format!("{} in {length}", count(report.cycles, "cycle"))];
    let reached = amount(round(report.cycles_per_minute), Unit::Count);
    parts.push(match report.cycles_expected {
        Some(expected) => {
            let expected = amount(round(expected), Unit::Count);
            let driven = if report.drive.has_phases() { " while driven" } else { "" };
            format!("{reached} cycles/min{driven} ({expected} expected)")
        }
        None => format!("{reached} cycles/min"),
    });
    if report.drive.has_phases() {
        parts.push(format!("warm-up {}", count(report.warm_up_cycles, "cycle")));
        parts.push(counted(report.pairs, "on/off pair"));
    }
    parts.extend(report.lines.map(|lines| count(lines, "line")));
    parts.join(", ")
}

/// Rounds to one decimal.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The checked containers and targets.
pub(super) fn checked(report: &Report) -> String {
    let mut parts = Vec::new();
    let names = &report.containers;
    if !names.is_empty() {
        let count = plural(names.len() as f64, "container");
        parts.push(format!("{count}: {}", figures::names(names)));
    }
    if !report.targets.is_empty() {
        parts.push(format!("target {}", report.targets.join(", ")));
    }
    if 0.0 < report.stream_timeout {
        parts.push(format!("stream timeout {}", span(report.stream_timeout)));
    }
    match parts.is_empty() {
        true => "nothing".to_owned(),
        false => parts.join("; "),
    }
}

/// The rules of the verdict, in sentences.
pub(super) fn rules(report: &Report) -> Vec<String> {
    let rules = &report.rules;
    let how = match report.drive {
        Drive::Streams => {
            "Streams were opened and closed on some stretches and left alone on others, in random \
             order; counts are compared at rest. That separates growth with the cycles from growth \
             with time."
        }
        Drive::Command => {
            "A command was run on some stretches and not on others, in random order; counts are \
             compared at rest. That separates growth with the cycles from growth with time."
        }
        Drive::Held => {
            "Streams were followed all the time, and each was closed at its age and opened again: \
             low points are compared over time, and steps, sawtooths and warm-ups are no leaks."
        }
        Drive::Passive => {
            "The target was only watched: its low points are compared over time, and steps, \
             sawtooths and warm-ups are no leaks."
        }
    };
    vec![
        how.to_owned(),
        format!(
            "Tolerated: {} per cycle and {} per minute.",
            amount(rules.max_per_cycle, Unit::Count),
            amount(rules.max_per_min, Unit::Count)
        ),
        format!(
            "The chance of a false alarm over all metrics that decide is at most {}.",
            figures::percent(rules.alpha)
        ),
        match rules.gate.is_empty() {
            true => "The default metrics decide.".to_owned(),
            false => format!("These metrics decide: {}.", rules.gate.join(", ")),
        },
    ]
}

/// The times of an event: `at 1m01s`, `20 times, first at 1m01s, last at 9m`.
fn times(at: &[f64]) -> String {
    match at {
        [] => String::new(),
        [one] => format!("at {}", span(*one)),
        [first, .., last] => {
            format!("{} times, first at {}, last at {}", at.len(), span(*first), span(*last))
        }
    }
}

impl Metric {
    /// Rates, reason of the verdict, and shape.
    pub(crate) fn summary(&self) -> String {
        match shape(self) {
            Some(shape) => format!("{}; {shape}", headline(self)),
            None => headline(self),
        }
    }
}
