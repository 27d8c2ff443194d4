//! When a follow of a log that is kept in files may miss lines, and when to read the store instead. Pure.
//!
//! A log driver with a size limit begins a new file when one is full, and drops the oldest. Follows of such logs
//! lose lines silently in two cases:
//!
//! - While the daemon's socket is full, the follow inside the daemon stands still. It continues in the newest file
//!   and skips the files in between (all versions; moby: `daemon/logger/loggerutils/follow.go`).
//! - Before version 23, a follow skips a file that begins while the follow is being opened. The daemon reads the
//!   stored part, then watches for new files, and never looks at files created in between.
//!
//! Finite reads are sound: the daemon opens all files at their beginning. So if a file fills almost at once, cmon uses
//! finite reads only. If a file may fill soon, a follow must prove after its opening that it stands in the newest file:
//! it must deliver the newest frame that the store had. A pause between two frames is suspect if a file fits into it.

use std::time::Duration;

use tokio::time::Instant;

use super::anchor::Key;
use super::pace::{PEAK_DECAY, Pace, RECORD_OVERHEAD_BYTES};
use super::timestamp::Timestamp;

/// If a file lasts longer than this, the stale check finds a follow that stands in an old file.
const SLOW_ROTATION_SECONDS: f64 = 40.0;
/// If a file lasts fewer seconds than this, no follow keeps up with the files. Before version 23 a follow also
/// misses a file if two begin before the daemon's goroutine is scheduled.
const HOPELESS_ROTATION_SECONDS: f64 = 0.02;
const HOPELESS_ROTATION_SECONDS_BEFORE_23: f64 = 0.5;
/// More bytes than a daemon can write to one log per second.
const WRITE_MAX_BYTES_PER_SECOND: f64 = 50_000_000.0;
/// How much a burst of a container may exceed its measured pace.
const PACE_MARGIN: f64 = 1.25;
/// The bounds in seconds of the pause between two finite reads if no follow keeps up. The pause is a
/// fraction of a file's lifetime.
const READ_SPACING_SECONDS: [f64; 2] = [0.02, 0.1];
const READ_SPACING_SHARE: f64 = 0.2;

/// A rate by the daemon's timestamps is measured over at least this many seconds.
const RATE_MIN_SECONDS: f64 = 0.1;
/// The shortest interval between two decays of its peak.
const RATE_DECAY_INTERVAL: Duration = Duration::from_millis(100);

/// The files of one container's log.
#[derive(Clone, Debug)]
pub(super) struct Files {
    size: f64,
    /// Whether the daemon is older than version 23.
    old: bool,
    proof: Proof,
    written: Written,
}

/// How fast the container writes, by the daemon's timestamps. The pace counts arrivals, and on a busy machine the
/// lines of a second may arrive at once. cmon must notice a file that was skipped among them.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    begun: Option<Timestamp>,
    /// Since this time.
    bytes: f64,
    /// The peak in bytes per second, which decays.
    rate: f64,
    /// The last decay without a delivery.
    faded: Option<Instant>,
}

impl Written {
    fn add(&mut self, key: &Key) {
        let begun = *self.begun.get_or_insert(key.time());
        let over = (key.time().as_nanos() - begun.as_nanos()) as f64 / 1e9;
        if RATE_MIN_SECONDS <= over {
            self.rate = (self.bytes / over).max(self.rate * PEAK_DECAY);
        }
        // If the clock goes back, the measurement begins again.
        if !(0.0..RATE_MIN_SECONDS).contains(&over) {
            (self.begun, self.bytes) = (Some(key.time()), 0.0);
        }
        self.bytes += f64::from(key.length()) + RECORD_OVERHEAD_BYTES as f64;
    }

    /// Records a look at the log: a container that is quiet by now no longer counts as fast.
    fn looked(&mut self, now: Instant) {
        let faded = *self.faded.get_or_insert(now);
        if RATE_DECAY_INTERVAL <= now.saturating_duration_since(faded) {
            self.rate *= PEAK_DECAY;
            self.faded = Some(now);
        }
    }
}

/// Whether the open follow stands in the newest file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It does, or files last longer than any stream.
    Given,
    /// Unknown: the store's newest frame is needed.
    Wanted,
    /// The follow must deliver this frame.
    Awaited(Key),
}

/// The newest frame of the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Newest {
    /// It was delivered.
    Delivered,
    /// It was not.
    Missing(Key),
}

impl Proof {
    pub(super) fn is_given(self) -> bool {
        self == Proof::Given
    }

    /// Takes the store's newest frame.
    pub(super) fn newest(&mut self, newest: Newest) {
        if *self == Proof::Wanted {
            *self = match newest {
                Newest::Delivered => Proof::Given,
                Newest::Missing(key) => Proof::Awaited(key),
            };
        }
    }

    /// Records the delivery of a frame.
    pub(super) fn delivered(&mut self, key: &Key) {
        if *self == Proof::Awaited(*key) {
            *self = Proof::Given;
        }
    }
}

/// How a follow behaves when the daemon begins the next file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It goes on in the next file.
    KeepsFollow,
    /// It may skip a file: daemons before version 23.
    CutsFollow,
}

impl Files {
    /// Files of this size in bytes.
    pub(super) fn new(size: u64, rotation: Rotation) -> Self {
        let old = rotation == Rotation::CutsFollow;
        Self { size: size as f64, old, proof: Proof::Given, written: Written::default() }
    }

    /// Records that a follow opens.
    pub(super) fn open(&mut self, pace: &Pace) {
        let soon = self.size < SLOW_ROTATION_SECONDS * self.rate(pace);
        self.proof = if self.old && soon { Proof::Wanted } else { Proof::Given };
    }

    /// Whether files fill so fast that only finite reads are sound.
    pub(super) fn is_hopeless(&self, pace: &Pace) -> bool {
        let lasts =
            if self.old { HOPELESS_ROTATION_SECONDS_BEFORE_23 } else { HOPELESS_ROTATION_SECONDS };
        self.size < lasts * self.rate(pace)
    }

    /// The pause between two finite reads.
    pub(super) fn between(&self, pace: &Pace) -> Duration {
        let lasts = self.size / self.rate(pace).max(1.0);
        Duration::from_secs_f64(
            (READ_SPACING_SHARE * lasts).clamp(READ_SPACING_SECONDS[0], READ_SPACING_SECONDS[1]),
        )
    }

    /// Whether the open follow has still to prove that it stands in the newest file.
    pub(super) fn is_unproven(&self) -> bool {
        !self.proof.is_given()
    }

    /// Takes the store's newest frame, and whether it was delivered.
    pub(super) fn newest(&mut self, newest: Newest) {
        self.proof.newest(newest);
    }

    /// Records the delivery of a frame.
    pub(super) fn delivered(&mut self, key: &Key) {
        self.proof.delivered(key);
        self.written.add(key);
    }

    /// Records that cmon read from the log, whether or not the frames were new.
    pub(super) fn looked(&mut self, now: Instant) {
        self.written.looked(now);
    }

    /// The bytes per second that the container writes. An estimate on the high side.
    fn rate(&self, pace: &Pace) -> f64 {
        pace.bytes_per_second().max(self.written.rate)
    }

    /// Whether a file may have been skipped between these two frames of a follow: no file is filled
    /// faster than [`WRITE_MAX_BYTES_PER_SECOND`], and once the follow is proven, not much faster than the pace.
    pub(super) fn may_skip(&self, before: Timestamp, next: Timestamp, pace: &Pace) -> bool {
        let pause = (next.as_nanos() - before.as_nanos()) as f64 / 1e9;
        let rate = if self.is_unproven() {
            WRITE_MAX_BYTES_PER_SECOND
        } else {
            PACE_MARGIN * self.rate(pace)
        };
        self.size < pause * rate.min(WRITE_MAX_BYTES_PER_SECOND)
    }
}

/// How long the output may block a follow whose log is kept in files of this size. Filling one file takes
/// at least this long.
pub(super) fn held_back_after(size: u64) -> Duration {
    let min_fill_time = Duration::from_secs_f64(size as f64 / WRITE_MAX_BYTES_PER_SECOND);
    min_fill_time.clamp(Duration::from_millis(10), Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::engine::pace::Counted;
    use crate::engine::source::{Frames, StdStream};

    fn key(nanos: i64) -> Key {
        let mut frames = Frames::default();
        frames.push(StdStream::Stdout, Timestamp::from_nanos(nanos), [b"x", b""]);
        let (frame, payload) = frames.iter().next().unwrap();
        Key::of(frame, payload)
    }

    /// N bytes per second.
    fn pace(bytes: u64) -> Pace {
        let begun = Instant::now();
        let mut pace = Pace::new(begun);
        pace.fed(begun + Duration::from_secs(1), Counted { frames: 0, bytes });
        pace
    }

    #[tokio::test(start_paused = true)]
    async fn a_follow_proves_itself_by_the_newest_frame() {
        let mut files = Files::new(20_000, Rotation::CutsFollow);
        assert!(!files.is_unproven());
        files.open(&pace(100_000));
        assert!(files.is_unproven());
        files.newest(Newest::Missing(key(9)));
        files.delivered(&key(8));
        assert!(files.is_unproven());
        files.delivered(&key(9));
        assert!(!files.is_unproven());
        files.open(&pace(100_000));
        files.newest(Newest::Delivered);
        assert!(!files.is_unproven(), "it was there before the question");
    }

    #[tokio::test(start_paused = true)]
    async fn slow_containers_and_newer_daemons_need_no_proof() {
        for (rotation, bytes) in [(Rotation::CutsFollow, 400), (Rotation::KeepsFollow, 100_000)] {
            let mut files = Files::new(20_000, rotation);
            files.open(&pace(bytes));
            assert!(!files.is_unproven(), "{rotation:?} {bytes}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_suspect_when_a_file_fits_in() {
        let mut files = Files::new(1_000_000, Rotation::CutsFollow);
        let at = |millis: i64| Timestamp::from_nanos(millis * 1_000_000);
        let (slow, fast) = (pace(100), pace(1_000_000));
        assert!(!files.may_skip(at(0), at(60_000), &slow), "it takes hours to fill a file");
        assert!(files.may_skip(at(0), at(801), &fast), "nearly the time that a file takes");
        assert!(!files.may_skip(at(0), at(799), &fast));
        files.open(&fast);
        assert!(files.may_skip(at(0), at(21), &fast));
        assert!(!files.may_skip(at(0), at(19), &fast), "no file is filled so fast");
        assert!(!files.may_skip(at(1000), at(0), &fast));
    }

    #[tokio::test(start_paused = true)]
    async fn no_follow_keeps_up_if_files_fill_at_once() {
        let files = Files::new(20_000, Rotation::KeepsFollow);
        assert!(files.is_hopeless(&pace(1_100_000)) && !files.is_hopeless(&pace(900_000)));
        let old = Files::new(20_000, Rotation::CutsFollow);
        assert!(old.is_hopeless(&pace(44_000)) && !old.is_hopeless(&pace(36_000)));
        let millis = [44_000, 80_000, 1_100_000].map(|bytes| old.between(&pace(bytes)));
        assert_eq!(millis.map(|time| time.as_millis()), [90, 50, 20]);
    }

    #[test]
    fn a_file_that_is_skipped_before_the_pace_is_known_is_noticed_by_the_timestamps() {
        let mut files = Files::new(20_000, Rotation::CutsFollow);
        // A line of one byte each 0.4 ms arrives all at once, after a quiet second.
        let slow = pace(6_000);
        let key_of = |number: i64| key(number * 400_000);
        assert!(!files.is_hopeless(&slow));
        (0..815).for_each(|number| files.delivered(&key_of(number)));
        assert!(files.is_hopeless(&slow));
        let mut new = Files::new(20_000, Rotation::KeepsFollow);
        (0..815).for_each(|number| new.delivered(&key_of(number)));
        let (before, next) = (key_of(814).time(), key_of(1086).time());
        assert!(!new.is_hopeless(&slow));
        assert!(new.may_skip(before, next, &slow));
        assert!(
            !Files::new(20_000, Rotation::KeepsFollow).may_skip(before, next, &slow),
            "nothing is known"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_is_quiet_after_a_burst_is_followed_again() {
        let mut files = Files::new(20_000, Rotation::CutsFollow);
        (0..1000).for_each(|number| files.delivered(&key(number * 400_000)));
        assert!(files.is_hopeless(&pace(0)));
        let begun = Instant::now();
        let looks = (0..3000).map(|look| begun + Duration::from_millis(20 * look));
        let followed = looks.into_iter().find(|look| {
            files.looked(*look);
            !files.is_hopeless(&pace(0))
        });
        assert!(followed.is_some_and(|at| at - begun < Duration::from_secs(30)), "{followed:?}");
    }

    #[test]
    fn a_clock_that_goes_back_does_not_make_a_rate() {
        let mut files = Files::new(20_000, Rotation::KeepsFollow);
        for number in 0..1000 {
            files.delivered(&key(if number % 2 == 0 { 1_000_000_000 } else { 0 }));
        }
        assert!(files.rate(&pace(0)) < 1000.0, "{files:?}");
    }

    #[test]
    fn the_output_may_block_a_follow_until_a_file_fills() {
        let millis = [20_000, 1_000_000, 100_000_000, u64::MAX].map(held_back_after);
        assert_eq!(millis.map(|time| time.as_millis()), [10, 20, 2000, 10_000]);
    }
}
