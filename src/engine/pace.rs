//! How fast a container talks, hence how large a window its next stream asks for: pure.
//!
//! Too small a window misses the anchor and costs a search; each frame in it is read again for
//! nothing.

use tokio::time::Instant;

/// The least and the most frames that a stream asks for to find its anchor.
const WINDOW: std::ops::RangeInclusive<u64> = 64..=4096;

/// How fast frames come, to guess how many came while no stream was open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    opened: Instant,
    /// Frames counted when the stream was opened.
    frames: u64,
    /// When the last frames came.
    last: Instant,
    per_second: f64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { opened: now, frames: 0, last: now, per_second: 0.0 }
    }

    /// A stream is opened, when so many frames were counted.
    pub(super) fn opened(&mut self, now: Instant, frames: u64) {
        (self.opened, self.frames) = (now, frames);
    }

    /// Frames came; so many are counted by now.
    pub(super) fn fed(&mut self, now: Instant, frames: u64) {
        self.last = now;
        let seconds = (now - self.opened).as_secs_f64();
        if 0.1 < seconds {
            self.per_second = (frames - self.frames) as f64 / seconds;
        }
    }

    /// The window for a stream that is opened now: twice what may have come since.
    pub(super) fn window(&self, now: Instant) -> u64 {
        let seconds = now.saturating_duration_since(self.last).as_secs_f64();
        let behind = (2.0 * self.per_second * seconds).min(1e6);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1e6")]
        let behind = behind as u64;
        (WINDOW.start() + behind).clamp(*WINDOW.start(), *WINDOW.end())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_window_grows_with_the_rate_and_the_pause_up_to_a_limit() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut pace = Pace::new(begun);
        assert_eq!(pace.window(at(1000)), 64, "nothing ever came");
        pace.opened(begun, 0);
        pace.fed(at(10), 1000);
        assert_eq!(
            [pace.window(at(10)), pace.window(at(11)), pace.window(at(100))],
            [64, 264, 4096]
        );
    }
}
