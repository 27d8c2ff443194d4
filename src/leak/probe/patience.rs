//! How long a source is waited for. One that hangs must not hold up the others, or the check.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::leak::record::Unavailable;

/// How long a source that did not answer is left alone, at first and at most.
const WAITS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// How much longer anything may take that can be hurried, once the check is told to stop.
const HURRY: Duration = Duration::from_secs(1);

/// When a source may be asked again.
#[derive(Debug, Default)]
pub(super) struct Patience {
    again: Option<Instant>,
    wait: Duration,
}

impl Patience {
    /// Waits for an answer for so long; one that does not come costs the source its next turns, twice as
    /// many each time.
    ///
    /// # Errors
    /// There is no answer, in words.
    ///
    /// # Cancel safety
    /// As safe as `question`, which is dropped when its time is over.
    pub(super) async fn ask<T>(
        &mut self,
        within: Duration,
        question: impl Future<Output = T>,
    ) -> Result<T, String> {
        let over = async {
            sleep(within).await;
            within
        };
        self.ask_until(over, question).await
    }

    /// The same, but a second at most once the check is told to stop.
    pub(super) async fn ask_hurried<T>(
        &mut self,
        within: Duration,
        stop: &CancellationToken,
        question: impl Future<Output = T>,
    ) -> Result<T, String> {
        let begun = Instant::now();
        let over = async {
            tokio::select! {
                () = sleep(within) => within,
                () = async { stop.cancelled().await; sleep(HURRY).await } => {
                    Duration::from_secs(begun.elapsed().as_secs())
                }
            }
        };
        self.ask_until(over, question).await
    }

    /// Waits until it is over, which tells how long that was.
    async fn ask_until<T>(
        &mut self,
        over: impl Future<Output = Duration>,
        question: impl Future<Output = T>,
    ) -> Result<T, String> {
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Err("it did not answer in time, and is left alone for a while".to_owned());
        }
        let waited = tokio::select! {
            biased;
            answer = question => {
                *self = Self::default();
                return Ok(answer);
            }
            waited = over => waited,
        };
        self.wait = (self.wait * 2).clamp(WAITS[0], WAITS[1]);
        self.again = Some(Instant::now() + self.wait);
        Err(format!("it did not answer within {waited:?}"))
    }
}

/// A source and how long it is waited for. What takes long to take apart is not left alone for its
/// figures because of that.
#[derive(Debug)]
pub(super) struct Asked<T> {
    pub(super) it: T,
    pub(super) figures: Patience,
    pub(super) parts: Patience,
    /// It has been said that its parts could not be had.
    told: bool,
}

impl<T> Asked<T> {
    pub(super) fn new(it: T) -> Self {
        Self { it, figures: Patience::default(), parts: Patience::default(), told: false }
    }

    /// What it gave, or why it did not, which is said once.
    pub(super) fn given<P>(
        &mut self,
        source: &str,
        asked: Result<P, String>,
        missed: &mut Vec<Unavailable>,
    ) -> Option<P> {
        let why = match asked {
            Ok(parts) => return Some(parts),
            Err(why) => format!("its parts could not be had: {why}"),
        };
        if !std::mem::replace(&mut self.told, true) {
            missed.push(Unavailable { metric: source.to_owned(), why });
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
        let begun = Instant::now();
        let mut patience = Patience::default();
        let mut asked = Vec::new();
        while begun.elapsed() < Duration::from_secs(300) {
            let question = async {
                asked.push(begun.elapsed().as_secs());
                std::future::pending::<()>().await;
            };
            assert!(patience.ask(Duration::from_secs(2), question).await.is_err());
            sleep(Duration::from_millis(100)).await;
        }
        // Each time 2 s, then 5, 10, 20, 40, 60, 60 s of peace.
        assert_eq!(asked, [0, 7, 19, 41, 83, 145, 207, 269]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_makes_good() {
        let mut patience = Patience::default();
        let late = patience.ask(Duration::from_secs(2), sleep(Duration::from_secs(3))).await;
        assert_eq!(late, Err("it did not answer within 2s".to_owned()));
        assert!(patience.ask(Duration::from_secs(2), async {}).await.is_err(), "left alone");
        sleep(Duration::from_secs(5)).await;
        assert_eq!(patience.ask(Duration::from_secs(2), async { 7 }).await, Ok(7));
        assert_eq!(patience.ask(Duration::from_secs(2), async { 8 }).await, Ok(8), "at once");
    }
}
