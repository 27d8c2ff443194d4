//! Events of the daemon, live and past.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::container_list::{bare, facts};
use crate::docker::lenient::{Maybe, lenient};
use crate::engine::source::{
    ContainerEvent, ContainerEventKind, ContainerId, ContainerKey, DaemonId, Moment, Remembered,
};
use crate::engine::timestamp::Timestamp;

/// One object of `GET /events`.
#[derive(Debug, Deserialize)]
pub(in crate::docker) struct Message {
    #[serde(rename = "Action", default, deserialize_with = "lenient")]
    action: Option<String>,
    #[serde(rename = "Actor", default, deserialize_with = "lenient")]
    actor: Option<Actor>,
    /// The field of versions before 1.22, which daemons still send.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(rename = "timeNano", default, deserialize_with = "lenient")]
    nanos: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
struct Actor {
    #[serde(rename = "ID", default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(rename = "Attributes", default, deserialize_with = "lenient")]
    attributes: Option<HashMap<String, Maybe<String>>>,
}

/// Attributes of an event that are not labels.
const OWN_ATTRIBUTES: [&str; 3] = ["name", "image", "oldName"];

/// The event of interest to a follower; `None` for all others.
pub(in crate::docker) fn container_event(
    daemon: &DaemonId,
    message: Message,
) -> Option<ContainerEvent> {
    let actor = message.actor.unwrap_or_default();
    let attributes = actor.attributes.unwrap_or_default();
    let text = |name: &str| match attributes.get(name) {
        Some(Maybe::Is(text)) => Some(text.as_str()),
        _ => None,
    };
    let what = match message.action.or(message.status)?.as_str() {
        "start" => ContainerEventKind::Started,
        // Podman's names are `died` and `remove`.
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
            // An event mixes the labels with its own attributes.
            let labels =
                attributes.into_iter().filter(|(key, _)| !OWN_ATTRIBUTES.contains(&&**key));
            facts(image.as_deref(), labels.collect())
        }
        _ => Arc::default(),
    };
    Some(ContainerEvent { key, name, kind: what, facts })
}

/// Past events from `GET /events`: objects in sequence, with or without a newline between them. Skips events that do
/// not concern runs.
pub(in crate::docker) fn remembered(body: &[u8]) -> Option<Vec<Moment>> {
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
