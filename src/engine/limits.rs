//! The engine's deadlines, and the jitter on a stream's age.

use std::time::Duration;

/// The window of stored frames is over after this much silence: the daemon sends all stored frames
/// without a pause.
pub const SEEK_IDLE_TIMEOUT: Duration = Duration::from_millis(300);
/// A finite read fails after this much silence (dockerd 23.0.0 hangs on the tail of an empty log).
pub const FINITE_READ_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The interval at which cmon compares the list with the followed containers, since events can be lost.
pub const RELIST_INTERVAL: Duration = Duration::from_secs(60);
/// The interval without events.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// cmon repeats a subscription to events that the daemon has not confirmed after this time.
pub const UNCONFIRMED_MAX_AGE: Duration = Duration::from_secs(300);
/// A stream of this age was healthy: earlier failures no longer count.
pub const HEALTHY_MIN_AGE: Duration = Duration::from_secs(30);
/// The time between the forced close at the stop deadline and the end of the run.
pub const FORCED_STOP_TIMEOUT: Duration = Duration::from_millis(500);
/// The jitter of the age, as a share of it, so that streams opened together do not rotate together.
const JITTER: f64 = 0.1;

/// The age at which one stream is rotated: `age` plus or minus a tenth. `draw` is a random number
/// from 0 to 1.
pub fn rotation(age: Duration, draw: f64) -> Duration {
    age.mul_f64(1.0 - JITTER + 2.0 * JITTER * draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jitter_is_a_tenth_either_way_and_none_on_average() {
        let age = Duration::from_secs(300);
        assert_eq!(rotation(age, 0.0), Duration::from_secs(270));
        assert_eq!(rotation(age, 0.5), age);
        assert_eq!(rotation(age, 1.0), Duration::from_secs(330));
    }
}
