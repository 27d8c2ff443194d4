//! The state of a [`Filter`]: which lines are one event, and what is decided about it.
//!
//! An event is a line, or several that belong together: the pieces of a long line, and with joins those of a stack
//! trace. Its lines are held until it is decided: when the next line does not belong to it, when it becomes too
//! large, when nothing came for a moment, or when the run ends. Each output of a container has its own event. Lines
//! behind one that is held wait for it, so that the order of a container stays.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Rules;
use super::log_events::{Behind, Container, Judge, Stream};
use super::shown::{Match, Shown, worse};
use crate::engine::event::{About, Event, Lines, Notice};
use crate::engine::source::ContainerKey;
use crate::engine::timestamp::Timestamp;

/// Deadlines this close are met at once, so that many containers do not wake the printer one by one.
const EXPIRY_SLACK: Duration = Duration::from_millis(20);
/// Containers that are remembered. A container whose run ended is forgotten at once; this bounds those of which
/// no event reports that they have ended.
const CONTAINERS_MAX: usize = 4096;

/// Decides which lines are shown.
#[derive(Debug)]
pub(crate) struct Filter {
    rules: Rules,
    containers: HashMap<ContainerKey, Container>,
    /// No open event has to be decided before.
    due: Option<Instant>,
    /// The run ends: nothing is shown any more.
    ended: bool,
    /// What becomes of the lines that came with the event that ends the run, and stand behind it.
    behind: Behind,
}

impl Filter {
    /// A filter with these rules.
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, containers: HashMap::new(), due: None, ended: false, behind: Behind::Dropped }
    }

    /// The same, which decides all lines of a batch although one of them ends the run. A later run that goes on behind
    /// the batch misses none of them then.
    #[must_use]
    pub(crate) fn deciding_whole_batches(self) -> Self {
        Self { behind: Behind::Decided, ..self }
    }

    /// Takes a batch and appends what is to be shown now to `out`. After a match there is nothing more to show.
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

    /// Takes something that is no batch of lines, before it is shown: what stands before it must not come after it.
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

    /// When an open event has to be decided.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.ended)
    }

    /// Decides the open events that are due. Not those of a container that `is_behind`: its next line is stored and was
    /// not read yet.
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

    /// Decides all that is open: the run has ended.
    pub(crate) fn finish(&mut self, out: &mut Vec<Shown>) -> Option<Match> {
        let mut matched = None;
        for key in self.containers.keys().cloned().collect::<Vec<_>>() {
            matched = worse(matched, self.settle(&key, out));
        }
        self.ended = true;
        matched
    }

    /// How many lines of this container were taken and are not decided yet: the last ones.
    pub(crate) fn held(&self, container: &ContainerKey) -> usize {
        self.containers.get(container).map_or(0, |container| container.entries.len())
    }

    /// The time of the first line of this container that was taken and is not decided yet.
    pub(crate) fn held_since(&self, container: &ContainerKey) -> Option<Timestamp> {
        let held = self.containers.get(container)?.held.as_ref()?;
        held.get(0).map(|(line, _)| line.time)
    }

    /// How many containers it remembers.
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

    /// After a match: what the other containers have written before is shown too, in front of it.
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

    /// Forgets the containers that were quiet for longest, so that there is room for one more.
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
