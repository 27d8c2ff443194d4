//! A container's share of the channel while its stored lines are put in order with those of others.
//!
//! Whoever merges several logs by time shows the oldest line first. It holds what it has of one log until the others
//! have come as far, so a log that is read faster must wait. Each batch of lines takes a turn along, and gives it
//! back when all of its lines are shown.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Batches of one container that may be on their way at once: one is merged while the next is read.
const TURNS_MAX: usize = 2;

/// One batch of lines on its way. It is given back when it is dropped.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "it is held for its drop")]
pub struct Turn(Arc<OwnedSemaphorePermit>);

/// How many batches of a container may be on their way.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    semaphore: Arc<Semaphore>,
    /// When it was last said that the log is being read.
    sign: Arc<Mutex<Instant>>,
}

impl Turns {
    /// Two, until [`free`](Self::free).
    pub(crate) fn few() -> Self {
        let sign = Arc::new(Mutex::new(Instant::now()));
        Self { semaphore: Arc::new(Semaphore::new(TURNS_MAX)), sign }
    }

    /// As many as the channel takes.
    pub(crate) fn any() -> Self {
        let turns = Self::few();
        turns.free();
        turns
    }

    /// From here on the channel alone is the bound.
    pub(crate) fn free(&self) {
        self.semaphore.close();
    }

    /// Whether the channel alone is the bound.
    pub(crate) fn is_free(&self) -> bool {
        self.semaphore.is_closed()
    }

    /// Whether it is time to say that the log is being read, which others wait for.
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

    /// Waits for a turn; `None` where none is needed.
    ///
    /// # Cancel safety
    /// Safe: a turn that was not handed out is there for the next call.
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
