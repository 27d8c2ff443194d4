//! Finds the groups of a count that grow.

use std::collections::{BTreeMap, BTreeSet};

use crate::leak::facts::{GroupGrowth, Labels};
use crate::leak::record::{Cut, Group, Groups};
use crate::probe::metric::is_of;
use crate::probe::pprof;
use crate::sort::sort_by;

/// The minimum growth of a group, in members.
const GROWTH_MIN: f64 = 3.0;
/// The minimum growth of a group, in standard deviations of a Poisson count.
const GROWTH_MIN_DEVIATIONS: f64 = 3.0;
/// For a metric that leaks, one standard deviation suffices if the group has this share of the growth.
const LEAK_MIN_SHARE: f64 = 0.1;
/// The middle dump may lie outside of the other two by this share of the growth.
const MIDDLE_SLACK: f64 = 0.1;

/// The verdict on a metric, without its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    Leaks,
}

/// The groups of `metric` that grew between its first and last dump, largest first.
///
/// Uses only dumps after the last of `cuts`. `series` are the readings (seconds, cycles, value). A share is relative to
/// the total growth, small groups included, or to the growth of the series if dumps were truncated.
pub(crate) fn growth(
    dumps: &[Groups],
    metric: &str,
    cuts: &[Cut],
    series: &[(f64, f64, f64)],
    known: Known,
) -> Vec<GroupGrowth> {
    let Some(pair) = Pair::new(dumps, metric, cuts) else { return Vec::new() };
    let mut grown = Vec::new();
    let mut total = 0.0;
    for key in pair.keys() {
        let Some((first, last)) = pair.counts(key) else { continue };
        let growth = last as f64 - first as f64;
        total += growth.max(0.0);
        let deviation = (first as f64 + last as f64).sqrt();
        if GROWTH_MIN <= growth && deviation < growth && pair.is_steady(key, first, last) {
            grown.push((
                growth,
                pair.group(key, first, last),
                GROWTH_MIN_DEVIATIONS * deviation < growth,
            ));
        }
    }
    if let Some(growth) = pair.truncated_growth(series) {
        total = total.max(growth);
    }
    grown.retain(|(growth, _, significant)| {
        *significant || known == Known::Leaks && LEAK_MIN_SHARE * total <= *growth
    });
    sort_by(&mut grown, |(growth_a, a, _), (growth_b, b, _)| {
        growth_b.total_cmp(growth_a).then_with(|| a.key.cmp(&b.key))
    });
    let shared =
        grown.into_iter().map(|(growth, group, _)| GroupGrowth { share: growth / total, ..group });
    shared.collect()
}

/// The dumps to compare.
struct Pair<'a> {
    first: Dump<'a>,
    middle: Option<Dump<'a>>,
    last: Dump<'a>,
}

struct Dump<'a> {
    from: &'a Groups,
    /// The first group of each key, and the total count of the key. Stacks are equal regardless of labels.
    counts: BTreeMap<&'a str, (&'a Group, u64)>,
}

impl<'a> Pair<'a> {
    fn new(dumps: &'a [Groups], metric: &str, cuts: &[Cut]) -> Option<Self> {
        let started = cuts
            .iter()
            .filter(|cut| is_of(metric, &cut.source))
            .map(|cut| cut.at_ms as f64 / 1000.0)
            .fold(f64::NEG_INFINITY, f64::max);
        let mut own: Vec<&Groups> =
            dumps.iter().filter(|dump| dump.metric == metric && started <= dump.at).collect();
        sort_by(&mut own, |a, b| a.at.total_cmp(&b.at));
        // Prefers complete dumps, because a truncated one does not show which groups are absent.
        let complete: Vec<&Groups> = own.iter().copied().filter(|dump| !dump.truncated).collect();
        if 2 <= complete.len() {
            own = complete;
        }
        let (first, last) = match own[..] {
            [first, .., last] if first.at < last.at => (first, last),
            _ => return None,
        };
        let centre = f64::midpoint(first.at, last.at);
        let middle = own[1..own.len() - 1]
            .iter()
            .min_by(|a, b| (a.at - centre).abs().total_cmp(&(b.at - centre).abs()));
        let middle = middle.map(|dump| Dump::new(dump));
        Some(Self { first: Dump::new(first), middle, last: Dump::new(last) })
    }

    fn keys(&self) -> BTreeSet<&'a str> {
        self.first.counts.keys().chain(self.last.counts.keys()).copied().collect()
    }

    /// The first and last count; `None` if a truncated dump does not show it.
    fn counts(&self, key: &str) -> Option<(u64, u64)> {
        Some((self.first.count(key)?, self.last.count(key)?))
    }

    /// Whether the middle dump lies between the other two.
    fn is_steady(&self, key: &str, first: u64, last: u64) -> bool {
        let Some(middle) = self.middle.as_ref().and_then(|dump| dump.count(key)) else {
            return true;
        };
        let (first, middle, last) = (first as f64, middle as f64, last as f64);
        let slack = MIDDLE_SLACK * (last - first);
        (first - slack..=last + slack).contains(&middle)
    }

    fn group(&self, key: &str, first: u64, last: u64) -> GroupGrowth {
        let growth = last as f64 - first as f64;
        let cycles = self.last.from.cycles - self.first.from.cycles;
        let minutes = (self.last.from.at - self.first.from.at) / 60.0;
        let group = self.last.counts.get(key).map(|(group, _)| *group);
        GroupGrowth {
            title: group.map_or(key, |group| &group.title).to_owned(),
            key: key.to_owned(),
            labels: group.map_or_else(Labels::default, Labels::of),
            first,
            last,
            per_cycle: (0.0 < cycles).then(|| growth / cycles),
            per_minute: growth / minutes,
            share: 1.0,
        }
    }

    /// The growth of the series, if a dump was truncated.
    fn truncated_growth(&self, series: &[(f64, f64, f64)]) -> Option<f64> {
        if !(self.first.from.truncated || self.last.from.truncated) {
            return None;
        }
        let nearest = |at: f64| {
            let known = series
                .iter()
                .filter(|(seconds, _, value)| seconds.is_finite() && value.is_finite());
            known.min_by(|a, b| (a.0 - at).abs().total_cmp(&(b.0 - at).abs()))
        };
        Some(nearest(self.last.from.at)?.2 - nearest(self.first.from.at)?.2)
    }
}

impl<'a> Dump<'a> {
    fn new(from: &'a Groups) -> Self {
        let mut counts: BTreeMap<&str, (&Group, u64)> = BTreeMap::new();
        for group in &from.groups {
            let (_, count) = counts.entry(pprof::without_labels(&group.key)).or_insert((group, 0));
            *count = count.saturating_add(group.count);
        }
        Self { from, counts }
    }

    /// `None` for an absent group of a truncated dump.
    fn count(&self, key: &str) -> Option<u64> {
        match self.counts.get(key) {
            Some((_, count)) => Some(*count),
            None => (!self.from.truncated).then_some(0),
        }
    }
}
