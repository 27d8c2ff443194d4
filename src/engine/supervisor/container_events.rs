//! Reports of the daemon about its containers, by event or by list.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::Supervisor;
use super::followers::Follower;
use crate::engine::lifecycle::{Input, Joined};
use crate::engine::source::{
    ContainerEvent, ContainerEventKind, ContainerKey, Listed, Phase, Source,
};

impl<S: Source> Supervisor<S> {
    pub(super) fn on_container_event(&mut self, event: &ContainerEvent) {
        let key = &event.key;
        if !self.followers.contains_key(key) {
            self.consider(event);
            return;
        }
        match event.kind {
            ContainerEventKind::Started => {
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.started();
                }
                self.step(key, &Input::Started);
            }
            ContainerEventKind::Died(code) => {
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.died(code);
                    follower.died.notify_waiters();
                }
                self.step(key, &Input::Died(code));
            }
            ContainerEventKind::OutOfMemory => {
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.out_of_memory();
                }
                self.step(key, &Input::OutOfMemory);
            }
            // Being paused changes nothing for its stream.
            ContainerEventKind::Paused | ContainerEventKind::Unpaused => {
                let paused = event.kind == ContainerEventKind::Paused;
                let phase = if paused { Phase::Paused } else { Phase::Running };
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.listed(phase);
                }
            }
            ContainerEventKind::Destroyed => self.step(key, &Input::Destroyed),
            ContainerEventKind::Renamed => {
                if let Some(name) = &event.name {
                    self.rename(key, Arc::clone(name));
                }
            }
            // It was selected and still is.
            ContainerEventKind::HealthChanged => {}
        }
    }

    /// Follows a container that the daemon reports, if it is selected and not followed yet. A start makes it
    /// a running container, and a rename gives it a name to select. No other event changes what a selection
    /// looks at. An event may be late: the `die` of a short-lived container may come after cmon knows its end.
    fn consider(&mut self, event: &ContainerEvent) {
        if event.kind == ContainerEventKind::HealthChanged {
            if !self.selection.list_filters().is_empty() {
                self.list();
            }
            return;
        }
        let Some(name) = &event.name else {
            return;
        };
        let phase = match event.kind {
            ContainerEventKind::Started => Phase::Running,
            // The event lacks its state. If a selection needs a name only, the container may have ended before the
            // inspection.
            ContainerEventKind::Renamed => Phase::Created,
            _ => return,
        };
        let no_state = event.kind == ContainerEventKind::Renamed && self.selection.needs_state();
        if no_state || self.selection.exceeds_events() {
            self.list();
            return;
        }
        let (key, facts) = (event.key.clone(), Arc::clone(&event.facts));
        let row = Listed { key, name: Arc::clone(name), phase, facts, passes: true };
        if self.selection.matches(&row) && !self.removed.contains(&row.key) {
            self.join(&row, Joined::Later);
        }
    }

    /// Compares the daemon's list, asked for at this moment, with what is followed.
    pub(super) fn reconcile(&mut self, rows: Vec<Listed>, asked: Instant) {
        let listed: BTreeSet<&ContainerKey> = rows.iter().map(|row| &row.key).collect();
        let missing = |(key, follower): (&ContainerKey, &Follower)| {
            // A container that joined since then may be newer than the list.
            (!listed.contains(key) && follower.joined < asked).then(|| key.clone())
        };
        let missing: Vec<ContainerKey> = self.followers.iter().filter_map(missing).collect();
        for key in missing {
            self.step(&key, &Input::Missing);
        }
        self.removed.listed(asked, &rows);
        let wrote = self.daemon.compare(&rows);
        for (row, wrote) in rows.into_iter().zip(wrote) {
            match self.followers.get(&row.key) {
                None if wrote
                    && self.selection.matches(&row)
                    && !self.removed.contains(&row.key) =>
                {
                    self.join(&row, Joined::Later);
                }
                None => {}
                Some(follower) => {
                    follower.row_state.listed(row.phase);
                    if follower.label.name != row.name {
                        self.rename(&row.key, row.name);
                    }
                    if row.phase.is_live() {
                        self.step(&row.key, &Input::Live);
                    }
                }
            }
        }
    }
}
