//! What goes into the state machine, and what comes out.

use std::time::Duration;

use crate::engine::event::{EndReason, GapCause, Notice};
use crate::engine::source::{Container, SourceError};

/// What a stream brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Progress {
    /// New frames.
    Some,
    /// Nothing new.
    None,
}

/// What happened.
#[derive(Debug)]
pub(in crate::engine) enum Input<'a> {
    /// The answer to [`Act::Inspect`].
    Inspected(Result<&'a Container, &'a SourceError>),
    /// The stream of [`Act::Follow`] has ended.
    StreamEnded {
        /// Why.
        reason: &'a EndReason,
        /// Whether it brought new frames.
        progress: Progress,
        /// How long it stood.
        stood: Duration,
    },
    /// The read of [`Act::Drain`] has ended; `EndReason::Eof` means that it is complete.
    Drained(&'a EndReason),
    /// The wait of [`Act::Wake`] is over.
    Woke,
    /// The daemon says that it started.
    Started,
    /// The daemon says that it runs, in a list.
    Live,
    /// The daemon says that its run ended.
    Died(i64),
    /// The daemon reports that one of its processes was killed because memory ran out.
    OutOfMemory,
    /// The daemon says that it was removed.
    Destroyed,
    /// The daemon's list does not have it: its removal may have been missed.
    Missing,
    /// It has a name that is not selected: it is followed to the end of its run.
    Deselected,
    /// It has a name that is selected, again.
    Selected,
    /// The follow is over: what is stored is read, and nothing after it.
    Finish,
}

/// What to do.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Act {
    /// Open a stream.
    Follow,
    /// End the open stream as if it had reached its age.
    Rotate,
    /// Read the rest of the log.
    Drain,
    /// Ask the daemon about the container.
    Inspect,
    /// Come back after this wait.
    Wake(Duration),
    /// Send this notice.
    Say(Notice),
    /// Nothing more can be read of its log: hand on what is left of it, and report a gap with this cause
    /// where lines may be missing.
    Flush(Option<GapCause>),
    /// Nothing more comes of this container.
    Forget(Departure),
}

/// Why nothing more comes of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Departure {
    /// The daemon no longer has it. Its id never comes back.
    Removed,
    /// It is not selected, or a list does not have it: it may come back.
    Left,
}
