//! The head of a report: the verdict, the position of the leak in the code, its pattern, and the advice.

use super::document::{Fact, Head, Role};
use super::ranking::leading;
use super::{explain, headline};
use crate::format::figures;
use crate::leak::facts::{Advice, Metric, Report, Signature, Verdict};
use crate::leak::judge::combine::Mode;
use crate::probe::metric::{Source, Unit};
use crate::probe::pprof;

/// Groups with at rate this share of the largest one count as equally large.
const SIMILAR_SHARE_MIN: f64 = 0.8;

/// The facts of the report that its head shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown<'a> {
    pub(super) signature: Option<&'a Signature>,
    pub(super) advice: Option<&'a Advice>,
}

pub(super) fn head(report: &Report) -> (Head, Shown<'_>) {
    let mut shown = Shown::default();
    let mut facts = Vec::new();
    let mut add = |role: Role, text: Option<String>| {
        facts.extend(text.filter(|text| !text.is_empty()).map(|text| Fact { role, text }));
    };
    match report.verdict {
        Verdict::Leak => {
            if let Some(metric) = leading(report) {
                shown.signature = meaning(report, metric);
                add(Role::Where, place(metric));
                add(Role::What, shown.signature.map(ToString::to_string));
                add(Role::Todo, Some(remedy(shown.signature, metric)));
            }
        }
        Verdict::Clean => {
            let smallest = limit(report);
            add(
                Role::Limit,
                smallest.map(|leak| format!("the smallest leak it would have found: {leak}")),
            );
        }
        Verdict::Inconclusive => {
            for reason in explain::all_undecided(report) {
                add(Role::Why, Some(reason));
            }
            let is_bounded =
                |signature: &&Signature| matches!(signature, Signature::Stopped { .. });
            shown.signature = report.signatures.iter().find(is_bounded);
            add(Role::What, shown.signature.map(ToString::to_string));
            let remedy = shown.signature.and_then(Signature::remedy);
            if remedy.is_none() {
                shown.advice = report.advice.first();
            }
            add(Role::Todo, remedy.map(str::to_owned).or(shown.advice.map(Advice::summary)));
        }
        Verdict::Invalid => {
            shown.advice = report.advice.first();
            add(Role::Todo, shown.advice.map(Advice::summary));
        }
    }
    let sentence = headline::with_interruption(report);
    (Head { verdict: report.verdict, sentence, facts }, shown)
}

/// The smallest leak that the check would have found.
fn limit(report: &Report) -> Option<String> {
    let gated = || report.gated().filter(|metric| metric.mode != Mode::Exact);
    let counts = || gated().filter(|metric| metric.id.unit == Unit::Count);
    let known = |value: &f64| value.is_finite() && 0.0 < *value;
    let largest = |rate: &dyn Fn(&Metric) -> Option<f64>| {
        let rates = counts().filter_map(|metric| Some((rate(metric).filter(known)?, metric)));
        rates.max_by(|a, b| a.0.total_cmp(&b.0))
    };
    if let Some((rate, metric)) = largest(&|metric| metric.smallest_per_cycle) {
        let pace = match report.cycles_per_minute {
            pace if 0.0 < pace => {
                let per_minute = figures::rough(rate * pace);
                format!(", {per_minute} per minute at this pace")
            }
            _ => String::new(),
        };
        return Some(explain::smallest_per_cycle(rate, &metric.id) + &pace);
    }
    let (rate, metric) = largest(&|metric| metric.smallest_per_minute)?;
    Some(explain::smallest_per_minute(rate, &metric.id))
}

/// The position in the code: the largest group, or one of about the same size in the program's own code.
fn place(metric: &Metric) -> Option<String> {
    let largest = metric.groups.first()?;
    let alike =
        metric.groups.iter().filter(|group| SIMILAR_SHARE_MIN * largest.share <= group.share);
    let own = alike.into_iter().find(|group| pprof::names_program(&group.title));
    let group = own.unwrap_or(largest);
    let labels = match group.labels.text() {
        none if none.is_empty() => none,
        labels => format!(", labels {labels}"),
    };
    Some(format!("{} ({} of the growth{labels})", group.title, figures::share(group.share)))
}

/// The most useful pattern of this metric.
fn meaning<'a>(report: &'a Report, metric: &Metric) -> Option<&'a Signature> {
    let source = &metric.id.source;
    let applies = |signature: &&Signature| match signature {
        Signature::Connections { source: other, .. }
        | Signature::ForgottenSockets { source: other, .. } => other == source,
        Signature::Followers { .. } => *source == Source::Daemon,
        Signature::Survivors { .. } | Signature::OwnTasks { .. } => *source == Source::Own,
        Signature::OtherSide { .. } => false,
        Signature::Steps { metrics, .. } => {
            metrics.iter().any(|step| step.metric == metric.id.name)
        }
        Signature::Stopped { metrics, .. } | Signature::Course { metrics, .. } => {
            metrics.contains(&metric.id.name)
        }
    };
    report.signatures.iter().find(applies)
}

fn remedy(meaning: Option<&Signature>, metric: &Metric) -> String {
    if let Some(remedy) = meaning.and_then(Signature::remedy) {
        return remedy.to_owned();
    }
    let id = &metric.id;
    match (metric.groups.first(), &id.source) {
        _ if id.unit == Unit::Bytes => {
            "take a heap profile early and late in a check, and compare them".to_owned()
        }
        (Some(_), Source::Own) => {
            "report it to cmon's developers, with a recording (`--record FILE`)".to_owned()
        }
        (Some(group), _) => {
            let name = group.title.split(' ').next().unwrap_or_default();
            format!("find what starts {name}, and what should end it")
        }
        (None, Source::Target(_)) if id.quantity == "goroutines" => {
            "watch its pprof address to see which goroutines grow: --target http://HOST:PORT"
                .to_owned()
        }
        (None, Source::Target(_)) if matches!(id.quantity.as_str(), "fds" | "threads") => {
            "repeat the check with `--target pid:N`, which shows what kind of them grows".to_owned()
        }
        (None, Source::Target(_)) => {
            format!("find what adds to `{}`, and what should take it away again", id.quantity)
        }
        (None, Source::Daemon) => {
            "report it to the daemon's developers, with its version and this report".to_owned()
        }
        (None, _) => "see the details of each metric: -v".to_owned(),
    }
}
