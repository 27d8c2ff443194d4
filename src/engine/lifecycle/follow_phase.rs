//! What a follower is doing, in the words of its row.

use super::{Lifecycle, State};
use crate::engine::source::ErrorKind;

/// What one container's follower is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum FollowPhase {
    /// The daemon is asked about the container.
    Asking,
    /// A stream is open, or is being opened.
    Following,
    /// The rest of its log is read.
    Draining,
    /// A failure is waited out.
    BackingOff,
    /// The next run is waited for: the restart policy has it in hand.
    Waiting,
    /// Nothing is read: its log is read to the end, or cannot be read for this reason.
    Ended(Option<ErrorKind>),
}

impl Lifecycle {
    /// What it is doing.
    pub(in crate::engine) fn follow_phase(&self) -> FollowPhase {
        match self.state {
            State::Inspecting { .. } => FollowPhase::Asking,
            State::Following => FollowPhase::Following,
            State::Draining => FollowPhase::Draining,
            State::Waiting { .. } => FollowPhase::BackingOff,
            State::Idle { restarting: true } => FollowPhase::Waiting,
            State::Idle { restarting: false } => FollowPhase::Ended(None),
            State::Done => FollowPhase::Ended(self.failure().map(|error| error.kind)),
        }
    }
}
