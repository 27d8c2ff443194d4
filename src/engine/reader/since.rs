//! Where the lines from a time on begin. The daemon's own `since` reads every file from its beginning, and before
//! version 24 it drops lines that follow a step back of the clock. `tail=K` scans backwards without decoding.

use super::super::backlog::EXACT;
use super::super::event::EndReason;
use super::super::source::{Source, Tail};
use super::super::timestamp::Timestamp;
use super::Reader;

/// The smallest window: one that is read frame by frame.
const SMALLEST: u64 = EXACT + 28;
/// Above this, all is read.
const LARGEST: u64 = 1 << 26;

impl<S: Source> Reader<S> {
    /// A window that begins before this time, and not far before it. Times in a log may step back, so what is read
    /// is filtered all the same.
    pub(super) async fn place_of(&self, since: Timestamp) -> Result<Tail, EndReason> {
        let (mut small, mut large) = (0, SMALLEST);
        let mut before = None;
        loop {
            let first = self.first_of(Tail::Last(large)).await?;
            match first {
                // The log is empty, or holds no more than the last window did.
                None => return Ok(Tail::All),
                Some(first) if Some(first) == before => return Ok(Tail::All),
                Some(first) if first.time() < since => break,
                first => (before, small, large) = (first, large, 8 * large),
            }
            if LARGEST < large {
                return Ok(Tail::All);
            }
        }
        while small + small / 4 + SMALLEST < large {
            let middle = small + (large - small) / 2;
            match self.first_of(Tail::Last(middle)).await? {
                Some(first) if since <= first.time() => small = middle,
                _ => large = middle,
            }
        }
        Ok(Tail::Last(large))
    }
}
