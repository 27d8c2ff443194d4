//! Lines of several containers in the order of their times.
//!
//! ```text
//!  engine ─▶ filter ─▶ Merge ─▶ printer
//! ```
//!
//! Stored lines come out oldest first: a line waits until no container that still reads its stored lines can have an
//! older one. A container that runs ahead of the others waits for its turn, so little is held. Live lines wait for
//! a moment, the window, and come out in order within it.
//!
//! Within one container nothing ever changes places: its gaps and notes stay between the lines that they stand
//! between. Where its clock steps back, the lines behind the step count as old as the one before. An event of several
//! lines stays whole, and is as old as its first line.
//!
//! It is pure: it takes what passed the filter and the time, and gives what is to be shown.

mod queue;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::event::{About, Event, Note, Notice};
use crate::engine::source::{ContainerKey, DaemonId};
use crate::engine::timestamp::Timestamp;
use crate::filter::{Filter, Shown};
pub use queue::Ready;
use queue::{Item, Phase, Queue};

/// Stored lines of others are not waited for any longer when nothing of them came for this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Waits that end this soon end together, so that each line does not wake the printer.
const SLACK: Duration = Duration::from_millis(10);
/// Bytes of memory that are held. Above it the oldest come out, however they stand to what follows.
const HELD_MAX_BYTES: usize = 32 << 20;
/// The time of what has none yet: nothing of its container came before.
const NEVER: Timestamp = Timestamp::MIN;

/// Holds lines until their place is known.
#[derive(Debug)]
pub struct Merge {
    window: Duration,
    /// How many daemons there are, and which of them have said which containers they have or are away.
    daemons: usize,
    answered: HashSet<DaemonId>,
    queues: HashMap<ContainerKey, u64>,
    by_number: HashMap<u64, Queue>,
    next_number: u64,
    /// The oldest that is held of each container that something is held of.
    heads: BTreeSet<(Timestamp, u64)>,
    /// Containers that something older may come of, with the least time that it can have.
    awaited: BTreeSet<(Timestamp, u64)>,
    /// When the wait of what is held ends, and how far things come out then.
    waits: VecDeque<(Instant, Timestamp)>,
    /// All that is not newer has waited long enough.
    passed: Timestamp,
    held_bytes: usize,
    /// When something came of a container that is awaited, or something was written.
    moved: Instant,
}

impl Merge {
    /// A merge of the logs of this number of daemons. Live lines wait for the window.
    pub fn new(daemons: usize, window: Duration) -> Self {
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

    /// Takes what an event says of the containers, before it passes the filter.
    pub fn hear(&mut self, event: &mut Event, now: Instant) {
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
                // What a queue knows is found again when something comes.
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
    pub fn lines(&mut self, shown: Shown, now: Instant) {
        let key = shown.lines.label.key.clone();
        self.push(&key, Item::Lines(shown), now);
    }

    /// Takes an event that is no batch of lines. It is given back when it is not about a container.
    pub fn event(&mut self, event: Event, now: Instant) -> Option<Event> {
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

    /// Notes what the filter holds of a container, after it has taken something of it.
    pub fn filtered(&mut self, key: &ContainerKey, filter: Option<&Filter>) {
        if self.queues.contains_key(key) {
            let held = filter.map_or(0, |filter| filter.held(key)) as u64;
            let since = filter.and_then(|filter| filter.held_since(key));
            self.change(key, |queue| queue.filtered(held, since));
        }
    }

    /// The same of all containers, after it has decided events because of their time.
    pub fn filtered_all(&mut self, filter: Option<&Filter>) {
        for key in self.queues.keys().cloned().collect::<Vec<_>>() {
            self.filtered(&key, filter);
        }
    }

    /// The next that is to be shown now.
    pub fn next(&mut self, now: Instant) -> Option<Ready> {
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

    /// When [`next`](Self::next) may give something although nothing came.
    pub fn due(&self) -> Option<Instant> {
        self.heads.first()?;
        let waits = self.waits.front().map(|(due, _)| *due);
        let patience = self.is_waiting_for_others().then(|| self.moved + PATIENCE);
        waits.into_iter().chain(patience).min()
    }

    /// Lets go of containers that nothing came of for long.
    pub fn expire(&mut self, now: Instant) {
        if self.is_waiting_for_others() && self.moved + PATIENCE <= now {
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

    /// Something was written, which may have taken long.
    pub fn written(&mut self, now: Instant) {
        self.moved = now;
    }

    /// Nothing more comes, or nothing more of it is waited for: all that is held comes out next. With a container,
    /// its newest lines come last.
    pub fn finish(&mut self, last: Option<&ContainerKey>) -> Option<Ready> {
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

    /// How many lines of this container were taken and are not decided or not shown yet: the last ones. `filtered`: how
    /// many the filter holds.
    pub fn held(&self, key: &ContainerKey, filtered: usize) -> usize {
        self.queue(key).and_then(Queue::held).map_or(filtered, |held| held.max(filtered))
    }

    /// Whether stored lines of this container are still to come.
    pub fn is_behind(&self, key: &ContainerKey) -> bool {
        self.queue(key).is_some_and(|queue| queue.phase == Phase::Stored)
    }

    /// Whether something that could be shown waits for stored lines of other containers.
    fn is_waiting_for_others(&self) -> bool {
        let head = self.heads.first().map(|(time, _)| *time);
        head.is_some_and(|head| self.floor().is_none_or(|floor| floor < head))
    }

    /// Nothing older than this comes of the containers that are awaited; `None`: nobody knows.
    fn floor(&self) -> Option<Timestamp> {
        let all_answered = self.daemons <= self.answered.len();
        all_answered.then(|| self.awaited.first().map_or(Timestamp::MAX, |(time, _)| *time))
    }

    fn queue(&self, key: &ContainerKey) -> Option<&Queue> {
        self.by_number.get(self.queues.get(key)?)
    }

    fn forget_if_idle(&mut self, key: &ContainerKey) {
        if self.queue(key).is_some_and(Queue::is_forgettable) {
            self.queues.remove(key).map(|number| self.by_number.remove(&number));
        }
    }

    fn push(&mut self, key: &ContainerKey, item: Item, now: Instant) {
        let number = self.number(key);
        // One container alone is in order.
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

    /// Notes when the wait of something ends. Waits that end together are one, so there are few.
    fn wait_until(&mut self, due: Instant, time: Timestamp) {
        match self.waits.back_mut() {
            Some((last, newest)) if due <= *last + SLACK => *newest = time.max(*newest),
            _ => self.waits.push_back((due, time)),
        }
    }

    /// Changes something of a container; gives the phase that it is in afterwards.
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

    fn replace(
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

#[cfg(test)]
mod tests;
