//! Which group of a count grows.

use std::collections::{BTreeMap, BTreeSet};

use crate::leak::facts::GroupGrowth;
use crate::leak::metric::is_of;
use crate::leak::probe::pprof;
use crate::leak::record::{Cut, Group, Groups};
use crate::sort::sort_by;

/// A group has grown when it has at least this many more members.
const GROWTH_MIN: f64 = 3.0;
/// And when that is this many standard deviations of a count of this size. For a metric already known to leak, one
/// standard deviation suffices, provided that the group explains a good part of the growth.
const GROWTH_MIN_DEVIATIONS: f64 = 3.0;
const LEAK_MIN_SHARE: f64 = 0.1;
/// The dump in the middle may lie this far outside of the other two, as a part of the growth.
const MIDDLE_SLACK: f64 = 0.1;

/// What is known of a metric without its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    Leaks,
}

/// The groups of `metric` that have grown between the first and the last of its dumps, largest first.
///
/// Only dumps after the last of its `cuts` count. `series` are its readings (seconds, cycles, value); when dumps were
/// truncated, shares are of the growth of the series. Shares are parts of all growth, small groups included: what is
/// missing to 1 is unexplained.
pub(crate) fn growth(
    dumps: &[Groups],
    metric: &str,
    cuts: &[Cut],
    series: &[(f64, f64, f64)],
    known: Known,
) -> Vec<GroupGrowth> {
    let Some(pair) = Pair::new(dumps, metric, cuts) else { return Vec::new() };
    let mut grown = Vec::new();
    let mut all = 0.0;
    for key in pair.keys() {
        let Some((first, last)) = pair.counts(key) else { continue };
        let growth = last as f64 - first as f64;
        all += growth.max(0.0);
        let chance = (first as f64 + last as f64).sqrt();
        if GROWTH_MIN <= growth && chance < growth && pair.is_steady(key, first, last) {
            grown.push((
                growth,
                pair.group(key, first, last),
                GROWTH_MIN_DEVIATIONS * chance < growth,
            ));
        }
    }
    if let Some(whole) = pair.whole(series) {
        all = all.max(whole);
    }
    grown.retain(|(growth, _, plain)| {
        *plain || known == Known::Leaks && LEAK_MIN_SHARE * all <= *growth
    });
    sort_by(&mut grown, |(one, a, _), (other, b, _)| {
        other.total_cmp(one).then_with(|| a.key.cmp(&b.key))
    });
    let shared =
        grown.into_iter().map(|(growth, group, _)| GroupGrowth { share: growth / all, ..group });
    shared.collect()
}

/// The dumps that are compared.
struct Pair<'a> {
    first: Dump<'a>,
    middle: Option<Dump<'a>>,
    last: Dump<'a>,
}

struct Dump<'a> {
    from: &'a Groups,
    /// The first group of each key, and the count of all of them. Labels do not part what has one stack.
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
        sort_by(&mut own, |one, other| one.at.total_cmp(&other.at));
        // Truncated dumps do not show which groups are absent: the others come first.
        let whole: Vec<&Groups> = own.iter().copied().filter(|dump| !dump.truncated).collect();
        if 2 <= whole.len() {
            own = whole;
        }
        let (first, last) = match own[..] {
            [first, .., last] if first.at < last.at => (first, last),
            _ => return None,
        };
        let centre = f64::midpoint(first.at, last.at);
        let middle = own[1..own.len() - 1]
            .iter()
            .min_by(|one, other| (one.at - centre).abs().total_cmp(&(other.at - centre).abs()));
        let middle = middle.map(|dump| Dump::new(dump));
        Some(Self { first: Dump::new(first), middle, last: Dump::new(last) })
    }

    fn keys(&self) -> BTreeSet<&'a str> {
        self.first.counts.keys().chain(self.last.counts.keys()).copied().collect()
    }

    /// How many at first and at last; nothing where that cannot be known.
    fn counts(&self, key: &str) -> Option<(u64, u64)> {
        Some((self.first.count(key)?, self.last.count(key)?))
    }

    /// The dump in the middle does not speak against growth.
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
            labels: group.map_or("", |group| &group.labels).to_owned(),
            first,
            last,
            per_cycle: (0.0 < cycles).then(|| growth / cycles),
            per_minute: growth / minutes,
            share: 1.0,
        }
    }

    /// What the metric itself has grown by, where the dumps do not hold all of it.
    fn whole(&self, series: &[(f64, f64, f64)]) -> Option<f64> {
        if !(self.first.from.truncated || self.last.from.truncated) {
            return None;
        }
        let nearest = |at: f64| {
            let known = series
                .iter()
                .filter(|(seconds, _, value)| seconds.is_finite() && value.is_finite());
            known.min_by(|one, other| (one.0 - at).abs().total_cmp(&(other.0 - at).abs()))
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

    /// How many; nothing where the answer may have been cut off before it came to them.
    fn count(&self, key: &str) -> Option<u64> {
        match self.counts.get(key) {
            Some((_, count)) => Some(*count),
            None => (!self.from.truncated).then_some(0),
        }
    }
}
