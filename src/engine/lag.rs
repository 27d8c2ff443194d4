//! The lag: how far delivered lines are behind the lines that the daemon has stored.
//!
//! Informational: it compares the daemon's clock with this machine's, so no decision depends on it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use super::timestamp::Timestamp;

/// A line that was delivered longer ago no longer counts for the lag.
const FRESH_MAX_NANOS: i64 = 2_000_000_000;

/// The lag of one container.
#[derive(Debug)]
pub struct Lag {
    /// The start, in nanoseconds since 1970. Lines from before do not count as late.
    started: i64,
    /// The timestamp of the last line delivered.
    last: AtomicI64,
    /// The time of that delivery.
    at: AtomicI64,
    /// Whether lines wait for the output.
    waiting: AtomicBool,
}

impl Lag {
    /// No lag; `now` is this machine's clock.
    pub(super) fn new(now: Timestamp) -> Self {
        let now = now.saturating_nanos();
        let (last, at) = (AtomicI64::new(now), AtomicI64::new(i64::MIN / 2));
        Self { started: now, last, at, waiting: AtomicBool::new(false) }
    }

    /// Records that a line with this timestamp was delivered.
    pub(super) fn delivered(&self, time: Timestamp, now: Timestamp) {
        // A record without a time, or with an impossible one, has no lag.
        if time.is_plausible() {
            self.last.store(time.saturating_nanos().max(self.started), Relaxed);
            self.at.store(now.saturating_nanos(), Relaxed);
        }
    }

    /// Lines begin to wait for the output.
    pub(super) fn wait(&self) {
        self.waiting.store(true, Relaxed);
    }

    /// The output takes lines again.
    pub(super) fn go_on(&self) {
        self.waiting.store(false, Relaxed);
    }

    /// The lag at this moment.
    pub(super) fn get(&self, now: Timestamp) -> Duration {
        let (last, at) = (self.last.load(Relaxed), self.at.load(Relaxed));
        let now = now.saturating_nanos();
        let nanos = if self.waiting.load(Relaxed) {
            now.saturating_sub(last)
        } else if now.saturating_sub(at) < FRESH_MAX_NANOS {
            at.saturating_sub(last)
        } else {
            0
        };
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_the_last_line_while_lines_wait_or_arrive() {
        let at = |seconds: i64| Timestamp::from_nanos((1_700_000_000 + seconds) * 1_000_000_000);
        let lag = Lag::new(at(100));
        let seconds = |now: i64| lag.get(at(now)).as_secs();
        assert_eq!(seconds(105), 0, "nothing came");
        lag.delivered(at(50), at(101));
        assert_eq!(seconds(101), 1, "what was stored before the start is not late");
        lag.delivered(at(110), at(113));
        assert_eq!((seconds(114), seconds(116)), (3, 0), "then it is merely quiet");
        lag.wait();
        assert_eq!(seconds(120), 10);
        lag.go_on();
        lag.delivered(at(200), at(120));
        assert_eq!(seconds(120), 0, "the daemon's clock is ahead");
        for (text, from) in [("0001-01-01T00:00:00Z ", 130), ("9999-12-31T23:59:59Z ", 140)] {
            lag.delivered(at(from), at(from));
            lag.delivered(Timestamp::strip(text.as_bytes()).unwrap().0, at(from + 1));
            assert_eq!(seconds(from + 1), 0, "{text}");
            lag.wait();
            assert_eq!(seconds(from + 5), 5, "{text}");
            lag.go_on();
        }
    }
}
