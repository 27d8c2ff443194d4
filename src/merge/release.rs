//! The release of the merge: the oldest line that no other can precede, or one that has waited long enough.

use std::time::Duration;

use tokio::time::Instant;

use super::Merge;
use super::queue::{Phase, Queue, Ready};
use crate::engine::event::{About, Event, Note};
use crate::engine::source::ContainerKey;
use crate::engine::timestamp::Timestamp;

/// The merge stops waiting for stored lines after this much silence.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Deadlines this close end together, so that each line does not wake the printer.
pub(super) const SLACK: Duration = Duration::from_millis(10);
/// The memory limit in bytes. Above it the oldest items come out, whatever follows.
pub(super) const HELD_MAX_BYTES: usize = 32 << 20;
/// The time of an item without one: its container has sent none before.
pub(super) const NEVER: Timestamp = Timestamp::MIN;

impl Merge {
    /// The next item to show now.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Ready> {
        while let Some((due, time)) = self.waits.front().copied()
            && due <= now + SLACK
        {
            self.waits.pop_front();
            self.passed = self.passed.max(time);
        }
        let (time, number) = self.heads.first().copied()?;
        let others = self.heads.iter().nth(1).map_or(Timestamp::MAX, |(time, _)| *time);
        let limit = match self.held_bytes {
            ..=HELD_MAX_BYTES => self.passed.min(self.floor()?),
            _ => time,
        };
        if limit < time {
            return None;
        }
        let queue = self.by_number.get_mut(&number)?;
        let (before, head) = (queue.bytes(), queue.awaited_from());
        let ready = queue.pop(limit.min(others))?;
        self.held_bytes -= before - queue.bytes();
        self.heads.remove(&(time, number));
        self.heads.extend(queue.head().map(|time| (time, number)));
        let after = queue.awaited_from();
        Self::replace(&mut self.awaited, number, head, after);
        if let Ready::Event(Event::Note(Note { about: About::Container(label), .. })) = &ready {
            self.forget_if_idle(&label.key);
        }
        Some(ready)
    }

    /// When [`next`](Self::next) may return an item without new input.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.heads.first()?;
        let waits = self.waits.front().map(|(due, _)| *due);
        let overdue = self.is_waiting_for_others().then(|| self.moved + LONGEST_WAIT);
        waits.into_iter().chain(overdue).min()
    }

    /// How long live lines wait for those of others.
    pub(crate) fn window(&self) -> Duration {
        self.window
    }

    /// Whether some item waits only for the window.
    pub(crate) fn holds_live_lines(&self) -> bool {
        !self.heads.is_empty() && self.floor() == Some(Timestamp::MAX)
    }

    /// Drops the state of containers that have been silent for long.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.is_waiting_for_others() && self.moved + LONGEST_WAIT <= now {
            self.daemons = self.answered.len();
            let late: Vec<u64> = self.awaited.iter().map(|(_, number)| *number).collect();
            self.awaited.clear();
            for number in late {
                if let Some(queue) = self.by_number.get_mut(&number) {
                    queue.phase = Phase::Live;
                }
            }
        }
    }

    /// Records a write, which may have taken long.
    pub(crate) fn written(&mut self, now: Instant) {
        self.moved = now;
    }

    /// Ends the waits: all held items come out next. With a container, its newest lines come last.
    pub(crate) fn finish(&mut self, last: Option<&ContainerKey>) -> Option<Ready> {
        self.daemons = self.answered.len();
        self.awaited.clear();
        self.waits.clear();
        self.passed = Timestamp::MAX;
        for queue in self.by_number.values_mut() {
            queue.phase = Phase::Live;
        }
        let number = *self.queues.get(last?)?;
        let queue = self.by_number.get_mut(&number)?;
        let (before, head) = (queue.bytes(), queue.head());
        let ready = queue.pop_newest();
        self.held_bytes -= before - queue.bytes();
        let after = queue.head();
        Self::replace(&mut self.heads, number, head, after);
        ready
    }

    /// The number of this container's latest lines that are not decided or not shown. `filtered`: the number that
    /// the filter holds.
    pub(crate) fn held(&self, key: &ContainerKey, filtered: usize) -> usize {
        self.queue(key).and_then(Queue::held).map_or(filtered, |held| held.max(filtered))
    }

    /// Whether stored lines of this container are still to come.
    pub(crate) fn is_behind(&self, key: &ContainerKey) -> bool {
        self.queue(key).is_some_and(|queue| queue.phase == Phase::Stored)
    }

    /// Whether an item waits for stored lines of other containers.
    fn is_waiting_for_others(&self) -> bool {
        let head = self.heads.first().map(|(time, _)| *time);
        head.is_some_and(|head| self.floor().is_none_or(|floor| floor < head))
    }

    /// The earliest possible time of the awaited containers; `None`: unknown.
    fn floor(&self) -> Option<Timestamp> {
        let all_answered = self.daemons <= self.answered.len();
        all_answered.then(|| self.awaited.first().map_or(Timestamp::MAX, |(time, _)| *time))
    }

    pub(super) fn queue(&self, key: &ContainerKey) -> Option<&Queue> {
        self.by_number.get(self.queues.get(key)?)
    }
}
