//! The queue of one container's held items, in its own order.

use std::collections::VecDeque;

use super::NEVER;
use crate::engine::event::{Event, Line};
use crate::engine::timestamp::Timestamp;
use crate::engine::turns::Turn;
use crate::filter::Shown;

/// The overhead of an item in addition to its lines: the batch, its place in the queue, allocations.
const BESIDE: usize = size_of::<Held>() + 128;

/// An item of the order.
#[derive(Debug)]
pub(crate) enum Ready {
    /// Lines of one container.
    Lines(Shown),
    /// A gap or a note of a container.
    Event(Event),
}

/// A held item.
#[derive(Debug)]
pub(super) enum Item {
    Lines(Shown),
    Event(Event),
}

impl Item {
    /// Its memory, roughly.
    fn bytes(&self) -> usize {
        let lines = match self {
            Item::Lines(shown) => shown.lines.raw().len() + shown.lines.len() * size_of::<Line>(),
            Item::Event(_) => 0,
        };
        lines + BESIDE
    }
}

/// How far a container is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Stored lines are still to come.
    Stored,
    /// All stored lines have come, and the filter holds some of them.
    Settling,
    /// All later lines are live.
    #[default]
    Live,
}

#[derive(Debug)]
struct Held {
    item: Item,
    /// Lines of it that were shown.
    shown: usize,
    /// Decided lines of the container before it.
    before: u64,
}

/// The state of one container.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) phase: Phase,
    /// Whether a long silence is expected.
    pub(super) is_idle: bool,
    items: VecDeque<Held>,
    bytes: usize,
    /// The effective times of the last lines in and out.
    last_in: Option<Timestamp>,
    last_out: Option<Timestamp>,
    /// The newest time taken, before the filter.
    newest: Option<Timestamp>,
    /// The number of taken lines, those that the filter holds, and the time of the first held one.
    taken: u64,
    filtered: u64,
    filtered_since: Option<Timestamp>,
    /// The number of decided lines at the filter's last report.
    decided: u64,
    /// The number of lines up to the end of the stored ones.
    stored: u64,
    /// Batches in flight, each with the number of lines up to its end.
    turns: VecDeque<(u64, Turn)>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records lines that go to the filter now.
    pub(super) fn take(&mut self, count: usize, last: Option<Timestamp>, turn: Option<Turn>) {
        self.taken += count as u64;
        self.is_idle = false;
        if turn.is_some() && self.phase == Phase::Live {
            // Stored lines continue after a break, or after the merge stopped waiting for them.
            self.phase = Phase::Stored;
        }
        self.newest = self.newest.max(last);
        self.turns.extend(turn.map(|turn| (self.taken, turn)));
    }

    /// Records which lines the filter holds.
    pub(super) fn filtered(&mut self, held: u64, since: Option<Timestamp>) {
        (self.filtered, self.filtered_since) = (held, since);
        self.decided = self.taken.saturating_sub(held);
        if self.phase == Phase::Settling && self.stored <= self.decided {
            self.phase = Phase::Live;
        }
        self.give_turns_back();
    }

    /// All stored lines have come.
    pub(super) fn settle(&mut self) {
        if self.phase == Phase::Stored {
            self.stored = self.taken;
            self.phase = if self.filtered == 0 { Phase::Live } else { Phase::Settling };
        }
    }

    /// The number of taken, unshown lines from the first one held here; `None`: none is held.
    pub(super) fn held(&self) -> Option<usize> {
        let first = self.items.front()?;
        Some(usize::try_from(self.taken - first.before).unwrap_or(usize::MAX))
    }

    /// Whether it has no state that the next line needs.
    pub(super) fn is_forgettable(&self) -> bool {
        let is_empty = self.items.is_empty() && self.turns.is_empty() && self.filtered == 0;
        self.is_idle && is_empty && self.phase == Phase::Live
    }

    /// The earliest possible time of the next line, if others wait for it.
    pub(super) fn awaited_from(&self) -> Option<Timestamp> {
        let is_awaited = self.phase != Phase::Live && self.items.is_empty();
        let since = match self.filtered {
            0 => self.newest,
            _ => self.filtered_since,
        };
        is_awaited.then(|| since.max(self.last_out).unwrap_or(NEVER))
    }

    /// The effective time of the first held item.
    pub(super) fn head(&self) -> Option<Timestamp> {
        let head = self.items.front()?;
        let time = match &head.item {
            Item::Lines(shown) => shown.time_of(head.shown),
            Item::Event(_) => None,
        };
        Some(time.max(self.last_out).unwrap_or(NEVER))
    }

    /// Holds an item; returns the effective time of its last line.
    pub(super) fn push(&mut self, item: Item) -> Timestamp {
        self.bytes += item.bytes();
        if let Item::Lines(shown) = &item {
            let times = (0..shown.lines.len()).filter_map(|line| shown.time_of(line));
            self.last_in = self.last_in.max(times.max());
        }
        // Lines of this step, and lines that the filter held before, do not count as decided.
        self.items.push_back(Held { item, shown: 0, before: self.decided });
        self.last_in.unwrap_or(NEVER)
    }

    /// Takes out the first item, up to the line with an effective time after this.
    pub(super) fn pop(&mut self, limit: Timestamp) -> Option<Ready> {
        let head = self.items.front_mut()?;
        let Item::Lines(shown) = &head.item else {
            return self.pop_whole(VecDeque::pop_front, 0);
        };
        let (from, count) = (head.shown, shown.lines.len());
        let mut end = from;
        let mut time = self.last_out;
        while end < count {
            let next = shown.time_of(end).max(time);
            if from < end && limit < next.unwrap_or(NEVER) && !shown.is_within_event(end) {
                break;
            }
            (time, end) = (next, end + 1);
        }
        self.last_out = time;
        if end < count {
            let part = shown.part(from, end);
            head.shown = end;
            return Some(Ready::Lines(part));
        }
        self.pop_whole(VecDeque::pop_front, from)
    }

    /// Takes out the newest lines.
    pub(super) fn pop_newest(&mut self) -> Option<Ready> {
        let from = self.items.back()?.shown;
        self.pop_whole(VecDeque::pop_back, from)
    }

    fn pop_whole(
        &mut self,
        pop: fn(&mut VecDeque<Held>) -> Option<Held>,
        from: usize,
    ) -> Option<Ready> {
        let held = pop(&mut self.items)?;
        self.bytes -= held.item.bytes();
        self.give_turns_back();
        Some(match held.item {
            Item::Event(event) => Ready::Event(event),
            Item::Lines(shown) => {
                Ready::Lines(if from == 0 { shown } else { shown.part(from, shown.lines.len()) })
            }
        })
    }

    /// Releases the turns of batches without remaining lines.
    fn give_turns_back(&mut self) {
        let done = self.items.front().map_or(self.taken, |first| first.before);
        while self.turns.front().is_some_and(|(end, _)| *end <= done) {
            self.turns.pop_front();
        }
    }
}
