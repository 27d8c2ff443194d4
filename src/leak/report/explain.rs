//! Formats reasons and advice as sentences, for all output formats.

use crate::format::figures::{self, amount, count, names, plural, signed};
use crate::format::units::span;
use crate::grouped::by_key;
use crate::leak::facts::{Advice, Metric, MetricReason, Reason, Report};
use crate::leak::judge::cohort::{CohortPattern, Cohorts};
use crate::leak::judge::combine::Missing;
use crate::leak::judge::dependence::{Cause, Dependence};
use crate::leak::judge::design::WARMUP_CYCLES;
use crate::leak::judge::driven::CycleReason;
use crate::leak::judge::exact::SurvivorKind;
use crate::leak::judge::new_growth::{By, Part};
use crate::leak::judge::passive::Undecided;
use crate::leak::judge::required_duration::Gain;
use crate::leak::judge::{Interval, Verdict};
use crate::probe::metric::{MetricId, Unit};
use crate::sort::sort_by_key;

/// The reason of the verdict on a metric.
pub(in crate::leak) fn metric(metric: &Metric) -> String {
    let unit = metric.id.unit;
    let text = match &metric.reason {
        MetricReason::NotJudged => "it was not judged".to_owned(),
        MetricReason::Exact { opened, survivors } => exact(*opened, survivors),
        MetricReason::Proof { first, last } => {
            format!("goroutines that can never wake: {first} at the start, {last} at the end")
        }
        MetricReason::Driven { per_cycle, per_minute } => {
            format!("per cycle: {}; by time: {}", per_cycle.summary(), per_minute.summary(unit))
        }
        MetricReason::Passive { per_minute } => {
            format!("by time: {}", per_minute.summary(unit))
        }
        MetricReason::Baseline { figures } => all(figures, Part::summary),
    };
    match metric.readable_until {
        Some(until) => format!("it could be read until {} only; {text}", span(until)),
        None => text,
    }
}

pub(in crate::leak) fn all<T>(facts: &[T], summary: impl Fn(&T) -> String) -> String {
    facts.iter().map(summary).collect::<Vec<_>>().join("; ")
}

fn bounds(rate: Interval) -> String {
    format!("({} .. {})", count(rate.low), count(rate.high))
}

/// `0 of 8600 survived the drain`.
fn exact(opened: u64, kinds: &[SurvivorKind]) -> String {
    let survivors: u64 = kinds.iter().map(|kind| kind.count).sum();
    if opened == 0 && survivors == 0 {
        return "nothing was opened".to_owned();
    }
    let sum = format!("{survivors} of {opened} survived the drain");
    let kind = |kind: &SurvivorKind| {
        format!("{} {} (oldest {})", kind.count, kind.kind, span(kind.oldest_seconds))
    };
    let kinds: Vec<String> = kinds.iter().map(kind).collect();
    if kinds.is_empty() { sum } else { format!("{sum}: {}", kinds.join(", ")) }
}

impl CycleReason {
    fn summary(self) -> String {
        match self {
            Self::NoCycles => "no cycle happened between two readings".to_owned(),
            Self::FewPairs => "not enough on/off pairs".to_owned(),
            Self::BelowTolerance { tolerance } => {
                format!("below the tolerance of {}", count(tolerance))
            }
            Self::SelfClearing => "the count falls again in idle phases".to_owned(),
            Self::MayBeChance => "may be chance".to_owned(),
            Self::NearTolerance { tolerance } => {
                format!("too near to the tolerance of {}", count(tolerance))
            }
            Self::Decelerating => "growth slows down, so a pool may be filling".to_owned(),
            Self::ShortWarmUp => "too few cycles of warm-up, so a pool may be filling".to_owned(),
            Self::Significant { p } => format!("significant, p {}", figures::chance_with_sign(p)),
        }
    }
}

impl Missing {
    /// The condition that was not met.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::NoLines => "no lines came: nothing was followed".to_owned(),
            Self::NoCycles => {
                "no cycles: nothing was opened and closed, and no command ran".to_owned()
            }
            Self::WorkStopped { work } => work.summary(),
            Self::Unread { targets: 1 } => "a target never showed a figure".to_owned(),
            Self::Unread { targets } => format!("{targets} targets never showed a figure"),
            Self::TargetGone { at } => format!("the target went away at {}", span(*at)),
            Self::DaemonGone { at } => format!("the daemon went away at {}", span(*at)),
        }
    }
}

impl By {
    /// `per cycle`.
    pub(in crate::leak) fn label(self) -> &'static str {
        match self {
            Self::Cycle => "per cycle",
            Self::Minute => "per minute",
        }
    }
}

impl Part {
    /// `new growth: +32 per minute (30.8 .. 33.2) against the earlier run`.
    pub(crate) fn summary(&self) -> String {
        let by = self.by.label();
        let Some(difference) = self.difference else {
            return format!("{by}: {} alone; nothing in the earlier run to compare with", self.own);
        };
        let (rate, bounds) = (signed(difference.estimate), bounds(difference));
        let rate = format!("{rate} {by} {bounds} against the earlier run");
        match self.verdict {
            Verdict::Leak => format!("new growth: {rate}"),
            Verdict::Clean if difference.high < 0.0 => format!("grows less: {rate}"),
            Verdict::Clean => format!("no new growth: {rate}"),
            _ => format!("not clear: {rate}; this run alone is {}", self.own),
        }
    }
}

impl Dependence {
    /// Whether growth depends on the stream timeout.
    pub(crate) fn summary(&self) -> String {
        let ratio = self.ratio.map_or_else(|| "other".to_owned(), |r| format!("{}x the", count(r)));
        match self.cause {
            Cause::None => "no growth under either stream timeout".to_owned(),
            Cause::Time => format!(
                "does not depend on the stream timeout: with {ratio} cycles the growth per minute \
                 is the same (z {:.1})",
                self.z_per_minute.abs()
            ),
            Cause::Cycles => format!(
                "depends on the stream timeout: with {ratio} cycles the growth per cycle is the \
                 same (z {:.1})",
                self.z_per_cycle.unwrap_or(0.0).abs()
            ),
            Cause::Both => "depends on the stream timeout, but not in proportion to the cycles: \
                            part of it grows by time alone"
                .to_owned(),
            Cause::Unclear => UNCLEAR_DEPENDENCE.to_owned(),
        }
    }
}

/// The sentence for an unclear dependence.
pub(super) const UNCLEAR_DEPENDENCE: &str = "these runs do not show whether growth depends on the stream timeout: run longer, or with timeouts \
     farther apart";

impl Cohorts {
    /// `54 survivors of 26 of 52 blocks, 1.04 per minute (0.7 .. 1.4): some of every block stay`.
    pub(super) fn summary(&self) -> String {
        let Self { survivors, blocks, blocks_with_survivors, newer, per_minute, pattern } = self;
        let found = format!(
            "by id: {survivors} survivors of {blocks_with_survivors} of {blocks} blocks of time, {} per \
             minute {}",
            count(per_minute.estimate),
            bounds(*per_minute)
        );
        match pattern {
            CohortPattern::Accumulating => {
                format!("{found}; they accumulate, {newer} are of the newer half")
            }
            CohortPattern::FilledPool => format!("{found}; most are old: a pool that filled"),
            CohortPattern::Unclear => found,
        }
    }
}

/// Why metrics have no clear verdict.
fn undecided(reason: Reason, unit: Unit, report: &Report) -> String {
    match reason {
        Reason::FewPairs => format!(
            "not enough data: {} of {} on/off pairs",
            report.pairs,
            report.pairs_needed.max(report.pairs)
        ),
        Reason::MayBeChance => {
            "growth per cycle that may be chance: its interval reaches to 0 or below".to_owned()
        }
        Reason::SelfClearing => {
            "it grows while streams are opened and closed, and falls while idle: it may end by itself"
                .to_owned()
        }
        Reason::NearTolerance => format!(
            "growth too near to the tolerance of {} per cycle",
            count(report.rules.max_per_cycle)
        ),
        Reason::Decelerating => {
            "growth per cycle slows down: a pool may be filling".to_owned()
        }
        Reason::ShortWarmUp => format!(
            "only {} of warm-up: pools may still be filling",
            plural(report.warm_up_cycles.round(), "cycle")
        ),
        Reason::GrowsByTime => "it grew with time, and a warm-up would look the same".to_owned(),
        Reason::ByTime { missing: Undecided::Bounded } => {
            "it grew, and the growth stopped: something bounds it, which need not be so elsewhere"
                .to_owned()
        }
        Reason::ByTime { missing } => missing
            .summary(unit)
            .unwrap_or_else(|| "growth by time could not be judged".to_owned()),
        Reason::Restarted { times, longest_seconds, least_seconds } => format!(
            "it was restarted {}: the longest part without a restart has {}, but {} are needed",
            if times == 1 { "once".to_owned() } else { format!("{times} times") },
            span(longest_seconds),
            span(least_seconds)
        ),
        Reason::WeakAmongMany => {
            "a sign of growth that is too weak among this many metrics".to_owned()
        }
        Reason::NotReadable { until } => format!("it could be read until {} only", span(until)),
        Reason::Baseline => match &report.baseline {
            Some(baseline) if baseline.compared.is_empty() => {
                "not clear by itself, and the earlier check cannot be compared with this one".to_owned()
            }
            _ => "its growth is not known well enough in one of the two checks"
                .to_owned(),
        },
        Reason::Other => "the readings fit neither growth nor rest".to_owned(),
    }
}

/// The reasons of inconclusive gated metrics, each with its metrics.
pub(super) fn all_undecided(report: &Report) -> Vec<String> {
    let unclear = report.gated_with(Verdict::Inconclusive);
    let reason = |metric: &Metric| match metric.undecided.unwrap_or(Reason::Other) {
        // The only one that depends on the unit.
        by_time @ Reason::ByTime { .. } => (by_time, metric.id.unit),
        reason => (reason, Unit::Count),
    };
    let mut alike = by_key(unclear.map(|metric| (reason(metric), metric.id.name.clone())));
    sort_by_key(&mut alike, |(_, metrics)| std::cmp::Reverse(metrics.len()));
    let is_single = alike.len() == 1;
    let sentences = alike.into_iter().map(|((reason, unit), metrics)| match is_single {
        true => undecided(reason, unit, report),
        false => format!("{} ({})", undecided(reason, unit, report), names(&metrics)),
    });
    sentences.collect()
}

impl Advice {
    /// One imperative sentence without a full stop.
    pub(in crate::leak) fn summary(&self) -> String {
        match self {
            Self::SelectOtherContainers => {
                "the containers wrote nothing that could be read: select some that write".to_owned()
            }
            Self::MatchBaselineLoad => {
                "the earlier run had another kind of load: judge this one without --baseline, or record \
                 one with the same load"
                    .to_owned()
            }
            Self::FindRestarts { least_seconds } => format!(
                "find what restarts it, or check it while it runs for at least {} without a restart: a \
                 longer check alone changes nothing",
                span(*least_seconds)
            ),
            Self::RunLonger { seconds, gains, driven } => {
                let gains: Vec<String> = gains.iter().map(gain).collect();
                let gains = match gains.as_slice() {
                    [] => String::new(),
                    [one] => one.clone(),
                    [first @ .., last] => format!("{} and {last}", first.join(", ")),
                };
                match seconds {
                    Some(seconds) => {
                        let length = span(*seconds);
                        format!("run at least {length} (--duration {length}): that {gains}")
                    }
                    None => {
                        let tolerance = if *driven { "per-cycle" } else { "per-min" };
                        format!(
                            "at this pace a day is too short for a run that {gains}: allow more \
                             (--max-{tolerance}), or drive the target faster"
                        )
                    }
                }
            }
        }
    }
}

/// The benefit of a longer run.
fn gain(gain: &Gain) -> String {
    match *gain {
        Gain::ByTime => "separates growth by time from a warm-up".to_owned(),
        Gain::Limit => "rules out smaller leaks".to_owned(),
        Gain::WarmUp => "separates a leak from a slow warm-up or one step".to_owned(),
        Gain::Pairs { needed, had } => format!(
            "has the {needed} on/off pairs that a certain leak per cycle takes ({had} in this run)"
        ),
        Gain::WarmUpCycles { had } => {
            format!("has a warm-up of {WARMUP_CYCLES:.0} cycles ({had:.0} in this run)")
        }
    }
}

/// A rate of a metric: `0.5 per cycle`.
pub(super) fn rate(value: f64, by: By, unit: Unit) -> String {
    format!("{} {}", amount(value, unit), by.label())
}

/// The noun for what a metric counts.
pub(super) struct Things<'a> {
    pub(super) one: &'a str,
    pub(super) many: &'a str,
}

pub(super) fn things(id: &MetricId) -> Things<'_> {
    let (one, many) = match id.quantity.as_str() {
        "goroutines" | "goroutineleak" => ("goroutine", "goroutines"),
        "fds" => ("descriptor", "descriptors"),
        "threads" => ("thread", "threads"),
        "tasks" => ("task", "tasks"),
        "followers" => ("log follower", "log followers"),
        "survivors" => ("task or connection", "tasks and connections"),
        _ if id.unit == Unit::Bytes => ("memory", "memory"),
        many => (many.strip_suffix('s').unwrap_or(many), many),
    };
    Things { one, many }
}

/// The smallest leak that a check detects: `1 goroutine per 37 cycles`.
pub(super) fn smallest_per_cycle(rate: f64, id: &MetricId) -> String {
    let Things { one, many } = things(id);
    match rate < 1.0 {
        true => format!("1 {one} per {} cycles", figures::rough((1.0 / rate).floor())),
        false => format!("{} {many} per cycle", figures::rough(rate)),
    }
}

/// The same by time: `1 goroutine every 4m`.
pub(super) fn smallest_per_minute(rate: f64, id: &MetricId) -> String {
    let Things { one, many } = things(id);
    match rate < 1.0 {
        true => format!("1 {one} every {}", span((60.0 / rate).floor())),
        false => format!("{} {many} per minute", figures::rough(rate)),
    }
}

impl Report {
    pub(crate) fn advice_lines(&self) -> Vec<String> {
        self.advice.iter().map(Advice::summary).collect()
    }
}
