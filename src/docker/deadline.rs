//! Deadlines of requests: longer after the daemon missed one.
//!
//! On a busy host, a list can take longer than any fixed deadline, and a retry with the same one would never
//! succeed. So a missed deadline doubles, up to four times the first. A daemon that hangs must not delay cmon
//! for much longer.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// The maximum number of doublings.
const DOUBLINGS_MAX: u32 = 2;

/// The kind of request; each has its own deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Ping,
    Version,
    Info,
    List,
    Inspect,
    Threads,
    Events,
    Log,
}

const QUESTIONS: usize = Question::Log as usize + 1;

/// The deadlines of one daemon.
#[derive(Debug)]
pub(super) struct Deadlines {
    first: Duration,
    doublings: [AtomicU32; QUESTIONS],
}

impl Deadlines {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, doublings: Default::default() }
    }

    /// The deadline for the next request of this kind.
    pub(super) fn get(&self, question: Question) -> Duration {
        self.first.saturating_mul(1 << self.of(question).load(Relaxed))
    }

    /// Records a missed deadline.
    pub(super) fn missed(&self, question: Question) {
        let doubled = |doublings: u32| Some((doublings + 1).min(DOUBLINGS_MAX));
        // The closure always returns a value, so this cannot fail.
        let _ = self.of(question).fetch_update(Relaxed, Relaxed, doubled);
    }

    /// Records an answer after this time. Keeps the longer deadline while answers need it.
    pub(super) fn answered(&self, question: Question, took: Duration) {
        if took <= self.first / 2 {
            self.of(question).store(0, Relaxed);
        }
    }

    fn of(&self, question: Question) -> &AtomicU32 {
        &self.doublings[question as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_deadline_doubles_up_to_four_times_and_is_kept_while_it_is_needed() {
        let second = Duration::from_secs(1);
        let deadlines = Deadlines::new(30 * second);
        let list = || deadlines.get(Question::List);
        let grown: Vec<u64> = (0..4)
            .map(|_| {
                let now = list().as_secs();
                deadlines.missed(Question::List);
                now
            })
            .collect();
        assert_eq!(grown, [30, 60, 120, 120]);
        assert_eq!(deadlines.get(Question::Inspect), 30 * second, "each has its own");
        deadlines.answered(Question::List, 40 * second);
        assert_eq!(list(), 120 * second, "the list still takes longer than the first deadline");
        deadlines.answered(Question::List, second);
        assert_eq!(list(), 30 * second);
    }
}
