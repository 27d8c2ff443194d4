//! The search for the last delivered keys in a window of a log.

use std::collections::HashMap;

use super::key::Key;
use crate::engine::timestamp::Timestamp;

/// The limit of reordering: near a change of log file, the daemon may send frames a few places away from their
/// stored order. Frames this near to the oldest known key may just be older than it.
pub(super) const REORDER_MAX_FRAMES: usize = 16;

#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// How many frames with this key were delivered and not yet seen again.
    pub(super) left: usize,
    /// Their places in the ring.
    pub(super) places: Vec<usize>,
}

/// A search for the anchor in a window of the log, fed frame by frame.
#[derive(Clone, Debug)]
pub struct Seek {
    pub(super) known: HashMap<Key, Known>,
    pub(super) last: Option<Key>,
    pub(super) window: Option<u64>,
    pub(super) seen: u64,
    /// The timestamp of each output's first frame in the window.
    pub(super) first: [Option<Timestamp>; 2],
    /// The timestamp of each output's oldest known frame.
    pub(super) oldest: [Option<Timestamp>; 2],
    /// A frame of a moment with known frames was seen.
    pub(super) seen_oldest: bool,
    /// Known frames up to this place may follow frames that are older than all known ones.
    pub(super) margin: usize,
    /// A known key was seen whose moment begins inside the window, so the window contains all frames that were
    /// delivered behind it.
    pub(super) context: bool,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No known frame was seen yet.
    Before,
    /// Known frames were seen, but not the last delivered one.
    Among,
    /// The last delivered frame was seen, as far as this window shows: the window begins inside a run of equal
    /// frames, and more of them may stand before it.
    Unproven,
    /// All frames from here on are new, except known ones that are out of order.
    Found,
}

/// The class of a frame in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekStep {
    /// Delivered: skip it.
    Delivered {
        /// Whether unknown frames before it in the window are older than all known ones, so that they were
        /// delivered long ago. Otherwise the daemon had skipped them.
        older: bool,
    },
    /// Not delivered, before any known frame.
    Earlier,
    /// Not delivered, between known frames: the daemon skipped it when it was live, or sent it out of order as
    /// for `New`.
    Late,
    /// Behind the last delivered frame. If the daemon repeats or reorders lines, the frame may still be known:
    /// ask [`Anchor::contains`](super::Anchor::contains).
    New,
    /// New, unless the window begins inside a run of equal frames. Then the end of the window decides: the frame is
    /// new if the window holds the whole log.
    Unproven,
}

impl Seek {
    /// Classifies the next frame of the window.
    pub fn see(&mut self, key: &Key) -> SeekStep {
        self.seen += 1;
        let first = *self.first[key.stream as usize].get_or_insert(key.time);
        let before = self.state == State::Before;
        // More frames of the oldest moment may have been delivered than are known.
        let oldest = self.oldest[key.stream as usize] == Some(key.time);
        let Some(known) = self.known.get_mut(key).filter(|known| 0 < known.left) else {
            return match self.state {
                State::Before | State::Among if oldest => {
                    self.seen_oldest = true;
                    SeekStep::Delivered { older: before }
                }
                State::Before => SeekStep::Earlier,
                State::Among => SeekStep::Late,
                State::Unproven => SeekStep::Unproven,
                State::Found => SeekStep::New,
            };
        };
        known.left -= 1;
        let (used_up, place) = (known.left == 0, known.places[0]);
        // An equal frame may stand before the window, unless its moment begins inside.
        let certain = first != key.time && !oldest;
        if certain && !std::mem::replace(&mut self.context, true) {
            self.forget_before(place);
        }
        let older = before && (oldest || self.seen_oldest || place <= self.margin);
        self.seen_oldest |= oldest;
        if used_up && self.last == Some(*key) && self.state != State::Found {
            let proven = self.context || self.window.is_none();
            self.state = if proven { State::Found } else { State::Unproven };
        } else if before && !oldest {
            self.state = State::Among;
        }
        SeekStep::Delivered { older }
    }

    /// Whether the last delivered frame was seen.
    pub fn is_found(&self) -> bool {
        self.state == State::Found
    }

    /// Whether the end of the window decides.
    pub fn is_unproven(&self) -> bool {
        self.state == State::Unproven
    }

    /// Ends the window. If it holds the whole log, no frame stands before it, and [`SeekStep::Unproven`] frames are
    /// new.
    pub fn end(&mut self) {
        if self.state == State::Unproven && self.is_whole() {
            self.state = State::Found;
        }
    }

    /// Whether the window has shown as many frames as it asked for.
    pub fn is_full(&self) -> bool {
        self.window.is_some_and(|window| window <= self.seen)
    }

    /// Whether the window holds the whole log, once all of it was seen.
    pub fn is_whole(&self) -> bool {
        self.window.is_none_or(|window| self.seen < window)
    }

    /// Records that the window contains every frame delivered behind `place` in the ring. So all frames that it shows
    /// of those delivered before were seen already.
    fn forget_before(&mut self, place: usize) {
        for known in self.known.values_mut() {
            let before = known.places.partition_point(|at| *at < place);
            known.left = known.left.min(known.places.len() - before);
        }
    }
}
