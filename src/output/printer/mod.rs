//! The thread that prints.
//!
//! It takes events from the bounded channel, writes lines in as few calls as there are batches
//! waiting, and ends when the channel does, when the reader of stdout is gone, or when a write
//! fails. Its own small runtime lets it wait for events, for the closed pipe and for the next
//! status line at once. A write may block without limit; the thread that started the printer waits for
//! [`Printer::ended`] with a deadline of its own.

mod archive;
mod handle;
mod persist;
mod printing_thread;
mod show_events;
mod written_positions;

use std::io;
use std::sync::Arc;

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
    /// All that was sent is written.
    Done,
    /// An event matched that ends the run; it is written, and nothing behind it.
    Matched(Match),
    /// The reader of stdout went away.
    Closed,
    /// A write failed.
    Failed(Arc<io::Error>),
    /// The cursor could not be saved, so the next run repeats what was written since it was last.
    Unsaved(Arc<io::Error>),
}

/// What lines pass on their way, and where they go.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    /// Nothing where all lines are shown as they come.
    pub filter: Option<Filter>,
    /// Puts the lines of several containers in order. Nothing where they are shown as they come.
    pub merge: Option<Merge>,
    /// What the next run has to know.
    pub cursor: Option<Keeper>,
    /// Where lines go instead of stdout. It needs a cursor.
    pub directory: Option<Directory<LocalDisk>>,
}

/// What the thread owns.
struct Thread<C> {
    config: Config,
    sinks: Sinks,
    /// Nothing where all lines are shown as they come.
    filter: Option<Filter>,
    /// What the filter lets pass; empty between two events.
    shown: Vec<Shown>,
    /// Nothing where lines of several containers need no order.
    merge: Option<Merge>,
    census: C,
    status: Status,
    text: Text,
    buffer: Vec<u8>,
    progress: Progress,
    /// Where lines go instead of stdout.
    archive: Option<Archive>,
}

#[cfg(test)]
mod tests;
