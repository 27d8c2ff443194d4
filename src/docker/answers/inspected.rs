//! The daemon's answer to an inspection.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::container_list::{bare, phase};
use crate::docker::driver::Driver;
use crate::docker::http::Dialect;
use crate::docker::lenient::{Maybe, elements, lenient};
use crate::engine::source::{Container, ContainerKey, Exit, LogEnd, OutputKind, Phase, PieceRule};
use crate::engine::timestamp::Timestamp;

/// `GET /containers/ID/json`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Inspected {
    #[serde(rename = "Id", default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(rename = "Name", default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(rename = "State", default, deserialize_with = "lenient")]
    pub(super) state: Option<State>,
    #[serde(rename = "RestartCount", default, deserialize_with = "lenient")]
    restarts: Option<u64>,
    #[serde(rename = "Config", default, deserialize_with = "lenient")]
    pub(super) config: Option<ContainerConfig>,
    #[serde(rename = "HostConfig", default, deserialize_with = "lenient")]
    host: Option<HostConfig>,
    #[serde(rename = "GraphDriver", default, deserialize_with = "lenient")]
    pub(super) graph: Option<GraphDriver>,
    #[serde(rename = "Mounts", default, deserialize_with = "elements")]
    pub(super) mounts: Vec<Mount>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct GraphDriver {
    #[serde(rename = "Data", default, deserialize_with = "lenient")]
    pub(super) data: Option<GraphData>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct GraphData {
    #[serde(rename = "UpperDir", default, deserialize_with = "lenient")]
    pub(super) upper_dir: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Mount {
    #[serde(rename = "Destination", default, deserialize_with = "lenient")]
    pub(super) destination: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct State {
    #[serde(rename = "Status", default, deserialize_with = "lenient")]
    pub(super) status: Option<String>,
    #[serde(rename = "Running", default, deserialize_with = "lenient")]
    pub(super) running: Option<bool>,
    #[serde(rename = "Paused", default, deserialize_with = "lenient")]
    paused: Option<bool>,
    #[serde(rename = "Restarting", default, deserialize_with = "lenient")]
    restarting: Option<bool>,
    #[serde(rename = "OOMKilled", default, deserialize_with = "lenient")]
    oom: Option<bool>,
    #[serde(rename = "ExitCode", default, deserialize_with = "lenient")]
    exit_code: Option<i64>,
    #[serde(rename = "Pid", default, deserialize_with = "lenient")]
    pub(super) pid: Option<u32>,
    #[serde(rename = "StartedAt", default, deserialize_with = "lenient")]
    started_at: Option<String>,
    #[serde(rename = "FinishedAt", default, deserialize_with = "lenient")]
    finished_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ContainerConfig {
    #[serde(rename = "Tty", default, deserialize_with = "lenient")]
    tty: Option<bool>,
    #[serde(rename = "Hostname", default, deserialize_with = "lenient")]
    pub(super) hostname: Option<String>,
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

/// A container from an inspection; `None` if the answer is not an object.
pub(in crate::docker) fn container(
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
        output: match answer.config.and_then(|config| config.tty).unwrap_or_default() {
            true => driver.terminal(),
            false => OutputKind::Pipes,
        },
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

/// Whether this is the daemon's value for a run without an end: Go's zero time, or the epoch.
fn is_never(time: &str) -> bool {
    time.is_empty() || time.starts_with("0001-01-01T") || time.starts_with("1970-01-01T")
}
