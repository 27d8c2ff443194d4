//! The daemon's information about itself, and about a container's process.

use serde::Deserialize;

use super::container_list::bare;
use super::inspected::Inspected;
use crate::docker::http::Dialect;
use crate::docker::lenient::{elements, lenient};
use crate::docker::own::Identity;
use crate::engine::timestamp::Timestamp;

/// The main process of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The container's full id.
    pub id: String,
    /// The container's name.
    pub name: String,
    /// Its process id on the daemon's host; `None` if the container does not run.
    pub pid: Option<u32>,
    /// The container's state in the daemon's term: `running`, `exited`.
    pub state: String,
}

pub(in crate::docker) fn process(body: &[u8]) -> Option<Process> {
    let answer: Inspected = serde_json::from_slice(body).ok()?;
    let state = answer.state.unwrap_or_default();
    Some(Process {
        id: answer.id.unwrap_or_default(),
        name: bare(&answer.name.unwrap_or_default()).to_string(),
        pid: state.pid.filter(|pid| *pid != 0),
        state: state.status.unwrap_or_default(),
    })
}

/// Facts of a container that show whether a process runs in it.
pub(in crate::docker) fn identity(body: &[u8]) -> Option<Identity> {
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
pub(in crate::docker) fn threads(body: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Processes", default, deserialize_with = "elements")]
        processes: Vec<Vec<String>>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(answer.processes.into_iter().filter_map(|mut row| row.pop()).collect())
}

/// The daemon's version information.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The daemon's version, like `20.10.24`.
    pub version: String,
    /// The newest API version that it supports, like `1.41`.
    pub api: String,
}

/// `GET /version`, with the dialect that it shows.
pub(in crate::docker) fn version(body: &[u8]) -> Option<(Version, Option<Dialect>)> {
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

/// A daemon's resource usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Its id, made at its first start.
    pub id: String,
    /// Its name: the host name.
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
pub(in crate::docker) fn info(body: &[u8]) -> Option<Info> {
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
