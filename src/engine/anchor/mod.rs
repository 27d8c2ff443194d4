//! The anchor: the keys of the last delivered frames, and the search for them in a log.
//!
//! The stores from which a daemon reads logs are append-only, and it reads them in file order, also in a follow. So
//! "behind the last delivered frame" is exactly "not delivered yet", and no clock is involved. A [`Key`] identifies a
//! frame. An undelivered frame between known ones is late: the daemon skipped it when it was live.
//!
//! Two frames can have the same key: a container may print one line a thousand times within one tick of its
//! clock. So cmon counts known keys. A window that begins in the middle of such a run proves nothing, and the search
//! goes further back.

mod delivered_keys;
mod key;
mod seek;

use std::collections::VecDeque;

use super::timestamp::Timestamp;
pub use key::Key;
pub use seek::{Seek, SeekStep};

/// The keys of the last delivered frames, oldest first.
#[derive(Clone, Debug)]
pub struct Anchor {
    ring: VecDeque<Key>,
    kept: usize,
    newest: Timestamp,
    /// Whether the ring holds all delivered frames, from the beginning of the log.
    complete: bool,
}

#[cfg(test)]
mod tests;
