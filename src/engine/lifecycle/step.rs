//! Inputs and acts of the state machine.

use std::time::Duration;

use crate::engine::event::{EndReason, GapCause, Notice};
use crate::engine::source::{Container, SourceError};

/// Whether a stream brought new frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Progress {
    /// New frames.
    Some,
    /// No new frame.
    None,
}

/// An input.
#[derive(Debug)]
pub(in crate::engine) enum Input<'a> {
    /// The answer to [`Act::Inspect`].
    Inspected(Result<&'a Container, &'a SourceError>),
    /// The stream of [`Act::Follow`] has ended.
    StreamEnded {
        /// The end reason.
        reason: &'a EndReason,
        /// Whether it brought new frames.
        progress: Progress,
        /// The age of the stream at its end.
        stood: Duration,
    },
    /// The read of [`Act::Drain`] has ended; `EndReason::Eof` means that it read to the end.
    Drained(&'a EndReason),
    /// The wait of [`Act::Wake`] is over.
    Woke,
    /// A start event of the container.
    Started,
    /// A list that shows it running.
    Live,
    /// A die event of the container.
    Died(i64),
    /// An event that one of its processes was killed because memory ran out.
    OutOfMemory,
    /// A destroy event of the container.
    Destroyed,
    /// A list without it: cmon may have missed its removal.
    Missing,
    /// A rename to a name that is not selected: cmon follows it to the end of its run.
    Deselected,
    /// A rename back to a selected name.
    Selected,
    /// The follow is over: read the stored lines, and nothing after them.
    Finish,
}

/// An act for the supervisor.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Act {
    /// Open a stream.
    Follow,
    /// End the open stream as if it had reached its age.
    Rotate,
    /// Read the rest of the log.
    Drain,
    /// Inspect the container.
    Inspect,
    /// Come back after this wait.
    Wake(Duration),
    /// Send this notice.
    Say(Notice),
    /// Nothing more can be read of its log: deliver the rest, and report a gap with this cause if lines may be
    /// missing.
    Flush(Option<GapCause>),
    /// Remove the follower.
    Forget(Departure),
}

/// Why a follower ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Departure {
    /// The daemon no longer has it. Its id never comes back.
    Removed,
    /// It is not selected, or a list does not have it: it may come back.
    Left,
}
