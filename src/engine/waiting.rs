//! When to report a slow daemon: after two seconds, and at most once a minute, however many requests wait.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The age at which a request counts as slow.
const SLOW_MIN_WAIT: Duration = Duration::from_secs(2);
/// The shortest interval between two notes.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);

/// The notes about slow requests in one run.
#[derive(Debug, Default)]
pub(super) struct SlowNotes {
    last: Mutex<Option<Instant>>,
}

impl SlowNotes {
    /// Waits for an answer. Calls `note` if the answer is slow and the last note is old enough.
    ///
    /// # Cancel safety
    /// That of `asking`.
    pub(super) async fn watch<T>(
        &self,
        asking: impl Future<Output = T>,
        note: impl AsyncFnOnce(),
    ) -> T {
        tokio::pin!(asking);
        tokio::select! {
            biased;
            answer = &mut asking => return answer,
            () = sleep(SLOW_MIN_WAIT) => {}
        }
        if self.is_due(Instant::now()) {
            note().await;
        }
        asking.await
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| NOTE_INTERVAL <= now - last);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_is_noted_once_a_minute_and_a_fast_one_never() {
        let (slow, noted) = (SlowNotes::default(), Cell::new(0));
        let second = Duration::from_secs(1);
        let ask = async |takes: Duration| {
            slow.watch(sleep(takes), async || noted.set(noted.get() + 1)).await;
        };
        ask(second).await;
        assert_eq!(noted.get(), 0);
        ask(12 * second).await;
        ask(12 * second).await;
        assert_eq!(noted.get(), 1, "one note for several requests");
        ask(60 * second).await;
        ask(12 * second).await;
        assert_eq!(noted.get(), 2);
    }
}
