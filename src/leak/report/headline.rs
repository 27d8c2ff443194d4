//! The first lines of a report: the verdict in one sentence about the metric that says most, where in the code it is,
//! what the pattern is, and one thing to do.

use super::document::{Fact, Head, Role};
use super::figures::{self, Unit, amount, duration, plural};
use super::{Metric, Report, Signature, Verdict, words};
use crate::leak::attribute::owner;
use crate::leak::judge::{self, shape::Shape};
use crate::leak::probe::pprof;
use crate::leak::record::Drive;

/// Groups that make at least this part of what the largest makes are about as large.
const ALIKE: f64 = 0.8;

pub(super) fn head(report: &Report) -> Head {
    let mut facts = Vec::new();
    let mut add = |role: Role, text: Option<String>| {
        facts.extend(text.filter(|text| !text.is_empty()).map(|text| Fact { role, text }));
    };
    match report.verdict {
        Verdict::Leak => {
            if let Some(metric) = telling(report) {
                add(Role::Where, place(metric));
                add(Role::What, meaning(report, metric).map(ToString::to_string));
                add(Role::Todo, Some(remedy(report, metric)));
            }
        }
        Verdict::Clean => {
            let least = limit(report);
            add(
                Role::Limit,
                least.map(|least| format!("the smallest leak it would have found: {least}")),
            );
        }
        Verdict::Inconclusive => {
            for reason in words::reasons(report) {
                add(Role::Why, Some(reason));
            }
            let bounded = report.signatures.iter();
            let bounded: Vec<&Signature> =
                bounded.filter(|one| matches!(one, Signature::Stopped { .. })).collect();
            add(Role::What, bounded.first().map(ToString::to_string));
            let remedy = bounded.first().and_then(|one| one.remedy()).map(str::to_owned);
            add(Role::Todo, remedy.or_else(|| report.advice.first().cloned()));
        }
        Verdict::Invalid => add(Role::Todo, report.advice.first().cloned()),
    }
    Head { verdict: report.verdict, sentence: words::because(report), facts }
}

/// The first three of them.
fn shortened(all: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match all.len() {
        0..=SHOWN => shown,
        count => format!("{shown}; and {} more as before", count - SHOWN),
    }
}

/// The metric that says most of a leak: the largest and surest growth of those that decide. The daemon's side of
/// somebody else's connections says less, and so does memory.
pub(in crate::leak) fn telling(report: &Report) -> Option<&Metric> {
    let leaks = report.metrics.iter().filter(|metric| metric.gated);
    let leaks = leaks.filter(|metric| metric.verdict == Verdict::Leak);
    let rank = |metric: &Metric| {
        let is_side = report.other_sides.iter().any(|side| side.metric == metric.name);
        let counts = Unit::of(&metric.name) == Unit::Count;
        (!is_side, counts, metric.mode == "exact")
    };
    leaks.max_by(|one, other| {
        rank(one)
            .cmp(&rank(other))
            .then_with(|| grown(one, report).total_cmp(&grown(other, report)))
            // Of equal ones the first.
            .then_with(|| other.name.cmp(&one.name))
    })
}

/// By how much it has certainly grown over the check.
fn grown(metric: &Metric, report: &Report) -> f64 {
    let low = |interval: Option<super::Interval>| {
        interval.map_or(
            0.0,
            |interval| if interval.low.is_finite() { interval.low.max(0.0) } else { 0.0 },
        )
    };
    let by_cycles = low(metric.per_cycle) * report.cycles;
    let by_time = low(metric.per_minute) * report.seconds / 60.0;
    match by_cycles.max(by_time) {
        // A proof has no rate.
        0.0 => (metric.last - metric.first).max(0.0),
        grown => grown,
    }
}

/// The sentence on a leak; nothing where no metric stands for it.
///
/// `decided` is what the judges say of the metric with this name, for growth that its rates do not show.
pub(in crate::leak) fn leak(
    report: &Report,
    decided: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let metric = telling(report)?;
    let (source, kind) = metric.name.rsplit_once('.').unwrap_or(("", &metric.name));
    let who = owner(source);
    let sentence = match metric.mode {
        "exact" => {
            let cycles = plural(report.cycles.round(), "stream");
            let left = match figures::is_one(metric.last) {
                true => "1 task or connection".to_owned(),
                false => format!("{} tasks and connections", amount(metric.last, Unit::Count)),
            };
            let are = if figures::is_one(metric.last) { "is" } else { "are" };
            format!("cmon itself leaks: {left} {are} left of {cycles} that it closed")
        }
        "proof" => {
            let (first, last) =
                (amount(metric.first, Unit::Count), amount(metric.last, Unit::Count));
            format!(
                "{who} leaks goroutines: its runtime proves that {last} can never wake, {first} at the start"
            )
        }
        _ => {
            // Ids may prove what rates do not show.
            let grows = |interval: Option<super::Interval>| interval.is_some_and(|it| 0.0 < it.low);
            let shown = grows(metric.per_cycle) || grows(metric.per_minute);
            let other = if shown { None } else { decided(&metric.name) };
            let rate = other.unwrap_or_else(|| rate(metric, report));
            format!("{who} leaks {}: {rate}", figures::things(kind))
        }
    };
    Some(sentence)
}

/// How fast it grows, per cycle where cycles make it grow.
fn rate(metric: &Metric, report: &Report) -> String {
    let unit = Unit::of(&metric.name);
    let said = |interval: super::Interval| match figures::is_wide(&interval) {
        true => figures::interval(&interval, unit),
        false => figures::growth(interval.estimate, unit),
    };
    let against = if metric.mode == "baseline" { "new growth, now " } else { "" };
    match (metric.per_cycle, metric.per_minute) {
        (Some(per_cycle), _) if 0.0 < per_cycle.low && report.drive != Drive::Passive => {
            let pace = per_cycle.estimate * report.cycles_per_minute;
            let pace = figures::growth(pace, unit);
            format!("{against}{} per cycle, {pace} per minute at this pace", said(per_cycle))
        }
        (_, Some(per_minute)) => {
            let idle = match (words::leaks_while_idle(metric), report.drive) {
                (true, Drive::Streams) => ", also while no stream is opened or closed",
                (true, Drive::Command) => ", also while the command does not run",
                _ => "",
            };
            let rate = said(per_minute);
            // What was level at first has not grown at that rate over the whole check.
            let begun = match metric.form {
                Shape::ChangePoint { level_until, .. } => {
                    format!("level until {}, then ", duration(level_until.round()))
                }
                _ => String::new(),
            };
            match idle.is_empty() {
                true => format!("{against}{begun}{rate} per minute ({})", over(metric, report)),
                false => format!("{against}{rate} per minute{idle}"),
            }
        }
        (Some(per_cycle), None) => format!("{against}{} per cycle", said(per_cycle)),
        (None, None) => over(metric, report),
    }
}

/// `52 to 372 in 10m`.
fn over(metric: &Metric, report: &Report) -> String {
    match metric.since {
        Some(since) => format!("from {} on", judge::words::span(since)),
        None => format!("{} in {}", words::ends(metric), duration(report.seconds)),
    }
}

/// Where in the code: the group that makes the most of it. Of those that make about as much, one of the program's own
/// code says more.
fn place(metric: &Metric) -> Option<String> {
    let most = metric.groups.first()?;
    let alike = metric.groups.iter().filter(|group| ALIKE * most.share <= group.share);
    let own = alike.into_iter().find(|group| pprof::names_program(&group.title));
    let group = own.unwrap_or(most);
    let labels = match group.labels.as_str() {
        "" => String::new(),
        labels => format!(", labels {labels}"),
    };
    Some(format!("{} ({} of the growth{labels})", group.title, figures::share(group.share)))
}

/// The pattern that says most about this metric.
fn meaning<'a>(report: &'a Report, metric: &Metric) -> Option<&'a Signature> {
    let (source, _) = metric.name.rsplit_once('.').unwrap_or(("", ""));
    let of_it = |signature: &&Signature| match signature {
        Signature::Connections { source: of, .. }
        | Signature::ForgottenSockets { source: of, .. } => of == source,
        Signature::Followers { .. } => source == "daemon",
        Signature::Survivors { .. } | Signature::OwnTasks { .. } => source == "own",
        Signature::OtherSide { .. } => false,
        Signature::Steps { metrics, .. } => metrics.iter().any(|(name, _)| *name == metric.name),
        Signature::Stopped { metrics, .. } | Signature::Course { metrics, .. } => {
            metrics.contains(&metric.name)
        }
    };
    report.signatures.iter().find(of_it)
}

fn remedy(report: &Report, metric: &Metric) -> String {
    if let Some(remedy) = meaning(report, metric).and_then(Signature::remedy) {
        return remedy.to_owned();
    }
    let (source, kind) = metric.name.rsplit_once('.').unwrap_or(("", &metric.name));
    let target = source.starts_with("target.");
    match (metric.groups.first(), Unit::of(&metric.name)) {
        (_, Unit::Bytes) => {
            "take a heap profile early and late in a check, and compare them".to_owned()
        }
        (Some(_), _) if source == "own" || kind == "survivors" => {
            "report it to cmon's developers, with a recording (`--record FILE`)".to_owned()
        }
        (Some(group), _) => {
            let name = group.title.split(' ').next().unwrap_or_default();
            format!("find what starts {name}, and what should end it")
        }
        (None, _) if target && kind == "goroutines" => {
            "watch its pprof address to see which goroutines grow: --target http://HOST:PORT"
                .to_owned()
        }
        (None, _) if target => {
            "repeat the check with `--target pid:N`, which shows what kind of them grows".to_owned()
        }
        (None, _) if source == "daemon" => {
            "report it to the daemon's developers, with its version and this report".to_owned()
        }
        (None, _) => "see the details of each metric: -v".to_owned(),
    }
}

/// The smallest leak that the check would have found, in units that people count in.
pub(in crate::leak) fn limit(report: &Report) -> Option<String> {
    let gated = || report.metrics.iter().filter(|metric| metric.gated && metric.mode != "exact");
    let counts = || gated().filter(|metric| Unit::of(&metric.name) == Unit::Count);
    let known = |value: &f64| value.is_finite() && 0.0 < *value;
    let largest = |of: &dyn Fn(&Metric) -> Option<f64>| {
        let all = counts().filter_map(|metric| Some((of(metric).filter(known)?, metric)));
        all.max_by(|one, other| one.0.total_cmp(&other.0))
    };
    if let Some((least, metric)) = largest(&|metric| metric.smallest_per_cycle) {
        let pace = match report.cycles_per_minute {
            pace if 0.0 < pace => {
                let per_minute = figures::rough(least * pace);
                format!(", {per_minute} per minute at this pace")
            }
            _ => String::new(),
        };
        return Some(match least < 1.0 {
            true => {
                let cycles = figures::rough((1.0 / least).floor());
                format!("1 {} per {cycles} cycles{pace}", figures::one(things(metric)))
            }
            false => format!("{} {} per cycle{pace}", figures::rough(least), things(metric)),
        });
    }
    let (least, metric) = largest(&|metric| metric.smallest_per_minute)?;
    Some(match least < 1.0 {
        true => {
            let every = duration((60.0 / least).floor());
            format!("1 {} every {every}", figures::one(things(metric)))
        }
        false => format!("{} {} per minute", figures::rough(least), things(metric)),
    })
}

/// The sentence on a check that found nothing.
pub(in crate::leak) fn clean(report: &Report, per_cycle_only: bool) -> String {
    let gated = report.metrics.iter().filter(|metric| metric.gated).count();
    let metrics = match gated {
        1 => "the one metric that decides does not grow".to_owned(),
        count => format!("none of the {count} metrics that decide grows"),
    };
    let with = match per_cycle_only {
        true => " with the cycles (growth by time could not be judged)",
        false => "",
    };
    match report.baseline.as_ref().filter(|baseline| !baseline.compared.is_empty()) {
        Some(baseline) => {
            let new = format!("nothing new grows{with}, compared with the earlier check");
            let grown: Vec<String> =
                baseline.as_before.iter().map(super::AsBefore::words).collect();
            if grown.is_empty() { new } else { format!("{new}; {}", shortened(&grown)) }
        }
        None => format!("{metrics}{with}"),
    }
}

/// The sentence on a check that could not tell.
pub(in crate::leak) fn inconclusive(report: &Report) -> String {
    let gated = || report.metrics.iter().filter(|metric| metric.gated);
    let mut unclear: Vec<&Metric> =
        gated().filter(|metric| metric.verdict == Verdict::Inconclusive).collect();
    // What grows most is named first.
    unclear.sort_by(|one, other| grown(other, report).total_cmp(&grown(one, report)));
    let names: Vec<String> = unclear.iter().map(|metric| metric.name.clone()).collect();
    match (unclear.as_slice(), gated().count()) {
        ([], _) => "this check cannot tell whether anything leaks".to_owned(),
        (_, all) if names.len() == all && 3 < all => {
            format!("this check cannot tell whether any of {all} metrics leaks")
        }
        (_, _) if names.len() <= 3 => {
            let leak = if names.len() == 1 { "leaks" } else { "leak" };
            format!("this check cannot tell whether {} {leak}", judge::words::names(&names))
        }
        (_, all) => format!("this check cannot tell whether {} of {all} metrics leak", names.len()),
    }
}

/// What a metric counts.
fn things(metric: &Metric) -> &str {
    figures::things(metric.name.rsplit('.').next().unwrap_or_default())
}
