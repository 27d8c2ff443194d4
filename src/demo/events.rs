//! The remembered events of containers, and their selection for a request.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use super::filters::Filters;
use crate::engine::timestamp::Timestamp;

/// The number of events held for a subscriber, as in the real daemon.
const EVENTS_MAX: usize = 256;

/// An event of a container.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) time: Timestamp,
    pub(super) action: &'static str,
    pub(super) id: String,
    /// Its labels, and its name and image.
    pub(super) attributes: BTreeMap<String, String>,
}

impl Event {
    /// The event as one line of the daemon's JSON.
    pub(super) fn line(&self) -> String {
        let Self { time, action, id, attributes } = self;
        let nanos = time.saturating_nanos();
        let image = self.image();
        let event = json!({
            "status": action, "id": id, "from": image, "Type": "container", "Action": action,
            "Actor": { "ID": id, "Attributes": attributes },
            "scope": "local", "time": nanos / 1_000_000_000, "timeNano": nanos,
        });
        format!("{event}\n")
    }

    fn image(&self) -> &str {
        self.attributes.get("image").map_or("", String::as_str)
    }

    /// Whether it passes the filters of `docker events`.
    pub(super) fn passes(&self, filters: &Filters) -> bool {
        let name = self.attributes.get("name").map_or("", String::as_str);
        let image = |wanted: &str| {
            let bare = self.image().split(':').next();
            wanted == self.image() || Some(wanted) == bare
        };
        filters.any("type", |kind| kind == "container")
            && filters.any("event", |event| event == self.action)
            && filters.any("scope", |scope| scope == "local")
            && filters.any("container", |wanted| wanted == name || self.id.starts_with(wanted))
            && filters.any("image", image)
            && filters.labels(&self.attributes)
    }
}

/// The last events, numbered.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The number of the oldest event held.
    first: u64,
    events: VecDeque<Event>,
}

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.first += 1;
        }
        self.events.push_back(event);
    }

    /// The number of the next event.
    pub(super) fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// The events held from this number on.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = &Event> {
        let skip = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.events.iter().skip(skip)
    }
}
