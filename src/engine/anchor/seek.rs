//! The search for the last keys in a window of a log.

use std::collections::HashMap;

use super::key::Key;
use crate::engine::timestamp::Timestamp;

/// The daemon may hand frames over in another order than it stores them, by a few places around a
/// change of log file. Frames this near to the oldest known key may just be older than it.
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
    /// A frame of such a moment was seen.
    pub(super) seen_oldest: bool,
    /// A known frame up to this place may have frames before it that are older than all known.
    pub(super) margin: usize,
    /// A known key was seen whose moment begins inside the window: all that was delivered behind it
    /// is in the window.
    pub(super) context: bool,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No known frame was seen yet.
    Before,
    /// Known frames were seen, the last one delivered was not.
    Among,
    /// The last frame delivered was seen, as far as this window shows: it begins inside a run of
    /// equal frames, and more of them may stand before it.
    Unproven,
    /// All frames from here on are new, but for known ones that stand out of order.
    Found,
}

/// What a frame in the window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekStep {
    /// It was delivered: skip it.
    Delivered {
        /// What came before it in the window and is not known is older than all that is known:
        /// it was delivered long ago. Otherwise it was missed.
        older: bool,
    },
    /// Not delivered, before any known frame.
    Earlier,
    /// Not delivered, between known frames: the daemon skipped it when it was live (or, as for
    /// `New`, handed it over out of order).
    Late,
    /// Behind the last frame delivered. Where the daemon doubles lines or hands them over out of
    /// order, it may be known all the same: ask [`Anchor::contains`](super::Anchor::contains).
    New,
    /// New, unless the window begins inside a run of equal frames: its end decides, when it turns
    /// out to hold the whole log.
    Unproven,
}

impl Seek {
    /// Classifies the next frame of the window.
    pub fn see(&mut self, key: &Key) -> SeekStep {
        self.seen += 1;
        let first = *self.first[key.stream as usize].get_or_insert(key.time);
        let before = self.state == State::Before;
        // More of the oldest moment may have been delivered than are known.
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
        // The first of its kind may stand before the window, unless its moment begins inside.
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

    /// Whether the last frame delivered was seen.
    pub fn is_found(&self) -> bool {
        self.state == State::Found
    }

    /// Whether the end of the window decides.
    pub fn is_unproven(&self) -> bool {
        self.state == State::Unproven
    }

    /// Nothing more comes of the window. When it holds the whole log, nothing stands before it, and
    /// what was [`SeekStep::Unproven`] is new.
    pub fn end(&mut self) {
        if self.state == State::Unproven && self.is_whole() {
            self.state = State::Found;
        }
    }

    /// Whether as many frames came as the window was asked to hold.
    pub fn is_full(&self) -> bool {
        self.window.is_some_and(|window| window <= self.seen)
    }

    /// Whether the window holds the whole log, once all of it was seen.
    pub fn is_whole(&self) -> bool {
        self.window.is_none_or(|window| self.seen < window)
    }

    /// Nothing that was delivered behind `place` in the ring is missing in the window: of what was
    /// delivered before it, all that the window shows was seen already.
    fn forget_before(&mut self, place: usize) {
        for known in self.known.values_mut() {
            let before = known.places.partition_point(|at| *at < place);
            known.left = known.left.min(known.places.len() - before);
        }
    }
}
