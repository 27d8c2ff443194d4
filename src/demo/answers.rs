//! Answers of one JSON object: the daemon's information about itself and its containers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fake_daemon::{FakeContainer, State};
use super::filters::Filters;
use super::injected_leak;
use crate::engine::source::Phase;
use crate::engine::timestamp::Timestamp;

/// The API version of a daemon of this version.
pub(super) fn api_version(version: &str) -> &'static str {
    if version.starts_with("20.") { "1.41" } else { "1.43" }
}

pub(super) fn version(state: &State) -> Value {
    let (version, api) = (state.version, api_version(state.version));
    let details = json!({
        "ApiVersion": api, "Arch": "amd64", "BuildTime": "", "GitCommit": "cmon-demo",
        "GoVersion": "none", "KernelVersion": "", "MinAPIVersion": "1.12", "Os": "linux",
        "Experimental": "false",
    });
    json!({
        "Platform": { "Name": "cmon demo" },
        "Components": [{ "Name": "Engine", "Version": version, "Details": details }],
        "Version": version, "ApiVersion": api, "MinAPIVersion": "1.12", "Os": "linux",
        "Arch": "amd64", "GitCommit": "cmon-demo", "GoVersion": "none", "KernelVersion": "", "BuildTime": "",
    })
}

pub(super) fn info(state: &State) -> Value {
    let containers = || state.containers.values();
    let followers: usize = containers().map(|container| container.followers).sum();
    let running = containers().filter(|container| container.phase.is_live()).count();
    let images: BTreeSet<&str> = containers().map(|container| container.spec.image).collect();
    json!({
        "ID": "cmon-demo", "Name": "cmon-demo", "ServerVersion": state.version,
        "Containers": containers().count(), "ContainersRunning": running,
        "ContainersPaused": containers().filter(|container| container.phase == Phase::Paused).count(),
        "ContainersStopped": containers().count() - running, "Images": images.len(), "Debug": true,
        "NGoroutines": injected_leak::goroutines(followers, state.injected()), "NFd": 20 + 3 * followers, "NEventsListener": 0,
        "LoggingDriver": "json-file", "OSType": "linux", "NCPU": 1, "MemTotal": 1 << 30,
        "Architecture": "x86_64", "OperatingSystem": "embedded in cmon", "Driver": "demo", "DriverStatus": [],
        "SystemTime": state.now().to_string(), "Swarm": { "LocalNodeState": "inactive" },
        "Plugins": { "Log": ["json-file"] }, "CgroupDriver": "none", "SecurityOptions": [], "Labels": [],
        "RegistryConfig": {}, "Runtimes": {}, "Warnings": [],
        "MemoryLimit": true, "SwapLimit": true, "OomKillDisable": true, "CpuCfsPeriod": true, "CpuCfsQuota": true,
        "CPUShares": true, "CPUSet": true, "PidsLimit": true, "IPv4Forwarding": true, "BridgeNfIptables": true,
        "BridgeNfIp6tables": true,
    })
}

/// The supported filters of `docker ps`.
const LIST_FILTERS: [&str; 11] = [
    "name", "id", "label", "status", "ancestor", "exited", "health", "network", "volume",
    "publish", "expose",
];
/// Filters by properties that no container here has: a network, a volume, a port.
const UNMET: [&str; 4] = ["network", "volume", "publish", "expose"];

/// Filters with values that the daemon checks (moby 24.0, `daemon/list.go`, `foldFilter`).
const CHECKED: [(&str, &[&str]); 2] = [
    ("status", &["created", "running", "paused", "restarting", "removing", "exited", "dead"]),
    ("health", &["none", "starting", "healthy", "unhealthy"]),
];

/// The containers in a list without a filter by state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Running ones.
    Running,
    All,
}

/// The containers, the newest first; the error is an unknown filter or value.
pub(super) fn list(
    state: &State,
    scope: Scope,
    limit: usize,
    filters: &Filters,
) -> Result<Value, String> {
    if let Some(key) = filters.unknown(&LIST_FILTERS) {
        return Err(format!("Invalid filter '{key}'"));
    }
    for (key, known) in CHECKED {
        if let Some(value) = filters.unknown_value(key, known) {
            return Err(format!("Unrecognised filter value for {key}: {value}"));
        }
    }
    let by_status = !filters.any("status", |_| false);
    let shown = |container: &&FakeContainer| {
        (scope == Scope::All || by_status || limit != usize::MAX || container.phase.is_live())
            && filters.any("name", |name| is_named(container, name))
            && filters.any("id", |id| container.id.starts_with(id))
            && filters.any("status", |status| status == container.phase.as_str())
            && filters.any("ancestor", |image| is_of(container, image))
            && filters.any("exited", |code| is_ended_with(container, code))
            // No container here has a health check.
            && filters.any("health", |health| health == "none")
            && UNMET.iter().all(|key| filters.any(key, |_| false))
            && filters.labels(&container.spec.labels)
    };
    let now = state.now();
    Ok(state
        .containers
        .values()
        .rev()
        .filter(shown)
        .take(limit)
        .map(|container| row(container, now))
        .collect())
}

/// The daemon treats the value as a regular expression; only an anchor at either end is supported here.
fn is_named(container: &FakeContainer, wanted: &str) -> bool {
    let from_start = wanted.strip_prefix("^/").or_else(|| wanted.strip_prefix('^'));
    let text = from_start.unwrap_or_else(|| wanted.strip_prefix('/').unwrap_or(wanted));
    match (from_start.is_some(), text.strip_suffix('$')) {
        (true, Some(text)) => container.name == text,
        (true, None) => container.name.starts_with(text),
        (false, Some(text)) => container.name.ends_with(text),
        (false, None) => container.name.contains(text),
    }
}

fn is_ended_with(container: &FakeContainer, code: &str) -> bool {
    container.phase == Phase::Exited && container.exit_code.to_string() == code
}

fn is_of(container: &FakeContainer, image: &str) -> bool {
    let own = container.spec.image;
    own == image || own.split(':').next() == Some(image)
}

fn row(container: &FakeContainer, now: Timestamp) -> Value {
    json!({
        "Id": container.id, "Names": [format!("/{}", container.name)], "Image": container.spec.image,
        "ImageID": image_id(container.spec.image), "Command": container.spec.command,
        "Created": container.created.saturating_nanos() / 1_000_000_000,
        "Ports": [], "Labels": container.spec.labels, "State": container.phase.as_str(), "Status": status(container, now),
        "HostConfig": { "NetworkMode": "none" }, "NetworkSettings": { "Networks": {} }, "Mounts": [],
    })
}

/// A constant id for an image.
fn image_id(image: &str) -> String {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("sha256:{:064x}", image.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
}

/// The status in `docker ps`.
fn status(container: &FakeContainer, now: Timestamp) -> String {
    let since = |time: Timestamp| {
        let seconds = (now.as_nanos() - time.as_nanos()).max(0) / 1_000_000_000;
        duration(u64::try_from(seconds).unwrap_or(u64::MAX))
    };
    let (code, ended) = (container.exit_code, since(container.finished));
    match container.phase {
        Phase::Running => format!("Up {}", since(container.started)),
        Phase::Paused => format!("Up {} (Paused)", since(container.started)),
        Phase::Restarting => format!("Restarting ({code}) {ended} ago"),
        Phase::Created => "Created".to_owned(),
        _ => format!("Exited ({code}) {ended} ago"),
    }
}

/// A duration in the daemon's form.
fn duration(seconds: u64) -> String {
    match (seconds, seconds / 60, (seconds + 1800) / 3600) {
        (0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, minutes @ ..60, _) => format!("{minutes} minutes"),
        (.., 1) => "About an hour".to_owned(),
        (.., hours @ ..48) => format!("{hours} hours"),
        (.., hours) => format!("{} days", hours / 24),
    }
}

pub(super) fn inspect(container: &FakeContainer) -> Value {
    let is = |phase| container.phase == phase;
    json!({
        "Id": container.id, "Name": format!("/{}", container.name), "RestartCount": container.restarts,
        "Created": container.created.to_string(), "Path": container.spec.command, "Args": [], "Driver": "demo",
        "Image": image_id(container.spec.image), "Platform": "linux", "LogPath": "",
        "State": {
            "Status": container.phase.as_str(), "Running": container.phase.is_live() || is(Phase::Restarting),
            "Paused": is(Phase::Paused), "Restarting": is(Phase::Restarting),
            "OOMKilled": container.oom, "Dead": false, "Pid": 0, "ExitCode": container.exit_code, "Error": "",
            "StartedAt": container.started.to_string(), "FinishedAt": container.finished.to_string(),
        },
        "HostConfig": {
            "LogConfig": { "Type": container.spec.driver, "Config": { "labels": container.spec.log_labels.join(",") } }, "NetworkMode": "none",
            "RestartPolicy": { "Name": "always", "MaximumRetryCount": 0 },
        },
        "Config": {
            "Hostname": container.id.get(..12), "Tty": container.spec.tty, "Image": container.spec.image, "Env": [],
            "Cmd": [container.spec.command], "Labels": container.spec.labels,
        },
        "Mounts": [], "NetworkSettings": { "Networks": {} },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_daemons_form() {
        let all = [0, 1, 59, 60, 119, 120, 3599, 3600, 5399, 5400, 10_800, 172_800];
        let worded: Vec<String> = all.map(duration).into();
        let expected = [
            "Less than a second",
            "1 second",
            "59 seconds",
            "About a minute",
            "About a minute",
            "2 minutes",
            "59 minutes",
            "About an hour",
            "About an hour",
            "2 hours",
            "3 hours",
            "2 days",
        ];
        assert_eq!(worded, expected);
    }
}
