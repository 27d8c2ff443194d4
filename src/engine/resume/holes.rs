//! Records that the daemon cannot decode, as far as they are known, and their effect on the next window;
//! [`survey`](super::survey) finds them.

use std::sync::Arc;

use super::survey::{Before, Goal, Map, Part};
use super::{Plan, Resume, Seeking};
use crate::engine::event::{EndReason, GapCause, Lines};
use crate::engine::source::{Container, Frames, ReadMode, Tail};

/// What is known of a log before the first read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAge {
    /// The log began with this run, and its daemon has not restarted since.
    New(Arc<str>),
    /// Nothing is known.
    Old,
}

/// How many of the newest records one window can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All records.
    All,
    /// At least this number.
    Known(u64),
    /// This number: a record that cannot be decoded stands before them.
    Hole(u64),
}

impl Reach {
    /// Counts one more readable record.
    pub(super) fn delivered(&mut self) {
        match self {
            Reach::All => {}
            Reach::Known(frames) | Reach::Hole(frames) => *frames += 1,
        }
    }
}

impl Resume {
    /// Whether this log may hold records that cannot be decoded. Only a crash of the daemon or the machine, a full
    /// disk or another program leaves such records behind. So within one run, a stream need not check again after
    /// a rotation.
    pub fn may_be_damaged(&self, container: &Container) -> bool {
        let in_files = matches!(&*container.driver, "json-file" | "local");
        // If files fill almost at once, the first windows are gone before they are read.
        in_files && self.trusted.as_ref() != Some(&container.started_at) && !self.is_hopeless()
    }

    /// Records that all stored messages back to `reach` were read. `newest`: whether the newest record is readable.
    pub fn trust(&mut self, container: &Container, reach: Reach, newest: Proven) {
        self.is_short = false;
        self.trusted = Some(Arc::clone(&container.started_at));
        self.reach = reach;
        self.next_proof = if container.ran_before { newest } else { Proven::Yes };
    }

    /// Records that all of a short log was seen a moment ago: the next stream may begin where the log does.
    pub fn saw_short_log(&mut self) {
        self.is_short = true;
    }

    /// Records that the store shows no message at its newest record, although some were delivered. Returns whether
    /// that is new.
    pub fn newest_is_unreadable(&mut self) -> bool {
        let news = self.trusted.is_some() && !self.anchor.is_empty() && self.reach == Reach::All;
        if news {
            self.reach = Reach::Hole(0);
        }
        news
    }

    /// Records that the newest record cannot be decoded, so the next message stands behind it. With json-file, it takes
    /// the next line with it. Otherwise nothing is missing if no stored line was wanted.
    pub fn hole_at_end(&mut self, container: &Container) {
        let swallows = &*container.driver == "json-file";
        let wanted = !self.anchor.is_empty() || !matches!(self.plan, Plan::Start(0));
        if swallows || wanted {
            self.lost.get_or_insert(GapCause::Unreadable);
        }
    }

    /// Whether the newest records stand behind one that cannot be decoded.
    pub fn is_behind_hole(&self) -> bool {
        matches!(self.reach, Reach::Hole(_))
    }

    /// Records that the log must be checked again.
    pub fn distrust(&mut self) {
        self.trusted = None;
        self.reach = Reach::All;
    }

    /// Records the end reason of a stream.
    pub fn ended(&mut self, reason: &EndReason) {
        let in_order = [EndReason::Rotated, EndReason::Eof, EndReason::Cancelled];
        if !in_order.contains(reason) {
            self.distrust();
        }
    }

    /// The goal of a survey.
    pub fn goal(&self) -> Goal {
        match self.plan {
            Plan::Anchored => Goal::Anchor(self.anchor.clone()),
            Plan::Start(lines) => Goal::Frames(lines),
            Plan::Since | Plan::All | Plan::Rest => Goal::All,
        }
    }

    /// The window of all wanted messages in a log without bad records.
    pub fn wanted(&self) -> Tail {
        match self.plan {
            Plan::Start(lines) => Tail::Last(lines),
            _ => Tail::All,
        }
    }

    /// The window of the next read, limited to what one window can show.
    pub(super) fn within_reach(&mut self, window: Tail) -> Tail {
        let (Reach::Known(reach) | Reach::Hole(reach)) = self.reach else {
            return window;
        };
        let frames = match window {
            Tail::Last(frames) if frames <= reach => return window,
            Tail::All if self.reach == Reach::Known(reach) => return window,
            _ => reach,
        };
        let window = self.open_window(Tail::Last(frames));
        if let (Reach::Hole(_), Plan::Anchored) = (self.reach, self.plan) {
            let seek = (0 < frames).then(|| self.anchor.seek_behind_hole(frames));
            self.seek = seek.map(Seeking::new);
        }
        window
    }

    /// The undelivered messages of these parts, each with the number of its delivered ones; and whether lines
    /// are missing before the first part.
    pub fn undelivered(&self, map: &Map) -> (Vec<(Part, usize)>, bool) {
        let known = |part: &Part| part.keys.iter().rposition(|key| self.anchor.contains(key));
        let anchored = map.parts.iter().rposition(|part| known(part).is_some());
        let parts = map.parts.iter().skip(anchored.unwrap_or(0));
        let parts = parts.map(|part| (part.clone(), known(part).map_or(0, |at| at + 1)));
        let lost = !self.anchor.is_empty() || map.before == Before::Unreadable;
        (parts.collect(), anchored.is_none() && lost)
    }

    /// Records that the next message stands behind a record that cannot be decoded.
    pub fn hole(&mut self, into: &mut Lines) {
        self.assembler.flush(into);
        self.lost = Some(GapCause::Unreadable);
    }

    /// Appends late lines that the daemon had skipped. The state of the log's end does not change.
    pub fn skipped(&mut self, frames: &Frames, into: &mut Lines) {
        let mut assembler = self.assembler.anew();
        for (frame, payload) in frames.iter() {
            self.counted.frames += 1;
            self.counts.recovered += 1;
            if self.outputs.has(frame) {
                assembler.push(frame, payload, into);
            }
        }
        assembler.flush(into);
        into.mark_recovered();
    }

    /// Records all messages of these parts as delivered, and none behind them. So a late message does not count as new.
    pub fn delivered_up_to_here(&mut self, parts: &[Part]) {
        self.anchor.replace(parts.iter().flat_map(|part| part.keys.iter().copied()));
    }

    /// Begins to read a part: all of it is new. Without a part, all unknown messages are new.
    pub fn open_part(&mut self, part: Known) {
        self.seek = match part {
            Known::Nothing => None,
            Known::Anchor => Some(Seeking::new(self.anchor.seek_rest())),
        };
        self.mode = ReadMode::Once;
    }
}

/// Whether the newest record is known to be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// It is readable.
    Yes,
    /// Unknown: a follow must prove that it has not missed messages behind a bad one.
    No,
}

/// Which messages of a part were delivered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// None.
    Nothing,
    /// Those in the anchor.
    Anchor,
}
