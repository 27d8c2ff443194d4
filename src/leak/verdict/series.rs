//! Indexes the records of one check: readings by metric, phases, work, and restarts.

use std::collections::{BTreeMap, BTreeSet};

use crate::leak::facts::Phase;
use crate::leak::judge::Reading as Value;
use crate::leak::judge::cohort::Block;
use crate::leak::judge::pairs;
use crate::leak::judge::passive;
use crate::leak::judge::required_duration::AchievedRate;
use crate::leak::judge::work::{self, Unit, Work};
use crate::leak::record::{
    Cut, Drive, End, Groups, Header, Ids, Reading, Record, Stage, Unavailable,
};
use crate::probe::metric::{MetricId, Source, Unit as MetricUnit, is_of};
use crate::sort::sort_by;

/// The number of log streams that the daemon serves.
const FOLLOWERS: &str = "daemon.followers";
/// A client that follows for fewer readings does not count as work.
const FOLLOWER_READINGS_MIN: usize = 10;

/// The records of a check, by type.
#[derive(Debug)]
pub(super) struct Series<'a> {
    pub(super) header: &'a Header,
    pub(super) readings: Vec<&'a Reading>,
    pub(super) groups: Vec<&'a Groups>,
    pub(super) ids: Vec<&'a Ids>,
    pub(super) cuts: Vec<&'a Cut>,
    pub(super) unavailable: Vec<&'a Unavailable>,
    pub(super) end: Option<&'a End>,
}

impl<'a> Series<'a> {
    /// `None` unless the first record is a header.
    pub(super) fn of(records: &'a [Record]) -> Option<Self> {
        let Some((Record::Header(header), records)) = records.split_first() else {
            return None;
        };
        let mut series = Self {
            header,
            readings: Vec::new(),
            groups: Vec::new(),
            ids: Vec::new(),
            cuts: Vec::new(),
            unavailable: Vec::new(),
            end: None,
        };
        for record in records {
            match record {
                Record::Header(_) => {}
                Record::Reading(reading) => series.readings.push(reading),
                Record::Groups(groups) => series.groups.push(groups),
                Record::Ids(ids) => series.ids.push(ids),
                Record::Cut(cut) => series.cuts.push(cut),
                Record::Unavailable(record) => series.unavailable.push(record),
                Record::End(end) => series.end = Some(end),
            }
        }
        Some(series)
    }

    fn names(&self) -> BTreeSet<&'a str> {
        let names = self.readings.iter().flat_map(|reading| reading.values.keys());
        names.map(String::as_str).collect()
    }

    /// Every metric that was ever read and can be judged, sorted.
    pub(super) fn metrics(&self) -> Vec<&'a str> {
        let judged = |name: &&str| MetricId::parse(name).unit != MetricUnit::Seconds;
        self.names().into_iter().filter(judged).collect()
    }

    /// Processor time by source, as a share of one core.
    pub(super) fn cpu(&self) -> BTreeMap<String, f64> {
        let share = |name: &str| {
            let point = |reading: &&Reading| Some((reading.at, *reading.values.get(name)?));
            let mut read = self.readings.iter().filter_map(point);
            let (first, last) = (read.next()?, read.next_back()?);
            let share = (last.1 - first.1) / (last.0 - first.0);
            let id = MetricId::parse(name);
            let is_time = id.unit == MetricUnit::Seconds && share.is_finite();
            is_time.then(|| (id.source.to_string(), share))
        };
        self.names().into_iter().filter_map(share).collect()
    }

    fn last(&self) -> Option<&'a Reading> {
        self.readings.last().copied()
    }

    pub(super) fn seconds(&self) -> f64 {
        let last = self.last().map_or(0.0, |reading| reading.at);
        self.end.map_or(last, |end| end.at)
    }

    pub(super) fn cycles(&self) -> f64 {
        self.last().map_or(0.0, |reading| reading.cycles)
    }

    pub(super) fn lines(&self) -> f64 {
        self.last().map_or(0.0, |reading| reading.lines)
    }

    fn at_rest(&self) -> impl Iterator<Item = &'a Reading> {
        self.readings.iter().copied().filter(|reading| reading.rest)
    }

    /// Cycles before the first phase.
    pub(super) fn warm_up_cycles(&self) -> f64 {
        let warm = self.at_rest().filter(|reading| reading.stage == Stage::WarmUp);
        warm.last().map_or(0.0, |reading| reading.cycles)
    }

    /// The group dumps after the warm-up.
    pub(super) fn dumps(&self) -> Vec<Groups> {
        let from = self.warm_at();
        let after = self.groups.iter().filter(|groups| from <= groups.at);
        after.map(|groups| (*groups).clone()).collect()
    }

    /// Each phase as the readings at rest around it.
    pub(super) fn phases(&self) -> Vec<(&'a Reading, &'a Reading)> {
        let rest: Vec<&Reading> = self.at_rest().collect();
        let pairs = rest.windows(2).map(|two| (two[0], two[1]));
        let mut phases: Vec<_> =
            pairs.filter(|(_, end)| matches!(end.stage, Stage::Drive | Stage::Idle)).collect();
        phases.truncate(phases.len() / 2 * 2);
        phases
    }

    /// The phases of one metric, until the work stopped. A phase with a restart has NaN as its first value.
    pub(super) fn phases_of(&self, metric: &str) -> Vec<pairs::Phase> {
        let value = |reading: &Reading| reading.values.get(metric).copied().unwrap_or(f64::NAN);
        let stopped = self.stopped_at().unwrap_or(f64::INFINITY);
        let phases = self.phases();
        let worked =
            phases.chunks(2).take_while(|pair| pair.iter().all(|(before, _)| before.at <= stopped));
        worked
            .flatten()
            .map(|(before, after)| pairs::Phase {
                driven: after.stage == Stage::Drive,
                at: after.at,
                cycles: after.cycles - before.cycles,
                seconds: after.at - before.at,
                before: match self.is_cut(metric, before.at, after.at) {
                    true => f64::NAN,
                    false => value(before),
                },
                after: value(after),
            })
            .collect()
    }

    /// The ids at the end of each block, since the last restart; in a driven check after the warm-up.
    pub(super) fn blocks_of(&self, metric: &str) -> Vec<Block> {
        let started = self.cuts_of(metric).into_iter().fold(self.warm_at(), f64::max);
        let is_kept = |ids: &&&Ids| ids.metric == metric && started * 1000.0 <= ids.at_ms as f64;
        let block = |ids: &&Ids| Block {
            seconds: ids.at_ms as f64 / 1000.0,
            ids: ids.ids.iter().copied().collect(),
        };
        self.ids.iter().filter(is_kept).map(block).collect()
    }

    /// When the warm-up was over, in seconds.
    fn warm_at(&self) -> f64 {
        let warm = self.at_rest().filter(|reading| reading.stage == Stage::WarmUp);
        warm.last().map_or(0.0, |reading| reading.at)
    }

    /// The times in seconds at which this metric started again.
    fn cuts_of(&self, metric: &str) -> Vec<f64> {
        let applies = |cut: &&&Cut| is_of(metric, &cut.source);
        self.cuts.iter().filter(applies).map(|cut| cut.at_ms as f64 / 1000.0).collect()
    }

    pub(super) fn restarts_of(&self, metric: &str) -> usize {
        self.cuts_of(metric).len()
    }

    fn is_cut(&self, metric: &str, from: f64, to: f64) -> bool {
        self.cuts_of(metric).iter().any(|at| from < *at && *at <= to)
    }

    /// The readings of one metric without phases, split at restarts, the longest part first. Leaves out the other parts
    /// if they are too short to be judged.
    pub(super) fn stretches_of(&self, metric: &str) -> Vec<Vec<Value>> {
        let cuts = self.cuts_of(metric);
        let piece = |reading: &Value| cuts.iter().filter(|cut| **cut <= reading.seconds).count();
        let all = self.values_of(metric);
        let mut pieces: Vec<&[Value]> = all.chunk_by(|a, b| piece(a) == piece(b)).collect();
        let length = |piece: &&[Value]| match (piece.first(), piece.last()) {
            (Some(first), Some(last)) => last.seconds - first.seconds,
            _ => 0.0,
        };
        sort_by(&mut pieces, |a, b| length(b).total_cmp(&length(a)));
        let judged = pieces.iter().enumerate();
        let judged = judged.filter(|(at, piece)| *at == 0 || passive::MIN_SECONDS <= length(piece));
        judged.map(|(_, piece)| piece.to_vec()).collect()
    }

    /// The time of this metric's last reading in seconds, if it is missing since then and its source still has other
    /// metrics.
    pub(super) fn missing_since(&self, metric: &MetricId) -> Option<f64> {
        let source = self.last_of(&metric.source.to_string());
        self.last_of(&metric.name).filter(|_| source.is_none())
    }

    /// The number of targets without any reading, not even the cycles.
    pub(super) fn unread(&self) -> usize {
        let shown = self.targets().len() + usize::from(self.counts_cycles());
        self.header.targets.len().saturating_sub(shown)
    }

    /// The targets with at least one reading.
    pub(super) fn targets(&self) -> BTreeSet<Source> {
        let sources = self.names().into_iter().map(|name| MetricId::parse(name).source);
        sources.filter(|source| matches!(source, Source::Target(_))).collect()
    }

    fn values_of(&self, metric: &str) -> Vec<Value> {
        // Readings before the streams open are lower, and opening them is no growth.
        let held = self.header.drive == Drive::Held;
        self.readings
            .iter()
            .filter(|reading| !held || reading.stage == Stage::Passive)
            .filter_map(|reading| {
                let value = *reading.values.get(metric)?;
                Some(Value { seconds: reading.at, cycles: reading.cycles, value })
            })
            .collect()
    }

    /// The readings for a chart: in a driven check those at rest.
    pub(super) fn chart(&self, metric: &str) -> Vec<(f64, f64, f64)> {
        let all = self.readings.iter();
        let shown = all.filter(|reading| match self.header.drive {
            Drive::Streams | Drive::Command => reading.rest,
            Drive::Held => reading.stage == Stage::Passive,
            Drive::Passive => true,
        });
        let point =
            |reading: &&Reading| Some((reading.at, reading.cycles, *reading.values.get(metric)?));
        shown.filter_map(point).collect()
    }

    /// The phases, warm-up included, for the shading of a chart.
    pub(super) fn charted(&self) -> Vec<Phase> {
        let rest: Vec<&Reading> = self.at_rest().collect();
        let shade = |two: &[&Reading]| {
            let driven = matches!(two[1].stage, Stage::Drive | Stage::WarmUp);
            Phase { from: two[0].at, to: two[1].at, driven }
        };
        rest.windows(2).map(shade).collect()
    }

    /// Whether a target counts its own cycles.
    pub(super) fn counts_cycles(&self) -> bool {
        !self.header.cycles_metric.is_empty()
    }

    /// The work done, and when it stopped. Prefers the cycles that a target counts, then the lines that cmon read, then
    /// the log streams that the daemon serves.
    pub(super) fn work(&self) -> Option<Work> {
        match self.header.drive {
            Drive::Passive => self.target_cycles().or_else(|| self.followers()),
            Drive::Held => self.lines_read().or_else(|| self.followers()),
            Drive::Streams => self.lines_read(),
            Drive::Command => None,
        }
    }

    /// The cycles of the target's own load.
    fn target_cycles(&self) -> Option<Work> {
        let counted =
            self.header.drive == Drive::Passive && (self.counts_cycles() || 0.0 < self.cycles());
        counted
            .then(|| work::judge(&self.total(|_| true, |reading| reading.cycles), Unit::Cycles))?
    }

    /// Lines that cmon read. With phases, only the readings at rest after the warm-up count, as for the metrics.
    fn lines_read(&self) -> Option<Work> {
        let phases = self.header.drive.has_phases();
        let counts = |reading: &Reading| !phases || reading.rest && reading.stage != Stage::Start;
        let lines = self.total(counts, |reading| reading.lines);
        // A check without any line is invalid anyway.
        work::judge(&lines, Unit::Lines).filter(|work| 0.0 < work.total)
    }

    /// Log streams of the daemon, if it served some for most of the time and then served none.
    fn followers(&self) -> Option<Work> {
        let has = |reading: &Reading| reading.values.contains_key(FOLLOWERS);
        let held = self.header.drive == Drive::Held;
        let counts = |reading: &Reading| has(reading) && (!held || reading.stage == Stage::Passive);
        let mut sum = 0.0;
        let totals = self.total(counts, |reading| {
            sum += reading.values.get(FOLLOWERS).copied().unwrap_or(0.0);
            sum
        });
        let work = work::judge(&totals, Unit::Followers).filter(|work| 0.0 < work.total)?;
        let until = work.stopped_at?;
        let before = self.readings.iter().filter(|reading| counts(reading) && reading.at <= until);
        let served = before.clone().filter(|reading| 0.0 < reading.values[FOLLOWERS]).count();
        (FOLLOWER_READINGS_MIN <= served && before.count() <= 2 * served).then_some(work)
    }

    fn total(
        &self,
        kept: impl Fn(&Reading) -> bool,
        mut value: impl FnMut(&Reading) -> f64,
    ) -> Vec<Value> {
        let kept = self.readings.iter().filter(|reading| kept(reading));
        kept.map(|reading| Value {
            seconds: reading.at,
            cycles: reading.cycles,
            value: value(reading),
        })
        .collect()
    }

    /// In seconds.
    pub(super) fn stopped_at(&self) -> Option<f64> {
        self.work()?.stopped_at
    }

    /// Cycles per minute of the target's own load.
    pub(super) fn cycles_rate(&self) -> Option<f64> {
        if self.header.drive == Drive::Held {
            let minutes = self.last()?.at / 60.0;
            return (0.0 < self.cycles() && 0.0 < minutes).then(|| self.cycles() / minutes);
        }
        let work = self.target_cycles()?;
        (0.0 < work.per_minute).then_some(work.per_minute)
    }

    /// Cycles per minute while driven, as reached.
    pub(super) fn cycles_per_minute(&self) -> f64 {
        if !self.header.drive.has_phases() {
            return self.cycles_rate().unwrap_or(0.0);
        }
        let (mut cycles, mut seconds) = (0.0, 0.0);
        let mut started = (0.0, 0.0);
        for two in self.readings.windows(2) {
            let [now, next] = [two[0], two[1]];
            if now.rest {
                started = (now.at, now.cycles);
            } else if next.rest && matches!(now.stage, Stage::WarmUp | Stage::Drive) {
                // The last reading before the rest is the end of the driving.
                seconds += now.at - started.0;
                cycles += now.cycles - started.1;
            }
        }
        if 0.0 < seconds { cycles * 60.0 / seconds } else { 0.0 }
    }

    /// The pace that a driven check achieved.
    pub(super) fn achieved(&self) -> AchievedRate {
        let phases = self.phases();
        let pair = match (phases.first(), phases.last()) {
            (Some((first, _)), Some((_, last))) => (last.at - first.at) * 2.0 / phases.len() as f64,
            _ => 0.0,
        };
        AchievedRate { pace: self.cycles_per_minute() / 60.0, pair }
    }

    /// Cycles per minute while driven, as planned.
    pub(super) fn cycles_expected(&self) -> Option<f64> {
        let (timeout, count) = (self.header.stream_timeout, self.header.containers.len());
        (self.header.drive.opens_streams() && 0.0 < timeout && 0 < count)
            .then(|| count as f64 * 60.0 / timeout)
    }

    /// When the first target went away for good, in seconds.
    pub(super) fn gone_at(&self) -> Option<f64> {
        if self.header.targets.is_empty() {
            return None;
        }
        let targets = self.targets();
        let gone = targets.iter().filter_map(|target| self.last_of(&target.to_string()));
        gone.min_by(f64::total_cmp)
    }

    /// When the daemon went away for good, in seconds, if the check needs the daemon.
    pub(super) fn daemon_gone_at(&self) -> Option<f64> {
        let needed = self.header.drive.opens_streams() || self.header.targets.is_empty();
        self.last_of("daemon").filter(|_| needed)
    }

    /// The time of the last reading of this source in seconds, if it is missing for 20 s and 5 % of the check.
    fn last_of(&self, source: &str) -> Option<f64> {
        let has = |reading: &&&Reading| reading.values.keys().any(|metric| is_of(metric, source));
        let last = self.readings.iter().rfind(has)?;
        let end = self.last()?;
        (20.0_f64.max(0.05 * end.at) < end.at - last.at).then_some(last.at)
    }
}
