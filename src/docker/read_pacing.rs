//! Read pacing: a short pause of the reading thread while data pours in, so that one read takes many lines.
//!
//! The daemon writes one HTTP chunk per log line, so a reader that takes each as it comes pays a
//! wake-up per line, on its side and on the daemon's. The socket holds some 280 such chunks. A pause
//! that lets about two thirds of it fill costs the least: longer pauses leave the daemon waiting for
//! room, shorter ones cost more wake-ups. How long that takes depends on the daemon's pace, so
//! [`Pacing`] adapts the pause to what the last reads gave.
//!
//! tokio's timer has a grain of a millisecond and would not stop the wake-ups, so [`pause`] is a
//! blocking sleep: the one place where the streams' thread sleeps. All streams of a thread share its
//! pauses: while many of them have a few lines each, [`Thread`] asks for pauses too, and one round of
//! the runtime then serves several streams. When lines are rare nothing pauses.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::source::ReadMode;

/// A smaller read shows that lines are rare: it is less than a dozen lines.
pub(super) const BURST_READ_MIN_BYTES: usize = 2048;
/// The pause after the first large read of a stream.
const FIRST_PAUSE: Duration = Duration::from_micros(400);
/// A shorter pause saves less than it costs.
pub(super) const PAUSE_MIN: Duration = Duration::from_micros(100);
/// The longest pause of a finite read: its reader waits for the whole log anyway.
const FINITE_PAUSE_MAX: Duration = Duration::from_millis(2);
/// The longest pause while following, where it delays lines that somebody may be looking at.
const FOLLOW_PAUSE_MAX: Duration = Duration::from_micros(600);
/// A unix socket holds this many small chunks at least. Linux counts at least 768 bytes of its send
/// buffer of 212,992 bytes for each (`net.core.wmem_default`, measured on kernels 5.10 to 6.12).
const CHUNKS_HELD: usize = 240;
/// The largest fill that is aimed at before a read has shown that the socket holds more.
const ASSUMED_CAPACITY_MAX_BYTES: usize = 32 * 1024;
/// The share of the capacity to find in the socket, in percent.
const TARGET_PERCENT: usize = 70;
/// From this share on the socket may have been full, in percent.
const FULL_PERCENT: usize = 95;
/// The largest read is forgotten by one part in this many per read, since chunk sizes change.
const PEAK_DECAY: usize = 128;
/// The pause between two rounds of many small reads.
const ROUND_PAUSE: Duration = Duration::from_micros(800);
/// Reads are counted over this long; a paused clock never ends it.
const METER: Duration = Duration::from_millis(16);
/// As many reads within [`METER`] are some 1,000 a second: from there on rounds are spaced.
const BUSY_READS: u32 = 16;
/// After a pause of the thread no other stream needs to cause one for this long.
const SHARED: Duration = Duration::from_micros(200);
/// A follow that gave lines within this long keeps the thread's pauses short.
const FOLLOW_RECENT: Duration = Duration::from_millis(100);

fn longest_pause(mode: ReadMode) -> Duration {
    match mode {
        ReadMode::Follow => FOLLOW_PAUSE_MAX,
        ReadMode::Once => FINITE_PAUSE_MAX,
    }
}

/// Decides how long to pause before the next read of one stream.
#[derive(Debug)]
pub(super) struct Pacing {
    mode: ReadMode,
    pause: Duration,
    /// The last read was large enough to expect more.
    bursting: bool,
    /// Bytes of the largest read, decaying.
    peak: usize,
    /// Pauses of the thread before the last read.
    pauses: u64,
}

impl Pacing {
    pub(super) fn new(mode: ReadMode) -> Self {
        Self { mode, pause: FIRST_PAUSE, bursting: false, peak: 0, pauses: 0 }
    }

    /// Learns from one read of `bytes` that held `chunks` whole messages.
    fn saw_read(&mut self, bytes: usize, chunks: usize) {
        let was_bursting = std::mem::replace(&mut self.bursting, BURST_READ_MIN_BYTES <= bytes);
        self.peak = bytes.max(self.peak - self.peak / PEAK_DECAY);
        // Only a read behind a pause says anything about the pause.
        if !self.bursting || !was_bursting {
            return;
        }
        let capacity = self.capacity(bytes, chunks);
        let scale = match capacity * FULL_PERCENT / 100 {
            // How long the daemon had to wait is not known.
            full if full <= bytes => 0.5,
            _ => ((capacity * TARGET_PERCENT / 100) as f64 / bytes as f64).min(1.25),
        };
        let longest = longest_pause(self.mode);
        self.pause = self.pause.mul_f64(scale).clamp(PAUSE_MIN, longest);
    }

    /// How long this stream would pause before its next read; `None` while its lines are rare.
    pub(super) fn wanted(&self) -> Option<Duration> {
        self.bursting.then_some(self.pause)
    }

    /// Bytes that the socket holds at least, for messages as large as the last ones.
    fn capacity(&self, bytes: usize, chunks: usize) -> usize {
        let assumed = bytes / chunks.max(1) * CHUNKS_HELD;
        self.peak.max(assumed.min(ASSUMED_CAPACITY_MAX_BYTES))
    }
}

/// What the streams of one thread share.
#[derive(Debug, Default)]
struct Thread {
    pauses: u64,
    last_pause: Option<Instant>,
    /// Since when [`Self::reads`] are counted.
    metered_since: Option<Instant>,
    reads: u32,
    /// The last whole [`METER`] had many reads.
    busy: bool,
    last_follow: Option<Instant>,
}

impl Thread {
    /// Counts a read that gave something.
    fn saw_read(&mut self, pacing: &mut Pacing, now: Instant) {
        pacing.pauses = self.pauses;
        if pacing.mode == ReadMode::Follow {
            self.last_follow = Some(now);
        }
        self.reads += 1;
        let since = *self.metered_since.get_or_insert(now);
        if METER <= now - since {
            // A meter that ran on through a lull saw few reads for its length.
            let length = (now - since).as_secs_f64() / METER.as_secs_f64();
            self.busy = f64::from(BUSY_READS) * length <= f64::from(self.reads);
            self.metered_since = Some(now);
            self.reads = 0;
        }
    }

    /// How long to pause now, before a read of the stream that `pacing` belongs to.
    fn pause(&mut self, pacing: &Pacing, now: Instant) -> Option<Duration> {
        let wanted = pacing.wanted().or_else(|| self.busy.then_some(ROUND_PAUSE))?;
        // A stream that has not read since the last pause has its own share of it.
        let is_served = pacing.pauses < self.pauses;
        if is_served && self.last_pause.is_some_and(|last| now - last <= SHARED) {
            return None;
        }
        let follows = self.last_follow.is_some_and(|last| now - last <= FOLLOW_RECENT);
        Some(if follows { wanted.min(FOLLOW_PAUSE_MAX) } else { wanted })
    }

    fn paused(&mut self, now: Instant) {
        self.pauses += 1;
        self.last_pause = Some(now);
    }
}

thread_local! {
    static THREAD: RefCell<Thread> = RefCell::default();
}

/// Learns from one read of `bytes` that held `chunks` whole messages.
pub(super) fn saw_read(pacing: &mut Pacing, bytes: usize, chunks: usize) {
    pacing.saw_read(bytes, chunks);
    THREAD.with_borrow_mut(|thread| thread.saw_read(pacing, Instant::now()));
}

/// Pauses this thread while lines pour in, unless another stream has just done so.
#[expect(clippy::disallowed_methods, reason = "the one place where blocking is meant")]
pub(super) fn pause(pacing: &Pacing) {
    let wanted = THREAD.with_borrow_mut(|thread| thread.pause(pacing, Instant::now()));
    if let Some(pause) = wanted {
        std::thread::sleep(pause);
        THREAD.with_borrow_mut(|thread| thread.paused(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a message on the wire in these tests.
    const CHUNK: usize = 125;
    /// What the socket of these tests holds, in messages.
    const HELD: usize = 280;

    /// Reads a stream that gives `per_ms(read)` messages in a millisecond; returns the messages of
    /// each read.
    fn reads(pacing: &mut Pacing, count: usize, per_ms: impl Fn(usize) -> u128) -> Vec<usize> {
        let mut given = Vec::new();
        // Small reads become large by the pauses of a busy thread.
        pacing.saw_read(40 * CHUNK, 40);
        for read in 0..count {
            // Decoding and writing take time as well: 50 us a read.
            let micros = pacing.wanted().unwrap_or_default().as_micros() + 50;
            let chunks = usize::try_from(micros * per_ms(read) / 1000).unwrap().clamp(1, HELD);
            pacing.saw_read(chunks * CHUNK, chunks);
            given.push(chunks);
        }
        given
    }

    fn mean(values: &[usize]) -> f64 {
        values.iter().sum::<usize>() as f64 / values.len() as f64
    }

    #[test]
    fn a_finite_read_finds_two_thirds_of_the_socket_at_any_pace() {
        for per_ms in [70, 95, 150, 300, 600] {
            let mut pacing = Pacing::new(ReadMode::Once);
            let given = reads(&mut pacing, 200, |_| per_ms);
            let fill = mean(&given[50..]) / HELD as f64;
            assert!((0.5..0.8).contains(&fill), "{per_ms} per ms: {fill} of the socket");
        }
    }

    #[test]
    fn a_follow_never_pauses_longer_than_its_bound() {
        let mut pacing = Pacing::new(ReadMode::Follow);
        for _ in 0..100 {
            reads(&mut pacing, 1, |_| 60);
            assert!(pacing.wanted().unwrap_or_default() <= FOLLOW_PAUSE_MAX);
        }
        assert_eq!(pacing.wanted(), Some(FOLLOW_PAUSE_MAX), "a slow stream gets the whole pause");
    }

    #[test]
    fn a_rare_line_is_not_kept_waiting() {
        let mut pacing = Pacing::new(ReadMode::Follow);
        assert_eq!(pacing.wanted(), None, "nothing was read");
        pacing.saw_read(BURST_READ_MIN_BYTES - 1, 10);
        assert_eq!(pacing.wanted(), None);
        pacing.saw_read(BURST_READ_MIN_BYTES, 10);
        assert_eq!(pacing.wanted(), Some(FIRST_PAUSE));
        pacing.saw_read(CHUNK, 1);
        assert_eq!(pacing.wanted(), None, "the burst is over");
    }

    #[test]
    fn a_full_socket_halves_the_pause() {
        let mut pacing = Pacing::new(ReadMode::Once);
        reads(&mut pacing, 100, |_| 90);
        let before = pacing.wanted().unwrap();
        // The daemon becomes ten times as fast.
        let given = reads(&mut pacing, 30, |_| 900);
        assert_eq!(given[0], HELD);
        let full = given.iter().filter(|chunks| **chunks == HELD).count();
        assert!(full <= 4, "the socket was full in {full} reads");
        assert!(pacing.wanted().unwrap() < before / 4);
    }

    #[test]
    fn bursts_and_lulls_leave_the_pause_within_its_bounds() {
        let mut pacing = Pacing::new(ReadMode::Once);
        let given = reads(&mut pacing, 400, |read| if read % 20 < 10 { 400 } else { 40 });
        let full = given.iter().filter(|chunks| **chunks == HELD).count();
        assert!(full < 60, "the socket was full in {full} of 400 reads");
    }

    #[test]
    fn the_largest_read_is_forgotten_when_messages_become_short() {
        let mut pacing = Pacing::new(ReadMode::Once);
        pacing.saw_read(60_000, 8);
        for _ in 0..600 {
            pacing.saw_read(6000, 100);
        }
        assert!(pacing.peak < 8000, "{}", pacing.peak);
    }

    fn at(micros: u64) -> Instant {
        // All of one test must begin at one moment.
        thread_local!(static START: Instant = Instant::now());
        START.with(|start| *start + Duration::from_micros(micros))
    }

    #[test]
    fn one_pause_serves_all_streams_of_the_thread() {
        let (mut thread, mut pacing) = (Thread::default(), Pacing::new(ReadMode::Once));
        assert_eq!(thread.pause(&pacing, at(0)), None, "nothing pours");
        pacing.saw_read(BURST_READ_MIN_BYTES, 10);
        assert_eq!(thread.pause(&pacing, at(0)), Some(FIRST_PAUSE));
        thread.paused(at(400));
        assert_eq!(thread.pause(&pacing, at(450)), None, "another stream has just paused");
        thread.saw_read(&mut pacing, at(460));
        let again = thread.pause(&pacing, at(470));
        assert_eq!(again, Some(FIRST_PAUSE), "it has read since, and more pours in");
        assert_eq!(thread.pause(&pacing, at(1000)), Some(FIRST_PAUSE));
    }

    #[test]
    fn many_small_reads_are_gathered_into_rounds_and_few_are_not() {
        for (per_second, pauses) in [(200, false), (800, false), (1500, true), (20_000, true)] {
            let (mut thread, mut pacing) = (Thread::default(), Pacing::new(ReadMode::Follow));
            for read in 0..per_second {
                thread.saw_read(&mut pacing, at(read * 1_000_000 / per_second));
            }
            let pause = thread.pause(&pacing, at(1_000_000));
            assert_eq!(pause.is_some(), pauses, "{per_second} reads a second");
        }
    }

    #[test]
    fn a_lull_ends_the_pauses_between_rounds() {
        let (mut thread, mut pacing) = (Thread::default(), Pacing::new(ReadMode::Follow));
        (0..1000).for_each(|read| thread.saw_read(&mut pacing, at(read * 100)));
        assert!(thread.pause(&pacing, at(100_000)).is_some());
        thread.saw_read(&mut pacing, at(3_000_000));
        assert_eq!(thread.pause(&pacing, at(3_000_000)), None);
    }

    #[test]
    fn a_finite_read_beside_a_follow_that_gives_lines_pauses_as_shortly_as_the_follow() {
        let (mut thread, mut pacing) = (Thread::default(), Pacing::new(ReadMode::Once));
        reads(&mut pacing, 100, |_| 60);
        let alone = thread.pause(&pacing, at(0)).unwrap();
        assert!(FOLLOW_PAUSE_MAX < alone);
        thread.saw_read(&mut Pacing::new(ReadMode::Follow), at(1000));
        assert_eq!(thread.pause(&pacing, at(2000)), Some(FOLLOW_PAUSE_MAX));
        assert_eq!(thread.pause(&pacing, at(500_000)), Some(alone), "the follow is silent again");
    }
}
