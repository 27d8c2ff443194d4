//! The printing thread.
//!
//! It takes events from the bounded channel and writes all waiting batches in one call. It ends when the channel
//! closes, when the reader of stdout is gone, or when a write fails. Its own small runtime waits for events, the
//! closed pipe and the next status line at the same time. A write may block without limit, so the thread that
//! started the printer waits for [`Printer::ended`] with its own deadline.

mod archive;
mod handle;
mod persist;
mod printing_thread;
mod show_events;
mod written_positions;

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::cursor::Keeper;
use crate::directory::{Directory, LocalDisk};
use crate::filter::Shown;
use crate::filter::{Filter, Match};
use crate::merge::Merge;
use crate::output::Config;
use crate::output::sink::Sinks;
use crate::output::status::Status;
use crate::output::text::Text;
use archive::Archive;
pub(crate) use handle::Printer;
use written_positions::Progress;

/// Why the printer ended.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// All events are written.
    Done,
    /// An event matched that ends the run; it is the last one written.
    Matched(Match),
    /// The reader of stdout went away.
    Closed,
    /// A write failed.
    Failed(Arc<io::Error>),
    /// The cursor could not be saved, so the next run repeats lines since the last save.
    Unsaved(Arc<io::Error>),
}

/// The stages between the engine and the output.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    /// `None` if all lines are shown as they come.
    pub filter: Option<Filter>,
    /// Orders the lines of several containers; `None` if they are shown as they come.
    pub merge: Option<Merge>,
    /// Progress for the next run.
    pub cursor: Option<Keeper>,
    /// The destination instead of stdout. It needs a cursor.
    pub directory: Option<Directory<LocalDisk>>,
    /// Ends the compression of old files; without it, the end of the run waits for it.
    pub stop: CancellationToken,
}

/// The state of the thread.
struct Thread<C> {
    config: Config,
    sinks: Sinks,
    /// `None` if all lines are shown as they come.
    filter: Option<Filter>,
    /// The output of the filter; empty between two events.
    shown: Vec<Shown>,
    /// `None` if lines of several containers need no order.
    merge: Option<Merge>,
    census: C,
    status: Status,
    text: Text,
    buffer: Vec<u8>,
    progress: Progress,
    /// The destination instead of stdout.
    archive: Option<Archive>,
}

#[cfg(test)]
mod tests;
