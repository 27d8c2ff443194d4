//! Backoff: the wait before the next try, exponential, with a cap and full jitter.
//!
//! A plain value without a clock. Full jitter (a wait drawn from zero to the step) spreads the
//! reconnects of many streams that broke at the same moment (Brooker, "Exponential backoff and
//! jitter", AWS architecture blog).

use std::time::Duration;

/// The first step.
pub const MIN: Duration = Duration::from_millis(250);
/// The last step.
pub const MAX: Duration = Duration::from_secs(30);

/// Counts failures in a row and returns the wait after each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The number of failures since the last progress.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Resets the failures after progress.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and returns the wait after it. `draw` is a random number from 0 to 1.
    pub fn next(&mut self, draw: f64) -> Duration {
        let step = Self::step(self.failures);
        self.failures = self.failures.saturating_add(1);
        // Never zero: a wait of zero would be a busy loop.
        (step.mul_f64(draw.clamp(0.0, 1.0))).max(MIN / 5)
    }

    /// The step before jitter.
    fn step(failures: u32) -> Duration {
        MIN.saturating_mul(1 << failures.min(16)).min(MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_double_up_to_the_cap() {
        let steps: Vec<u128> = (0..10).map(|n| Backoff::step(n).as_millis()).collect();
        assert_eq!(steps, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    }

    #[test]
    fn progress_resets_the_backoff() {
        let mut backoff = Backoff::default();
        for _ in 0..9 {
            backoff.next(1.0);
        }
        backoff.reset();
        assert_eq!(backoff.next(1.0), MIN);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_zero_and_never_past_the_cap(n in 0u32..100_000, draw in -1.0f64..2.0) {
            let mut backoff = Backoff { failures: n };
            let wait = backoff.next(draw);
            prop_assert!(MIN / 5 <= wait && wait <= MAX);
            prop_assert!(Backoff::step(n) <= Backoff::step(n + 1));
        }
    }
}
