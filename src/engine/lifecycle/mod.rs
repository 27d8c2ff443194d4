//! The lifecycle: the next step of one container's follower, as a pure state machine.
//!
//! The supervisor feeds it inputs and carries out its acts. It reads no clock and draws no random number. Waits
//! and backoff are states of the lifecycle, not of a reader: during a wait there is no stream.
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
use super::source::{Exit, ReadMode, SourceError};
pub(super) use follow_phase::FollowPhase;
pub(super) use step::{Act, Departure, Input, Progress};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Inspecting; whether an end of file without a new line led here.
    Inspecting(Cause),
    Following,
    Draining,
    /// Backing off.
    Waiting(Retry),
    /// Its log is read to the end and it does not run.
    Idle(RunEnd),
    /// Nothing more is read.
    Done,
}

/// What follows a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    Follow,
    Inspect,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunEnd {
    Exits,
    /// The restart policy will start the next run.
    Restarts,
}

/// The run behind the followed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextRun {
    NotSeen,
    /// An event reported its start.
    Started,
}

/// Whether the start of the first run is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstRun {
    /// The container existed at the start of cmon and was not inspected yet.
    BeforeCmon,
    NotReported,
    Reported,
}

/// Whether the selection takes the container in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    Selected,
    /// It is no longer selected; the end of its run removes it.
    Leaving,
}

/// Whether the daemon has the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Present,
    Destroyed,
}

/// The reason of an inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Its stream ended without a new frame.
    EarlyEnd,
    Other,
}

/// When cmon begins to follow a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// At the start of cmon: a first view of its last lines comes first.
    AtStart,
    /// Later: cmon shows it from its first line.
    Later,
}

/// One container's follower.
#[derive(Clone, Debug)]
pub(super) struct Lifecycle {
    mode: ReadMode,
    state: State,
    first_run: FirstRun,
    driver: Arc<str>,
    /// The start of the followed run.
    run: Option<Arc<str>>,
    /// The run with a log that was read to its end.
    drained: Option<Arc<str>>,
    /// The run that had ended before cmon started: its end is no news.
    old: Option<Arc<str>>,
    /// How the last run ended, as far as it was reported.
    exit: Option<Exit>,
    oom: bool,
    run_end: RunEnd,
    next_run: NextRun,
    membership: Membership,
    presence: Presence,
    /// The log may hold unread lines.
    unread: bool,
    /// The warning about its log driver was sent.
    warned: bool,
    backoff: Backoff,
    early_ends: u32,
    failure: Option<SourceError>,
}

#[cfg(test)]
mod tests;
