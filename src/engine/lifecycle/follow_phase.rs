//! The phase of a follower, as its row shows it.

use super::{Lifecycle, RunEnd, State};
use crate::engine::source::ErrorKind;

/// The phase of one container's follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum FollowPhase {
    /// Inspecting the container.
    Asking,
    /// A stream is open, or is being opened.
    Following,
    /// Reading the rest of its log.
    Draining,
    /// Backing off after a failure.
    BackingOff,
    /// Waiting for the next run, which the restart policy will start.
    Waiting,
    /// Reading nothing: its log is read to the end, or cannot be read for this reason.
    Ended(Option<ErrorKind>),
}

impl Lifecycle {
    /// The current phase.
    pub(in crate::engine) fn follow_phase(&self) -> FollowPhase {
        match self.state {
            State::Inspecting(_) => FollowPhase::Asking,
            State::Following => FollowPhase::Following,
            State::Draining => FollowPhase::Draining,
            State::Waiting(_) => FollowPhase::BackingOff,
            State::Idle(RunEnd::Restarts) => FollowPhase::Waiting,
            State::Idle(RunEnd::Exits) => FollowPhase::Ended(None),
            State::Done => FollowPhase::Ended(self.failure().map(|error| error.kind)),
        }
    }
}
