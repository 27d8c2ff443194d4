//! The end of a follower: the container is removed, missing from the list, or no longer selected.

use super::{Act, Cause, Departure, Lifecycle, Membership, Presence, State};
use crate::engine::event::{GapCause, Notice};
use crate::engine::source::SourceError;

impl Lifecycle {
    pub(super) fn on_destroyed(&mut self) -> Vec<Act> {
        self.presence = Presence::Destroyed;
        match self.state {
            State::Idle(_) | State::Waiting(_) => self.forget(),
            // An unreadable container is removed too: nothing of it may stay.
            State::Done => vec![Act::Say(Notice::Removed), Act::Forget(Departure::Removed)],
            // An active reader notices by itself, after it has read to the end.
            _ => Vec::new(),
        }
    }

    /// A daemon that is just starting may list too few containers, so cmon inspects a missing one.
    pub(super) fn on_missing(&mut self) -> Vec<Act> {
        match self.state {
            State::Idle(_) | State::Waiting(_) => self.inspect(Cause::Other),
            State::Done => vec![Act::Forget(Departure::Left)],
            // An active reader notices by itself.
            _ => Vec::new(),
        }
    }

    pub(super) fn on_deselected(&mut self) -> Vec<Act> {
        self.membership = Membership::Leaving;
        match self.state {
            State::Idle(_) | State::Done => {
                self.state = State::Done;
                vec![Act::Forget(Departure::Left)]
            }
            _ => vec![Act::Say(Notice::Deselected)],
        }
    }

    /// Handles a container that the daemon does not have or is removing.
    pub(super) fn gone(&mut self, error: &SourceError) -> Vec<Act> {
        if self.follows() {
            return self.forget();
        }
        // The requested lines are not available: that is a failure.
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
