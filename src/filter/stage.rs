//! The stage: groups lines into events and decides about each.
//!
//! An event is a line, or several that belong together: the pieces of a long line, and with joins those of a stack
//! trace. The filter holds its lines until it decides: when the next line does not belong to it, when it becomes too
//! large, after a moment of silence, or at the end of the run. Each output of a container has its own event. Lines
//! behind a held one wait for it, so that the order within a container stays.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Rules;
use super::log_events::{Behind, Container, Judge, Stream};
use super::shown::{Match, Shown, worse};
use crate::engine::event::{About, Event, Lines, Notice};
use crate::engine::source::ContainerKey;
use crate::engine::timestamp::Timestamp;

/// Deadlines this close are met together, so that many containers do not wake the printer one by one.
const EXPIRY_SLACK: Duration = Duration::from_millis(20);
/// The maximum of containers in memory. A container is dropped at the end of its run; this bounds containers
/// without such an event.
const CONTAINERS_MAX: usize = 4096;

/// Decides which lines are shown.
#[derive(Debug)]
pub(crate) struct Filter {
    rules: Rules,
    containers: HashMap<ContainerKey, Container>,
    /// No open event needs a decision before this time.
    due: Option<Instant>,
    /// The run ends: no more lines are shown.
    ended: bool,
    /// How to treat lines that came with the event that ends the run, and stand behind it.
    behind: Behind,
}

impl Filter {
    /// A filter with these rules.
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, containers: HashMap::new(), due: None, ended: false, behind: Behind::Dropped }
    }

    /// A filter that decides all lines of a batch even if one of them ends the run. So a later run that continues
    /// behind the batch misses none of them.
    #[must_use]
    pub(crate) fn deciding_whole_batches(self) -> Self {
        Self { behind: Behind::Decided, ..self }
    }

    /// Takes a batch and appends the lines to show now to `out`. After a match there are no more.
    pub(crate) fn lines(
        &mut self,
        mut lines: Lines,
        now: Instant,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        if self.ended {
            return None;
        }
        let (key, count) = (lines.label.key.clone(), lines.len());
        let held = self.containers.get(&key).is_some_and(Container::is_open);
        let whole = !self.rules.joins() && !held && lines.whole() == count;
        let matched = if whole && self.rules.level.is_none() {
            self.judge().whole_lines(&mut lines, &mut [None, None], out)
        } else {
            self.make_room(&key);
            let mut container = self.containers.remove(&key).unwrap_or_else(|| Container::new(now));
            container.used = now;
            let judge = self.judge();
            let done = match whole {
                true => judge.whole_lines(&mut lines, &mut container.levels(), out),
                false => judge.parts(&mut container, &lines, now, out),
            };
            if let Some(due) = container.due() {
                self.due = Some(self.due.map_or(due, |before| before.min(due)));
            }
            self.containers.insert(key.clone(), container);
            done
        };
        self.end(&key, matched, out)
    }

    /// Takes an event other than lines, before it is shown: earlier lines must not come after it.
    pub(crate) fn before(&mut self, event: &Event, out: &mut Vec<Shown>) -> Option<Match> {
        let (key, over) = match event {
            Event::Lines(_)
            | Event::Identity(..)
            | Event::Begins(..)
            | Event::Reading(_)
            | Event::CaughtUp(_) => {
                return None;
            }
            Event::Gap(gap) => (&gap.label.key, true),
            Event::Note(note) => {
                let About::Container(label) = &note.about else { return None };
                let over = matches!(
                    note.what,
                    Notice::Exited(_)
                        | Notice::Restarting(_)
                        | Notice::Removed
                        | Notice::GivenUp { .. }
                        | Notice::Unreadable { .. }
                );
                (&label.key, over)
            }
        };
        let matched = self.settle(key, out);
        if over {
            self.containers.remove(key);
        }
        self.end(key, matched, out)
    }

    /// The deadline of the next open event.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.ended)
    }

    /// Decides the open events that are due. Skips a container that `is_behind`: its next line is stored and not read
    /// yet.
    pub(crate) fn expire(
        &mut self,
        now: Instant,
        is_behind: impl Fn(&ContainerKey) -> bool,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        for (_, container) in self.containers.iter_mut().filter(|(key, _)| is_behind(key)) {
            container.put_off(now);
        }
        let keys: Vec<ContainerKey> = self
            .containers
            .iter()
            .filter(|(_, one)| one.due().is_some_and(|due| due <= now + EXPIRY_SLACK))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            let matched = self.settle_due(&key, now, out);
            if matched.is_some() {
                return self.end(&key, matched, out);
            }
        }
        self.due = self.containers.values().filter_map(Container::due).min();
        None
    }

    /// Decides all open events: the run has ended.
    pub(crate) fn finish(&mut self, out: &mut Vec<Shown>) -> Option<Match> {
        let mut matched = None;
        for key in self.containers.keys().cloned().collect::<Vec<_>>() {
            matched = worse(matched, self.settle(&key, out));
        }
        self.ended = true;
        matched
    }

    /// The number of this container's latest lines that are not decided.
    pub(crate) fn held(&self, container: &ContainerKey) -> usize {
        self.containers.get(container).map_or(0, |container| container.entries.len())
    }

    /// The time of this container's first undecided line.
    pub(crate) fn held_since(&self, container: &ContainerKey) -> Option<Timestamp> {
        let held = self.containers.get(container)?.held.as_ref()?;
        held.get(0).map(|(line, _)| line.time)
    }

    /// The number of containers in memory.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.containers.len()
    }

    fn judge(&self) -> Judge<'_> {
        Judge { rules: &self.rules, behind: self.behind }
    }

    /// Decides the open events of one container.
    fn settle(&mut self, key: &ContainerKey, out: &mut Vec<Shown>) -> Option<Match> {
        if self.ended {
            return None;
        }
        let mut container = self.containers.remove(key)?;
        let matched = self.judge().settle(&mut container, |_| true, out);
        self.containers.insert(key.clone(), container);
        matched
    }

    fn settle_due(
        &mut self,
        key: &ContainerKey,
        now: Instant,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let mut container = self.containers.remove(key)?;
        let is_due = |stream: &Stream| stream.due().is_some_and(|due| due <= now + EXPIRY_SLACK);
        let matched = self.judge().settle(&mut container, is_due, out);
        self.containers.insert(key.clone(), container);
        matched
    }

    /// After a match, also shows the other containers' earlier lines, in front of it.
    fn end(
        &mut self,
        key: &ContainerKey,
        matched: Option<Match>,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let mut matched = Some(matched?);
        if self.behind == Behind::Decided {
            matched = worse(matched, self.settle(key, out));
        }
        let mut others = Vec::new();
        for other in self.containers.keys().filter(|one| *one != key).cloned().collect::<Vec<_>>() {
            matched = worse(matched, self.settle(&other, &mut others));
        }
        out.splice(0..0, others);
        self.ended = true;
        self.containers.retain(|_, container| container.is_holding());
        matched
    }

    /// Drops the containers that were quiet for longest, to make room for one more.
    fn make_room(&mut self, key: &ContainerKey) {
        if self.containers.len() < CONTAINERS_MAX || self.containers.contains_key(key) {
            return;
        }
        let idle = self.containers.iter().filter(|(_, one)| !one.is_holding());
        let mut idle: Vec<(Instant, ContainerKey)> =
            idle.map(|(key, one)| (one.used, key.clone())).collect();
        idle.sort();
        for (_, key) in idle.iter().take(CONTAINERS_MAX / 2) {
            self.containers.remove(key);
        }
    }
}
