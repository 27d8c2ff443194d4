//! Timeouts and backoff of the probes: a source that hangs must not delay the others, or the check.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::probe::observed::Unavailable;
use crate::probe::reasons::UnavailableReason;

/// The first and the maximum backoff after a timeout.
const BACKOFF_RANGE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// The remaining time of a request after the check was stopped.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// The backoff of one source.
#[derive(Debug, Default)]
pub(super) struct ProbeBackoff {
    again: Option<Instant>,
    wait: Duration,
}

impl ProbeBackoff {
    /// Waits for an answer up to `within`. After a timeout the source is skipped during the backoff, which doubles each
    /// time.
    ///
    /// # Errors
    /// The source did not answer in time, or its backoff is not over.
    ///
    /// # Cancel safety
    /// As safe as `request`, which is dropped after the timeout.
    pub(super) async fn ask<T>(
        &mut self,
        within: Duration,
        request: impl Future<Output = T>,
    ) -> Result<T, UnavailableReason> {
        let over = async {
            sleep(within).await;
            within
        };
        self.ask_until(over, request).await
    }

    /// The same, but waits only for [`STOP_GRACE`] after `stop`.
    pub(super) async fn ask_with_stop<T>(
        &mut self,
        within: Duration,
        stop: &CancellationToken,
        request: impl Future<Output = T>,
    ) -> Result<T, UnavailableReason> {
        let started = Instant::now();
        let over = async {
            tokio::select! {
                () = sleep(within) => within,
                () = async { stop.cancelled().await; sleep(STOP_GRACE).await } => {
                    Duration::from_secs(started.elapsed().as_secs())
                }
            }
        };
        self.ask_until(over, request).await
    }

    /// Waits until `over` ends, which returns the elapsed time.
    async fn ask_until<T>(
        &mut self,
        over: impl Future<Output = Duration>,
        request: impl Future<Output = T>,
    ) -> Result<T, UnavailableReason> {
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Err(UnavailableReason::Backoff);
        }
        let waited = tokio::select! {
            biased;
            answer = request => {
                *self = Self::default();
                return Ok(answer);
            }
            waited = over => waited,
        };
        self.wait = (self.wait * 2).clamp(BACKOFF_RANGE[0], BACKOFF_RANGE[1]);
        self.again = Some(Instant::now() + self.wait);
        Err(UnavailableReason::Timeout { seconds: waited.as_secs_f64() })
    }
}

/// A source with its backoffs. Slow groups do not delay its readings.
#[derive(Debug)]
pub(super) struct Probe<T> {
    pub(super) source: T,
    pub(super) figures: ProbeBackoff,
    pub(super) groups: ProbeBackoff,
    /// Whether missing groups were reported.
    reported: bool,
}

impl<T> Probe<T> {
    pub(super) fn new(source: T) -> Self {
        Self {
            source,
            figures: ProbeBackoff::default(),
            groups: ProbeBackoff::default(),
            reported: false,
        }
    }

    /// Returns the answer. Records the first missing one.
    pub(super) fn record_missing<P>(
        &mut self,
        source: &str,
        asked: Result<P, UnavailableReason>,
        missed: &mut Vec<Unavailable>,
    ) -> Option<P> {
        let reason = match asked {
            Ok(groups) => return Some(groups),
            Err(cause) => UnavailableReason::Groups { cause: Box::new(cause) },
        };
        if !std::mem::replace(&mut self.reported, true) {
            missed.push(Unavailable { metric: source.to_owned(), reason: reason.into() });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_backoff_of_a_hanging_source_doubles() {
        let started = Instant::now();
        let mut backoff = ProbeBackoff::default();
        let mut asked = Vec::new();
        while started.elapsed() < Duration::from_secs(300) {
            let request = async {
                asked.push(started.elapsed().as_secs());
                std::future::pending::<()>().await;
            };
            assert!(backoff.ask(Duration::from_secs(2), request).await.is_err());
            sleep(Duration::from_millis(100)).await;
        }
        // Each timeout takes 2 s, and the backoff 5, 10, 20, 40, 60, 60 s.
        assert_eq!(asked, [0, 7, 19, 41, 83, 145, 207, 269]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_resets_the_backoff() {
        let mut backoff = ProbeBackoff::default();
        let late = backoff.ask(Duration::from_secs(2), sleep(Duration::from_secs(3))).await;
        assert_eq!(late.unwrap_err().to_string(), "it did not answer within 2s");
        assert!(backoff.ask(Duration::from_secs(2), async {}).await.is_err(), "left alone");
        sleep(Duration::from_secs(5)).await;
        assert_eq!(backoff.ask(Duration::from_secs(2), async { 7 }).await, Ok(7));
        assert_eq!(backoff.ask(Duration::from_secs(2), async { 8 }).await, Ok(8), "at once");
    }
}
