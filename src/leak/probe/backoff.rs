//! Timeouts and backoff of the probes: a source that hangs must not delay the others, or the check.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::leak::reasons::UnavailableReason;
use crate::leak::record::Unavailable;

/// The backoff after a source did not answer, at first and at most.
const BACKOFF_RANGE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// How long a question may still take once the check is to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// When a source may be asked again.
#[derive(Debug, Default)]
pub(super) struct ProbeBackoff {
    again: Option<Instant>,
    wait: Duration,
}

impl ProbeBackoff {
    /// Waits for an answer for this long. After a timeout the source is not asked for a while, twice as long each time.
    ///
    /// # Errors
    /// The source did not answer, or is not asked at the moment.
    ///
    /// # Cancel safety
    /// As safe as `question`, which is dropped when its time is over.
    pub(super) async fn ask<T>(
        &mut self,
        within: Duration,
        question: impl Future<Output = T>,
    ) -> Result<T, UnavailableReason> {
        let over = async {
            sleep(within).await;
            within
        };
        self.ask_until(over, question).await
    }

    /// The same, but only for [`STOP_GRACE`] once the check is to stop.
    pub(super) async fn ask_hurried<T>(
        &mut self,
        within: Duration,
        stop: &CancellationToken,
        question: impl Future<Output = T>,
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
        self.ask_until(over, question).await
    }

    /// Waits until `over` ends with the time that was waited.
    async fn ask_until<T>(
        &mut self,
        over: impl Future<Output = Duration>,
        question: impl Future<Output = T>,
    ) -> Result<T, UnavailableReason> {
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Err(UnavailableReason::Backoff);
        }
        let waited = tokio::select! {
            biased;
            answer = question => {
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

/// A source with its backoff. Slow groups do not delay its figures.
#[derive(Debug)]
pub(super) struct Probe<T> {
    pub(super) it: T,
    pub(super) figures: ProbeBackoff,
    pub(super) parts: ProbeBackoff,
    /// Its missing parts were reported.
    reported: bool,
}

impl<T> Probe<T> {
    pub(super) fn new(it: T) -> Self {
        Self {
            it,
            figures: ProbeBackoff::default(),
            parts: ProbeBackoff::default(),
            reported: false,
        }
    }

    /// The answer. A missing one is recorded, once.
    pub(super) fn record_missing<P>(
        &mut self,
        source: &str,
        asked: Result<P, UnavailableReason>,
        missed: &mut Vec<Unavailable>,
    ) -> Option<P> {
        let reason = match asked {
            Ok(parts) => return Some(parts),
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
    async fn who_hangs_is_asked_less_and_less_often() {
        let started = Instant::now();
        let mut backoff = ProbeBackoff::default();
        let mut asked = Vec::new();
        while started.elapsed() < Duration::from_secs(300) {
            let question = async {
                asked.push(started.elapsed().as_secs());
                std::future::pending::<()>().await;
            };
            assert!(backoff.ask(Duration::from_secs(2), question).await.is_err());
            sleep(Duration::from_millis(100)).await;
        }
        // Each time 2 s, then 5, 10, 20, 40, 60, 60 s of peace.
        assert_eq!(asked, [0, 7, 19, 41, 83, 145, 207, 269]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_makes_good() {
        let mut backoff = ProbeBackoff::default();
        let late = backoff.ask(Duration::from_secs(2), sleep(Duration::from_secs(3))).await;
        assert_eq!(late.unwrap_err().to_string(), "it did not answer within 2s");
        assert!(backoff.ask(Duration::from_secs(2), async {}).await.is_err(), "left alone");
        sleep(Duration::from_secs(5)).await;
        assert_eq!(backoff.ask(Duration::from_secs(2), async { 7 }).await, Ok(7));
        assert_eq!(backoff.ask(Duration::from_secs(2), async { 8 }).await, Ok(8), "at once");
    }
}
