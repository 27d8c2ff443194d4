//! Where to go on: the keys of the last frames delivered, and the search for them in a log.
//!
//! The stores that a daemon reads logs from are append-only and are read in file order, also by a
//! follow. So "behind the last frame delivered" is exactly "not delivered yet", and no clock takes
//! part. A frame is known by its [`Key`]. Frames that turn up between known ones without having
//! been delivered are late: the daemon skipped them when they were live.
//!
//! Two frames can have the same key: a container that prints one line a thousand times within
//! one tick of its clock. So known keys are counted, and a window of the log that begins in the
//! middle of such a run proves nothing: the search goes further back.

use std::collections::{HashMap, VecDeque};
use twox_hash::XxHash3_64;

use super::source::{Frame, StdStream};
use super::timestamp::Timestamp;

/// How many keys are kept: 16 KiB of them.
const KEPT: usize = 16 * 1024 / size_of::<Key>();
/// How many are saved for a later run. More than [`REORDER`], so that frames before the oldest of them are
/// known to be older. Where all of these have one timestamp, more are saved.
const SAVED: usize = 32;
/// How many are kept where the daemon doubles lines: the double may come a whole log file
/// later.
const KEPT_FOR_DOUBLES: usize = 8192;
/// The daemon may hand frames over in another order than it stores them, by a few places around a
/// change of log file. Frames this near to the oldest known key may just be older than it.
const REORDER: usize = 16;

/// What distinguishes one frame from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    time: Timestamp,
    hash: u64,
    len: u32,
    stream: StdStream,
}

impl Key {
    /// The key of a frame with this payload.
    pub fn of(frame: Frame, payload: &[u8]) -> Self {
        // The same in every version of cmon: hashes are saved in cursors.
        let hash = XxHash3_64::oneshot(payload);
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Self { time: frame.time, hash, len, stream: frame.stream }
    }

    /// A key that was saved as these parts.
    pub fn from_parts(time: Timestamp, hash: u64, len: u32, stream: StdStream) -> Self {
        Self { time, hash, len, stream }
    }

    /// The frame's timestamp.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The XXH3 hash of its payload.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The length of its payload in bytes.
    pub fn length(&self) -> u32 {
        self.len
    }

    /// Where the container wrote it.
    pub fn stream(&self) -> StdStream {
        self.stream
    }
}

/// The keys of the last frames delivered, oldest first.
#[derive(Clone, Debug)]
pub struct Anchor {
    ring: VecDeque<Key>,
    kept: usize,
    newest: Timestamp,
    /// The ring holds all that was delivered, from the beginning of the log.
    complete: bool,
}

impl Default for Anchor {
    fn default() -> Self {
        Self::new()
    }
}

impl Anchor {
    /// An empty anchor.
    pub fn new() -> Self {
        Self { ring: VecDeque::new(), kept: KEPT, newest: Timestamp::MIN, complete: true }
    }

    /// An empty anchor for a daemon that doubles lines: it keeps more keys.
    pub fn for_doubles() -> Self {
        Self { kept: KEPT_FOR_DOUBLES, ..Self::new() }
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
        let mut begin = end.saturating_sub(SAVED);
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
            margin: if self.complete { 0 } else { moments.max().unwrap_or(0).max(REORDER) },
            context: false,
            state: State::Before,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// How many frames with this key were delivered and not yet seen again.
    left: usize,
    /// Their places in the ring.
    places: Vec<usize>,
}

/// A search for the anchor in a window of the log, fed frame by frame.
#[derive(Clone, Debug)]
pub struct Seek {
    known: HashMap<Key, Known>,
    last: Option<Key>,
    window: Option<u64>,
    seen: u64,
    /// The timestamp of each output's first frame in the window.
    first: [Option<Timestamp>; 2],
    /// The timestamp of each output's oldest known frame.
    oldest: [Option<Timestamp>; 2],
    /// A frame of such a moment was seen.
    seen_oldest: bool,
    /// A known frame up to this place may have frames before it that are older than all known.
    margin: usize,
    /// A known key was seen whose moment begins inside the window: all that was delivered behind it
    /// is in the window.
    context: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
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
    /// order, it may be known all the same: ask [`Anchor::contains`].
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

#[cfg(test)]
mod tests;
