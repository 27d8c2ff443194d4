//! Runs a check phase by phase, from the first reading to the drain.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::fresh::Fresh;
use super::load::Load;
use super::reading::POLL_INTERVAL;
use super::unresponsive::UnresponsiveSources;
use crate::engine::census::Census;
use crate::engine::registry::Registry;
use crate::engine::source::Source;
use crate::leak::failure::FailureReason;
use crate::leak::judge::design::{WARMUP_CYCLES, WARMUP_EXTENSION};
use crate::leak::judge::plan::{Plan, Step};
use crate::leak::record::{End, Header, Record, Stage, Survivor};
use crate::leak::verdict::EarlyStop;
use crate::probe::Probes;

/// cmon's own tasks and connections must end within this time after the last stream.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The readings between phases may make a check this much longer than planned.
const OVERRUN_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Session<S, W> {
    pub(super) load: Load<S>,
    pub(super) registry: Registry,
    pub(super) probes: Probes,
    pub(super) write: W,
    pub(super) stop: CancellationToken,
    pub(super) started: Instant,
    pub(super) every: Duration,
    pub(super) cycles: f64,
    pub(super) fresh: Fresh,
    pub(super) early_stop: EarlyStop,
    /// Whether a certain leak ends the check.
    pub(super) may_stop_early: bool,
    /// Whether a certain leak has ended the check.
    pub(super) sure: bool,
    pub(super) unresponsive: UnresponsiveSources,
    /// When to record ids next.
    pub(super) ids_at: Instant,
    /// When to record groups once more.
    pub(super) dump_at: Option<Instant>,
    pub(super) failure: Option<FailureReason>,
}

impl<S, W> std::fmt::Debug for Session<S, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("started", &self.started).finish_non_exhaustive()
    }
}

impl<S: Source, W: FnMut(Record)> Session<S, W> {
    /// `registry` must count the tasks of the streams alone. `write` gets every record at once. `stop` ends the check
    /// early.
    pub(crate) fn new(
        load: Load<S>,
        registry: Registry,
        mut probes: Probes,
        write: W,
        stop: CancellationToken,
    ) -> Self {
        probes.set_stop_token(stop.clone());
        // More than some hundred readings do not improve the estimates.
        let every = reading_interval(load.duration());
        let started = Instant::now();
        Self {
            load,
            registry,
            probes,
            write,
            stop,
            started,
            every,
            cycles: 0.0,
            fresh: Fresh::default(),
            early_stop: EarlyStop::default(),
            may_stop_early: true,
            sure: false,
            unresponsive: UnresponsiveSources::default(),
            ids_at: started,
            dump_at: None,
            failure: None,
        }
    }

    /// Runs to the planned end although a leak is certain: a comparison needs a precise rate.
    #[must_use]
    pub(crate) fn without_early_stop(mut self) -> Self {
        self.may_stop_early = false;
        self
    }

    /// Runs the check to its end.
    pub(crate) async fn run(mut self, header: Header) {
        self.early_stop = EarlyStop::new(&header);
        self.unresponsive = UnresponsiveSources::new(&header);
        let end = self.started + Duration::from_secs_f64(header.duration);
        self.write(Record::Header(header));
        self.groups().await;
        self.proofs().await;
        self.rest(Stage::Start, Duration::ZERO).await;
        match self.load.plan().cloned() {
            Some(plan) => self.driven(&plan, end).await,
            None if matches!(self.load, Load::Held { .. }) => self.held().await,
            None => self.passive().await,
        }
        self.groups().await;
        self.proofs().await;
        self.end().await;
    }

    /// Warms up and runs the pairs of the plan that fit before `end`.
    async fn driven(&mut self, plan: &Plan, end: Instant) {
        self.drive(Duration::from_secs_f64(plan.warmup), Stage::WarmUp).await;
        // A busy machine may be slower than planned, and pools fill by cycles, not by time.
        let (needed, mut spare) =
            (plan.warmup_cycles.min(WARMUP_CYCLES), WARMUP_EXTENSION * plan.warmup);
        while 0.0 < spare && self.cycles() < needed && !self.is_over() {
            let missing = (needed - self.cycles()) / plan.cycles_per_second;
            let more = missing.clamp(1.0, spare.max(1.0));
            self.drive(Duration::from_secs_f64(more), Stage::WarmUp).await;
            spare -= more;
        }
        if self.failure.is_some() {
            return;
        }
        self.read_once(Stage::WarmUp).await;
        let settle = plan.steps.first().map_or(1.0, |step| step.settle);
        self.rest(Stage::WarmUp, Duration::from_secs_f64(settle)).await;
        self.groups().await;
        let middle = plan.steps.len() / 2;
        for (at, step) in plan.steps.iter().enumerate() {
            if self.is_over() {
                return;
            }
            let pair = 2 * (self.load.phase(*step) + Duration::from_secs_f64(step.settle));
            if at % 2 == 0 && end + OVERRUN_MAX < Instant::now() + pair {
                tracing::debug!(pairs = at / 2, "no time for more pairs");
                return;
            }
            if at == middle {
                self.groups().await;
            }
            self.phase(*step).await;
            if at % 2 == 1 && self.may_stop_early && self.early_stop.is_sure() {
                self.sure = true;
                tracing::debug!(pairs = at / 2 + 1, "sure before the end");
                return;
            }
        }
    }

    async fn phase(&mut self, step: Step) {
        let started = Instant::now();
        let drive = self.load.phase(step);
        let stage = if step.driven { Stage::Drive } else { Stage::Idle };
        match step.driven {
            true => self.drive(drive, stage).await,
            false => self.read_until(started + drive, stage).await,
        }
        if self.failure.is_some() {
            return;
        }
        self.read_once(stage).await;
        // Drive and idle phases are equally long, so that time has the same effect in both.
        let settle = drive + Duration::from_secs_f64(step.settle);
        self.rest(stage, settle.saturating_sub(started.elapsed())).await;
    }

    async fn passive(&mut self) {
        let started = Instant::now();
        let end = started + self.load.duration();
        let middle = started + self.load.duration() / 2;
        self.read_until(middle, Stage::Passive).await;
        if !self.is_over() {
            self.groups().await;
        }
        self.read_until(end, Stage::Passive).await;
        if !self.is_over() {
            self.read_once(Stage::Passive).await;
        }
    }

    async fn held(&mut self) {
        let duration = self.load.duration();
        self.dump_at = Some(Instant::now() + duration / 2);
        self.drive(duration, Stage::Passive).await;
    }

    pub(super) fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.failure.is_some() || self.unresponsive.is_final()
    }

    pub(super) fn cycles(&self) -> f64 {
        match &self.load {
            Load::Streams { .. } | Load::Held { .. } => {
                self.registry.census().streams_closed as f64
            }
            Load::Command { commands, .. } => commands.ran() as f64,
            Load::Passive { .. } => self.cycles,
        }
    }

    /// Seconds since the start of the check.
    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// The live tasks and connections of the stream engine.
    pub(super) fn census(&self) -> Census {
        let mut census = self.registry.census();
        if let Load::Streams { source, .. } | Load::Held { source, .. } = &self.load {
            census.connections = source.connections();
        }
        census
    }

    async fn end(&mut self) {
        let started = Instant::now();
        while self.registry.live() != 0 && started.elapsed() < DRAIN_TIMEOUT {
            sleep(POLL_INTERVAL / 2).await;
        }
        let survivors = self.registry.survivors().into_iter();
        let survivors = survivors.map(|(kind, name, age)| Survivor {
            kind: kind.as_str().to_owned(),
            name,
            age: age.as_secs_f64(),
        });
        let mut survivors: Vec<Survivor> = survivors.collect();
        if let Load::Streams { source, .. } | Load::Held { source, .. } = &self.load {
            for (purpose, count) in source.connections() {
                let open = (0..count.open).map(|_| Survivor {
                    kind: "connection".to_owned(),
                    name: purpose.as_str().to_owned(),
                    age: 0.0,
                });
                survivors.extend(open);
            }
        }
        let census = self.registry.census();
        let end = End {
            at: self.seconds(),
            interrupted: self.stop.is_cancelled(),
            sure: self.sure,
            streams_opened: census.streams_opened,
            streams_closed: census.streams_closed,
            survivors,
            failure: self.failure.take().map(Into::into),
        };
        self.write(Record::End(end));
    }

    pub(super) fn write(&mut self, record: Record) {
        self.early_stop.add(&record);
        (self.write)(record);
    }
}

/// Time between two readings that are not at rest, for a check of this length.
pub(crate) fn reading_interval(duration: Duration) -> Duration {
    (duration / 240).clamp(Duration::from_secs(1), Duration::from_secs(15))
}
