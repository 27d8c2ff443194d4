//! One check as it runs: drives the streams by plan, rests, reads the probes, and writes down all that it
//! reads. It decides nothing; what the records mean is for [`verdict`](super::verdict).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::command::Commands;
use super::judge::plan::{Plan, Step};
use super::probe::{Failure, Probes};
use super::record::{End, Header, Reading, Record, Stage, Survivor, Unavailable};
use super::verdict::Watch;
use crate::engine::census::Census;
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::Source;
use crate::engine::{self, Engine, Observer};

/// Between two polls of a settled reading.
const POLL: Duration = Duration::from_millis(100);
/// A settled reading is the least of so many polls.
const POLLS: usize = 3;
/// A check has so many blocks at whose ends it is noted who is there.
const BLOCKS: u32 = 40;
/// None is shorter.
const SHORT_BLOCK: Duration = Duration::from_secs(15);
/// How long cmon's own tasks and connections may take to end after the last stream was closed.
const LAST: Duration = Duration::from_secs(5);

/// How a check makes its load.
#[derive(Debug)]
pub enum Load<S> {
    /// Streams of these containers, opened and closed by the stream engine.
    Streams {
        /// Where they come from.
        source: Arc<S>,
        /// Which containers.
        selection: Selection,
        /// How they are followed.
        config: engine::Config,
        /// When to drive and when to rest.
        plan: Plan,
    },
    /// The same streams all the time, each closed at its age.
    Held {
        /// Where they come from.
        source: Arc<S>,
        /// Which containers.
        selection: Selection,
        /// How they are followed.
        config: engine::Config,
        /// How long.
        duration: Duration,
    },
    /// A command per cycle.
    Command {
        /// The command.
        commands: Commands,
        /// When to drive and when to rest.
        plan: Plan,
    },
    /// The target has its own.
    Passive {
        /// How long to look.
        duration: Duration,
    },
}

impl<S> Load<S> {
    fn plan(&self) -> Option<&Plan> {
        match self {
            Load::Streams { plan, .. } | Load::Command { plan, .. } => Some(plan),
            Load::Held { .. } | Load::Passive { .. } => None,
        }
    }

    /// How long it takes.
    pub fn duration(&self) -> Duration {
        match self {
            Load::Held { duration, .. } | Load::Passive { duration } => *duration,
            _ => Duration::from_secs_f64(self.plan().map_or(0.0, Plan::seconds)),
        }
    }
}

/// A check.
pub struct Session<S, W> {
    load: Load<S>,
    registry: Registry,
    probes: Probes,
    write: W,
    stop: CancellationToken,
    begun: Instant,
    every: Duration,
    cycles: f64,
    lines: f64,
    /// The engine that runs, and the lines of those before it.
    follows: Option<(Observer<S>, f64)>,
    watch: Watch,
    /// Sources that did not answer the last time.
    silent: BTreeSet<String>,
    /// When to note who is there.
    ids_at: Instant,
    /// When to take the counts apart once more.
    dump_at: Option<Instant>,
    failure: Option<String>,
}

impl<S, W> std::fmt::Debug for Session<S, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("begun", &self.begun).finish_non_exhaustive()
    }
}

impl<S: Source, W: FnMut(Record)> Session<S, W> {
    /// A check of this load; `registry` counts the tasks of the streams and of nothing else. Every record
    /// goes to `write` as soon as it is made. `stop` ends it early.
    pub fn new(
        load: Load<S>,
        registry: Registry,
        probes: Probes,
        write: W,
        stop: CancellationToken,
    ) -> Self {
        // A reading is cheap; more of them than some hundreds teach nothing.
        let every = (load.duration() / 240).clamp(Duration::from_secs(1), Duration::from_secs(15));
        let begun = Instant::now();
        Self {
            load,
            registry,
            probes,
            write,
            stop,
            begun,
            every,
            cycles: 0.0,
            lines: 0.0,
            follows: None,
            watch: Watch::default(),
            silent: BTreeSet::new(),
            ids_at: begun,
            dump_at: None,
            failure: None,
        }
    }

    /// Runs the check to its end.
    pub async fn run(mut self, header: Header) {
        self.watch = Watch::new(&header);
        self.write(Record::Header(header));
        self.groups().await;
        self.proofs().await;
        self.rest(Stage::Start, Duration::ZERO).await;
        match self.load.plan().cloned() {
            Some(plan) => self.driven(&plan).await,
            None if matches!(self.load, Load::Held { .. }) => self.held().await,
            None => self.passive().await,
        }
        self.groups().await;
        self.proofs().await;
        self.end().await;
    }

    async fn driven(&mut self, plan: &Plan) {
        self.drive(Duration::from_secs_f64(plan.warmup), Stage::WarmUp).await;
        self.glance(Stage::WarmUp).await;
        let settle = plan.steps.first().map_or(1.0, |step| step.settle);
        self.rest(Stage::WarmUp, Duration::from_secs_f64(settle)).await;
        self.groups().await;
        let middle = plan.steps.len() / 2;
        for (at, step) in plan.steps.iter().enumerate() {
            if self.is_over() {
                return;
            }
            if at == middle {
                self.groups().await;
            }
            self.rung(*step).await;
            if at % 2 == 1 && self.watch.is_sure() {
                tracing::debug!(pairs = at / 2 + 1, "sure before the end");
                return;
            }
        }
    }

    async fn rung(&mut self, step: Step) {
        let begun = Instant::now();
        let drive = Duration::from_secs_f64(step.drive);
        let stage = if step.driven { Stage::Drive } else { Stage::Idle };
        match step.driven {
            true => self.drive(drive, stage).await,
            false => self.look(begun + drive, stage).await,
        }
        self.glance(stage).await;
        // Both kinds of rungs are equally long, so that what time does is the same in both.
        let settle = drive + Duration::from_secs_f64(step.settle);
        self.rest(stage, settle.saturating_sub(begun.elapsed())).await;
    }

    async fn passive(&mut self) {
        let begun = Instant::now();
        let end = begun + self.load.duration();
        let middle = begun + self.load.duration() / 2;
        self.look(middle, Stage::Passive).await;
        if !self.is_over() {
            self.groups().await;
        }
        self.look(end, Stage::Passive).await;
        if !self.is_over() {
            self.glance(Stage::Passive).await;
        }
    }

    async fn held(&mut self) {
        let duration = self.load.duration();
        self.dump_at = Some(Instant::now() + duration / 2);
        self.drive(duration, Stage::Passive).await;
    }

    fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.failure.is_some()
    }

    /// Makes load for this long.
    async fn drive(&mut self, time: Duration, stage: Stage) {
        if self.is_over() {
            return;
        }
        let until = Instant::now() + time;
        match &self.load {
            Load::Passive { .. } => {}
            Load::Command { commands, .. } => {
                let mut commands = commands.clone();
                let stop = self.stop.clone();
                let (ran, ()) = tokio::join!(commands.run(until, &stop), self.look(until, stage));
                match ran {
                    Ok(ran) => self.cycles += ran as f64,
                    Err(error) => self.failure = Some(error),
                }
            }
            Load::Streams { source, selection, config, .. }
            | Load::Held { source, selection, config, .. } => {
                let (source, selection) = (Arc::clone(source), selection.clone());
                let engine = Engine::new(source, self.registry.clone(), config.clone());
                let observer = engine.observer();
                self.follows = Some((observer.clone(), self.lines));
                let (events, mut received) = mpsc::channel(32);
                let stop = self.stop.child_token();
                let looking = async {
                    self.look(until, stage).await;
                    if stage == Stage::Passive && !self.is_over() {
                        // The last reading of streams that are held, before they are closed.
                        self.glance(stage).await;
                    }
                    stop.cancel();
                };
                let (outcome, (), ()) = tokio::join!(
                    engine.run(&selection, events, stop.clone()),
                    async { while received.recv().await.is_some() {} },
                    looking,
                );
                self.count_lines();
                self.follows = None;
                if let Err(error) = outcome {
                    self.failure = Some(error.to_string());
                }
            }
        }
    }

    /// Reads now and then until this moment.
    async fn look(&mut self, until: Instant, stage: Stage) {
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
            if stage == Stage::Passive {
                self.ids();
            }
            if self.dump_at.take_if(|at| *at <= Instant::now()).is_some() {
                self.groups().await;
            }
        }
    }

    /// Reads once, not at rest.
    async fn glance(&mut self, stage: Stage) {
        let values = self.read().await;
        self.reading(stage, None, values);
    }

    /// Waits for this long and reads at rest: the least of the last polls, and longer while the figures fall.
    async fn rest(&mut self, stage: Stage, settle: Duration) {
        let begun = Instant::now();
        let least = POLL * u32::try_from(POLLS - 1).unwrap_or(2);
        let first = begun + settle.saturating_sub(least);
        let deadline = begun + settle.max(least) * 2;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = sleep_until(first) => {}
        }
        let mut polls: VecDeque<BTreeMap<String, f64>> = VecDeque::new();
        loop {
            let values = self.read().await;
            polls.push_back(values);
            if polls.len() == POLLS {
                let still = polls.iter().all(|poll| is_at_rest(poll, &polls[POLLS - 1]));
                if still || deadline <= Instant::now() {
                    break;
                }
                polls.pop_front();
            }
            sleep(POLL).await;
        }
        let mut values = polls.pop_back().unwrap_or_default();
        for poll in &polls {
            for (metric, value) in &mut values {
                *value = poll.get(metric).copied().unwrap_or(*value).min(*value);
            }
        }
        self.reading(stage, Some(begun.elapsed()), values);
        self.ids();
    }

    async fn read(&mut self) -> BTreeMap<String, f64> {
        let census = self.census();
        let sample = self.probes.read(self.at(), &census).await;
        for cut in sample.cuts {
            self.write(Record::Cut(cut));
        }
        for one in sample.unavailable {
            self.write(Record::Unavailable(one));
        }
        let silent: BTreeSet<String> =
            sample.failures.iter().map(|failure| failure.source.clone()).collect();
        for Failure { source, why, .. } in sample.failures {
            // Said once, and again when it has answered in between.
            if !self.silent.contains(&source) {
                self.write(Record::Unavailable(Unavailable { metric: source, why }));
            }
        }
        self.silent = silent;
        if let Some(cycles) = sample.cycles {
            self.cycles = cycles;
        }
        sample.values
    }

    fn reading(&mut self, stage: Stage, settled: Option<Duration>, values: BTreeMap<String, f64>) {
        if let Load::Streams { .. } | Load::Held { .. } = self.load {
            self.cycles = self.registry.census().streams_closed as f64;
        }
        self.count_lines();
        let reading = Reading {
            at: self.at(),
            stage,
            rest: settled.is_some(),
            settled: settled.map_or(0.0, |settled| settled.as_secs_f64()),
            cycles: self.cycles,
            lines: self.lines,
            values,
        };
        self.write(Record::Reading(reading));
    }

    /// Adds the lines of the engine that runs to those of the ones before.
    fn count_lines(&mut self) {
        if let Some((observer, before)) = &self.follows {
            self.lines = before + observer.census().lines as f64;
        }
    }

    async fn groups(&mut self) {
        let census = self.census();
        for one in self.probes.groups(self.at(), self.cycles, &census).await {
            self.write(Record::Groups(one));
        }
    }

    /// Notes who is there, now and then.
    fn ids(&mut self) {
        let now = Instant::now();
        if now < self.ids_at {
            return;
        }
        self.ids_at = now + (self.load.duration() / BLOCKS).max(SHORT_BLOCK);
        for one in self.probes.ids(self.at()) {
            self.write(Record::Ids(one));
        }
    }

    async fn proofs(&mut self) {
        for one in self.probes.proofs(self.at(), self.cycles).await {
            self.write(Record::Groups(one));
        }
    }

    /// Seconds since the check began.
    fn at(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// What the stream engine has at this moment.
    fn census(&self) -> Census {
        let mut census = self.registry.census();
        if let Load::Streams { source, .. } | Load::Held { source, .. } = &self.load {
            census.connections = source.connections();
        }
        census
    }

    async fn end(&mut self) {
        // What was just told to end has a moment to do so; what has not ended then is left over.
        let begun = Instant::now();
        while self.registry.live() != 0 && begun.elapsed() < LAST {
            sleep(POLL / 2).await;
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
            at: self.at(),
            interrupted: self.stop.is_cancelled(),
            streams_opened: census.streams_opened,
            streams_closed: census.streams_closed,
            survivors,
            failure: self.failure.take(),
        };
        self.write(Record::End(end));
    }

    fn write(&mut self, record: Record) {
        self.watch.see(&record);
        (self.write)(record);
    }
}

/// Whether nothing is still on its way down from one poll to the last; bytes never stand still.
fn is_at_rest(poll: &BTreeMap<String, f64>, last: &BTreeMap<String, f64>) -> bool {
    let counts = last.iter().filter(|(metric, _)| !metric.ends_with("_bytes"));
    counts.into_iter().all(|(metric, value)| poll.get(metric).is_none_or(|poll| poll <= value))
}
