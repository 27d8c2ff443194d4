//! The ring of the last keys delivered.

use std::collections::{HashMap, VecDeque};

use super::Anchor;
use super::key::Key;
use super::seek::{Known, REORDER_MAX_FRAMES, Seek, SeekStep, State};
use crate::engine::source::StdStream;
use crate::engine::timestamp::Timestamp;

/// How many keys are kept: 16 KiB of them.
pub(super) const KEYS_MAX: usize = 16 * 1024 / size_of::<Key>();
/// How many are saved for a later run. More than [`REORDER_MAX_FRAMES`], so that frames before the oldest of them are
/// known to be older. Where all of these have one timestamp, more are saved.
const SAVED_KEYS: usize = 32;
/// How many are kept where the daemon doubles lines: the double may come a whole log file
/// later.
const DOUBLED_KEYS_MAX: usize = 8192;

impl Default for Anchor {
    fn default() -> Self {
        Self::new()
    }
}

impl Anchor {
    /// An empty anchor.
    pub fn new() -> Self {
        Self { ring: VecDeque::new(), kept: KEYS_MAX, newest: Timestamp::MIN, complete: true }
    }

    /// An empty anchor for a daemon that doubles lines: it keeps more keys.
    pub fn for_doubles() -> Self {
        Self { kept: DOUBLED_KEYS_MAX, ..Self::new() }
    }

    /// Whether nothing was delivered yet.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The timestamp of the last frame delivered.
    pub fn last(&self) -> Option<Timestamp> {
        self.ring.back().map(|key| key.time)
    }

    /// The keys that are kept, oldest first.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.ring.iter()
    }

    /// Whether these keys are all that was delivered.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The last keys before the oldest equal to `key`, for a later run, and those from there on. Without one: the
    /// last of all.
    pub fn saved_before(&self, key: Option<&Key>) -> (Vec<Key>, Vec<Key>) {
        let at = key.and_then(|key| self.ring.iter().position(|known| known == key));
        let end = at.unwrap_or(self.ring.len());
        let mut begin = end.saturating_sub(SAVED_KEYS);
        // A search needs a moment that begins among the keys.
        while 0 < begin && self.ring[begin].time == self.ring[end - 1].time {
            begin -= 1;
        }
        let range = |range| self.ring.range(range).copied().collect();
        (range(begin..end), range(end..self.ring.len()))
    }

    /// The keys that an earlier run has saved: all that it had delivered, unless
    /// [`begin_inside`](Self::begin_inside) says otherwise.
    pub fn restore(&mut self, keys: &[Key]) {
        self.replace(keys.iter().copied());
        self.complete = keys.len() <= self.kept;
    }

    /// Whether a search finds the last frame delivered in a window that shows these keys.
    pub fn is_found_in(&self, keys: &[Key]) -> bool {
        let mut seek = self.seek(Some(keys.len() as u64));
        keys.iter().for_each(|key| {
            let _: SeekStep = seek.see(key);
        });
        seek.is_found()
    }

    /// What is delivered does not begin where the log does.
    pub fn begin_inside(&mut self) {
        self.complete = false;
    }

    /// Notes a frame as delivered.
    pub fn push(&mut self, key: Key) {
        self.complete &= self.ring.len() < self.kept;
        if self.ring.len() == self.kept
            && let Some(oldest) = self.ring.pop_front()
            && oldest.time == self.newest
        {
            let newest = self.ring.iter().map(|key| key.time).max();
            self.newest = newest.unwrap_or(Timestamp::MIN);
        }
        self.newest = self.newest.max(key.time);
        self.ring.push_back(key);
    }

    /// Notes a late frame as delivered: in the log it stands before the last one.
    pub fn push_before_last(&mut self, key: Key) {
        let last = self.ring.pop_back();
        self.push(key);
        self.ring.extend(last);
    }

    /// These are the last frames delivered, in the order of the log.
    pub fn replace(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.ring.clear();
        self.newest = Timestamp::MIN;
        self.begin_inside();
        keys.into_iter().for_each(|key| self.push(key));
    }

    /// Whether a frame with this key is among the last delivered.
    pub fn contains(&self, key: &Key) -> bool {
        // Nearly every frame is newer than all before it, which spares the walk.
        key.time <= self.newest && self.ring.iter().rev().any(|known| known == key)
    }

    /// Whether all known frames of the same output are newer than this one, and there are some: it is
    /// distinguished from one whose clock went back only by its place in the log.
    pub fn is_older_than_all(&self, key: &Key) -> bool {
        let mut of_stream = self.ring.iter().filter(|known| known.stream == key.stream).peekable();
        key.time <= self.newest
            && of_stream.peek().is_some()
            && of_stream.all(|known| key.time < known.time)
    }

    /// Takes a log whose anchor is lost: every frame that is not known is new.
    pub fn seek_rest(&self) -> Seek {
        Seek { state: State::Found, ..self.seek(None) }
    }

    /// Begins a search in a window that begins behind a record that cannot be decoded: nothing that could
    /// be mistaken for its first frames stands before them.
    pub fn seek_behind_hole(&self, window: u64) -> Seek {
        Seek { context: true, ..self.seek(Some(window)) }
    }

    /// Begins a search in a window of the log: its last `window` frames, or all of it.
    pub fn seek(&self, window: Option<u64>) -> Seek {
        let mut known: HashMap<Key, Known> = HashMap::with_capacity(self.ring.len());
        for (place, key) in self.ring.iter().enumerate() {
            let entry = known.entry(*key).or_default();
            entry.left += 1;
            entry.places.push(place);
        }
        let oldest = [StdStream::Stdout, StdStream::Stderr].map(|stream| {
            let first = self.ring.iter().find(|key| key.stream == stream && !self.complete);
            first.map(|key| key.time)
        });
        let of_oldest = |key: &Key| oldest[key.stream as usize] == Some(key.time);
        let moments = (0..self.ring.len()).filter(|place| of_oldest(&self.ring[*place]));
        Seek {
            last: self.ring.back().copied(),
            known,
            window,
            seen: 0,
            first: [None; 2],
            oldest,
            seen_oldest: false,
            margin: if self.complete {
                0
            } else {
                moments.max().unwrap_or(0).max(REORDER_MAX_FRAMES)
            },
            context: false,
            state: State::Before,
        }
    }
}
