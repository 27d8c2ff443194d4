//! The search for the first line since a time. The daemon's own `since` reads every file from its beginning, and
//! before version 24 it drops lines that follow a step back of the clock. `tail=K` scans backwards without decoding.
//!
//! After a step back of the clock, older lines stand behind newer ones, and no search finds all of them. So the window
//! begins some messages before the place that the search finds. If a step back shows, cmon reads the log from its
//! beginning. In either case it filters the lines by time.

use super::Reader;
use crate::engine::event::EndReason;
use crate::engine::resume::Resume;
use crate::engine::source::{Source, Tail};
use crate::engine::timestamp::Timestamp;

/// Messages before that place. The daemon reads some hundred thousand per second.
const MARGIN_FRAMES: u64 = 1 << 15;
/// Above this window size, cmon reads the whole log.
const WINDOW_MAX_FRAMES: u64 = 1 << 26;

impl<S: Source> Reader<S> {
    /// Finds a window that begins before this time, and not far before it.
    pub(super) async fn place_of(
        &self,
        resume: &Resume,
        since: Timestamp,
    ) -> Result<Tail, EndReason> {
        let (mut small, mut large) = (0, MARGIN_FRAMES);
        let mut before = None;
        loop {
            let first = self.first_of(resume, Tail::Last(large)).await?;
            match first {
                // The log is empty, or holds no more than the last window did.
                None => return Ok(Tail::All),
                Some(first) if Some(first) == before => return Ok(Tail::All),
                Some(first) if first.time() < since => break,
                first => (before, small, large) = (first, large, 8 * large),
            }
            if WINDOW_MAX_FRAMES < large {
                return Ok(Tail::All);
            }
        }
        while small + small / 4 + MARGIN_FRAMES < large {
            let middle = small + (large - small) / 2;
            match self.first_of(resume, Tail::Last(middle)).await? {
                Some(first) if since <= first.time() => small = middle,
                _ => large = middle,
            }
        }
        let window = large + MARGIN_FRAMES;
        let first = self.first_of(resume, Tail::Last(window)).await?;
        let older = self.first_of(resume, Tail::Last(4 * window)).await?;
        let is_in_order = older.map(|key| key.time()) <= first.map(|key| key.time());
        Ok(if is_in_order { Tail::Last(window) } else { Tail::All })
    }
}
