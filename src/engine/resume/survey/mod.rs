//! The survey: which parts of a stored log are readable although the daemon cannot decode some records.
//! It does no I/O, so tests run it over a model.
//!
//! `tail=K` begins at the K-th record from the end, whether or not the daemon can decode it. Behind a bad record, a
//! reader in the daemon stops silently, skips some records, or reports an error. (dockerd 20.10: `jsonfilelog/read.go`
//! drops its buffer and continues anywhere; `local/read.go` refuses each window that reaches the record.) So a
//! window is
//! *sound* if it shows as many messages as it asks for.
//!
//! A part is the messages between two bad records. From the newest on, bisection finds the largest sound window of each
//! part. Keys, never times, show which messages of a window are new to the survey.
//!
//! A log that grows moves every window. So places count from the end of the log at the first look. If a look
//! does not show the newest record of that moment, another look that does follows. If the log has grown in between, the
//! survey repeats the look.

mod map;
mod walk;

use crate::engine::anchor::{Anchor, Key};
use crate::engine::event::EndReason;
use crate::engine::source::Tail;
pub use map::{Before, Map, Newest, Part};
pub use walk::survey;

/// The largest window, in messages. The survey does not look further back.
pub const WINDOW_MAX_FRAMES: u64 = 1 << 17;

/// The goal of a survey.
#[derive(Clone, Debug)]
pub enum Goal {
    /// All messages behind the anchor.
    Anchor(Anchor),
    /// The last messages.
    Frames(u64),
    /// All of the log.
    All,
}

/// Whether the log may grow during the survey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// The container runs.
    Possible,
    /// The container does not run.
    None,
}

/// The content of one window.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The keys of its messages.
    pub keys: Vec<Key>,
    /// Whether the daemon reported an error in place of the rest.
    pub failed: bool,
}

/// The windows of a log.
pub trait Windows: Send {
    /// Reads a window to its end.
    fn look(&mut self, window: Tail) -> impl Future<Output = Result<Look, EndReason>> + Send;
}

/// Why a survey failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A look failed.
    Ended(EndReason),
    /// The log moved too far, or the daemon's answers contradict each other.
    Moved,
}

#[cfg(test)]
mod tests;
