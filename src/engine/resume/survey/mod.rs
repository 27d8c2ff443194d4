//! Which parts of a stored log can be read although the daemon cannot decode some records: no I/O of its
//! own, so tests run it over a model.
//!
//! `tail=K` begins at the K-th record from the end, whether the daemon can decode it or not. Behind a
//! record that it cannot decode, a reader of the daemon stops without a word, skips some records, or
//! reports an error (dockerd 20.10: `jsonfilelog/read.go` drops what it has buffered and goes on anywhere;
//! `local/read.go` refuses each window that reaches the record). So a window is *sound* when it shows as
//! many messages as it asks for.
//!
//! A part is what stands between two bad records. From the newest on, bisection finds the largest sound
//! window of each part; keys, never times, say what a window shows beyond the parts that are known.
//!
//! A log grows meanwhile, which moves every window. So places are counted as they were at the first look.
//! Each look that does not show the newest record of that moment is followed by one that does, and is
//! repeated when the log has grown.

mod map;
mod walk;

use crate::engine::anchor::{Anchor, Key};
use crate::engine::event::EndReason;
use crate::engine::source::Tail;
pub use map::{Before, Map, Newest, Part};
pub use walk::survey;

/// The largest window, in messages; what stands before it is not looked at.
pub const WINDOW_MAX_FRAMES: u64 = 1 << 17;

/// What a survey is for.
#[derive(Clone, Debug)]
pub enum Goal {
    /// All that was written behind the anchor.
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
    /// It does not.
    None,
}

/// What one window has shown.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The keys of its messages.
    pub keys: Vec<Key>,
    /// The daemon reported an error in place of the rest.
    pub failed: bool,
}

/// The windows of a log.
pub trait Windows: Send {
    /// Reads a window to its end.
    fn look(&mut self, window: Tail) -> impl Future<Output = Result<Look, EndReason>> + Send;
}

/// Why a survey has found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A look was not possible.
    Ended(EndReason),
    /// The log has moved by more than can be followed, or its answers contradict each other.
    Moved,
}

#[cfg(test)]
mod tests;
