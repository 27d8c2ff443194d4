//! The resume: what one container has delivered, and what its next stream must do. Pure.
//!
//! It belongs to the container and survives every stream. A reader opens a stream with the window that
//! [`Resume::open`] returns and feeds it the frames. It returns the lines that were not delivered before. The
//! anchor advances in the same call, and the caller sends the lines without waiting in between. So a cancelled
//! reader loses nothing.
//!
//! ```text
//! Start(lines) ──first view──▶ Anchored ◀────────────────────────────────────────────┐
//!                                │ open: the last K frames, seek                      │
//!                                ├─ anchor found ─▶ live                              │
//!                                └─ missed ─▶ search 4 K, 16 K, 64 K frames, all ─────┤ found
//!                                               └─ in none: gap, Rest ────────────────┘
//! ```

mod delivered;
mod feed;
mod follow_safety;
mod holes;
mod next_window;
mod saving;
mod seeking;
pub mod survey;

use std::sync::Arc;

use super::anchor::Anchor;
use super::backlog::Outputs;
use super::event::{GapCause, Label};
use super::files::{Files, Proof};
use super::lines::Assembler;
use super::pace::{Counted, Pace};
use super::source::{ReadMode, Tail};
use super::stale::Quiet;
pub use delivered::Opening;
pub use holes::{Known, LogAge, Proven, Reach};
use saving::Saving;
use seeking::Seeking;

/// The container's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// Before the first request: a first view of these last lines comes first.
    Start(u64),
    /// Before the first request: the place of the first wanted time is to be found.
    Since,
    /// Nothing was delivered, and all of the log is wanted.
    All,
    /// Behind the anchor.
    Anchored,
    /// The anchor is lost and the gap was reported: all undelivered frames of the log are wanted.
    Rest,
}

/// A stream's progress in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Past the window: all frames are new.
    Over,
    /// The anchor was found; stored frames may still come.
    Found,
    /// The anchor is not found yet. Silence means that the window is over.
    Searching,
    /// Frames are held: only the window's end decides whether they are new.
    Unproven,
}

/// The result of feeding frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOutcome {
    /// The stream continues.
    Continue,
    /// The window has passed without the anchor.
    Missed,
    /// The stream has gone back to frames that are older than the anchor.
    Disordered,
}

/// The counts since the last call of [`Resume::take_counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Replayed frames: read again and skipped.
    pub replayed: u64,
    /// Frames that the daemon sent late.
    pub recovered: u64,
    /// Lines that the daemon repeated and cmon skipped.
    pub doubles: u64,
}

/// How much of the log a window without the anchor has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// Its last messages.
    Part,
    /// All of it: no larger window is left.
    Whole,
}

/// One container's position in its log.
#[derive(Debug)]
pub struct Resume {
    label: Arc<Label>,
    outputs: Outputs,
    doubles: bool,
    plan: Plan,
    anchor: Anchor,
    assembler: Assembler,
    seek: Option<Seeking>,
    counts: Counts,
    /// The number of frames since the start.
    counted: Counted,
    /// Lines are missing behind the anchor, and the gap is not reported yet.
    lost: Option<GapCause>,
    /// The run of which the stored log is known to be read past all bad records.
    trusted: Option<Arc<str>>,
    reach: Reach,
    /// Whether the next follow stands at the end of the log for certain, and whether this one does.
    next_proof: Proven,
    proof: Proof,
    /// The log was short a moment ago.
    is_short: bool,
    /// How much of the log the window without the anchor has shown.
    searched: Searched,
    /// The window of the last search, until the next stream.
    found_in: Option<Tail>,
    /// Searches since a stream found its anchor.
    searches: u32,
    /// The output did not keep up with the last read.
    held_back: bool,
    /// The file size of the log driver.
    files: Option<Files>,
    /// Frames behind the window of a follow are live.
    mode: ReadMode,
    quiet: Quiet,
    pace: Pace,
    /// The records for a later run; `None` without a cursor.
    saving: Option<Saving>,
}
