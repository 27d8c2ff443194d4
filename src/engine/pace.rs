//! How fast a container talks, hence how large a window its next stream asks for: pure.
//!
//! Too small a window misses the anchor and costs a search; each frame in it is read again for
//! nothing.

use std::time::Duration;

use tokio::time::Instant;

/// The least and the most frames that a stream asks for to find its anchor.
const WINDOW_FRAMES: std::ops::RangeInclusive<u64> = 64..=32_768;
/// A rate is taken over at least this long, and begun anew after the second.
const RATE_INTERVAL: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// What is left of a peak after each look.
pub(super) const PEAK_DECAY: f64 = 0.99;
/// What a log driver stores beside a frame's payload, roughly, in bytes.
pub(super) const RECORD_OVERHEAD_BYTES: u64 = 70;

/// How fast frames come, to guess how many came while no stream was open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    begun: Instant,
    /// Counted when that was.
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

    /// Frames came; `counted` is their number by now.
    pub(super) fn fed(&mut self, now: Instant, counted: Counted) {
        self.last = now;
        let over = now - self.begun;
        if over < RATE_INTERVAL[0] {
            return;
        }
        let frames = counted.frames - self.before.frames;
        let bytes = counted.bytes - self.before.bytes + RECORD_OVERHEAD_BYTES * frames;
        self.frames = frames as f64 / over.as_secs_f64();
        // Its peak, which fades: what a pause may hide is judged by how fast it can be.
        self.bytes = (bytes as f64 / over.as_secs_f64()).max(self.bytes * PEAK_DECAY);
        if RATE_INTERVAL[1] <= over {
            (self.begun, self.before) = (now, counted);
        }
    }

    /// Bytes a second of late, as a log driver stores them; rather too many than too few.
    pub(super) fn bytes_per_second(&self) -> f64 {
        self.bytes
    }

    /// The window for a stream that is opened now: twice what may have come since.
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
