//! The reader: one task, one stream. It opens, reads, delivers, and ends with a reason.
//!
//! The reader decides nothing about lines. It feeds what it reads to the container's
//! [`Resume`](super::resume::Resume), which it borrows for its life, and sends the lines that come out. It waits for
//! a permit of the channel before the anchor advances, and never between that and the send. So a cancelled reader
//! loses nothing. Every wait races with stop.

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

/// The inputs of a reader of one container.
#[derive(Debug)]
pub(super) struct Reader<S> {
    pub(super) source: Arc<S>,
    pub(super) container: Arc<Container>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) tally: Arc<Tally>,
    pub(super) row_state: Arc<RowState>,
    /// Wakes the reader after the daemon has reported the end of the run.
    pub(super) died: Arc<Notify>,
    /// Ends a follow as if it had reached its age.
    pub(super) rotate: Arc<Notify>,
    pub(super) new_name: Arc<NewName>,
    pub(super) turns: Turns,
    pub(super) probes: Arc<Budget>,
    pub(super) slow: Arc<SlowNotes>,
    pub(super) stop: CancellationToken,
}

/// How a read of one answer of the daemon ended.
enum StreamStep {
    /// The window passed without the anchor.
    Missed,
    /// The window is incomplete; nothing of it was delivered, or only its beginning.
    LinesMissing,
    /// The stream is over.
    Ended(EndReason),
}
