//! What is known of records that the daemon cannot decode, and what that means for the next window;
//! [`survey`](super::survey) finds them.

use std::sync::Arc;

use super::survey::{Before, Goal, Map, Part};
use super::{Plan, Resume, Seeking};
use crate::engine::event::{EndReason, GapCause, Lines};
use crate::engine::source::{Container, Frames, Tail};

/// What is known of a log before anything of it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAge {
    /// It began with this run, and the daemon that wrote it has not ended since.
    New(Arc<str>),
    /// Anything may have happened to it.
    Old,
}

/// How many of the newest records one window can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that there are.
    All,
    /// At least this many.
    Known(u64),
    /// This many: a record that cannot be decoded stands before them.
    Hole(u64),
}

impl Reach {
    /// One more record can be read.
    pub(super) fn delivered(&mut self) {
        match self {
            Reach::All => {}
            Reach::Known(frames) | Reach::Hole(frames) => *frames += 1,
        }
    }
}

impl Resume {
    /// Whether nothing has ruled out yet that this log holds records that cannot be decoded. Only the
    /// crash of a daemon or of its machine, a full disk or somebody else leaves such records behind. So
    /// within one run, a stream that follows one that only got old need not look again.
    pub fn may_be_damaged(&self, container: &Container) -> bool {
        let in_files = matches!(&*container.driver, "json-file" | "local");
        // Where files last no time, what is looked at first is gone before it is read.
        in_files && self.trusted.as_ref() != Some(&container.started_at) && !self.is_hopeless()
    }

    /// What is stored can be read, and was, as far back as `reach`. `newest`: whether the newest record can.
    pub fn trust(&mut self, container: &Container, reach: Reach, newest: Proven) {
        self.is_short = false;
        self.trusted = Some(Arc::clone(&container.started_at));
        self.reach = reach;
        self.must_prove = newest == Proven::No && container.ran_before;
    }

    /// All of the log was seen a moment ago, and it is short: the next stream may begin where the log does.
    pub fn saw_short_log(&mut self) {
        self.is_short = true;
    }

    /// The store shows nothing where the newest record stands, although something was delivered. Says whether that
    /// is news.
    pub fn newest_is_unreadable(&mut self) -> bool {
        let news = self.trusted.is_some() && !self.anchor.is_empty() && self.reach == Reach::All;
        if news {
            self.reach = Reach::Hole(0);
        }
        news
    }

    /// The newest record cannot be decoded: what comes next stands behind it. With json-file, it takes the next line
    /// with it. Else nothing is missing where no stored line was wanted.
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

    /// The log must be looked at again.
    pub fn distrust(&mut self) {
        self.trusted = None;
        self.reach = Reach::All;
    }

    /// A stream has ended so.
    pub fn ended(&mut self, reason: &EndReason) {
        let in_order = [EndReason::Rotated, EndReason::Eof, EndReason::Cancelled];
        if !in_order.contains(reason) {
            self.distrust();
        }
    }

    /// What a survey has to find.
    pub fn goal(&self) -> Goal {
        match self.plan {
            Plan::Anchored => Goal::Anchor(self.anchor.clone()),
            Plan::Start(lines) => Goal::Frames(lines),
            Plan::Since | Plan::All | Plan::Rest => Goal::All,
        }
    }

    /// The window that shows all that is wanted of a log without bad records.
    pub fn wanted(&self) -> Tail {
        match self.plan {
            Plan::Start(lines) => Tail::Last(lines),
            _ => Tail::All,
        }
    }

    /// The window for what is read next, cut to what one window can show.
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

    /// What was not delivered of these parts, each with how many of its messages were; and whether lines
    /// are missing before the first.
    pub fn undelivered(&self, map: &Map) -> (Vec<(Part, usize)>, bool) {
        let known = |part: &Part| part.keys.iter().rposition(|key| self.anchor.contains(key));
        let anchored = map.parts.iter().rposition(|part| known(part).is_some());
        let parts = map.parts.iter().skip(anchored.unwrap_or(0));
        let parts = parts.map(|part| (part.clone(), known(part).map_or(0, |at| at + 1)));
        let lost = !self.anchor.is_empty() || map.before == Before::Unreadable;
        (parts.collect(), anchored.is_none() && lost)
    }

    /// What comes next stands behind a record that cannot be decoded.
    pub fn hole(&mut self, into: &mut Lines) {
        self.assembler.flush(into);
        self.lost = Some(GapCause::Unreadable);
    }

    /// Appends lines that the daemon skipped when it was their turn. What is known of the log's end stays as it is.
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

    /// All of these parts was delivered, and nothing behind them. So what came late is not taken for new again.
    pub fn delivered_up_to_here(&mut self, parts: &[Part]) {
        self.anchor.replace(parts.iter().flat_map(|part| part.keys.iter().copied()));
    }

    /// Begins to read a part: all of it is new. Or, when no part could be found, all that is not known is.
    pub fn open_part(&mut self, part: Known) {
        self.seek = match part {
            Known::Nothing => None,
            Known::Anchor => Some(Seeking::new(self.anchor.seek_rest())),
        };
        self.following = false;
    }
}

/// Whether the newest record is known to be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// It is.
    Yes,
    /// A follow has to prove that it has not missed what came behind a bad one.
    No,
}

/// What of a part was delivered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// What the anchor knows.
    Anchor,
}
