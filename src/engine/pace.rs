//! The pace: how fast a container writes, and so how large a window its next stream needs. Pure.
//!
//! A window that is too small misses the anchor and costs a search. A window that is too large reads more frames
//! again.

use std::time::Duration;

use tokio::time::Instant;

/// The bounds of the window in which a stream looks for its anchor, in frames.
const WINDOW_FRAMES: std::ops::RangeInclusive<u64> = 64..=32_768;
/// The shortest time over which a rate is measured, and the longest, after which the measurement begins again.
const RATE_INTERVAL: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// The factor by which a peak decays at each look.
pub(super) const PEAK_DECAY: f64 = 0.99;
/// Rough size of what a log driver stores for a frame in addition to its payload, in bytes.
pub(super) const RECORD_OVERHEAD_BYTES: u64 = 70;

/// The rate of frames, to estimate how many came while no stream was open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    begun: Instant,
    /// The count at that time.
    before: Counted,
    /// When the last frames came.
    last: Instant,
    /// Per second.
    frames: f64,
    bytes: f64,
}

/// Frames and bytes of payload since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { begun: now, before: Counted::default(), last: now, frames: 0.0, bytes: 0.0 }
    }

    /// Records that frames came; `counted` is the new total.
    pub(super) fn fed(&mut self, now: Instant, counted: Counted) {
        self.last = now;
        let over = now - self.begun;
        if over < RATE_INTERVAL[0] {
            return;
        }
        let frames = counted.frames - self.before.frames;
        let bytes = counted.bytes - self.before.bytes + RECORD_OVERHEAD_BYTES * frames;
        self.frames = frames as f64 / over.as_secs_f64();
        // The peak, which decays: a pause may hide as much as the fastest phase could write.
        self.bytes = (bytes as f64 / over.as_secs_f64()).max(self.bytes * PEAK_DECAY);
        if RATE_INTERVAL[1] <= over {
            (self.begun, self.before) = (now, counted);
        }
    }

    /// The recent rate in bytes per second as a log driver stores them. An estimate on the high side.
    pub(super) fn bytes_per_second(&self) -> f64 {
        self.bytes
    }

    /// The window for a stream that opens now: twice the estimated number of frames since the last one.
    pub(super) fn window(&self, now: Instant) -> u64 {
        let seconds = now.saturating_duration_since(self.last).as_secs_f64();
        let behind = (2.0 * self.frames * seconds).min(1e6);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1e6")]
        let behind = behind as u64;
        (WINDOW_FRAMES.start() + behind).clamp(*WINDOW_FRAMES.start(), *WINDOW_FRAMES.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_window_grows_with_the_rate_and_the_pause_up_to_a_limit() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut pace = Pace::new(begun);
        assert_eq!(pace.window(at(1000)), 64, "nothing ever came");
        pace.fed(at(10), Counted { frames: 1000, bytes: 0 });
        assert_eq!(
            [pace.window(at(10)), pace.window(at(11)), pace.window(at(100))],
            [64, 264, 64 + 18_000]
        );
        pace.fed(at(20), Counted { frames: 1010, bytes: 500 });
        assert_eq!(pace.window(at(30)), 64 + 20, "the rate is that of the last while");
        assert!((6_900.0..7_000.0).contains(&pace.bytes_per_second()), "a peak fades slowly");
    }
}
