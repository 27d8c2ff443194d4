//! The engine's deadlines, and the jitter on a stream's age.

use std::time::Duration;

/// A window of stored frames is over when nothing comes for this long: the daemon sends what is
/// stored in one go.
pub const SEEK_IDLE_TIMEOUT: Duration = Duration::from_millis(300);
/// A finite read that gives nothing for this long has failed (dockerd 23.0.0 hangs on the tail of
/// an empty log).
pub const FINITE_READ_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The list is compared with what is followed this often, since events can be lost.
pub const RELIST_INTERVAL: Duration = Duration::from_secs(60);
/// The same where there are no events.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// A subscription to events that the daemon has not confirmed by then is asked for again.
pub const UNCONFIRMED_MAX_AGE: Duration = Duration::from_secs(300);
/// A stream that stood this long was healthy: failures before it no longer count.
pub const HEALTHY_MIN_AGE: Duration = Duration::from_secs(30);
/// After the stop deadline everything is closed by force, and this much later it is over.
pub const FORCED_STOP_TIMEOUT: Duration = Duration::from_millis(500);
/// How far an age is moved, as a share of it, so that streams opened together part.
const JITTER: f64 = 0.1;

/// The age at which one stream is rotated: `age`, give or take a tenth. `draw` is a random number
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
