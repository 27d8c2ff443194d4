//! What one container's follower does next: a pure state machine.
//!
//! The supervisor feeds it what happened and carries out what it answers; it reads no clock and
//! draws no random number of its own. Waiting and backing off are states of it, not of a reader:
//! while it waits there is no stream.
//!
//! ```text
//!            ┌──────────── rotated ────────────┐
//!            ▼                                 │
//! inspect ─▶ follow ──▶ ended: end of file, or broken (wait) ─▶ inspect ─┬─ live ─▶ follow
//!    ▲         ▲                                                         ├─ gone ─▶ forget
//!    └ wake    └── started ── idle ◀── note ◀── drain ◀── not running ───┘
//! ```

mod follow_phase;
mod inspection;
mod leaving;
mod step;
mod stream_end;
mod transitions;

use std::sync::Arc;

use super::backoff::Backoff;
use super::source::{Exit, SourceError};
pub(super) use follow_phase::FollowPhase;
pub(super) use step::{Act, Departure, Input, Progress};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The daemon was asked; whether an end of file without a new line led here.
    Inspecting(Cause),
    Following,
    Draining,
    /// Backing off; then follow, or ask first.
    Waiting {
        then_follow: bool,
    },
    /// Its log is read to the end and it does not run.
    Idle {
        restarting: bool,
    },
    /// Nothing more is read.
    Done,
}

/// Why a container is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Its stream ended without a new frame.
    EarlyEnd,
    Other,
}

/// When a container begins to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// With the run: its last lines are shown first.
    AtStart,
    /// Later: it is shown from its first line.
    Later,
}

/// One container's follower.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that came apart and do not exclude each other"
)]
pub(super) struct Lifecycle {
    follow: bool,
    state: State,
    /// It was there when cmon started and was not asked about yet: what it is doing is not news.
    initial: bool,
    /// The start of the run that is followed was reported.
    announced: bool,
    driver: Arc<str>,
    /// The start of the run that is followed.
    run: Option<Arc<str>>,
    /// The run whose log was read to its end.
    drained: Option<Arc<str>>,
    /// The run that had ended before cmon looked: its end is no news.
    old: Option<Arc<str>>,
    /// How the last run ended, as far as was reported.
    exit: Option<Exit>,
    oom: bool,
    started: bool,
    destroyed: bool,
    restarting: bool,
    /// It is no longer selected, and forgotten when its run has ended.
    leaving: bool,
    /// The log may hold what was not read.
    unread: bool,
    /// The warning about its log driver was sent.
    warned: bool,
    backoff: Backoff,
    early_ends: u32,
    failure: Option<SourceError>,
}

#[cfg(test)]
mod tests;
