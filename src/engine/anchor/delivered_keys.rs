//! The ring of the last delivered keys.

use std::collections::{HashMap, VecDeque};

use super::Anchor;
use super::key::Key;
use super::seek::{Known, REORDER_MAX_FRAMES, Seek, SeekStep, State};
use crate::engine::source::StdStream;
use crate::engine::timestamp::Timestamp;

/// The size of the ring: 16 KiB.
pub(super) const KEYS_MAX: usize = 16 * 1024 / size_of::<Key>();
/// The number of keys saved for a later run. More than [`REORDER_MAX_FRAMES`], so that frames before the oldest of
/// them are known to be older. If all of these have one timestamp, more are saved.
const SAVED_KEYS: usize = 32;
/// The size of the ring if the daemon repeats lines: the repetition may come a whole log file later.
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

    /// An empty anchor for a daemon that repeats lines: it keeps more keys.
    pub fn for_doubles() -> Self {
        Self { kept: DOUBLED_KEYS_MAX, ..Self::new() }
    }

    /// Whether no frame was delivered yet.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The timestamp of the last delivered frame.
    pub fn last(&self) -> Option<Timestamp> {
        self.ring.back().map(|key| key.time)
    }

    /// The keys in the ring, oldest first.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.ring.iter()
    }

    /// Whether these keys are all delivered frames.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The last keys before the oldest one equal to `key`, for a later run, and those from there on. `None`: the
    /// last keys of all.
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

    /// An anchor of the keys that an earlier run saved: all delivered frames, unless
    /// [`begin_inside`](Self::begin_inside) says otherwise.
    pub fn restore(&mut self, keys: &[Key]) {
        self.replace(keys.iter().copied());
        self.complete = keys.len() <= self.kept;
    }

    /// Whether a search finds the last delivered frame in a window with these keys.
    pub fn is_found_in(&self, keys: &[Key]) -> bool {
        let mut seek = self.seek(Some(keys.len() as u64));
        keys.iter().for_each(|key| {
            let _: SeekStep = seek.see(key);
        });
        seek.is_found()
    }

    /// Records that the delivered frames do not begin where the log does.
    pub fn begin_inside(&mut self) {
        self.complete = false;
    }

    /// Records a frame as delivered.
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

    /// Records a late frame as delivered: in the log it stands before the last one.
    pub fn push_before_last(&mut self, key: Key) {
        let last = self.ring.pop_back();
        self.push(key);
        self.ring.extend(last);
    }

    /// Replaces the ring with the last delivered frames, in the order of the log.
    pub fn replace(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.ring.clear();
        self.newest = Timestamp::MIN;
        self.begin_inside();
        keys.into_iter().for_each(|key| self.push(key));
    }

    /// Whether the last delivered frames include one with this key.
    pub fn contains(&self, key: &Key) -> bool {
        // Nearly every frame is newer than all before it, so the ring need not be walked.
        key.time <= self.newest && self.ring.iter().rev().any(|known| known == key)
    }

    /// Whether there are known frames of the same output and all are newer than this one. Only its place in the
    /// log distinguishes such a frame from one whose clock went back.
    pub fn is_older_than_all(&self, key: &Key) -> bool {
        let mut of_stream = self.ring.iter().filter(|known| known.stream == key.stream).peekable();
        key.time <= self.newest
            && of_stream.peek().is_some()
            && of_stream.all(|known| key.time < known.time)
    }

    /// Begins after the anchor was lost: every unknown frame is new.
    pub fn seek_rest(&self) -> Seek {
        Seek { state: State::Found, ..self.seek(None) }
    }

    /// Begins a search in a window behind a record that cannot be decoded: no frame before the window could be
    /// mistaken for its first ones.
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
