//! All probes of a check: they are started, and read side by side.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{OptionFuture, join, join_all};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::backoff::Probe;
use super::counter::Counter;
use super::daemon_figures::{DaemonProbe, DaemonReadable};
use super::get::{Client, GetError};
use super::own_process::{self, Own};
use super::sample::Sample;
use super::target::{self, CyclesError, Target, TargetReadable, TargetStartError, Watched};
use crate::docker::RequestOptions;
use crate::docker::api::Api;
use crate::docker::endpoint::Endpoint;
use crate::engine::census::{Census, Purpose};
use crate::engine::registry::Registry;
use crate::leak::reasons::UnavailableReason;
use crate::leak::record::{Groups, Ids, Unavailable};

/// What is to be read, beside cmon itself.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The Docker daemon, over connections of the probes' own.
    pub(crate) daemon: Option<Endpoint>,
    pub(crate) targets: Vec<Target>,
    /// The targets' own count of cycles.
    pub(crate) cycles_metric: Option<Counter>,
    /// How the daemon is asked about containers.
    pub(crate) requests: RequestOptions,
}

/// Why reading cannot begin.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum StartError {
    /// The daemon does not answer.
    #[error(transparent)]
    Daemon(#[from] GetError),
    /// A target has nothing to read, or is not there.
    #[error("target `{target}`: {error}")]
    Target {
        /// The target as it was given.
        target: String,
        error: TargetStartError,
    },
    /// No target counts the cycles.
    #[error("no target has a counter `{counter}` for its cycles: {}", each(targets))]
    NoCycles {
        /// The counter as it was given.
        counter: String,
        /// The targets as they were given.
        targets: Vec<(String, CyclesError)>,
    },
}

fn each(targets: &[(String, CyclesError)]) -> String {
    let each = targets.iter().map(|(target, error)| format!("target `{target}`: {error}"));
    each.collect::<Vec<_>>().join("; ")
}

/// What was found to be readable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// The beginning of the metrics' names: `own`, `daemon`, `target.web`.
    pub(crate) source: String,
    pub(crate) readable: Readable,
}

/// What of a source can be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Readable {
    Own,
    Daemon(DaemonReadable),
    Target(TargetReadable),
}

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("tasks, streams, connections, descriptors, threads, memory"),
            Self::Daemon(daemon) => daemon.fmt(f),
            Self::Target(target) => target.fmt(f),
        }
    }
}

impl Found {
    fn of(target: &Watched, readable: TargetReadable) -> Self {
        Self { source: target.source().to_owned(), readable: Readable::Target(readable) }
    }
}

/// How long one target may take to show what it has: longer than one question, so that a path that hangs
/// does not hide the others.
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one source may take for a reading, and for its parts.
const READING_TIMEOUT: Duration = Duration::from_secs(4);
const GROUPS_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that is read.
#[derive(Debug)]
pub(crate) struct Probes {
    pub(super) registry: Registry,
    own: Own,
    pub(super) daemon: Option<Probe<DaemonProbe>>,
    /// The endpoint that containers are asked for at.
    endpoint: Option<Arc<Endpoint>>,
    pub(super) targets: Vec<Probe<Watched>>,
    /// The targets as they are shown.
    given: Vec<String>,
    found: Vec<Found>,
    reported: BTreeSet<String>,
    /// The check is to end: nothing is taken apart at length any more.
    stop: CancellationToken,
    missed: Vec<Unavailable>,
}

impl Probes {
    /// Looks what there is to read: asks the daemon and each target.
    ///
    /// # Errors
    /// The daemon does not answer, a target is not there or shows nothing, or no target has the
    /// metric that counts cycles.
    pub(crate) async fn start(options: Options) -> Result<Self, StartError> {
        let registry = Registry::default();
        let mut found = vec![Found { source: "own".to_owned(), readable: Readable::Own }];
        let endpoint = options.daemon.map(Arc::new);
        let mut daemon = endpoint
            .clone()
            .map(|endpoint| DaemonProbe::new(Client::new(endpoint, registry.clone())));
        if let Some(daemon) = &mut daemon {
            let readable = Readable::Daemon(daemon.discover().await?);
            found.push(Found { source: "daemon".to_owned(), readable });
        }
        let api = endpoint.clone().map(|endpoint| Arc::new(Api::new(endpoint, options.requests)));
        let names = target::names(&options.targets);
        let started = options.targets.iter().zip(names).map(async |(target, name)| {
            let starting = Watched::start(target, &name, &registry, api.as_ref());
            let started = timeout(START_TIMEOUT, starting).await;
            let started = started.unwrap_or(Err(TargetStartError::Timeout(START_TIMEOUT)));
            started.map_err(|error| StartError::Target { target: target.to_string(), error })
        });
        let mut targets: Vec<Watched> = Vec::new();
        for started in join_all(started).await {
            let (watched, readable) = started?;
            found.push(Found::of(&watched, readable));
            targets.push(watched);
        }
        if let Some(counter) = options.cycles_metric {
            found.push(find_cycles(&counter, &options.targets, &mut targets).await?);
        }
        Ok(Self {
            registry,
            own: Own::new(),
            daemon: daemon.map(Probe::new),
            endpoint,
            targets: targets.into_iter().map(Probe::new).collect(),
            given: options.targets.iter().map(ToString::to_string).collect(),
            found,
            reported: BTreeSet::new(),
            stop: CancellationToken::new(),
            missed: Vec::new(),
        })
    }

    /// Whether each target has a figure that decides, by these rules. One that counts the cycles needs none
    /// where something else than cmon itself decides.
    ///
    /// # Errors
    /// A target has none: which figures it has, and how to name one.
    pub(crate) fn decides(&self, is_gated: impl Fn(&str) -> bool) -> Result<(), StartError> {
        let undecided = self.targets.iter().map(|target| target.it.undecided(&is_gated));
        let undecided: Vec<Option<TargetStartError>> = undecided.collect();
        let others = self.daemon.is_some() || undecided.iter().any(Option::is_none);
        let all = self.targets.iter().zip(&self.given).zip(undecided);
        for ((watched, target), undecided) in all {
            match undecided {
                Some(error) if !(others && watched.it.counts()) => {
                    return Err(StartError::Target { target: target.clone(), error });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Limits groups to a second once the check is to stop.
    pub(crate) fn set_stop_token(&mut self, stop: CancellationToken) {
        self.stop = stop;
    }

    /// What was found to be readable.
    pub(crate) fn found(&self) -> &[Found] {
        &self.found
    }

    /// The metrics that there are before the check begins, and the sources that did not answer. What
    /// cannot be read is reported by the first reading all the same.
    pub(crate) async fn names(&mut self) -> Vec<String> {
        let Sample { values, failures, .. } = self.look(0.0, &Census::default()).await;
        let silent = failures.into_iter().map(|failure| failure.source);
        values.into_keys().chain(silent).collect()
    }

    /// Reads every figure once; `at` is in seconds since the check began, `engine` is the census of
    /// the stream engine (an empty one without).
    ///
    /// # Cancel safety
    /// Safe: a connection that was in use is closed, and opened again for the next reading.
    pub(crate) async fn read(&mut self, at: f64, engine: &Census) -> Sample {
        let mut sample = self.look(at, engine).await;
        sample.unavailable.retain(|one| self.reported.insert(one.metric.clone()));
        sample
    }

    async fn look(&mut self, at: f64, engine: &Census) -> Sample {
        let mut sample = Sample::default();
        self.own.read(&self.census(engine), &mut sample);
        // What a reading that was given up has got so far is not used.
        let daemon = OptionFuture::from(self.daemon.as_mut().map(async |daemon| {
            let mut part = Sample::default();
            let reading = daemon.it.read(at, &mut part);
            let asked = daemon.figures.ask(READING_TIMEOUT, reading).await;
            ("daemon".to_owned(), asked.map(|()| part))
        }));
        let targets = join_all(self.targets.iter_mut().map(async |target| {
            let mut part = Sample::default();
            let reading = target.it.read(at, &mut part);
            let asked = target.figures.ask(READING_TIMEOUT, reading).await;
            (target.it.source().to_owned(), asked.map(|()| part))
        }));
        let (daemon, targets) = join(daemon, targets).await;
        for (source, part) in daemon.into_iter().chain(targets) {
            match part {
                Ok(part) => sample.absorb(part),
                Err(reason) => sample.failed(&source, reason),
            }
        }
        sample
    }

    /// Takes apart what can be: goroutines by stack, tasks by kind, descriptors by class, threads by
    /// name. It costs more than a reading; what cannot be had is left out.
    pub(crate) async fn groups(&mut self, at: f64, cycles: f64, engine: &Census) -> Vec<Groups> {
        let mut all: Vec<Groups> = self
            .own
            .groups(&self.census(engine))
            .into_iter()
            .map(|(metric, groups)| Groups::complete(at, cycles, metric, groups))
            .collect();
        let stop = &self.stop;
        let daemon = OptionFuture::from(self.daemon.as_mut().map(async |daemon| {
            daemon.parts.ask_hurried(GROUPS_TIMEOUT, stop, daemon.it.groups(at, cycles)).await
        }));
        let targets = join_all(self.targets.iter_mut().map(async |target| {
            target.parts.ask_hurried(GROUPS_TIMEOUT, stop, target.it.groups(at, cycles)).await
        }));
        let (daemon, targets) = join(daemon, targets).await;
        if let (Some(source), Some(asked)) = (&mut self.daemon, daemon) {
            all.extend(source.record_missing("daemon", asked, &mut self.missed).flatten());
        }
        all.extend(record_missing(&mut self.targets, targets, &mut self.missed).flatten());
        all
    }

    /// Sources that did not give all of their parts in time. Each is listed once in a check.
    pub(crate) fn missed(&mut self) -> Vec<Unavailable> {
        std::mem::take(&mut self.missed)
    }

    /// The ids of the descriptors and threads of cmon and of local targets.
    pub(crate) fn ids(&self, at: f64) -> Vec<Ids> {
        // A check takes days at most.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as said")]
        let at_ms = (at * 1000.0) as u64;
        let all = self
            .own
            .ids()
            .into_iter()
            .chain(self.targets.iter().flat_map(|target| target.it.ids()));
        all.map(|(metric, ids)| Ids { at_ms, metric, ids }).collect()
    }

    /// The goroutines that can provably never wake (`target.web.goroutineleak`), of targets that
    /// report them: Go 1.27 and newer. Each question makes the target collect its garbage, so it is asked
    /// at the start and at the end, and not for every reading.
    pub(crate) async fn proofs(&mut self, at: f64, cycles: f64) -> Vec<Groups> {
        let stop = &self.stop;
        let asked = self.targets.iter_mut().map(async |target| {
            target.parts.ask_hurried(GROUPS_TIMEOUT, stop, target.it.proof(at, cycles)).await
        });
        let asked = join_all(asked).await;
        record_missing(&mut self.targets, asked, &mut self.missed).flatten().collect()
    }

    /// Tasks and connections of cmon, the probes' own included.
    fn census(&self, engine: &Census) -> Census {
        let mut mine = self.registry.census();
        // All connections to the daemon that come from here go through one endpoint.
        if let Some(endpoint) = &self.endpoint {
            mine.connections = endpoint.connections();
        }
        for target in &self.targets {
            let open = target.it.connections();
            let probes = Purpose::Probe;
            mine.connections.entry(probes).or_default().open += open;
        }
        own_process::together(engine, mine)
    }
}

/// Lets the first target that has the counter count the cycles.
async fn find_cycles(
    counter: &Counter,
    targets: &[Target],
    all: &mut [Watched],
) -> Result<Found, StartError> {
    let mut without = Vec::new();
    for (target, watched) in targets.iter().zip(all) {
        match watched.count_cycles(counter).await {
            Ok(readable) => return Ok(Found::of(watched, readable)),
            Err(error) => without.push((target.to_string(), error)),
        }
    }
    Err(StartError::NoCycles { counter: counter.to_string(), targets: without })
}

/// What the targets gave, each of them asked in its turn.
fn record_missing<P>(
    targets: &mut [Probe<Watched>],
    asked: Vec<Result<P, UnavailableReason>>,
    missed: &mut Vec<Unavailable>,
) -> impl Iterator<Item = P> {
    targets.iter_mut().zip(asked).filter_map(|(target, asked)| {
        let source = target.it.source().to_owned();
        target.record_missing(&source, asked, missed)
    })
}
