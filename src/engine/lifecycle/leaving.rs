//! How a container goes: removed, missing from the list, or selected no more.

use super::{Act, Cause, Departure, Lifecycle, State};
use crate::engine::event::{GapCause, Notice};
use crate::engine::source::SourceError;

impl Lifecycle {
    pub(super) fn on_destroyed(&mut self) -> Vec<Act> {
        self.destroyed = true;
        match self.state {
            State::Idle { .. } | State::Waiting { .. } => self.forget(),
            // One that cannot be read is gone too: nothing of it may be kept.
            State::Done => vec![Act::Say(Notice::Removed), Act::Forget(Departure::Removed)],
            // What reads now finds out by itself, and reads to the end before that.
            _ => Vec::new(),
        }
    }

    /// A list may be of a daemon that is just starting, so what it does not have is asked about.
    pub(super) fn on_missing(&mut self) -> Vec<Act> {
        match self.state {
            State::Idle { .. } | State::Waiting { .. } => self.inspect(Cause::Other),
            State::Done => vec![Act::Forget(Departure::Left)],
            // What reads now finds out by itself.
            _ => Vec::new(),
        }
    }

    pub(super) fn on_deselected(&mut self) -> Vec<Act> {
        self.leaving = true;
        match self.state {
            State::Idle { .. } | State::Done => {
                self.state = State::Done;
                vec![Act::Forget(Departure::Left)]
            }
            _ => vec![Act::Say(Notice::Deselected)],
        }
    }

    /// The daemon does not have it, or is removing it.
    pub(super) fn gone(&mut self, error: &SourceError) -> Vec<Act> {
        if self.follow {
            return self.forget();
        }
        // What was asked for could not be given: that is no success.
        let mut acts = vec![self.flush_removed()];
        acts.extend(self.done(Some(error.clone())));
        acts
    }

    fn flush_removed(&self) -> Act {
        Act::Flush(self.unread.then_some(GapCause::Removed))
    }

    pub(super) fn forget(&mut self) -> Vec<Act> {
        self.state = State::Done;
        let mut acts = vec![self.flush_removed()];
        if let Some(exit) = self.exit.take() {
            acts.push(Act::Say(Notice::Exited(Some(exit))));
        }
        acts.push(Act::Say(Notice::Removed));
        acts.push(Act::Forget(Departure::Removed));
        acts
    }
}
