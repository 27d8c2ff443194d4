//! The intake of the merge: takes lines and events, and learns which containers may still send older lines.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::Merge;
use super::queue::{Item, Phase, Queue};
use super::release::{NEVER, SLACK};
use crate::engine::event::{About, Event, Note, Notice};
use crate::engine::source::ContainerKey;
use crate::engine::timestamp::Timestamp;
use crate::filter::{Filter, Shown};

impl Merge {
    /// A merge of the logs of this number of daemons. Live lines wait for the window.
    pub(crate) fn new(daemons: usize, window: Duration) -> Self {
        Self {
            window,
            daemons,
            answered: HashSet::new(),
            queues: HashMap::new(),
            by_number: HashMap::new(),
            next_number: 0,
            heads: BTreeSet::new(),
            awaited: BTreeSet::new(),
            waits: VecDeque::new(),
            passed: NEVER,
            held_bytes: 0,
            moved: Instant::now(),
        }
    }

    /// Learns from an event about containers, before the event passes the filter.
    pub(crate) fn hear(&mut self, event: &mut Event, now: Instant) {
        match event {
            Event::Begins(daemon, keys) => {
                self.answered.insert(daemon.clone());
                for key in keys {
                    self.change(key, |queue| queue.phase = Phase::Stored);
                }
                self.moved = now;
            }
            Event::Reading(_) => self.moved = now,
            Event::CaughtUp(key) => {
                self.change(key, Queue::settle);
                self.moved = now;
            }
            Event::Lines(lines) => {
                let (count, last, turn) = (lines.len(), lines.last_time(), lines.turn.take());
                let key = lines.label.key.clone();
                if self.change(&key, |queue| queue.take(count, last, turn)) != Phase::Live {
                    self.moved = now;
                }
            }
            Event::Note(Note { about: About::Daemon(daemon), what }) => {
                if matches!(what, Notice::DaemonAway { .. } | Notice::DaemonLeftOut { .. }) {
                    self.answered.insert(daemon.clone());
                }
            }
            Event::Note(Note { about: About::Container(label), what }) => {
                let is_broken = matches!(
                    what,
                    Notice::StreamBroke { .. }
                        | Notice::GivenUp { .. }
                        | Notice::Unreadable { .. }
                        | Notice::ReaderPanicked { .. }
                        | Notice::Removed
                );
                // The queue learns its state again from the next event.
                let may_be_last = matches!(
                    what,
                    Notice::Removed
                        | Notice::Exited(_)
                        | Notice::Deselected
                        | Notice::GivenUp { .. }
                        | Notice::Unreadable { .. }
                );
                if (is_broken || may_be_last) && self.queues.contains_key(&label.key) {
                    self.change(&label.key, |queue| {
                        if is_broken {
                            queue.settle();
                        }
                        queue.is_idle = may_be_last;
                    });
                }
            }
            Event::Note(_) | Event::Gap(_) | Event::Identity(..) => {}
        }
    }

    /// Takes lines that passed the filter.
    pub(crate) fn lines(&mut self, shown: Shown, now: Instant) {
        let key = shown.lines.label.key.clone();
        self.push(&key, Item::Lines(shown), now);
    }

    /// Takes an event other than lines. Returns it if it is not about a container.
    pub(crate) fn event(&mut self, event: Event, now: Instant) -> Option<Event> {
        let key = match &event {
            Event::Gap(gap) => gap.label.key.clone(),
            Event::Note(Note { about: About::Container(label), .. }) => label.key.clone(),
            _ => return Some(event),
        };
        if self.queue(&key).is_none_or(Queue::is_empty) {
            self.forget_if_idle(&key);
            return Some(event);
        }
        self.push(&key, Item::Event(event), now);
        None
    }

    /// Records which lines of a container the filter holds, after the filter has taken some.
    pub(crate) fn filtered(&mut self, key: &ContainerKey, filter: Option<&Filter>) {
        if self.queues.contains_key(key) {
            let held = filter.map_or(0, |filter| filter.held(key)) as u64;
            let since = filter.and_then(|filter| filter.held_since(key));
            self.change(key, |queue| queue.filtered(held, since));
        }
    }

    /// Records which lines of all containers the filter holds, after it has decided events by time.
    pub(crate) fn filtered_all(&mut self, filter: Option<&Filter>) {
        for key in self.queues.keys().cloned().collect::<Vec<_>>() {
            self.filtered(&key, filter);
        }
    }

    pub(super) fn forget_if_idle(&mut self, key: &ContainerKey) {
        if self.queue(key).is_some_and(Queue::is_forgettable) {
            self.queues.remove(key).map(|number| self.by_number.remove(&number));
        }
    }

    fn push(&mut self, key: &ContainerKey, item: Item, now: Instant) {
        let number = self.number(key);
        // A single container is in order.
        let wait = if self.queues.len() < 2 && self.daemons <= self.answered.len() {
            Duration::ZERO
        } else {
            self.window
        };
        let Some(queue) = self.by_number.get_mut(&number) else { return };
        let (before, head, awaited) = (queue.bytes(), queue.head(), queue.awaited_from());
        let wait = if queue.phase == Phase::Live { wait } else { Duration::ZERO };
        let time = queue.push(item);
        self.held_bytes += queue.bytes() - before;
        let (head_after, awaited_after) = (queue.head(), queue.awaited_from());
        Self::replace(&mut self.heads, number, head, head_after);
        Self::replace(&mut self.awaited, number, awaited, awaited_after);
        match wait {
            Duration::ZERO => self.passed = self.passed.max(time),
            wait => self.wait_until(now + wait, time),
        }
    }

    /// Records the deadline of an item. Deadlines that are close are one, so there are few.
    fn wait_until(&mut self, due: Instant, time: Timestamp) {
        match self.waits.back_mut() {
            Some((last, newest)) if due <= *last + SLACK => *newest = time.max(*newest),
            _ => self.waits.push_back((due, time)),
        }
    }

    /// Changes a container's queue; returns its phase afterwards.
    fn change(&mut self, key: &ContainerKey, change: impl FnOnce(&mut Queue)) -> Phase {
        let number = self.number(key);
        let queue = self.by_number.entry(number).or_default();
        let before = queue.awaited_from();
        change(queue);
        let (after, phase) = (queue.awaited_from(), queue.phase);
        Self::replace(&mut self.awaited, number, before, after);
        phase
    }

    fn number(&mut self, key: &ContainerKey) -> u64 {
        if let Some(number) = self.queues.get(key) {
            return *number;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.queues.insert(key.clone(), number);
        self.by_number.insert(number, Queue::default());
        number
    }

    pub(super) fn replace(
        set: &mut BTreeSet<(Timestamp, u64)>,
        number: u64,
        before: Option<Timestamp>,
        after: Option<Timestamp>,
    ) {
        if before != after {
            if let Some(before) = before {
                set.remove(&(before, number));
            }
            set.extend(after.map(|after| (after, number)));
        }
    }
}
