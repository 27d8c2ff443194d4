//! Reading a log past records that the daemon cannot decode; [`survey`](super::survey) finds them.

use std::sync::Arc;

use super::super::event::{EndReason, GapCause, Lines};
use super::super::source::{Container, Tail};
use super::{Goal, Map, Part, Plan, Resume, Seeking, Survey};

impl Resume {
    /// Whether the stored log must be looked at before a follow. A follow skips what is stored behind a
    /// record that cannot be decoded, without a word. Where only the age has ended the stream before,
    /// no such record has come between.
    pub fn must_survey(&self, run: &Arc<str>) -> bool {
        self.settled_run.as_ref() != Some(run)
    }

    /// The stream of this run has ended so.
    pub fn ended(&mut self, run: &Arc<str>, reason: &EndReason) {
        let by_age = *reason == EndReason::Rotated;
        self.settled_run = by_age.then(|| Arc::clone(run));
    }

    /// A survey of what is to be read next, which begins with this window.
    pub fn survey(&self, first: Tail, container: &Container) -> Survey {
        let goal = match self.plan {
            Plan::Anchored => Goal::Anchor(self.anchor.clone()),
            Plan::Start(lines) => Goal::Frames(lines),
            Plan::All | Plan::Rest => Goal::All,
        };
        Survey::new(goal, first, container.phase.is_live())
    }

    /// A survey of the last messages.
    pub fn survey_last(frames: u64, container: &Container) -> Survey {
        Survey::new(Goal::Frames(frames), Tail::Last(frames), container.phase.is_live())
    }

    /// Begins to read what a survey has found.
    pub fn surveyed(&mut self, map: &Map) {
        self.reach = None;
        self.excess = map.excess;
    }

    /// What a survey has found was read; one window can show this many records from the end.
    pub fn set_reach(&mut self, reach: Option<u64>) {
        self.reach = reach;
    }

    /// Whether the newest record cannot be decoded, so that no window shows anything.
    pub fn is_blind(&self) -> bool {
        self.reach == Some(0)
    }

    /// The window that is wanted when nothing was delivered yet.
    pub fn wanted(&self) -> Option<Tail> {
        match self.plan {
            Plan::All => Some(Tail::All),
            Plan::Start(lines) => Some(Tail::Last(lines)),
            Plan::Anchored | Plan::Rest => None,
        }
    }

    /// Leaves out the parts that were delivered when the anchor stands in none of them: it is among
    /// what cannot be decoded, or the log was rotated away. Only here the time has to decide.
    pub fn without_delivered(&self, parts: &mut Vec<Part>) {
        let Some(last) = self.anchor.last() else {
            return;
        };
        while 1 < parts.len() && parts[0].keys.last().is_none_or(|key| key.time() <= last) {
            parts.remove(0);
        }
    }

    /// What comes next stands behind records that cannot be decoded. `known`: they hold what was
    /// delivered when it was live.
    pub fn hole(&mut self, known: bool, into: &mut Lines) {
        self.assembler.flush(into);
        let told = self.hole_at == Some(self.counted.frames);
        if !known && !told && self.lost.is_none() {
            self.lost = Some(GapCause::Unreadable);
        }
    }

    /// Whether the anchor is the last message of this part.
    pub fn ends_at_anchor(&self, part: &Part) -> bool {
        part.keys.last().is_some_and(|key| self.anchor.is_last(key))
    }

    /// Begins a read in which all is new that is not known.
    pub fn open_part(&mut self, rest: bool) {
        self.seek = rest.then(|| Seeking::new(self.anchor.seek_rest()));
        self.following = false;
    }
}
