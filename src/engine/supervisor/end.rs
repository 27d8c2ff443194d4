//! The end of a follow with a time limit, by the daemon's clock, since its timestamps decide which lines are wanted.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::timestamp::Timestamp;

/// The longest time from the timestamp of a line until the daemon has stored it.
const STORE_DELAY_MAX: Duration = Duration::from_millis(200);

/// The end of a follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The follow has no end.
    Never,
    /// cmon asks the daemon for the time at this moment.
    At(Instant),
    /// cmon has asked the daemon for the time.
    Asked,
    /// The end is reached.
    Reached,
}

impl End {
    /// The end at this moment of cmon's clock.
    pub(super) fn at(end: Option<Instant>) -> Self {
        end.map_or(Self::Never, |end| Self::At(end + STORE_DELAY_MAX))
    }

    pub(super) fn next_wake(self) -> Option<Instant> {
        match self {
            Self::At(time) => Some(time),
            Self::Never | Self::Asked | Self::Reached => None,
        }
    }

    /// Whether it is time to ask the daemon for the time.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next_wake().is_some_and(|time| time <= now);
        if is_due {
            *self = Self::Asked;
        }
        is_due
    }

    /// Whether the end is reached at this time of the daemon. If the daemon's clock is unknown, this machine's counts.
    pub(super) fn is_reached(
        &mut self,
        daemon: Option<Timestamp>,
        until: Option<Timestamp>,
        now: Instant,
    ) -> bool {
        let left = match (daemon, until) {
            (Some(daemon), Some(until)) => until.as_nanos() - daemon.as_nanos(),
            _ => 0,
        };
        *self = match u64::try_from(left) {
            Ok(left @ 1..) => Self::At(now + Duration::from_nanos(left) + STORE_DELAY_MAX),
            _ => Self::Reached,
        };
        *self == Self::Reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_is_decided_by_the_clock_of_the_daemon() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let at = |seconds: i64| Some(Timestamp::from_nanos(seconds * 1_000_000_000));
        let mut end = End::at(Some(now + second));
        assert_eq!(end.next_wake(), Some(now + second + STORE_DELAY_MAX));
        assert!(!end.is_due(now + second));
        assert!(end.is_due(now + 2 * second));
        assert_eq!((end, end.is_due(now + 3 * second)), (End::Asked, false));
        // The daemon's clock is behind: ask again when it must have reached the end.
        assert!(!end.is_reached(at(7), at(10), now));
        assert_eq!(end, End::At(now + 3 * second + STORE_DELAY_MAX));
        for daemon in [at(10), at(11), None] {
            assert!(end.is_reached(daemon, at(10), now));
            assert_eq!(end.next_wake(), None);
        }
        assert_eq!(End::at(None).next_wake(), None);
    }
}
