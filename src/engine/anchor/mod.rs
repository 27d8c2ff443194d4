//! Where to go on: the keys of the last frames delivered, and the search for them in a log.
//!
//! The stores that a daemon reads logs from are append-only and are read in file order, also by a
//! follow. So "behind the last frame delivered" is exactly "not delivered yet", and no clock takes
//! part. A frame is known by its [`Key`]. Frames that turn up between known ones without having
//! been delivered are late: the daemon skipped them when they were live.
//!
//! Two frames can have the same key: a container that prints one line a thousand times within
//! one tick of its clock. So known keys are counted, and a window of the log that begins in the
//! middle of such a run proves nothing: the search goes further back.

mod delivered_keys;
mod key;
mod seek;

use std::collections::VecDeque;

use super::timestamp::Timestamp;
pub use key::Key;
pub use seek::{Seek, SeekStep};

/// The keys of the last frames delivered, oldest first.
#[derive(Clone, Debug)]
pub struct Anchor {
    ring: VecDeque<Key>,
    kept: usize,
    newest: Timestamp,
    /// The ring holds all that was delivered, from the beginning of the log.
    complete: bool,
}

#[cfg(test)]
mod tests;
