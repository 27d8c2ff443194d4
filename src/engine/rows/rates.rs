//! Rates of closed streams and of lines, from bounded histories.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The time over which the rates of lines and bytes are taken, in seconds.
const RATE_SECONDS: u64 = 5;
/// The shortest period of the cycle rate, and the number of stream timeouts that it covers.
const CYCLE_RATE_MIN: (Duration, u32) = (Duration::from_secs(60), 5);
/// The shortest period of a rate: otherwise a few closings at the start would exaggerate it.
const RATE_MIN_TIME: Duration = Duration::from_secs(10);
/// The limit of closings in the history.
const CLOSINGS_KEPT: usize = 64;

/// The times at which streams were closed.
#[derive(Debug, Default)]
pub(super) struct Closings(pub(super) VecDeque<Instant>);

impl Closings {
    pub(super) fn add(&mut self, now: Instant) {
        if self.0.len() == CLOSINGS_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Closings per minute, over several stream timeouts, since each stream closes once in one.
    pub(super) fn per_minute(&self, now: Instant, joined: Instant, timeout: Duration) -> f64 {
        let (min_period, timeouts) = CYCLE_RATE_MIN;
        let mut over =
            min_period.max(timeout.saturating_mul(timeouts)).min(now - joined).max(RATE_MIN_TIME);
        if self.0.len() == CLOSINGS_KEPT
            && let Some(first) = self.0.front()
        {
            // Earlier closings no longer count.
            over = over.min(now - *first);
        }
        let count = self.0.iter().filter(|at| now - **at <= over).count();
        let over = over.as_secs_f64();
        if over < 1.0 { 0.0 } else { count as f64 * 60.0 / over }
    }
}

/// Lines and bytes of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Traffic(pub(super) VecDeque<(u64, u64, u64)>);

impl Traffic {
    pub(super) fn add(&mut self, second: u64, lines: u64, bytes: u64) {
        match self.0.back_mut() {
            Some((last, of_lines, of_bytes)) if *last == second => {
                *of_lines += lines;
                *of_bytes += bytes;
            }
            _ => self.0.push_back((second, lines, bytes)),
        }
        while self.0.front().is_some_and(|(first, ..)| first + RATE_SECONDS < second) {
            self.0.pop_front();
        }
    }

    /// Lines and bytes per second, over whole seconds only, so that the rate is steady.
    pub(super) fn rates(&self, stood: Duration) -> (f64, f64) {
        let now = stood.as_secs();
        let from = now.saturating_sub(RATE_SECONDS);
        let whole = self.0.iter().filter(|(second, ..)| (from..now).contains(second));
        let (lines, bytes) =
            whole.fold((0, 0), |sums, (_, lines, bytes)| (sums.0 + lines, sums.1 + bytes));
        let over = now.clamp(1, RATE_SECONDS) as f64;
        (lines as f64 / over, bytes as f64 / over)
    }
}
