//! Short questions to the daemon and its events, through bollard: the only file that names it.
//!
//! bollard is given a transport of ours, so that its connections too come from the one
//! [`Endpoint`], its connection tasks are in the registry, and nothing outlives a request. All
//! requests are unversioned: the daemon then speaks its own version of the API.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary, EventMessage};
use bollard::query_parameters::{
    EventsOptionsBuilder, ListContainersOptionsBuilder, TopOptionsBuilder,
};
use futures_util::{Stream, StreamExt};
use hyper::header::{HOST, HeaderValue};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::driver::Driver;
use super::endpoint::Endpoint;
use super::own::Identity;
use crate::engine::census::{Purpose, TaskKind};
use crate::engine::registry::Registry;
use crate::engine::source::{
    Container, ContainerId, ContainerKey, ErrorKind, EventStream, Exit, Happening, Listed, Phase,
    SourceError, What,
};

/// How long a short question may take.
const ANSWER: Duration = Duration::from_secs(10);
/// bollard's own deadline, in seconds: it covers the head only, and ours comes first.
const BOLLARD: u64 = 60;

/// What a daemon says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The daemon's version, like `20.10.24`.
    pub version: String,
    /// The newest API that it speaks, like `1.41`.
    pub api: String,
}

impl Version {
    fn major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }
}

/// What a daemon tells of its own resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Its name: the host's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Live goroutines.
    pub goroutines: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
}

/// The process that a container began with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The container's full id.
    pub id: String,
    /// The container's name.
    pub name: String,
    /// Its number where the daemon runs; `None` when the container does not run.
    pub pid: Option<u32>,
    /// Where the container is in its life, as the daemon calls it: `running`, `exited`.
    pub state: String,
}

/// Asks one daemon.
#[derive(Debug)]
pub struct Api {
    endpoint: Arc<Endpoint>,
    registry: Registry,
    requests: Arc<AtomicU64>,
    docker: bollard::Docker,
}

impl Api {
    /// Makes a client; nothing is opened yet.
    pub fn new(endpoint: Arc<Endpoint>, registry: Registry) -> Self {
        let requests = Arc::default();
        let docker = client(&endpoint, &registry, Purpose::Request, None);
        Self { endpoint, registry, requests, docker }
    }

    /// How many questions were asked so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether the daemon answers at all.
    pub async fn ping(&self) -> Result<(), SourceError> {
        self.ask("a ping", self.docker.ping()).await.map(drop)
    }

    /// The daemon's version.
    pub async fn version(&self) -> Result<Version, SourceError> {
        let answer = self.ask("its version", self.docker.version()).await?;
        Ok(Version {
            version: answer.version.unwrap_or_default(),
            api: answer.api_version.unwrap_or_default(),
        })
    }

    /// The daemon's own figures.
    pub async fn info(&self) -> Result<Info, SourceError> {
        let answer = self.ask("its figures", self.docker.info()).await?;
        let count = |figure: Option<i64>| figure.and_then(|count| u64::try_from(count).ok());
        Ok(Info {
            name: answer.name.unwrap_or_default(),
            version: answer.server_version.unwrap_or_default(),
            goroutines: count(answer.n_goroutines),
            descriptors: count(answer.nfd),
        })
    }

    /// All containers, stopped ones included.
    pub async fn list(&self) -> Result<Vec<Listed>, SourceError> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let rows = self.ask("its list", self.docker.list_containers(Some(options))).await?;
        Ok(rows.into_iter().filter_map(|row| self.listed(row)).collect())
    }

    /// One container, with the facts about its log driver on a daemon of this version.
    pub async fn inspect(
        &self,
        key: &ContainerKey,
        version: &Version,
    ) -> Result<Container, SourceError> {
        let what = format!("container `{}`", key.id);
        let answer = self.ask(&what, self.docker.inspect_container(key.id.as_str(), None)).await?;
        Ok(container(key, answer, version))
    }

    /// The process of the container with this name or id.
    pub async fn process(&self, container: &str) -> Result<Process, SourceError> {
        let what = format!("container `{container}`");
        let answer = self.ask(&what, self.docker.inspect_container(container, None)).await?;
        let state = answer.state.unwrap_or_default();
        Ok(Process {
            id: answer.id.unwrap_or_default(),
            name: bare(&answer.name.unwrap_or_default()).to_string(),
            pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0),
            state: state.status.map(|status| status.to_string()).unwrap_or_default(),
        })
    }

    /// What tells whether this process runs in the container with this name or id.
    pub(super) async fn identity(&self, container: &str) -> Result<Identity, SourceError> {
        let what = format!("container `{container}`");
        let answer = self.ask(&what, self.docker.inspect_container(container, None)).await?;
        let mut graph = answer.graph_driver.map(|graph| graph.data).unwrap_or_default();
        let mounts = answer.mounts.unwrap_or_default().into_iter();
        let destinations = mounts.filter_map(|mount| mount.destination).map(|destination| {
            // The kernel shows where a link leads: /var/run is /run.
            std::fs::canonicalize(&destination).unwrap_or_else(|_| destination.into())
        });
        Ok(Identity {
            running: answer.state.and_then(|state| state.running).unwrap_or_default(),
            hostname: answer.config.and_then(|config| config.hostname).unwrap_or_default(),
            upper_dir: graph.remove("UpperDir"),
            destinations: destinations.collect(),
        })
    }

    /// The names of all threads of the container with this name or id.
    pub async fn threads(&self, container: &str) -> Result<Vec<String>, SourceError> {
        let what = format!("the threads of container `{container}`");
        let options = TopOptionsBuilder::default().ps_args("-eLo pid,tid,comm").build();
        let answer = self.ask(&what, self.docker.top_processes(container, Some(options))).await?;
        // The name is the last column, and the daemon cuts no column off.
        let names =
            answer.processes.unwrap_or_default().into_iter().filter_map(|mut row| row.pop());
        Ok(names.collect())
    }

    /// Subscribes to the events of containers; returns when the daemon has confirmed.
    pub async fn events(&self) -> Result<Events, SourceError> {
        let confirmed = Arc::new(Notify::new());
        let docker =
            client(&self.endpoint, &self.registry, Purpose::Events, Some(Arc::clone(&confirmed)));
        let kinds = ["start", "die", "oom", "pause", "unpause", "destroy", "rename"]
            .map(str::to_owned)
            .to_vec();
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), kinds),
        ]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        let mut events = Events {
            daemon: Arc::clone(&self.endpoint),
            stream: Box::pin(docker.events(Some(options))),
            first: None,
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let confirming = async {
            tokio::select! {
                () = confirmed.notified() => Ok(()),
                first = events.stream.next() => match first {
                    Some(Ok(message)) => {
                        events.first = Some(message);
                        Ok(())
                    }
                    Some(Err(error)) => Err(failed(&self.endpoint, "its events", error)),
                    None => Err(ended()),
                },
            }
        };
        timeout(ANSWER, confirming).await.map_err(|_| late(&self.endpoint, "its events"))??;
        Ok(events)
    }

    async fn ask<T>(
        &self,
        what: &str,
        question: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SourceError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match timeout(ANSWER, question).await {
            Ok(answer) => answer.map_err(|error| failed(&self.endpoint, what, error)),
            Err(_) => Err(late(&self.endpoint, what)),
        }
    }

    fn listed(&self, row: ContainerSummary) -> Option<Listed> {
        let key = ContainerKey { daemon: self.endpoint.daemon(), id: ContainerId::new(&row.id?) };
        // A legacy link shows as a further name with a second slash.
        let mut names = row.names.unwrap_or_default().into_iter().map(|name| bare(&name));
        let name = names.find(|name| !name.contains('/')).unwrap_or_else(|| key.id.short().into());
        let phase = phase(row.state.map(|state| state.to_string()).as_deref());
        Some(Listed { key, name, phase })
    }
}

/// A bollard client whose every connection comes from `endpoint`.
fn client(
    endpoint: &Arc<Endpoint>,
    registry: &Registry,
    purpose: Purpose,
    head_came: Option<Arc<Notify>>,
) -> bollard::Docker {
    let (endpoint, registry) = (Arc::clone(endpoint), registry.clone());
    let transport = move |mut request: bollard::BollardRequest| {
        let (endpoint, registry) = (Arc::clone(&endpoint), registry.clone());
        let head_came = head_came.clone();
        async move {
            let connection = endpoint.connect(purpose).await.map_err(io::Error::other)?;
            let io = hyper_util::rt::TokioIo::new(connection);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            registry.spawn(TaskKind::Connection, purpose.as_str(), async move {
                // How it ended shows in the answer, or in that there is none.
                let _ = connection.await;
            });
            request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
            let answer = sender.send_request(request).await?;
            if let Some(head_came) = head_came {
                head_came.notify_one();
            }
            Ok(answer)
        }
    };
    bollard::Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        BOLLARD,
        bollard::API_DEFAULT_VERSION,
    )
    .expect("a custom transport is accepted as it is")
}

/// An open subscription to the events of containers.
pub struct Events {
    daemon: Arc<Endpoint>,
    stream: Pin<Box<dyn Stream<Item = Result<EventMessage, Error>> + Send>>,
    first: Option<EventMessage>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("daemon", &self.daemon).finish_non_exhaustive()
    }
}

impl EventStream for Events {
    async fn next(&mut self) -> Result<Happening, SourceError> {
        loop {
            let message = match self.first.take() {
                Some(message) => message,
                None => match self.stream.next().await {
                    Some(Ok(message)) => message,
                    Some(Err(error)) => return Err(failed(&self.daemon, "its events", error)),
                    None => return Err(ended()),
                },
            };
            if let Some(happening) = happening(self.daemon.daemon(), message) {
                return Ok(happening);
            }
        }
    }
}

fn happening(daemon: crate::engine::source::DaemonId, message: EventMessage) -> Option<Happening> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let what = match message.action?.as_str() {
        "start" => What::Started,
        "die" => What::Died(attributes.get("exitCode").and_then(|code| code.parse().ok())?),
        "oom" => What::OutOfMemory,
        "pause" => What::Paused,
        "unpause" => What::Unpaused,
        "destroy" => What::Destroyed,
        "rename" => What::Renamed,
        _ => return None,
    };
    let key = ContainerKey { daemon, id: ContainerId::new(&actor.id?) };
    Some(Happening { key, name: attributes.get("name").map(|name| bare(name)), what })
}

fn container(key: &ContainerKey, answer: ContainerInspectResponse, version: &Version) -> Container {
    let state = answer.state.unwrap_or_default();
    let phase = phase(state.status.map(|status| status.to_string()).as_deref());
    let ended = !phase.is_live() && phase != Phase::Created;
    let exit = Exit {
        code: state.exit_code.unwrap_or_default(),
        oom: state.oom_killed.unwrap_or_default(),
    };
    let log = answer.host_config.and_then(|host| host.log_config).unwrap_or_default();
    let driver = Driver::new(log.typ.unwrap_or_default(), log.config.unwrap_or_default());
    Container {
        key: key.clone(),
        name: bare(&answer.name.unwrap_or_default()),
        phase,
        exit: ended.then_some(exit),
        started_at: state.started_at.unwrap_or_default().into(),
        restarts: answer.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        tty: answer.config.and_then(|config| config.tty).unwrap_or_default(),
        pieces: driver.pieces(),
        doubles: driver.doubles(version.major()),
        file_size: driver.file_size(),
        lossy: driver.lossy(),
        driver: driver.name().into(),
    }
}

fn bare(name: &str) -> Arc<str> {
    name.strip_prefix('/').unwrap_or(name).into()
}

fn phase(status: Option<&str>) -> Phase {
    match status.unwrap_or_default() {
        "running" => Phase::Running,
        "paused" => Phase::Paused,
        "restarting" => Phase::Restarting,
        "created" => Phase::Created,
        "removing" | "dead" => Phase::Removing,
        _ => Phase::Exited,
    }
}

fn ended() -> SourceError {
    SourceError::new(ErrorKind::Cut, "the daemon ended its events")
}

fn late(endpoint: &Endpoint, what: &str) -> SourceError {
    let message = format!("{endpoint} did not answer a request for {what} within {ANSWER:?}");
    SourceError::new(ErrorKind::Timeout, message)
}

/// A failure of bollard's as one of ours.
fn failed(endpoint: &Endpoint, what: &str, error: Error) -> SourceError {
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            let kind = match status_code {
                404 => ErrorKind::Gone,
                401 | 403 => ErrorKind::Denied,
                _ => ErrorKind::Refused,
            };
            let words = message.trim();
            SourceError::new(
                kind,
                format!("the daemon answered with status {status_code}: {words}"),
            )
        }
        Error::IOError { err } => match err.downcast::<SourceError>() {
            Ok(ours) => ours,
            Err(err) => SourceError::new(
                ErrorKind::Cut,
                format!("could not get {what} from {endpoint}: {err}"),
            ),
        },
        Error::HyperResponseError { err } => {
            let message = format!("could not get {what} from {endpoint}: {}", chain(&err));
            SourceError::new(ErrorKind::Cut, message)
        }
        other => {
            let message = format!("could not get {what} from {endpoint}: {other}");
            SourceError::new(ErrorKind::Protocol, message)
        }
    }
}

/// An error with its causes, as hyper keeps the telling part there.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
