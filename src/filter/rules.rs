//! The rules of the flags for each event.

use super::patterns::Patterns;
use crate::level::Level;

/// The rules: which events are shown, joined and highlighted, and which end the run.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// An event must match one of these.
    pub include: Patterns,
    /// An event must match none of these.
    pub exclude: Patterns,
    /// Their matches are highlighted.
    pub highlight: Patterns,
    /// The lowest shown level.
    pub level: Option<Level>,
    /// A line that matches one of these belongs to the event before it.
    pub join: Patterns,
    /// The lines of a stack trace belong to the event before them.
    pub join_stacks: bool,
    /// A shown event that matches one of these ends the run with success.
    pub until: Patterns,
    /// A shown event that matches one of these ends the run as failed.
    pub fail: Patterns,
}

impl Rules {
    /// Whether joins are the only rule, so that they have no effect.
    pub fn only_join(&self) -> bool {
        self.joins() && !self.select()
    }

    /// Whether lines are held until their event is complete.
    pub(super) fn joins(&self) -> bool {
        self.join_stacks || !self.join.is_empty()
    }

    /// Whether events are matched at all.
    pub(super) fn select(&self) -> bool {
        let Self { include, exclude, highlight, level, until, fail, .. } = self;
        level.is_some()
            || [include, exclude, highlight, until, fail].iter().any(|some| !some.is_empty())
    }

    /// Whether there is no rule, so that lines can bypass the [`Filter`](super::Filter).
    pub fn is_empty(&self) -> bool {
        !self.select()
    }
}
