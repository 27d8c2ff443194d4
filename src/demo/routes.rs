//! Which question was asked, and the answers that are one JSON object.

use serde_json::{Value, json};

use super::fault::Route;
use super::log::Wanted;
use super::plant;
use super::world::{Life, State};
use crate::engine::source::Phase;
use crate::engine::timestamp::Timestamp;

/// A question, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) route: Route,
    /// The container that it names.
    pub(super) container: String,
    query: Vec<(String, String)>,
}

/// An answer that is not 200: status and words.
pub(super) type Refusal = (u16, String);

/// The daemon's words for a container that is not there.
pub(super) fn unknown(container: &str) -> Refusal {
    (404, format!("No such container: {container}"))
}

impl Question {
    /// Reads the target of a request: with or without a host, and a version, in front.
    pub(super) fn of(target: &str) -> Option<Self> {
        let target = target.strip_prefix("http://docker").unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let versioned = parts.first().is_some_and(|part| {
            part.strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        if versioned {
            parts.remove(0);
        }
        let (route, container) = match parts.as_slice() {
            ["_ping"] => (Route::Ping, ""),
            ["version"] => (Route::Version, ""),
            ["info"] => (Route::Info, ""),
            ["events"] => (Route::Events, ""),
            ["containers", "json"] => (Route::List, ""),
            ["containers", id, "json"] => (Route::Inspect, *id),
            ["containers", id, "logs"] => (Route::Logs, *id),
            ["debug", "pprof", "goroutine"] => (Route::Profile, ""),
            _ => return None,
        };
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        };
        let query = query.split('&').filter(|part| !part.is_empty()).map(pair).collect();
        Some(Self { route, container: container.to_owned(), query })
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !matches!(value, "" | "0" | "false" | "no" | "none"))
    }

    /// Which messages it asks for.
    pub(super) fn wanted(&self) -> Result<Wanted, Refusal> {
        let (stdout, stderr) = (self.flag("stdout"), self.flag("stderr"));
        if !stdout && !stderr {
            let words = "Bad parameters: you must choose at least one stream";
            return Err((400, words.to_owned()));
        }
        let time = |name| match self.value(name).filter(|value| !matches!(*value, "" | "0")) {
            Some(text) => moment(text).map(Some),
            None => Ok(None),
        };
        let tail = self.value("tail").and_then(|tail| tail.parse().ok());
        Ok(Wanted { stdout, stderr, tail, since: time("since")?, until: time("until")? })
    }
}

/// Seconds since 1970, with up to nine digits after the point.
fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parsed = seconds.parse::<i64>().ok().zip(format!("{fraction:0<9.9}").parse::<i64>().ok());
    parsed
        .map(|(seconds, nanos)| seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
        .map(Timestamp::from_nanos)
        .ok_or_else(|| (400, format!("invalid value for a time: {text}")))
}

/// The API version that a daemon of this version speaks.
pub(super) fn api_version(version: &str) -> &'static str {
    if version.starts_with("20.") { "1.41" } else { "1.43" }
}

pub(super) fn version(state: &State) -> Value {
    let (version, api) = (state.version, api_version(state.version));
    json!({
        "Platform": { "Name": "" },
        "Components": [{ "Name": "Engine", "Version": version }],
        "Version": version, "ApiVersion": api, "MinAPIVersion": "1.12", "Os": "linux",
        "Arch": "amd64", "GitCommit": "", "GoVersion": "", "KernelVersion": "", "BuildTime": "",
    })
}

pub(super) fn info(state: &State) -> Value {
    let lives = || state.lives.values();
    let followers: usize = lives().map(|life| life.followers).sum();
    let running = lives().filter(|life| life.phase.is_live()).count();
    json!({
        "ID": "cmon-demo", "Name": "cmon-demo", "ServerVersion": state.version,
        "Containers": lives().count(), "ContainersRunning": running,
        "ContainersPaused": lives().filter(|life| life.phase == Phase::Paused).count(),
        "ContainersStopped": lives().count() - running,
        "NGoroutines": plant::goroutines(followers, state.planted()), "NFd": 20 + 3 * followers, "NEventsListener": 0,
        "LoggingDriver": "json-file", "OSType": "linux", "NCPU": 1,
    })
}

pub(super) fn list(state: &State, all: bool) -> Value {
    let shown = state.lives.values().filter(|life| all || life.phase.is_live());
    shown
        .map(|life| {
            json!({
                "Id": life.id, "Names": [format!("/{}", life.name)], "Image": "demo",
                "ImageID": "", "Command": "talk", "Created": life.started.saturating_nanos() / 1_000_000_000,
                "Ports": [], "Labels": {}, "State": life.phase.as_str(), "Status": life.phase.as_str(),
                "HostConfig": { "NetworkMode": "none" }, "Mounts": [],
            })
        })
        .collect()
}

pub(super) fn inspect(life: &Life) -> Value {
    let is = |phase| life.phase == phase;
    json!({
        "Id": life.id, "Name": format!("/{}", life.name), "RestartCount": life.restarts,
        "Created": life.started.to_string(), "Path": "talk", "Args": [], "Driver": "demo",
        "State": {
            "Status": life.phase.as_str(), "Running": life.phase.is_live() || is(Phase::Restarting),
            "Paused": is(Phase::Paused), "Restarting": is(Phase::Restarting),
            "OOMKilled": life.oom, "Dead": false, "Pid": 0, "ExitCode": life.exit_code, "Error": "",
            "StartedAt": life.started.to_string(), "FinishedAt": life.finished.to_string(),
        },
        "HostConfig": { "LogConfig": { "Type": life.driver, "Config": {} } },
        "Config": { "Tty": life.tty, "Image": "demo", "Labels": {} },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_apart() {
        let question =
            Question::of("/v1.41/containers/web/logs?stdout=1&tail=5&since=3.5").unwrap();
        assert_eq!((question.route, question.container.as_str()), (Route::Logs, "web"));
        let wanted = question.wanted().unwrap();
        assert_eq!((wanted.stdout, wanted.stderr, wanted.tail), (true, false, Some(5)));
        assert_eq!(wanted.since, Some(Timestamp::from_nanos(3_500_000_000)));
        assert_eq!(Question::of("/volumes"), None);
        assert_eq!(Question::of("/_ping").unwrap().wanted().unwrap_err().0, 400);
    }
}
