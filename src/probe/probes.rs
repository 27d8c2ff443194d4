//! All probes of a check. They are read concurrently.

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
use crate::probe::observed::{Groups, Ids, Unavailable};
use crate::probe::reasons::UnavailableReason;

/// What to read besides cmon itself.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The Docker daemon. The probes have their own connections.
    pub(crate) daemon: Option<Endpoint>,
    pub(crate) targets: Vec<Target>,
    /// The counter of cycles in one of the targets.
    pub(crate) cycles_metric: Option<Counter>,
    pub(crate) requests: RequestOptions,
}

/// Why the probes cannot start.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum StartError {
    /// The daemon does not answer.
    #[error(transparent)]
    Daemon(#[from] GetError),
    /// A target does not answer, or has nothing to read.
    #[error("target `{target}`: {error}")]
    Target { target: String, error: TargetStartError },
    /// No target counts the cycles.
    #[error("no target has a counter `{counter}` for its cycles: {}", each(targets))]
    NoCycles { counter: String, targets: Vec<(String, CyclesError)> },
}

fn each(targets: &[(String, CyclesError)]) -> String {
    let each = targets.iter().map(|(target, error)| format!("target `{target}`: {error}"));
    each.collect::<Vec<_>>().join("; ")
}

/// The readable metrics of a source, with its name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// The prefix of the metrics' names: `own`, `daemon`, `target.web`.
    pub(crate) source: String,
    pub(crate) readable: Readable,
}

/// The readable metrics of a source.
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

/// The timeout of the discovery of a target. It is longer than one request, so that a path that hangs does not hide the
/// others.
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// The timeout of one source in a reading.
const READING_TIMEOUT: Duration = Duration::from_secs(4);
/// The timeout of one source for its groups.
const GROUPS_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Probes {
    pub(super) registry: Registry,
    own: Own,
    pub(super) daemon: Option<Probe<DaemonProbe>>,
    /// The endpoint of the daemon's API for containers.
    endpoint: Option<Arc<Endpoint>>,
    pub(super) targets: Vec<Probe<Watched>>,
    /// The targets as given, without passwords.
    given: Vec<String>,
    found: Vec<Found>,
    reported: BTreeSet<String>,
    /// Cancelled when the check stops: requests for groups then end soon.
    stop: CancellationToken,
    missed: Vec<Unavailable>,
}

impl Probes {
    /// Discovers the metrics of the daemon and of each target.
    ///
    /// # Errors
    /// The daemon or a target does not answer, a target has no metrics, or no target has the counter of cycles.
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

    /// Checks that each target has a gated metric. A target that counts the cycles needs none if the daemon or another
    /// target has one.
    ///
    /// # Errors
    /// The first target without one, and its other metrics.
    pub(crate) fn check_gated(&self, is_gated: impl Fn(&str) -> bool) -> Result<(), StartError> {
        let undecided = self.targets.iter().map(|target| target.source.check_gated(&is_gated));
        let undecided: Vec<Option<TargetStartError>> = undecided.collect();
        let others = self.daemon.is_some() || undecided.iter().any(Option::is_none);
        let all = self.targets.iter().zip(&self.given).zip(undecided);
        for ((watched, target), undecided) in all {
            match undecided {
                Some(error) if !(others && watched.source.counts()) => {
                    return Err(StartError::Target { target: target.clone(), error });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// After `stop`, requests for groups end within a second.
    pub(crate) fn set_stop_token(&mut self, stop: CancellationToken) {
        self.stop = stop;
    }

    pub(crate) fn found(&self) -> &[Found] {
        &self.found
    }

    /// The names of the current metrics, and the sources that did not answer. The first reading still reports what is
    /// missing.
    pub(crate) async fn names(&mut self) -> Vec<String> {
        let Sample { values, failures, .. } = self.sample(0.0, &Census::default()).await;
        let silent = failures.into_iter().map(|failure| failure.source);
        values.into_keys().chain(silent).collect()
    }

    /// Reads every metric once. `at` is in seconds since the start of the check, `engine` is the census of the stream
    /// engine.
    ///
    /// # Cancel safety
    /// Safe: a connection in use is closed, and reopened for the next reading.
    pub(crate) async fn read(&mut self, at: f64, engine: &Census) -> Sample {
        let mut sample = self.sample(at, engine).await;
        sample.unavailable.retain(|record| self.reported.insert(record.metric.clone()));
        sample
    }

    async fn sample(&mut self, at: f64, engine: &Census) -> Sample {
        let mut sample = Sample::default();
        self.own.read(&self.census(engine), &mut sample);
        // A reading that timed out is discarded.
        let daemon = OptionFuture::from(self.daemon.as_mut().map(async |daemon| {
            let mut part = Sample::default();
            let reading = daemon.source.read(at, &mut part);
            let answer = daemon.figures.ask(READING_TIMEOUT, reading).await;
            ("daemon".to_owned(), answer.map(|()| part))
        }));
        let targets = join_all(self.targets.iter_mut().map(async |target| {
            let mut part = Sample::default();
            let reading = target.source.read(at, &mut part);
            let answer = target.figures.ask(READING_TIMEOUT, reading).await;
            (target.source.source().to_owned(), answer.map(|()| part))
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

    /// Reads the groups: goroutines by stack, tasks by kind, descriptors by class, threads by name. Costs more than a
    /// reading. Leaves out groups that are not readable.
    pub(crate) async fn groups(&mut self, at: f64, cycles: f64, engine: &Census) -> Vec<Groups> {
        let mut all: Vec<Groups> = self
            .own
            .groups(&self.census(engine))
            .into_iter()
            .map(|(metric, groups)| Groups::complete(at, cycles, metric, groups))
            .collect();
        let stop = &self.stop;
        let daemon = OptionFuture::from(self.daemon.as_mut().map(async |daemon| {
            daemon
                .groups
                .ask_with_stop(GROUPS_TIMEOUT, stop, daemon.source.groups(at, cycles))
                .await
        }));
        let targets = join_all(self.targets.iter_mut().map(async |target| {
            target
                .groups
                .ask_with_stop(GROUPS_TIMEOUT, stop, target.source.groups(at, cycles))
                .await
        }));
        let (daemon, targets) = join(daemon, targets).await;
        if let (Some(source), Some(answer)) = (&mut self.daemon, daemon) {
            all.extend(source.record_missing("daemon", answer, &mut self.missed).flatten());
        }
        all.extend(record_missing(&mut self.targets, targets, &mut self.missed).flatten());
        all
    }

    /// Returns the sources whose groups are missing since the last call. Each source occurs once in a check.
    pub(crate) fn missed(&mut self) -> Vec<Unavailable> {
        std::mem::take(&mut self.missed)
    }

    /// The ids of the descriptors and threads of cmon and of local targets.
    pub(crate) fn ids(&self, at: f64) -> Vec<Ids> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a check takes days at most"
        )]
        let at_ms = (at * 1000.0) as u64;
        let all = self
            .own
            .ids()
            .into_iter()
            .chain(self.targets.iter().flat_map(|target| target.source.ids()));
        all.map(|(metric, ids)| Ids { at_ms, metric, ids }).collect()
    }

    /// Goroutines that can never wake (`target.web.goroutineleak`), from targets with Go 1.27 and newer. Each request
    /// runs a garbage collection in the target, so a check makes them only at its start and end.
    pub(crate) async fn proofs(&mut self, at: f64, cycles: f64) -> Vec<Groups> {
        let stop = &self.stop;
        let answer = self.targets.iter_mut().map(async |target| {
            target.groups.ask_with_stop(GROUPS_TIMEOUT, stop, target.source.proof(at, cycles)).await
        });
        let answer = join_all(answer).await;
        record_missing(&mut self.targets, answer, &mut self.missed).flatten().collect()
    }

    /// Tasks and connections of cmon, including the probes.
    fn census(&self, engine: &Census) -> Census {
        let mut mine = self.registry.census();
        // All connections of the probes to the daemon use one endpoint.
        if let Some(endpoint) = &self.endpoint {
            mine.connections = endpoint.connections();
        }
        for target in &self.targets {
            let open = target.source.connections();
            let probes = Purpose::Probe;
            mine.connections.entry(probes).or_default().open += open;
        }
        own_process::sum(engine, mine)
    }
}

/// Selects the first target that has the counter.
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

/// The answers of the targets. Records missing ones.
fn record_missing<P>(
    targets: &mut [Probe<Watched>],
    answer: Vec<Result<P, UnavailableReason>>,
    missed: &mut Vec<Unavailable>,
) -> impl Iterator<Item = P> {
    targets.iter_mut().zip(answer).filter_map(|(target, answer)| {
        let source = target.source.source().to_owned();
        target.record_missing(&source, answer, missed)
    })
}
