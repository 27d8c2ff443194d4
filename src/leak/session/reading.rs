//! Reads the probes: at intervals, and at rest until the values no longer fall.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Session;
use crate::engine::source::Source;
use crate::leak::failure::FailureReason;
use crate::leak::record::{Reading, Record, Stage, Unavailable};
use crate::probe::Failure;
use crate::probe::metric::{MetricId, Unit};

/// Time between two polls of a reading at rest.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A reading at rest is the minimum of this many polls.
const POLLS_PER_READING: usize = 3;
/// A check records ids at the end of each of this many blocks.
const ID_BLOCKS: u32 = 40;
/// The minimum length of a block.
const ID_BLOCK_MIN: Duration = Duration::from_secs(15);

impl<S: Source, W: FnMut(Record)> Session<S, W> {
    /// Reads at intervals until this time.
    pub(super) async fn read_until(&mut self, until: Instant, stage: Stage) {
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
            self.read_once(stage).await;
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
    pub(super) async fn read_once(&mut self, stage: Stage) {
        let values = self.read().await;
        self.reading(stage, None, values);
    }

    /// Reads at rest after `settle`: the minimum of the last polls. Waits up to twice as long while values fall.
    pub(super) async fn rest(&mut self, stage: Stage, settle: Duration) {
        let started = Instant::now();
        let min_settle = POLL_INTERVAL * u32::try_from(POLLS_PER_READING - 1).unwrap_or(2);
        let first = started + settle.saturating_sub(min_settle);
        let deadline = started + settle.max(min_settle) * 2;
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
                let settled =
                    polls.iter().all(|poll| is_at_rest(poll, &polls[POLLS_PER_READING - 1]));
                if settled || deadline <= Instant::now() {
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
        let sample = self.probes.read(self.seconds(), &census).await;
        for cut in sample.cuts {
            self.write(Record::Cut(cut));
        }
        for record in sample.unavailable {
            self.write(Record::Unavailable(record));
        }
        for Failure { source, reason } in
            self.unresponsive.take(self.started.elapsed(), sample.failures)
        {
            self.write(Record::Unavailable(Unavailable { metric: source, reason: reason.into() }));
        }
        if let Some(reason) = sample.invalid {
            self.failure.get_or_insert(FailureReason::SeveralProcesses(reason));
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
            at: self.seconds(),
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
        for record in self.probes.groups(self.seconds(), self.cycles, &census).await {
            self.write(Record::Groups(record));
        }
        self.write_missed();
    }

    /// Records the ids of descriptors and threads, once per block.
    pub(super) fn ids(&mut self) {
        let now = Instant::now();
        if now < self.ids_at {
            return;
        }
        self.ids_at = now + (self.load.duration() / ID_BLOCKS).max(ID_BLOCK_MIN);
        for record in self.probes.ids(self.seconds()) {
            self.write(Record::Ids(record));
        }
    }

    pub(super) async fn proofs(&mut self) {
        for record in self.probes.proofs(self.seconds(), self.cycles).await {
            self.write(Record::Groups(record));
        }
        self.write_missed();
    }

    fn write_missed(&mut self) {
        for record in self.probes.missed() {
            self.write(Record::Unavailable(record));
        }
    }
}

/// Whether no count fell between `poll` and `last`. Bytes are ignored, because they never settle.
fn is_at_rest(poll: &BTreeMap<String, f64>, last: &BTreeMap<String, f64>) -> bool {
    let counts = last.iter().filter(|(metric, _)| MetricId::parse(metric).unit == Unit::Count);
    counts.into_iter().all(|(metric, value)| poll.get(metric).is_none_or(|poll| poll <= value))
}
