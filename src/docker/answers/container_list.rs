//! The daemon's list of containers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use crate::docker::lenient::{Maybe, elements, lenient};
use crate::engine::source::{ContainerId, ContainerKey, DaemonId, Facts, Listed, Phase};

/// One row of `GET /containers/json`.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "Id", default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(rename = "Names", default, deserialize_with = "elements")]
    names: Vec<String>,
    #[serde(rename = "State", default, deserialize_with = "lenient")]
    pub(super) state: Option<String>,
    #[serde(rename = "Status", default, deserialize_with = "lenient")]
    pub(super) status: Option<String>,
    #[serde(rename = "Image", default, deserialize_with = "lenient")]
    image: Option<String>,
    #[serde(rename = "Labels", default, deserialize_with = "lenient")]
    labels: Option<HashMap<String, Maybe<String>>>,
}

/// The rows of a list; `None` if it is not a list. Skips rows without an id.
pub(in crate::docker) fn list(daemon: &DaemonId, body: &[u8]) -> Option<Vec<Listed>> {
    let rows: Option<Vec<Maybe<Row>>> = serde_json::from_slice(body).ok()?;
    // Podman 3 answers `null` if there is no container.
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

pub(super) fn facts(image: Option<&str>, labels: HashMap<String, Maybe<String>>) -> Arc<Facts> {
    let labels = labels.into_iter().filter_map(|(key, value)| Some((key, value.known()?)));
    let labels: BTreeMap<String, String> = labels.collect();
    Arc::new(Facts { image: image.unwrap_or_default().to_owned(), labels })
}

pub(super) fn bare(name: &str) -> Arc<str> {
    name.strip_prefix('/').unwrap_or(name).into()
}

/// The phase for a daemon's state name; `None` for an unknown name.
pub(super) fn phase(state: &str) -> Option<Phase> {
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

/// The phase for the status text: `Up 5 minutes (Paused)`, `Exited (0) 2 hours ago`.
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
