//! The saved position: how a later run continues behind this one.

use std::collections::VecDeque;

use super::{Plan, Resume};
use crate::engine::anchor::Key;
use crate::engine::backlog::Range;
use crate::engine::event::Lines;
use crate::engine::position::{Place, Position};
use crate::engine::source::StdStream;
use crate::engine::trail::{Trail, Use};

/// The records for a later run.
#[derive(Clone, Debug, Default)]
pub(super) struct Saving {
    /// The position differs from the last one that was taken.
    changed: bool,
    trail: Trail,
    /// Frames behind the restored position that an earlier run has delivered.
    beyond: VecDeque<Key>,
}

impl Resume {
    /// Begins to record the position for a later run. Only a container that is shown from its beginning has one
    /// already.
    #[must_use]
    pub fn saving(mut self) -> Self {
        self.saving = Some(Saving { changed: true, ..Saving::default() });
        self
    }

    /// Continues behind an earlier run. The requested times are for other containers.
    #[must_use]
    pub fn restored(mut self, position: &Position) -> Self {
        self.outputs.range = Range::default();
        self.anchor.restore(&position.keys);
        if !position.complete {
            self.anchor.begin_inside();
        }
        self.plan = match position.place {
            Place::Beginning => Plan::All,
            Place::Behind => Plan::Anchored,
            Place::Rest => Plan::Rest,
        };
        for stream in [StdStream::Stdout, StdStream::Stderr] {
            if let Some(part) = position.begun[stream as usize] {
                self.assembler.begin(stream, part);
            }
        }
        let beyond = position.beyond.iter().copied().collect();
        self.saving = Some(Saving { beyond, ..Saving::default() });
        self
    }

    /// Whether a later run needs the position.
    pub fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// The position, if it has changed since the last call.
    pub fn take_position(&mut self) -> Option<Box<Position>> {
        let saving = self.saving.as_mut()?;
        let place = match self.plan {
            // The search for the first lines is not over.
            Plan::Start(_) | Plan::Since => return None,
            Plan::All => Place::Beginning,
            Plan::Rest if self.lost.is_none() => Place::Rest,
            Plan::Anchored | Plan::Rest => Place::Behind,
        };
        if !std::mem::take(&mut saving.changed) {
            return None;
        }
        let open = saving.trail.open_frames(self.assembler.open());
        let (keys, mut beyond) = self.anchor.saved_before(open.first.as_ref());
        let mut open_keys = open.keys;
        beyond.retain(|key| match open_keys.iter().position(|open| open == key) {
            Some(at) => {
                open_keys.remove(at);
                false
            }
            None => true,
        });
        beyond.extend(saving.beyond.iter().copied());
        let mut begun = self.assembler.begun();
        for (part, skip) in begun.iter_mut().zip(open.skip) {
            if let Some(part) = part {
                part.skip = part.skip.max(skip);
            }
        }
        let complete = self.anchor.is_complete() && self.anchor.keys().take(keys.len()).eq(&keys);
        // An open line may begin where the log does.
        let place = if keys.is_empty() { Place::Beginning } else { place };
        Some(Box::new(Position { place, keys, complete, beyond, begun }))
    }

    /// The position differs from the last one that was taken.
    pub(super) fn place_changed(&mut self) {
        if let Some(saving) = &mut self.saving {
            saving.changed = true;
        }
    }

    /// Records the frames of a first view. A line that is open from its beginning on is delivered: a position
    /// behind all frames can be found again, and one before them cannot.
    pub(super) fn viewed_keys(&mut self, keys: &[Key], into: &mut Lines) {
        if let Some(saving) = &mut self.saving {
            let step = |key: &Key| {
                let is_wanted = self.outputs.has_at(key.stream(), key.time());
                (*key, if is_wanted { Use::Joined } else { Use::Skipped })
            };
            saving.trail.replace(keys.iter().map(step), self.assembler.open());
            saving.changed = true;
            let is_all = !keys.is_empty() && saving.trail.len() == keys.len();
            if is_all || saving.trail.is_full() {
                self.assembler.hand_on_open(into);
                saving.trail.trim([0; 2]);
            }
        }
    }

    /// Whether an earlier run delivered this frame, although it stands behind the restored position.
    pub(super) fn was_delivered_beyond(&mut self, key: &Key) -> bool {
        let Some(saving) = self.saving.as_mut().filter(|saving| !saving.beyond.is_empty()) else {
            return false;
        };
        let at = saving.beyond.iter().position(|known| known == key);
        at.is_some_and(|at| saving.beyond.remove(at).is_some())
    }

    /// Records the result of a frame.
    pub(super) fn follow_trail(&mut self, key: Key, use_: Use, into: &mut Lines) {
        let Some(saving) = &mut self.saving else {
            return;
        };
        saving.changed = true;
        let open = self.assembler.open();
        if saving.trail.is_empty() && open == [0; 2] {
            return;
        }
        saving.trail.push(key, use_, open);
        if saving.trail.is_full() {
            self.assembler.hand_on_open(into);
            saving.trail.trim(self.assembler.open());
        }
    }
}
