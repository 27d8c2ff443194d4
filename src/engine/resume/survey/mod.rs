//! Which windows of a stored log show all that they should: pure.
//!
//! `tail=K` begins at the K-th record from the end, whether the daemon can decode it or not. Behind a
//! record that it cannot decode, a reader of the daemon stops without a word, skips some records, or
//! reports an error (dockerd 20.10: `jsonfilelog/read.go` drops what it has buffered and goes on
//! anywhere; `local/read.go` refuses each window that reaches the record). So a window is *sound* when
//! it shows as many messages as it asks for; an unsound one holds a bad record, or more than the log.
//!
//! A survey looks at windows, keys only, until it knows the parts of the log that are needed: from the
//! newest on, each the messages between two bad records. The largest sound window is found by
//! bisection. Behind a bad record, a window shows first what stands before that record, and then what is
//! known already; so the same rule finds the next part. The caller reads the parts in file order.
//!
//! A log grows while it is looked at. Windows are kept as they would be at the first look; `shift` is how
//! many messages came since.

use std::collections::HashSet;

use super::super::anchor::{Anchor, Key, Sight};
use super::super::source::Tail;

/// The largest window that is looked at, in messages.
const LARGEST: u64 = 65_536;
/// Where all of a log is wanted, a larger one is read without a survey: the first line must not wait.
const LARGEST_FOR_ALL: u64 = 16_384;
/// Looks before the survey is content with what it has found.
const LOOKS: u32 = 600;
/// Tries to catch a log that grows between two looks.
const TRIES: u32 = 24;

/// What the survey is for.
#[derive(Clone, Debug)]
pub enum Goal {
    /// All that was written behind the anchor.
    Anchor(Anchor),
    /// The last messages.
    Frames(u64),
    /// All of the log.
    All,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read this window to its end and report its keys to [`Survey::saw`].
    Look(Tail),
    /// The survey is complete.
    Done,
}

/// Messages between two records that the daemon cannot decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The window that begins with them, as it was at the end of the survey.
    pub window: Tail,
    /// Their keys.
    pub keys: Vec<Key>,
    /// How many of them were delivered.
    pub skip: usize,
    /// The last one delivered is among them.
    pub anchored: bool,
    /// Something that cannot be read stands before them.
    pub hole_before: bool,
}

/// What a survey has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// The parts in file order; the last one reaches the end of the log.
    pub parts: Vec<Part>,
    /// Where the goal stands.
    pub reached: Reached,
    /// How many records from the end can be read in one window, where that is limited.
    pub reach: Option<u64>,
    /// How many more messages than it asked for a window has shown: two records of one line count once.
    pub excess: u64,
}

/// Whether the goal of a survey was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The anchor stands in the last part, as a search in its window finds.
    AnchorInLast,
    /// The anchor stands in the first part, or what follows it does.
    AnchorInFirst,
    /// The wanted messages are there.
    Wanted,
    /// The one part is the whole log; its window asks for more.
    Whole,
    /// Nothing before the first part can be read.
    Begin,
    /// Larger windows were not looked at.
    Limit,
}

/// The part that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// How far the part goes that begins behind `base`.
    Extent,
    /// Where the next part begins: behind `base` stands what cannot be read.
    Beginning,
    /// Whether a much larger window shows no more either.
    Confirm,
    /// How much the log has grown, before an unsound look is believed.
    Growth,
    /// Whether the part ends where it seems to, on a log that grows.
    Closing,
    /// What a read of everything shows that no window did.
    Everything,
    Over(Reached),
}

/// A survey of a log.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Survey {
    goal: Goal,
    largest: u64,
    /// The container may write meanwhile.
    live: bool,
    stage: Stage,
    looks: u32,
    tries: u32,
    /// From the newest on.
    parts: Vec<Part>,
    /// The keys of `parts`.
    known: HashSet<Key>,
    /// How many keys `parts` have.
    total: usize,
    /// The newest message of the first part when it was closed.
    end: Option<Key>,
    /// Messages behind `end`.
    shift: u64,
    /// Records from the end that are settled: those of `parts`, and the bad ones between.
    base: u64,
    /// The largest sound window, and its keys that are not in `parts`.
    sound: (u64, Vec<Key>),
    /// The smallest window that is not sound.
    unsound: Option<u64>,
    /// How many new keys an unsound window showed, and the first of them.
    shown: Option<(u64, Key)>,
    /// The window to look at next.
    next: u64,
    /// The window of the part under way shows all parts after it.
    joined: bool,
    /// A much larger window was looked at, as none had shown anything.
    confirmed: bool,
    /// The last look ended with an error.
    failed: bool,
    /// A window above `largest` may end the daemon.
    fatal: bool,
    excess: u64,
}

impl Survey {
    /// A survey that begins with this window, and asks for none above `limit`.
    pub fn new(goal: Goal, first: Tail, live: bool, limit: Option<u64>) -> Self {
        let largest = if matches!(goal, Goal::All) { LARGEST_FOR_ALL } else { LARGEST };
        let largest = limit.map_or(largest, |limit| largest.min(limit));
        let next = match (&goal, first) {
            (Goal::Frames(frames), _) => *frames,
            (_, Tail::Last(frames)) => frames,
            (_, Tail::All) => 4096,
        };
        Self {
            goal,
            largest,
            live,
            stage: Stage::Extent,
            looks: 0,
            tries: 0,
            parts: Vec::new(),
            known: HashSet::new(),
            total: 0,
            end: None,
            shift: 0,
            base: 0,
            sound: (0, Vec::new()),
            unsound: None,
            shown: None,
            next: next.clamp(1, largest),
            joined: true,
            confirmed: false,
            failed: false,
            fatal: limit.is_some(),
            excess: 0,
        }
    }

    /// What to do next.
    pub fn step(&self) -> Step {
        match self.stage {
            Stage::Over(_) => Step::Done,
            Stage::Growth => Step::Look(Tail::Last(self.first_window())),
            Stage::Everything => Step::Look(Tail::All),
            Stage::Confirm => Step::Look(Tail::Last(self.largest)),
            _ => Step::Look(Tail::Last(self.next + self.shift)),
        }
    }

    /// Takes the keys that the window of [`step`](Self::step) has shown.
    /// `failed`: the daemon reported an error, so that there is more than was shown.
    pub fn saw(&mut self, keys: Vec<Key>, failed: bool) {
        self.looks += 1;
        self.failed = failed;
        if LOOKS < self.looks {
            return self.over(Reached::Begin);
        }
        if let Some(end) = self.end
            && let Some(at) = keys.iter().rposition(|key| *key == end)
        {
            let shift = (keys.len() - 1 - at) as u64;
            let grown = std::mem::replace(&mut self.shift, shift) != shift;
            let again = grown && self.tries < TRIES;
            self.tries += u32::from(again);
            match self.stage {
                Stage::Growth => {
                    self.stage = Stage::Extent;
                    return if again { self.shown = None } else { self.believe() };
                }
                // The window was chosen for a shorter log.
                Stage::Extent | Stage::Beginning if again => return,
                _ => {}
            }
        }
        match self.stage {
            Stage::Extent => self.saw_extent(keys),
            Stage::Beginning => self.saw_beginning(&keys),
            Stage::Closing => self.saw_closing(keys),
            Stage::Confirm => self.saw_confirm(&keys),
            Stage::Everything => self.saw_everything(keys),
            Stage::Growth => self.missed_end(keys.len() as u64),
            Stage::Over(_) => {}
        }
    }

    /// What was found.
    pub fn finish(self) -> Map {
        let Stage::Over(reached) = self.stage else {
            return Map { parts: Vec::new(), reached: Reached::Limit, reach: None, excess: 0 };
        };
        let shift = self.shift;
        let moved = |mut part: Part| {
            if let Tail::Last(window) = &mut part.window {
                *window += shift;
            }
            part
        };
        let parts: Vec<Part> = self.parts.into_iter().rev().map(moved).collect();
        let hole = 0 < self.base || self.unsound.is_some() || self.fatal;
        let limited = reached != Reached::Whole && hole;
        let last = parts.last().filter(|_| limited);
        let reach = last.and_then(|part| match part.window {
            Tail::Last(window) => Some(window),
            Tail::All => None,
        });
        Map { parts, reached, reach, excess: self.excess }
    }
}

/// The steps.
impl Survey {
    /// The first part has grown by more than its window, or the log was rotated away meanwhile.
    fn missed_end(&mut self, shown: u64) {
        self.tries += 1;
        if self.tries <= TRIES {
            self.shift += shown.max(1);
            return;
        }
        let (window, fresh) = std::mem::take(&mut self.sound);
        if self.base < window {
            self.push(window, fresh, self.joined);
        }
        self.over(Reached::Begin);
    }

    /// The window of the first part at this moment.
    fn first_window(&self) -> u64 {
        match self.parts.first().map(|part| part.window) {
            Some(Tail::Last(window)) => window + self.shift,
            _ => 1,
        }
    }

    /// The keys that no part has, from the front; and whether all parts follow them.
    fn fresh(&self, mut keys: Vec<Key>) -> (Vec<Key>, bool) {
        let fresh = keys.iter().position(|key| self.known.contains(key)).unwrap_or(keys.len());
        let joined = self.total as u64 + self.shift <= (keys.len() - fresh) as u64;
        keys.truncate(fresh);
        (keys, joined)
    }

    fn saw_extent(&mut self, keys: Vec<Key>) {
        let window = self.next;
        let (fresh, joined) = self.fresh(keys);
        let count = fresh.len() as u64;
        if window - self.base <= count {
            if self.base == 0 {
                self.excess = self.excess.max(count - window);
            }
            let whole = self.shown.is_some_and(|(count, first)| {
                window == self.base + count && fresh.first() == Some(&first)
            });
            if self.is_enough(window, &fresh) {
                // The larger window that begins with the same message is as good, and has room.
                let room = self.unsound.take_if(|_| whole && self.base == 0);
                return self.close(room.unwrap_or(window), fresh, joined);
            }
            self.sound = (window, fresh);
            self.joined = joined;
            if whole {
                self.stage = Stage::Confirm;
                return;
            }
            return self.look_on();
        }
        self.shown = fresh.first().map(|first| (count, *first));
        if self.live && self.end.is_some() && !joined {
            self.stage = Stage::Growth;
            return;
        }
        self.believe();
    }

    /// The unsound look at `next` stands.
    fn believe(&mut self) {
        self.unsound = Some(self.unsound.map_or(self.next, |unsound| unsound.min(self.next)));
        let nothing = self.shown.is_none() && self.sound.0 == 0 && self.parts.is_empty();
        if nothing && !self.failed && !std::mem::replace(&mut self.confirmed, true) {
            // Perhaps there is nothing at all.
            self.stage = Stage::Confirm;
            return;
        }
        self.look_on();
    }

    /// A larger window begins with the same message, or is empty too: then nothing stands before it.
    fn saw_confirm(&mut self, keys: &[Key]) {
        self.stage = Stage::Extent;
        self.shown = None;
        let fresh = keys.iter().position(|key| self.known.contains(key)).unwrap_or(keys.len());
        if self.failed || keys[..fresh].first() != self.sound.1.first() {
            return self.look_on();
        }
        let (window, fresh) = std::mem::take(&mut self.sound);
        if !self.parts.is_empty() {
            self.push(window, fresh, self.joined);
            return self.over(Reached::Begin);
        }
        self.push(self.largest.max(window + 1), fresh, true);
        self.over(Reached::Whole);
    }

    /// Chooses the next window between the largest sound one and the smallest that is not.
    fn look_on(&mut self) {
        let sound = self.sound.0.max(self.base);
        let Some(unsound) = self.unsound else {
            if self.largest <= sound {
                let (window, fresh) = std::mem::take(&mut self.sound);
                self.push(window, fresh, self.joined);
                if self.fatal
                    && let Some(oldest) = self.parts.last_mut()
                {
                    oldest.hole_before = true;
                }
                let free = self.base == 0 && !self.fatal;
                let reached = if free { Reached::Limit } else { Reached::Begin };
                return self.over(reached);
            }
            self.next = (4 * sound).clamp(sound + 1, self.largest);
            return;
        };
        if unsound <= sound + 1 {
            if self.live && self.base == 0 && self.tries < TRIES {
                self.stage = Stage::Closing;
                self.next = sound + 1;
                return;
            }
            return self.close_at_hole();
        }
        let shown = self.shown.take().filter(|(count, _)| {
            let window = self.base + count;
            sound < window && window < unsound
        });
        self.next = match shown {
            Some((count, _)) => {
                // Perhaps the log holds no more than was shown.
                self.shown = shown;
                self.base + count
            }
            None => sound + (unsound - sound) / 2,
        };
    }

    /// The part seems to end at `sound`. It does when the next larger window is unsound still: had the log
    /// grown since the sound look, that window would have become sound.
    fn saw_closing(&mut self, keys: Vec<Key>) {
        self.tries += 1;
        let next = self.sound.0 + 1;
        if self.next <= keys.len() as u64 {
            let before = self.sound.1.last();
            let known = keys.iter().rposition(|key| before == Some(key));
            let grown = known.map_or(0, |at| keys.len() - 1 - at) as u64;
            self.sound = (self.next, keys);
            self.next += 1 + grown;
        } else if self.next == next {
            return self.close_at_hole();
        } else {
            self.next = next;
        }
        if TRIES < self.tries {
            self.close_at_hole();
        }
    }

    /// The part under way ends at its largest sound window; a bad record stands before it.
    fn close_at_hole(&mut self) {
        let (window, fresh) = std::mem::take(&mut self.sound);
        let window = window.max(self.base);
        if self.base < window {
            self.push(window, fresh, self.joined);
            if self.parts.len() == 1 && self.is_anchored() {
                self.base = window + 1;
                return self.over(Reached::AnchorInFirst);
            }
        } else if self.base == 0 {
            // The newest record is the bad one.
            self.push(0, Vec::new(), true);
        }
        self.base = window + 1;
        self.sound = (self.base, Vec::new());
        self.unsound = None;
        self.shown = None;
        self.stage = Stage::Beginning;
        self.next = self.base + 1;
        if self.largest < self.next {
            self.look_at_everything();
        }
    }

    /// No window that may be asked for shows more.
    fn look_at_everything(&mut self) {
        self.stage = Stage::Everything;
        if self.fatal {
            self.over(Reached::Begin);
        }
    }

    fn saw_beginning(&mut self, keys: &[Key]) {
        if keys.first().is_some_and(|key| !self.known.contains(key)) {
            self.unsound = Some(self.next);
        } else {
            // `sound` counts here what shows nothing.
            self.sound.0 = self.sound.0.max(self.next);
        }
        self.look_for_beginning();
    }

    /// Finds the smallest window that shows something before the bad records.
    fn look_for_beginning(&mut self) {
        let (empty, shows) = (self.sound.0, self.unsound);
        match shows {
            None if self.largest <= empty => self.look_at_everything(),
            None => self.next = (self.base + 2 * (empty - self.base).max(1)).min(self.largest),
            Some(shows) if shows <= empty + 1 => {
                self.base = shows - 1;
                self.sound = (self.base, Vec::new());
                self.unsound = None;
                self.stage = Stage::Extent;
                self.next = shows;
            }
            Some(shows) => self.next = empty + (shows - empty) / 2,
        }
    }

    /// No window shows more. A read of everything does in some drivers.
    fn saw_everything(&mut self, keys: Vec<Key>) {
        let (fresh, joined) = self.fresh(keys);
        if !fresh.is_empty() {
            self.joined = joined;
            self.push_part(Tail::All, fresh, joined);
            if self.anchor_in(self.parts.len() - 1) {
                return self.over(Reached::AnchorInFirst);
            }
        }
        self.over(Reached::Begin);
    }

    /// Whether a sound window is all that the goal asks for.
    fn is_enough(&self, window: u64, fresh: &[Key]) -> bool {
        match &self.goal {
            Goal::Anchor(anchor) if self.parts.is_empty() => is_found(anchor, window, fresh),
            Goal::Anchor(anchor) => fresh.iter().any(|key| anchor.contains(key)),
            Goal::Frames(frames) => *frames <= (self.total + fresh.len()) as u64,
            Goal::All => false,
        }
    }

    /// The goal is reached with this part.
    fn close(&mut self, window: u64, fresh: Vec<Key>, joined: bool) {
        self.push(window, fresh, joined);
        let reached = match &self.goal {
            Goal::Anchor(_) if self.parts.len() == 1 => Reached::AnchorInLast,
            Goal::Anchor(_) => {
                self.anchor_in(self.parts.len() - 1);
                Reached::AnchorInFirst
            }
            _ => Reached::Wanted,
        };
        self.over(reached);
    }

    /// Notes how much of a part was delivered; whether any was.
    fn anchor_in(&mut self, part: usize) -> bool {
        let Goal::Anchor(anchor) = &self.goal else {
            return false;
        };
        let part = &mut self.parts[part];
        let place = place(anchor, &part.keys);
        part.anchored = place.is_some();
        // The last one delivered may itself be among what cannot be decoded.
        let known = || part.keys.iter().rposition(|key| anchor.contains(key)).map(|at| at + 1);
        let skip = place.or_else(known);
        part.skip = skip.unwrap_or(0);
        skip.is_some()
    }

    /// Whether the last message delivered is in the newest part. Nothing that can be read stands before
    /// that, so equal messages can be counted, as in a window that holds the whole log.
    fn is_anchored(&mut self) -> bool {
        let Goal::Anchor(anchor) = &self.goal else {
            return false;
        };
        place(anchor, &self.parts[0].keys).is_some() && self.anchor_in(0)
    }

    fn push(&mut self, window: u64, keys: Vec<Key>, joined: bool) {
        self.push_part(Tail::Last(window), keys, joined);
    }

    fn push_part(&mut self, window: Tail, keys: Vec<Key>, joined: bool) {
        if let Some(after) = self.parts.last_mut() {
            after.hole_before = !joined;
        } else {
            self.end = keys.last().copied();
        }
        self.known.extend(&keys);
        self.total += keys.len();
        self.parts.push(Part { window, keys, skip: 0, anchored: false, hole_before: false });
    }

    fn over(&mut self, reached: Reached) {
        if reached == Reached::Begin
            && self.stage == Stage::Everything
            && let Some(oldest) = self.parts.last_mut()
            && oldest.window != Tail::All
        {
            oldest.hole_before = true;
        }
        self.stage = Stage::Over(reached);
    }
}

/// How many keys of a part end with the last message delivered, where it is among them.
fn place(anchor: &Anchor, keys: &[Key]) -> Option<usize> {
    let mut seek = anchor.seek(None);
    let found = |key: &Key| {
        let _: Sight = seek.see(key);
        seek.is_found()
    };
    keys.iter().position(found).map(|at| at + 1)
}

/// Whether a search finds the anchor in a sound window.
fn is_found(anchor: &Anchor, window: u64, keys: &[Key]) -> bool {
    let mut seek = anchor.seek(Some(window.max(keys.len() as u64)));
    keys.iter().for_each(|key| {
        let _: Sight = seek.see(key);
    });
    seek.is_found()
}

#[cfg(test)]
mod tests;
