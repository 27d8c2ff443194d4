//! What a check reads, and when: now and then, and at rest until the figures stand still.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Session;
use crate::engine::source::Source;
use crate::leak::metric::{MetricId, Unit};
use crate::leak::probe::Failure;
use crate::leak::record::{Reading, Record, Stage, Unavailable};

/// Between two polls of a settled reading.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A settled reading is the smallest of this many polls.
const POLLS_PER_READING: usize = 3;
/// A check lists the ids at the ends of this many blocks.
const ID_BLOCKS: u32 = 40;
/// None is shorter.
const ID_BLOCK_MIN: Duration = Duration::from_secs(15);

impl<S: Source, W: FnMut(Record)> Session<S, W> {
    /// Reads now and then until this moment.
    pub(super) async fn look(&mut self, until: Instant, stage: Stage) {
        loop {
            let next = until.min(Instant::now() + self.every);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = sleep_until(next) => {}
            }
            if next == until {
                return;
            }
            self.glance(stage).await;
            if self.is_over() {
                return;
            }
            if stage == Stage::Passive {
                self.ids();
            }
            if self.dump_at.take_if(|at| *at <= Instant::now()).is_some() {
                self.groups().await;
            }
        }
    }

    /// Reads once, not at rest.
    pub(super) async fn glance(&mut self, stage: Stage) {
        let values = self.read().await;
        self.reading(stage, None, values);
    }

    /// Waits for this long and reads at rest: the least of the last polls, and longer while the figures fall.
    pub(super) async fn rest(&mut self, stage: Stage, settle: Duration) {
        let started = Instant::now();
        let least = POLL_INTERVAL * u32::try_from(POLLS_PER_READING - 1).unwrap_or(2);
        let first = started + settle.saturating_sub(least);
        let deadline = started + settle.max(least) * 2;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = sleep_until(first) => {}
        }
        let mut polls: VecDeque<BTreeMap<String, f64>> = VecDeque::new();
        loop {
            let values = self.read().await;
            polls.push_back(values);
            if polls.len() == POLLS_PER_READING {
                let still =
                    polls.iter().all(|poll| is_at_rest(poll, &polls[POLLS_PER_READING - 1]));
                if still || deadline <= Instant::now() {
                    break;
                }
                polls.pop_front();
            }
            sleep(POLL_INTERVAL).await;
        }
        let mut values = polls.pop_back().unwrap_or_default();
        for poll in &polls {
            for (metric, value) in &mut values {
                *value = poll.get(metric).copied().unwrap_or(*value).min(*value);
            }
        }
        self.reading(stage, Some(started.elapsed()), values);
        self.ids();
    }

    pub(super) async fn read(&mut self) -> BTreeMap<String, f64> {
        let census = self.census();
        let sample = self.probes.read(self.at(), &census).await;
        for cut in sample.cuts {
            self.write(Record::Cut(cut));
        }
        for one in sample.unavailable {
            self.write(Record::Unavailable(one));
        }
        for Failure { source, reason } in
            self.unresponsive.take(self.started.elapsed(), sample.failures)
        {
            self.write(Record::Unavailable(Unavailable { metric: source, reason: reason.into() }));
        }
        if let Some(reason) = sample.invalid {
            self.failure.get_or_insert(reason);
        }
        if let Some(cycles) = sample.cycles {
            self.cycles = cycles;
        }
        sample.values
    }

    pub(super) fn reading(
        &mut self,
        stage: Stage,
        settled: Option<Duration>,
        values: BTreeMap<String, f64>,
    ) {
        self.cycles = self.cycles();
        let reading = Reading {
            at: self.at(),
            stage,
            rest: settled.is_some(),
            settled: settled.map_or(0.0, |settled| settled.as_secs_f64()),
            cycles: self.cycles,
            lines: self.fresh.lines() as f64,
            values,
        };
        self.write(Record::Reading(reading));
    }

    pub(super) async fn groups(&mut self) {
        let census = self.census();
        for one in self.probes.groups(self.at(), self.cycles, &census).await {
            self.write(Record::Groups(one));
        }
        self.missed();
    }

    /// Notes the ids of descriptors and threads, now and then.
    pub(super) fn ids(&mut self) {
        let now = Instant::now();
        if now < self.ids_at {
            return;
        }
        self.ids_at = now + (self.load.duration() / ID_BLOCKS).max(ID_BLOCK_MIN);
        for one in self.probes.ids(self.at()) {
            self.write(Record::Ids(one));
        }
    }

    pub(super) async fn proofs(&mut self) {
        for one in self.probes.proofs(self.at(), self.cycles).await {
            self.write(Record::Groups(one));
        }
        self.missed();
    }

    fn missed(&mut self) {
        for one in self.probes.missed() {
            self.write(Record::Unavailable(one));
        }
    }
}

/// Whether nothing is still on its way down from one poll to the last; bytes never stand still.
fn is_at_rest(poll: &BTreeMap<String, f64>, last: &BTreeMap<String, f64>) -> bool {
    let counts = last.iter().filter(|(metric, _)| MetricId::parse(metric).unit == Unit::Count);
    counts.into_iter().all(|(metric, value)| poll.get(metric).is_none_or(|poll| poll <= value))
}
