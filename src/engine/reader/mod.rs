//! One task, one stream: open, read, hand on, end with a reason.
//!
//! The reader decides nothing about lines: it feeds what it reads to the container's [`Resume`](super::resume::Resume),
//! which it is lent for as long as it lives, and hands on what comes out. Between reading and handing on it only waits for a place in the
//! channel, before the anchor advances; so wherever it is cancelled, nothing is lost. Every wait
//! races with stop.

mod follow;
mod holes;
mod long_read;
mod new_name;
mod permit;
mod pump;
mod search;
mod since;
mod stale_check;
mod view;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::event::{EndReason, Event};
use super::rows::RowState;
use super::source::Container;
use super::stale::Budget;
use super::tally::Tally;
use super::turns::Turns;
use super::waiting::SlowNotes;
pub(super) use new_name::NewName;
use pump::silent;

/// What a reader needs to read one container.
#[derive(Debug)]
pub(super) struct Reader<S> {
    pub(super) source: Arc<S>,
    pub(super) container: Arc<Container>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) tally: Arc<Tally>,
    pub(super) row_state: Arc<RowState>,
    /// Wakes the reader when the daemon reports that the run has ended.
    pub(super) died: Arc<Notify>,
    /// Ends a follow as if it had reached its age.
    pub(super) rotate: Arc<Notify>,
    pub(super) new_name: Arc<NewName>,
    pub(super) turns: Turns,
    pub(super) probes: Arc<Budget>,
    pub(super) slow: Arc<SlowNotes>,
    pub(super) stop: CancellationToken,
}

/// How reading one answer of the daemon came to its end.
enum StreamStep {
    /// The window passed without the anchor.
    Missed,
    /// The window has not shown all that it should; nothing of it was handed on, or only its beginning.
    LinesMissing,
    /// The stream is over.
    Ended(EndReason),
}
