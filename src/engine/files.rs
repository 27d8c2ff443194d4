//! What a follow may miss of a log that is kept in files, and when to read the store instead: pure.
//!
//! A log driver with a largest size begins a new file when one is full and drops the oldest. Two
//! things go wrong in follows there, silently. While the daemon's socket is full, the follow inside
//! the daemon stands still, and goes on with the newest file, whatever was full in between (all
//! versions; moby: `daemon/logger/loggerutils/follow.go`). And before version 23 a file that begins
//! while a follow is being opened is skipped: the stored part is read, then the follow learns of
//! new files, and nothing looks at what came between.
//!
//! Finite reads are sound: the daemon opens all files at their beginning. So where a file fills in no
//! time the log is read by them alone; and where it may fill soon, a follow must prove after its opening
//! that it stands in the newest file, by delivering the newest frame that the store had. A pause
//! between two frames into which a file fits is suspect: it may have been skipped there.

use std::time::Duration;

use tokio::time::Instant;

use super::anchor::Key;
use super::pace::{PEAK_DECAY, Pace, RECORD_OVERHEAD_BYTES};
use super::timestamp::Timestamp;

/// Where a file lasts longer than this, a follow that stands in an old one is noticed by its silence.
const SLOW_ROTATION_SECONDS: f64 = 40.0;
/// Where it lasts shorter than this many seconds, no follow keeps up with the files; before version 23
/// a follow also misses a file when two begin before the daemon's goroutine was given the processor.
const HOPELESS_ROTATION_SECONDS: f64 = 0.02;
const HOPELESS_ROTATION_SECONDS_BEFORE_23: f64 = 0.5;
/// More than a daemon can write to one log in a second, in bytes.
const WRITE_MAX_BYTES_PER_SECOND: f64 = 50_000_000.0;
/// How much faster than its pace a container may have been for a moment.
const PACE_MARGIN: f64 = 1.25;
/// How long, in seconds, the log is left alone between two finite reads where no follow keeps up: for a
/// part of what a file lasts, within these bounds.
const READ_SPACING_SECONDS: [f64; 2] = [0.02, 0.1];
const READ_SPACING_SHARE: f64 = 0.2;

/// A rate by the daemon's timestamps is taken over at least this long, in seconds.
const RATE_MIN_SECONDS: f64 = 0.1;
/// Its peak fades at most this often.
const RATE_DECAY_INTERVAL: Duration = Duration::from_millis(100);

/// The files of one container's log.
#[derive(Clone, Debug)]
pub(super) struct Files {
    size: f64,
    /// Before version 23.
    old: bool,
    proof: Proof,
    written: Written,
}

/// How fast the container writes, by the daemon's timestamps. The pace counts what arrives, and on a busy machine the
/// lines of a second may arrive at once: a file that was skipped among them must be noticed by then.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    begun: Option<Timestamp>,
    /// Since then.
    bytes: f64,
    /// Bytes a second: the peak, which fades.
    rate: f64,
    /// When it has faded last although nothing was delivered.
    faded: Option<Instant>,
}

impl Written {
    fn add(&mut self, key: &Key) {
        let begun = *self.begun.get_or_insert(key.time());
        let over = (key.time().as_nanos() - begun.as_nanos()) as f64 / 1e9;
        if RATE_MIN_SECONDS <= over {
            self.rate = (self.bytes / over).max(self.rate * PEAK_DECAY);
        }
        // A clock that went back begins anew.
        if !(0.0..RATE_MIN_SECONDS).contains(&over) {
            (self.begun, self.bytes) = (Some(key.time()), 0.0);
        }
        self.bytes += f64::from(key.length()) + RECORD_OVERHEAD_BYTES as f64;
    }

    /// The log was looked at: a container that is quiet by now no longer counts as fast.
    fn looked(&mut self, now: Instant) {
        let faded = *self.faded.get_or_insert(now);
        if RATE_DECAY_INTERVAL <= now.saturating_duration_since(faded) {
            self.rate *= PEAK_DECAY;
            self.faded = Some(now);
        }
    }
}

/// Whether the follow that is open stands in the newest file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It does, or files last longer than any stream.
    Given,
    /// The store must be asked for its newest frame.
    Wanted,
    /// This frame must come.
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

    /// A frame was delivered.
    pub(super) fn delivered(&mut self, key: &Key) {
        if *self == Proof::Awaited(*key) {
            *self = Proof::Given;
        }
    }
}

/// What happens to a follow when the daemon begins the next file.
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

    /// A follow is opened.
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

    /// How long to leave the log alone between two finite reads.
    pub(super) fn between(&self, pace: &Pace) -> Duration {
        let lasts = self.size / self.rate(pace).max(1.0);
        Duration::from_secs_f64(
            (READ_SPACING_SHARE * lasts).clamp(READ_SPACING_SECONDS[0], READ_SPACING_SECONDS[1]),
        )
    }

    /// Whether the follow that is open has still to prove itself.
    pub(super) fn is_unproven(&self) -> bool {
        !self.proof.is_given()
    }

    /// The store's newest frame; whether it was delivered.
    pub(super) fn newest(&mut self, newest: Newest) {
        self.proof.newest(newest);
    }

    /// A frame was delivered.
    pub(super) fn delivered(&mut self, key: &Key) {
        self.proof.delivered(key);
        self.written.add(key);
    }

    /// Something was read of the log, new or not.
    pub(super) fn looked(&mut self, now: Instant) {
        self.written.looked(now);
    }

    /// Bytes a second that the container writes, rather too many than too few.
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

/// How long the output may keep a follow waiting whose log is kept in files of this size: filling
/// one takes at least this long.
pub(super) fn held_back_after(size: u64) -> Duration {
    let least = Duration::from_secs_f64(size as f64 / WRITE_MAX_BYTES_PER_SECOND);
    least.clamp(Duration::from_millis(10), Duration::from_secs(10))
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

    /// So many bytes a second.
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
    async fn no_follow_keeps_up_where_files_fill_in_no_time() {
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
    fn the_output_may_hold_a_follow_back_for_as_long_as_a_file_takes() {
        let millis = [20_000, 1_000_000, 100_000_000, u64::MAX].map(held_back_after);
        assert_eq!(millis.map(|time| time.as_millis()), [10, 20, 2000, 10_000]);
    }
}
