//! Turns: a container's share of the channel while the merge orders its stored lines with those of others.
//!
//! The merge shows the oldest line of several logs first. It holds one log's lines until the others have come as
//! far, so a log that is read faster must wait. Each batch of lines takes a turn, and releases it when all of its
//! lines are shown.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Batches of one container that may be in flight: one is merged while the next is read.
const TURNS_MAX: usize = 2;

/// The turn of one batch in flight, released on drop.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "it is held for its drop")]
pub struct Turn(Arc<OwnedSemaphorePermit>);

/// The limit of a container's batches in flight.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    semaphore: Arc<Semaphore>,
    /// The time of the last event that reports a read in progress.
    sign: Arc<Mutex<Instant>>,
}

impl Turns {
    /// Two, until [`free`](Self::free) is called.
    pub(crate) fn few() -> Self {
        let sign = Arc::new(Mutex::new(Instant::now()));
        Self { semaphore: Arc::new(Semaphore::new(TURNS_MAX)), sign }
    }

    /// Turns that only the channel limits.
    pub(crate) fn any() -> Self {
        let turns = Self::few();
        turns.free();
        turns
    }

    /// Removes the limit: from now on only the channel limits the batches.
    pub(crate) fn free(&self) {
        self.semaphore.close();
    }

    /// Whether only the channel limits the batches.
    pub(crate) fn is_free(&self) -> bool {
        self.semaphore.is_closed()
    }

    /// Whether the next event is due that reports a read in progress.
    pub(crate) fn is_sign_due(&self, after: Duration) -> bool {
        if self.is_free() {
            return false;
        }
        let mut sign = self.sign.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = after <= sign.elapsed();
        if is_due {
            *sign = Instant::now();
        }
        is_due
    }

    /// Waits for a turn; `None` if only the channel limits.
    ///
    /// # Cancel safety
    /// Safe: a turn that was not returned stays available.
    pub(crate) async fn next(&self) -> Option<Turn> {
        if self.is_free() {
            return None;
        }
        let permit = Arc::clone(&self.semaphore).acquire_owned().await.ok()?;
        Some(Turn(Arc::new(permit)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn waits(turns: &Turns) -> bool {
        timeout(Duration::from_secs(1), turns.next()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_third_batch_waits_until_one_is_shown() {
        let turns = Turns::few();
        let (first, _second) = (turns.next().await, turns.next().await);
        assert!(waits(&turns).await);
        let copy = first.clone();
        drop(first);
        assert!(waits(&turns).await, "a copy of the batch is not shown yet");
        drop(copy);
        assert!(turns.next().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_reader_goes_on_when_the_bound_ends() {
        let turns = Turns::few();
        let (_first, _second) = (turns.next().await, turns.next().await);
        let (third, ()) = tokio::join!(turns.next(), async { turns.free() });
        assert!(third.is_none());
        assert!(Turns::any().next().await.is_none());
    }
}
