//! What one container has delivered, and what its next stream has to do: pure.
//!
//! It belongs to the container and survives every stream. A reader opens a stream with the
//! window that [`Resume::open`] asks for and feeds it the frames; out come the lines that were
//! not delivered before. The anchor advances in the same call that yields the lines, and the
//! caller hands them on without waiting in between, so a reader may be cancelled at any wait and
//! loses nothing.
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
use super::source::Tail;
use super::stale::Quiet;
pub use delivered::Opening;
pub use holes::{Known, LogAge, Proven, Reach};
use saving::Saving;
use seeking::Seeking;

/// Where the container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// Nothing was asked for yet; these last lines are shown first.
    Start(u64),
    /// Nothing was asked for yet; the place of the first wanted time is to be found.
    Since,
    /// Nothing was delivered, and all that there will be is wanted.
    All,
    /// Go on behind the anchor.
    Anchored,
    /// The anchor is lost and the gap was reported: all of the log that is not known as delivered.
    Rest,
}

/// How far a stream has come in the window that it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Through: all that comes is new.
    Over,
    /// The anchor was found; stored frames may still come.
    Found,
    /// The anchor is looked for. Silence means that the window is over.
    Searching,
    /// What comes is held: only the window's end decides whether it is new.
    Unproven,
}

/// The result of feeding frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOutcome {
    /// The stream may go on.
    Continue,
    /// The window has passed without the anchor.
    Missed,
    /// The stream has gone back to what is older than all that is known.
    Disordered,
}

/// What was counted since the last call of [`Resume::take_counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames read again and skipped.
    pub replayed: u64,
    /// Frames that the daemon handed over late.
    pub recovered: u64,
    /// Lines that the daemon doubled, skipped.
    pub doubles: u64,
}

/// One container's place in its log.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that came apart and do not exclude each other"
)]
pub struct Resume {
    label: Arc<Label>,
    outputs: Outputs,
    doubles: bool,
    plan: Plan,
    anchor: Anchor,
    assembler: Assembler,
    seek: Option<Seeking>,
    counts: Counts,
    /// Frames delivered since the start.
    counted: Counted,
    /// Lines are missing behind the anchor, and the gap was not reported yet.
    lost: Option<GapCause>,
    /// The run of which the stored log is known to be read past all bad records.
    trusted: Option<Arc<str>>,
    reach: Reach,
    /// The next follow has to prove that it stands at the end of the log, and whether this one did.
    must_prove: bool,
    proof: Proof,
    /// The log was short a moment ago.
    is_short: bool,
    /// The window that was missed held the whole log.
    whole: bool,
    /// The window of the last search, until the next stream.
    found_in: Option<Tail>,
    /// Searches since a stream found its anchor.
    searches: u32,
    /// The output did not keep up with the last read.
    held_back: bool,
    /// Where the log driver begins new files.
    files: Option<Files>,
    /// What comes behind the window is live.
    following: bool,
    quiet: Quiet,
    pace: Pace,
    /// What a later run needs; `None` without a cursor.
    saving: Option<Saving>,
}
