//! When to probe a quiet stream, and how rarely.
//!
//! Most quiet streams belong to quiet containers. So cmon does not close a stream that has been quiet for a while.
//! It sends one cheap probe, the newest message of the log, which shows whether the daemon has more. cmon halves
//! the rate of probes each time that it finds a container quiet. All containers share one budget. Pure.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The longest interval between two probes of a quiet container.
const CHECK_MAX_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// The shortest interval between two probes of all containers together: four per second.
const CHECK_SPACING: Duration = Duration::from_millis(250);
/// After a probe found newer lines, the stream has this long to deliver them.
pub const STALE_GRACE: Duration = Duration::from_secs(1);

/// How long one container's stream may be quiet before the next probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    first: Duration,
    interval: Duration,
}

impl Quiet {
    /// The first probe comes after `first`.
    pub fn new(first: Duration) -> Self {
        Self { first, interval: first }
    }

    /// How long the stream may be quiet from now on.
    pub fn interval(self) -> Duration {
        self.interval
    }

    /// Records that the daemon has no more than was delivered.
    pub fn found_quiet(&mut self) {
        self.interval = (2 * self.interval).min(CHECK_MAX_INTERVAL.max(self.first));
    }

    /// Records a delivery.
    pub fn found_busy(&mut self) {
        self.interval = self.first;
    }
}

/// The free slots for probes, shared by all containers.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Option<Instant>>);

impl Budget {
    /// Takes the next free slot, now or later.
    pub fn take(&self, now: Instant) -> Instant {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = last.map_or(now, |last| now.max(last + CHECK_SPACING));
        *last = Some(moment);
        moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_container_is_probed_less_often() {
        let mut quiet = Quiet::new(Duration::from_secs(30));
        let mut seconds = Vec::new();
        for _ in 0..6 {
            seconds.push(quiet.interval().as_secs());
            quiet.found_quiet();
        }
        assert_eq!(seconds, [30, 60, 120, 240, 300, 300]);
        quiet.found_busy();
        assert_eq!(quiet.interval().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn probes_are_a_quarter_of_a_second_apart() {
        let (budget, now) = (Budget::default(), Instant::now());
        let moments: Vec<u128> = (0..5).map(|_| (budget.take(now) - now).as_millis()).collect();
        assert_eq!(moments, [0, 250, 500, 750, 1000]);
        let later = now + Duration::from_secs(60);
        assert_eq!(budget.take(later), later, "what was not used does not add up");
    }
}
