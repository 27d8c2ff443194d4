//! Why a metric has no clear verdict: one of a few reasons, so that metrics with the same one are named together.

use super::figures::plural;
use super::{Report, Verdict};
use crate::leak::judge::passive::Undecided;
use crate::leak::judge::words::{count, names, span};

/// Why a metric is neither LEAK nor CLEAN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Too few on/off pairs for the test.
    FewPairs,
    /// Growth per cycle, and chance would do as much.
    MayBeChance,
    /// It grows while driven, and idle time takes it back.
    EndsByItself,
    /// The estimate is not above what is tolerated, and the interval is not below it.
    NearTolerance,
    /// Growth per cycle that becomes less: a pool that fills.
    Fades,
    /// Too few cycles before the first reading that counts.
    ShortWarmUp,
    /// What growth by time lacks.
    ByTime(Undecided),
    /// Restarts left no part that is long enough.
    Restarted {
        /// How often its series began anew.
        times: usize,
        /// Seconds of the longest part.
        longest: f64,
        /// Seconds that are enough.
        least: f64,
    },
    /// It grew by time, as a warm-up does too.
    GrowsByTime,
    /// A sign of a leak, too weak among as many metrics.
    WeakAmongMany,
    /// It could not be read until the end.
    Missing {
        /// Until when it could, in seconds.
        until: f64,
    },
    /// It cannot be compared with the earlier check.
    Baseline,
    /// None of these.
    Other,
}

impl Reason {
    fn words(self, report: &Report) -> String {
        match self {
            Self::FewPairs => format!(
                "not enough data: {} of {} on/off pairs",
                report.pairs,
                report.pairs_needed.max(report.pairs)
            ),
            Self::MayBeChance => {
                "growth per cycle that may be chance: its interval reaches to 0 or below".to_owned()
            }
            Self::EndsByItself => {
                "it grows while streams are opened and closed, and falls while idle: it may end by itself"
                    .to_owned()
            }
            Self::NearTolerance => format!(
                "growth too near to what is tolerated, {} per cycle",
                count(report.rules.max_per_cycle)
            ),
            Self::Fades => "growth per cycle that becomes less: a pool may be filling".to_owned(),
            Self::ShortWarmUp => format!(
                "only {} of warm-up: pools may still be filling",
                plural(report.warm_up_cycles.round(), "cycle")
            ),
            Self::GrowsByTime => "it grew with time, and a warm-up would look the same".to_owned(),
            Self::ByTime(Undecided::Bounded) => {
                "it grew, and the growth stopped: something bounds it, which need not be so elsewhere"
                    .to_owned()
            }
            Self::Restarted { times, longest, least } => format!(
                "it was restarted {}: the longest part without a restart has {}, and {} are the least",
                if times == 1 { "once".to_owned() } else { format!("{times} times") },
                span(longest),
                span(least)
            ),
            Self::ByTime(undecided) => undecided
                .words()
                .unwrap_or_else(|| "growth by time could not be judged".to_owned()),
            Self::WeakAmongMany => {
                "a sign of growth that is too weak among this many metrics".to_owned()
            }
            Self::Missing { until } => format!("it could be read until {} only", span(until)),
            Self::Baseline => match &report.baseline {
                Some(baseline) if baseline.compared.is_empty() => {
                    "it grows, and the earlier check cannot be compared with this one".to_owned()
                }
                _ => "its growth is not known well enough to compare it with the earlier check's"
                    .to_owned(),
            },
            Self::Other => "the readings fit neither growth nor rest".to_owned(),
        }
    }
}

/// The reasons of the metrics that decide and have no clear verdict, each said once with the metrics that it is of.
pub(super) fn reasons(report: &Report) -> Vec<String> {
    let unclear = report.metrics.iter().filter(|metric| metric.gated);
    let unclear: Vec<_> =
        unclear.filter(|metric| metric.verdict == Verdict::Inconclusive).collect();
    let mut alike: Vec<(Reason, Vec<String>)> = Vec::new();
    for metric in &unclear {
        let reason = metric.reason.unwrap_or(Reason::Other);
        match alike.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, metrics)) => metrics.push(metric.name.clone()),
            None => alike.push((reason, vec![metric.name.clone()])),
        }
    }
    alike.sort_by_key(|(_, metrics)| std::cmp::Reverse(metrics.len()));
    let all = alike.len() == 1;
    let said = alike.into_iter().map(|(reason, metrics)| match all {
        true => reason.words(report),
        false => format!("{} ({})", reason.words(report), names(&metrics)),
    });
    said.collect()
}
