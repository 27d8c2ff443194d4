//! The parts of the daemon's JSON answers that cmon uses, and what they mean. Pure.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::driver::Driver;
use super::http::Dialect;
use super::lenient::{Maybe, elements, lenient};
use super::own::Identity;
use crate::engine::source::{
    Container, ContainerEvent, ContainerEventKind, ContainerId, ContainerKey, DaemonId, Exit,
    Facts, Listed, LogEnd, Moment, Phase, PieceRule, Remembered,
};
use crate::engine::timestamp::Timestamp;

/// One row of `GET /containers/json`.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "Id", default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(rename = "Names", default, deserialize_with = "elements")]
    names: Vec<String>,
    #[serde(rename = "State", default, deserialize_with = "lenient")]
    state: Option<String>,
    #[serde(rename = "Status", default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(rename = "Image", default, deserialize_with = "lenient")]
    image: Option<String>,
    #[serde(rename = "Labels", default, deserialize_with = "lenient")]
    labels: Option<HashMap<String, Maybe<String>>>,
}

/// The rows of a list; `None` when it is no list. Rows without an id are passed over.
pub(super) fn list(daemon: &DaemonId, body: &[u8]) -> Option<Vec<Listed>> {
    let rows: Option<Vec<Maybe<Row>>> = serde_json::from_slice(body).ok()?;
    // Podman 3 answers `null` where there is no container.
    let rows = rows.unwrap_or_default().into_iter().filter_map(Maybe::known);
    Some(rows.filter_map(|row| listed(daemon, row)).collect())
}

fn listed(daemon: &DaemonId, row: Row) -> Option<Listed> {
    let id = row.id.filter(|id| !id.is_empty())?;
    let key = ContainerKey { daemon: daemon.clone(), id: ContainerId::new(&id) };
    // A legacy link shows as a further name with a second slash.
    let mut names = row.names.iter().map(|name| bare(name));
    let name = names.find(|name| !name.is_empty() && !name.contains('/'));
    let name = name.unwrap_or_else(|| key.id.short().into());
    let phase = row.state.as_deref().and_then(phase);
    let phase = phase.unwrap_or_else(|| phase_of_status(row.status.as_deref().unwrap_or_default()));
    let facts = facts(row.image.as_deref(), row.labels.unwrap_or_default());
    Some(Listed { key, name, phase, facts, passes: true })
}

fn facts(image: Option<&str>, labels: HashMap<String, Maybe<String>>) -> Arc<Facts> {
    let labels = labels.into_iter().filter_map(|(key, value)| Some((key, value.known()?)));
    let labels: BTreeMap<String, String> = labels.collect();
    Arc::new(Facts { image: image.unwrap_or_default().to_owned(), labels })
}

/// `GET /containers/ID/json`.
#[derive(Debug, Default, Deserialize)]
struct Inspected {
    #[serde(rename = "Id", default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(rename = "Name", default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(rename = "State", default, deserialize_with = "lenient")]
    state: Option<State>,
    #[serde(rename = "RestartCount", default, deserialize_with = "lenient")]
    restarts: Option<u64>,
    #[serde(rename = "Config", default, deserialize_with = "lenient")]
    config: Option<ContainerConfig>,
    #[serde(rename = "HostConfig", default, deserialize_with = "lenient")]
    host: Option<HostConfig>,
    #[serde(rename = "GraphDriver", default, deserialize_with = "lenient")]
    graph: Option<GraphDriver>,
    #[serde(rename = "Mounts", default, deserialize_with = "elements")]
    mounts: Vec<Mount>,
}

#[derive(Debug, Default, Deserialize)]
struct GraphDriver {
    #[serde(rename = "Data", default, deserialize_with = "lenient")]
    data: Option<GraphData>,
}

#[derive(Debug, Default, Deserialize)]
struct GraphData {
    #[serde(rename = "UpperDir", default, deserialize_with = "lenient")]
    upper_dir: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Mount {
    #[serde(rename = "Destination", default, deserialize_with = "lenient")]
    destination: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
struct State {
    #[serde(rename = "Status", default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(rename = "Running", default, deserialize_with = "lenient")]
    running: Option<bool>,
    #[serde(rename = "Paused", default, deserialize_with = "lenient")]
    paused: Option<bool>,
    #[serde(rename = "Restarting", default, deserialize_with = "lenient")]
    restarting: Option<bool>,
    #[serde(rename = "OOMKilled", default, deserialize_with = "lenient")]
    oom: Option<bool>,
    #[serde(rename = "ExitCode", default, deserialize_with = "lenient")]
    exit_code: Option<i64>,
    #[serde(rename = "Pid", default, deserialize_with = "lenient")]
    pid: Option<u32>,
    #[serde(rename = "StartedAt", default, deserialize_with = "lenient")]
    started_at: Option<String>,
    #[serde(rename = "FinishedAt", default, deserialize_with = "lenient")]
    finished_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ContainerConfig {
    #[serde(rename = "Tty", default, deserialize_with = "lenient")]
    tty: Option<bool>,
    #[serde(rename = "Hostname", default, deserialize_with = "lenient")]
    hostname: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct HostConfig {
    #[serde(rename = "LogConfig", default, deserialize_with = "lenient")]
    log: Option<LogConfig>,
}

#[derive(Debug, Default, Deserialize)]
struct LogConfig {
    #[serde(rename = "Type", default, deserialize_with = "lenient")]
    driver: Option<String>,
    #[serde(rename = "Config", default, deserialize_with = "lenient")]
    options: Option<HashMap<String, Maybe<String>>>,
}

impl State {
    fn phase(&self) -> Phase {
        if let Some(phase) = self.status.as_deref().and_then(phase) {
            return phase;
        }
        match (self.running, self.paused, self.restarting) {
            (_, _, Some(true)) => Phase::Restarting,
            (_, Some(true), _) => Phase::Paused,
            (Some(true), ..) => Phase::Running,
            _ => Phase::Exited,
        }
    }
}

/// A container as inspecting it shows; `None` when the answer is no object.
pub(super) fn container(
    key: &ContainerKey,
    body: &[u8],
    dialect: Option<Dialect>,
) -> Option<Container> {
    let answer: Inspected = serde_json::from_slice(body).ok()?;
    let state = answer.state.unwrap_or_default();
    let phase = state.phase();
    let ended = !phase.is_live() && phase != Phase::Created;
    let exit =
        Exit { code: state.exit_code.unwrap_or_default(), oom: state.oom.unwrap_or_default() };
    let log = answer.host.and_then(|host| host.log).unwrap_or_default();
    let options = log.options.unwrap_or_default().into_iter();
    let options = options.filter_map(|(name, value)| Some((name, value.known()?))).collect();
    let driver = Driver::new(log.driver.unwrap_or_default(), options);
    let moment = |text: Option<&String>| {
        text.filter(|text| !is_never(text)).and_then(|text| Timestamp::parse(text))
    };
    let (started, finished) =
        (moment(state.started_at.as_ref()), moment(state.finished_at.as_ref()));
    let name = answer.name.filter(|name| !name.is_empty());
    Some(Container {
        key: key.clone(),
        name: name.map_or_else(|| key.id.short().into(), |name| bare(&name)),
        phase,
        exit: ended.then_some(exit),
        started_at: state.started_at.unwrap_or_default().into(),
        started,
        finished,
        restarts: answer.restarts.unwrap_or_default(),
        ran_before: state.finished_at.is_some_and(|time| !is_never(&time)),
        tty: answer.config.and_then(|config| config.tty).unwrap_or_default(),
        pieces: match dialect {
            Some(Dialect::Other) => PieceRule::UntilNewline,
            Some(Dialect::Docker(_)) | None => driver.pieces(),
        },
        log_end: match dialect {
            Some(Dialect::Other) => LogEnd::Counted,
            Some(Dialect::Docker(_)) | None => LogEnd::Served,
        },
        doubles: driver.doubles(dialect.and_then(Dialect::docker_major)),
        file_size: driver.file_size(),
        lossy: driver.lossy(),
        driver: driver.name().into(),
    })
}

/// Whether this is how a daemon writes the end of a run that has not ended: Go's zero time, or the epoch.
fn is_never(time: &str) -> bool {
    time.is_empty() || time.starts_with("0001-01-01T") || time.starts_with("1970-01-01T")
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

pub(super) fn process(body: &[u8]) -> Option<Process> {
    let answer: Inspected = serde_json::from_slice(body).ok()?;
    let state = answer.state.unwrap_or_default();
    Some(Process {
        id: answer.id.unwrap_or_default(),
        name: bare(&answer.name.unwrap_or_default()).to_string(),
        pid: state.pid.filter(|pid| *pid != 0),
        state: state.status.unwrap_or_default(),
    })
}

/// What shows whether a process runs in this container.
pub(super) fn identity(body: &[u8]) -> Option<Identity> {
    let answer: Inspected = serde_json::from_slice(body).ok()?;
    let destinations = answer.mounts.into_iter().filter_map(|mount| mount.destination);
    Some(Identity {
        running: answer.state.and_then(|state| state.running).unwrap_or_default(),
        hostname: answer.config.and_then(|config| config.hostname).unwrap_or_default(),
        upper_dir: answer.graph.and_then(|graph| graph.data).and_then(|data| data.upper_dir),
        destinations: destinations.collect(),
    })
}

/// `GET /containers/ID/top`: the last column, which is the name of the thread.
pub(super) fn threads(body: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Processes", default, deserialize_with = "elements")]
        processes: Vec<Vec<String>>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(answer.processes.into_iter().filter_map(|mut row| row.pop()).collect())
}

/// What a daemon says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The daemon's version, like `20.10.24`.
    pub version: String,
    /// The newest API that it speaks, like `1.41`.
    pub api: String,
}

/// `GET /version`, and which daemon it shows.
pub(super) fn version(body: &[u8]) -> Option<(Version, Option<Dialect>)> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Version", default, deserialize_with = "lenient")]
        version: Option<String>,
        #[serde(rename = "ApiVersion", default, deserialize_with = "lenient")]
        api: Option<String>,
        #[serde(rename = "Components", default, deserialize_with = "elements")]
        components: Vec<Component>,
    }
    #[derive(Deserialize)]
    struct Component {
        #[serde(rename = "Name", default, deserialize_with = "lenient")]
        name: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let version = Version {
        version: answer.version.unwrap_or_default(),
        api: answer.api.unwrap_or_default(),
    };
    // Docker calls its own component `Engine`, Podman `Podman Engine`.
    let names = answer.components.into_iter().filter_map(|component| component.name);
    let dialect = match names.into_iter().any(|name| name == "Engine") {
        true => Dialect::docker(&version.version),
        false => Some(Dialect::Other),
    };
    Some((version, dialect))
}

/// A daemon's figures of its own resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Its id, made at its first start.
    pub id: String,
    /// Its name: the host's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Live goroutines.
    pub goroutines: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// Its clock.
    pub time: Option<Timestamp>,
}

/// `GET /info`.
pub(super) fn info(body: &[u8]) -> Option<Info> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "ID", default, deserialize_with = "lenient")]
        id: Option<String>,
        #[serde(rename = "Name", default, deserialize_with = "lenient")]
        name: Option<String>,
        #[serde(rename = "ServerVersion", default, deserialize_with = "lenient")]
        version: Option<String>,
        #[serde(rename = "NGoroutines", default, deserialize_with = "lenient")]
        goroutines: Option<u64>,
        #[serde(rename = "NFd", default, deserialize_with = "lenient")]
        descriptors: Option<u64>,
        #[serde(rename = "SystemTime", default, deserialize_with = "lenient")]
        time: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let time = answer.time.and_then(|time| time.parse().ok());
    Some(Info {
        time: time.map(Timestamp::from_jiff),
        id: answer.id.unwrap_or_default(),
        name: answer.name.unwrap_or_default(),
        version: answer.version.unwrap_or_default(),
        goroutines: answer.goroutines,
        descriptors: answer.descriptors,
    })
}

/// One object of `GET /events`.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    #[serde(rename = "Action", default, deserialize_with = "lenient")]
    action: Option<String>,
    #[serde(rename = "Actor", default, deserialize_with = "lenient")]
    actor: Option<Actor>,
    /// As before version 1.22, and still given.
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(rename = "timeNano", default, deserialize_with = "lenient")]
    nanos: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
struct Actor {
    #[serde(rename = "ID", default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(rename = "Attributes", default, deserialize_with = "lenient")]
    attributes: Option<HashMap<String, Maybe<String>>>,
}

/// Attributes of an event that are no labels.
const OWN_ATTRIBUTES: [&str; 3] = ["name", "image", "oldName"];

/// What an event means to a follower of logs; `None` for all other events.
pub(super) fn container_event(daemon: &DaemonId, message: Message) -> Option<ContainerEvent> {
    let actor = message.actor.unwrap_or_default();
    let attributes = actor.attributes.unwrap_or_default();
    let text = |name: &str| match attributes.get(name) {
        Some(Maybe::Is(text)) => Some(text.as_str()),
        _ => None,
    };
    let what = match message.action.or(message.status)?.as_str() {
        "start" => ContainerEventKind::Started,
        // Podman's words are `died` and `remove`.
        "die" | "died" => {
            let code = text("exitCode").or_else(|| text("containerExitCode"));
            ContainerEventKind::Died(code.and_then(|code| code.parse().ok())?)
        }
        "oom" => ContainerEventKind::OutOfMemory,
        "pause" => ContainerEventKind::Paused,
        "unpause" => ContainerEventKind::Unpaused,
        "destroy" | "remove" => ContainerEventKind::Destroyed,
        "rename" => ContainerEventKind::Renamed,
        // Docker adds the result: `health_status: healthy`.
        action if action.starts_with("health_status") => ContainerEventKind::HealthChanged,
        _ => return None,
    };
    let id = actor.id.or(message.id).filter(|id| !id.is_empty())?;
    let key = ContainerKey { daemon: daemon.clone(), id: ContainerId::new(&id) };
    let name = text("name").filter(|name| !name.is_empty()).map(bare);
    let facts = match what {
        ContainerEventKind::Started | ContainerEventKind::Renamed => {
            let image = text("image").map(str::to_owned);
            // An event has the labels between its own attributes.
            let labels =
                attributes.into_iter().filter(|(key, _)| !OWN_ATTRIBUTES.contains(&&**key));
            facts(image.as_deref(), labels.collect())
        }
        _ => Arc::default(),
    };
    Some(ContainerEvent { key, name, kind: what, facts })
}

/// `GET /events` up to a moment of the past: objects that follow each other, with or without a newline between them.
/// What is no event of a run is passed over.
pub(super) fn remembered(body: &[u8]) -> Option<Vec<Moment>> {
    let messages = serde_json::Deserializer::from_slice(body).into_iter::<Maybe<Message>>();
    let moment = |message: Message| {
        let what = match message.action.or(message.status)?.as_str() {
            "create" => Remembered::Created,
            "start" => Remembered::Started,
            "die" | "died" => Remembered::Died,
            _ => return None,
        };
        Some(Moment { time: Timestamp::from_nanos(message.nanos?), what })
    };
    let messages: Vec<Maybe<Message>> = messages.collect::<Result<_, _>>().ok()?;
    Some(messages.into_iter().filter_map(Maybe::known).filter_map(moment).collect())
}

fn bare(name: &str) -> Arc<str> {
    name.strip_prefix('/').unwrap_or(name).into()
}

/// What a daemon's word for a state means; `None` for a word that is not known.
fn phase(state: &str) -> Option<Phase> {
    Some(match state {
        "running" | "stopping" => Phase::Running,
        "paused" => Phase::Paused,
        "restarting" => Phase::Restarting,
        // `configured` and `initialized` are Podman's, `stopped` and `stopping` too.
        "created" | "configured" | "initialized" => Phase::Created,
        "removing" | "dead" => Phase::Removing,
        "exited" | "stopped" => Phase::Exited,
        _ => return None,
    })
}

/// The same from the text for people: `Up 5 minutes (Paused)`, `Exited (0) 2 hours ago`.
fn phase_of_status(status: &str) -> Phase {
    match status.split([' ', '(']).next().unwrap_or_default() {
        "Up" if status.ends_with("(Paused)") => Phase::Paused,
        "Up" => Phase::Running,
        "Restarting" => Phase::Restarting,
        "Created" => Phase::Created,
        "Removal" | "Dead" => Phase::Removing,
        _ => Phase::Exited,
    }
}

#[cfg(test)]
mod tests;
