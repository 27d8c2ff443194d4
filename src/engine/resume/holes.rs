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
        Survey::new(goal, first, container.phase.is_live(), self.fatal.limit())
    }

    /// A survey of the last messages.
    pub fn survey_last(&self, frames: u64, container: &Container) -> Survey {
        let (goal, live) = (Goal::Frames(frames), container.phase.is_live());
        Survey::new(goal, Tail::Last(frames), live, self.fatal.limit())
    }

    /// The connection of a finite read was cut before this window showed anything.
    pub fn cut_at(&mut self, window: Tail) {
        self.fatal.cut(window);
    }

    /// A finite read has shown this window.
    pub fn shown(&mut self, window: Tail) {
        self.fatal.shown(window);
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

    /// Begins to read a part: behind the anchor where that is in it, else all that is not known, or all.
    pub fn open_part(&mut self, part: &Part, rest: bool) {
        self.seek = match (part.anchored, rest) {
            (true, _) => Some(Seeking::new(self.anchor.seek(None))),
            (false, true) => Some(Seeking::new(self.anchor.seek_rest())),
            (false, false) => None,
        };
        self.following = false;
    }
}

/// Windows that end the daemon: before 23 it panics when one of the driver local reaches a record with a
/// broken length (moby: `local/read.go`, `getTailReader` returns no reader and no error).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fatal {
    /// The smallest window that was cut, and how often in a row.
    cut: Option<(u64, u32)>,
    /// No window above is asked for.
    limit: Option<u64>,
}

impl Fatal {
    fn limit(self) -> Option<u64> {
        self.limit
    }

    /// One cut may have any cause. After the second, the daemon is spared a bisection.
    fn cut(&mut self, window: Tail) {
        let Tail::Last(window) = window else {
            return;
        };
        let (least, times) = self.cut.unwrap_or((window, 0));
        let least = least.min(window);
        self.cut = Some((least, times + 1));
        if 0 < times {
            self.cut = None;
            self.limit = Some((least / 8).max(1));
        }
    }

    fn shown(&mut self, window: Tail) {
        if let (Tail::Last(window), Some((least, _))) = (window, self.cut)
            && least <= window
        {
            self.cut = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_ends_the_daemon_twice_is_not_asked_for_again() {
        let mut fatal = Fatal::default();
        fatal.cut(Tail::Last(64));
        assert_eq!(fatal.limit(), None, "a daemon may be restarted at any time");
        fatal.shown(Tail::Last(64));
        fatal.cut(Tail::Last(64));
        assert_eq!(fatal.limit(), None);
        fatal.shown(Tail::Last(9));
        fatal.cut(Tail::Last(256));
        assert_eq!(fatal.limit(), Some(8));
    }
}
