//! What the flags ask of each line.

use super::patterns::Patterns;
use crate::level::Level;

/// What is shown, joined, highlighted and waited for.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// One of these must match an event.
    pub include: Patterns,
    /// None of these may match it.
    pub exclude: Patterns,
    /// Matches of these are marked.
    pub highlight: Patterns,
    /// The lowest level that is shown.
    pub level: Option<Level>,
    /// Lines that match one of these belong to the event before them.
    pub join: Patterns,
    /// The lines of a stack trace belong to the event before them.
    pub join_stacks: bool,
    /// An event that is shown and matches one of these ends the run well.
    pub until: Patterns,
    /// An event that is shown and matches one of these ends the run as failed.
    pub fail: Patterns,
}

impl Rules {
    /// Whether lines are only looked at to join them, so that nothing would be different without that.
    pub fn only_join(&self) -> bool {
        self.joins() && !self.select()
    }

    /// Whether lines that belong together are held until they are together.
    pub(super) fn joins(&self) -> bool {
        self.join_stacks || !self.join.is_empty()
    }

    /// Whether there is anything that events are looked at for.
    pub(super) fn select(&self) -> bool {
        let Self { include, exclude, highlight, level, until, fail, .. } = self;
        level.is_some()
            || [include, exclude, highlight, until, fail].iter().any(|some| !some.is_empty())
    }

    /// Whether there is nothing to do, so that lines need not pass a [`Filter`](super::Filter).
    pub fn is_empty(&self) -> bool {
        !self.select()
    }
}
