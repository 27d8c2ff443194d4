//! Read pacing: a short pause of the reading thread during bursts, so that one read takes many lines.
//!
//! The daemon writes one HTTP chunk per log line. A reader that takes each chunk at once pays a wake-up per line,
//! on its side and on the daemon's. The socket holds some 280 such chunks. A pause that fills about two thirds of it is
//! cheapest: after longer pauses the daemon waits for room, and shorter ones cost more wake-ups. The right pause
//! depends on the daemon's pace, so [`Pacing`] adapts it to the last reads.
//!
//! tokio's timer has a resolution of a millisecond and would not save the wake-ups, so [`pause`] is a blocking sleep:
//! the only place where the streams' thread sleeps. All streams of a thread share its pauses. If many of them have
//! a few lines each, [`Thread`] pauses too, and one round of the runtime then serves several streams. If lines
//! wait to be ordered anyway, such a round is longer. When lines are rare there is no pause.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::source::ReadMode;

/// A smaller read, of less than a dozen lines, shows that lines are rare.
pub(super) const BURST_READ_MIN_BYTES: usize = 2048;
/// The pause after the first large read of a stream.
const FIRST_PAUSE: Duration = Duration::from_micros(400);
/// A shorter pause saves less than it costs.
pub(super) const PAUSE_MIN: Duration = Duration::from_micros(100);
/// The longest pause of a finite read: its reader waits for the whole log anyway.
const FINITE_PAUSE_MAX: Duration = Duration::from_millis(2);
/// The longest pause of a follow, since it delays lines on a screen.
const FOLLOW_PAUSE_MAX: Duration = Duration::from_micros(600);
/// The minimum capacity of a unix socket in small chunks. Linux charges at least 768 bytes of its send buffer of
/// 212,992 bytes for each (`net.core.wmem_default`, measured on kernels 5.10 to 6.12).
const SOCKET_MIN_CHUNKS: usize = 240;
/// The largest target fill before a read has shown that the socket holds more.
const ASSUMED_CAPACITY_MAX_BYTES: usize = 32 * 1024;
/// The target fill, in percent of the capacity.
const TARGET_PERCENT: usize = 70;
/// The fill from which the socket may have been full, in percent.
const FULL_PERCENT: usize = 95;
/// The largest read decays by one part in this number per read, since chunk sizes change.
const PEAK_DECAY: usize = 128;
/// The pause between two rounds of many small reads.
const ROUND_PAUSE: Duration = FOLLOW_PAUSE_MAX;
/// The pause if lines wait for those of other streams.
const WINDOW_ROUND_PAUSE_MAX: Duration = Duration::from_millis(6);
/// The share of the window that such a pause may take, as a divisor.
const PAUSES_PER_WINDOW: u32 = 16;
/// The interval over which messages are counted; with a paused clock it never ends.
const METER_INTERVAL: Duration = Duration::from_millis(16);
/// At this number of messages per [`METER_INTERVAL`], some 1,000 per second, rounds are spaced.
const BUSY_MIN_CHUNKS: usize = 16;
/// After a pause of the thread, no other stream causes one for this long.
const SHARED_PAUSE_INTERVAL: Duration = Duration::from_micros(200);
/// A follow with lines in this period keeps the thread's pauses short.
const RECENT_FOLLOW_MAX_AGE: Duration = Duration::from_millis(100);

fn longest_pause(mode: ReadMode) -> Duration {
    match mode {
        ReadMode::Follow => FOLLOW_PAUSE_MAX,
        ReadMode::Once => FINITE_PAUSE_MAX,
    }
}

/// Decides the pause before the next read of one stream.
#[derive(Debug)]
pub(super) struct Pacing {
    mode: ReadMode,
    pause: Duration,
    /// The last read was so large that more lines will follow.
    bursting: bool,
    /// Bytes of the largest read, decaying.
    peak: usize,
    /// The thread's pauses before the last read.
    pauses: u64,
    /// Counts a follow while it is open.
    _open: Option<OpenFollow>,
}

impl Pacing {
    fn new(mode: ReadMode) -> Self {
        Self { mode, pause: FIRST_PAUSE, bursting: false, peak: 0, pauses: 0, _open: None }
    }

    /// Takes the size of one read, with `chunks` complete messages.
    fn saw_read(&mut self, bytes: usize, chunks: usize) {
        let was_bursting = std::mem::replace(&mut self.bursting, BURST_READ_MIN_BYTES <= bytes);
        self.peak = bytes.max(self.peak - self.peak / PEAK_DECAY);
        // Only a read after a pause is evidence about the pause.
        if !self.bursting || !was_bursting {
            return;
        }
        let capacity = self.capacity(bytes, chunks);
        let scale = match capacity * FULL_PERCENT / 100 {
            // How long the daemon waited is unknown.
            full if full <= bytes => 0.5,
            _ => ((capacity * TARGET_PERCENT / 100) as f64 / bytes as f64).min(1.25),
        };
        let longest = longest_pause(self.mode);
        self.pause = self.pause.mul_f64(scale).clamp(PAUSE_MIN, longest);
    }

    /// The pause of this stream before its next read; `None` while its lines are rare.
    pub(super) fn wanted(&self) -> Option<Duration> {
        self.bursting.then_some(self.pause)
    }

    /// The minimum capacity of the socket in bytes, for messages of the last size.
    fn capacity(&self, bytes: usize, chunks: usize) -> usize {
        let assumed = bytes / chunks.max(1) * SOCKET_MIN_CHUNKS;
        self.peak.max(assumed.min(ASSUMED_CAPACITY_MAX_BYTES))
    }
}

/// The state shared by the streams of one thread.
#[derive(Debug, Default)]
struct Thread {
    pauses: u64,
    last_pause: Option<Instant>,
    /// The start of the interval of [`Self::chunks`].
    metered_since: Option<Instant>,
    chunks: usize,
    /// Whether the last full [`METER_INTERVAL`] had many messages.
    busy: bool,
    last_follow: Option<Instant>,
    /// The last read, if it was small.
    last_small_read: Option<Instant>,
    open_follows: usize,
    /// The pause between rounds that serve several streams.
    shared_round: Duration,
}

impl Thread {
    /// Counts the messages of a read.
    fn saw_read(&mut self, pacing: &mut Pacing, chunks: usize, now: Instant) {
        pacing.pauses = self.pauses;
        if pacing.mode == ReadMode::Follow {
            self.last_follow = Some(now);
        }
        self.last_small_read = (!pacing.bursting).then_some(now);
        self.chunks += chunks;
        let since = *self.metered_since.get_or_insert(now);
        if METER_INTERVAL <= now - since {
            // A meter that ran through a lull has too few messages for its length.
            let length = (now - since).as_secs_f64() / METER_INTERVAL.as_secs_f64();
            self.busy = BUSY_MIN_CHUNKS as f64 * length <= self.chunks as f64;
            self.metered_since = Some(now);
            self.chunks = 0;
        }
    }

    /// The pause now, before a read of the stream of `pacing`.
    fn pause(&mut self, pacing: &Pacing, now: Instant) -> Option<Duration> {
        let wanted = pacing.wanted()?;
        // A stream that has not read since the last pause used that pause.
        let is_served = pacing.pauses < self.pauses;
        if is_served && self.last_pause.is_some_and(|last| now - last <= SHARED_PAUSE_INTERVAL) {
            return None;
        }
        let follows = self.last_follow.is_some_and(|last| now - last <= RECENT_FOLLOW_MAX_AGE);
        Some(if follows { wanted.min(FOLLOW_PAUSE_MAX) } else { wanted })
    }

    /// The pause now that no task is ready, so that several streams have lines afterwards.
    fn round(&self, now: Instant) -> Option<Duration> {
        let last = self.last_small_read?;
        let is_recent = now - last <= 2 * METER_INTERVAL;
        (self.busy && is_recent).then_some(match self.open_follows {
            0 | 1 => ROUND_PAUSE,
            _ => self.shared_round,
        })
    }

    fn paused(&mut self, now: Instant) {
        self.pauses += 1;
        self.last_pause = Some(now);
    }
}

thread_local! {
    static THREAD: RefCell<Thread> = RefCell::default();
}

/// An open follow on this thread.
#[derive(Debug)]
struct OpenFollow;

impl OpenFollow {
    fn new(order_window: Duration) -> Self {
        THREAD.with_borrow_mut(|thread| {
            thread.open_follows += 1;
            thread.shared_round = shared_round(order_window);
        });
        Self
    }
}

/// The pause between rounds of streams with lines that wait for the window.
fn shared_round(order_window: Duration) -> Duration {
    (order_window / PAUSES_PER_WINDOW).clamp(ROUND_PAUSE, WINDOW_ROUND_PAUSE_MAX)
}

impl Drop for OpenFollow {
    fn drop(&mut self) {
        // A stream may be dropped after its thread's local state, or on another thread.
        let _ = THREAD.try_with(|thread| {
            let mut thread = thread.borrow_mut();
            thread.open_follows = thread.open_follows.saturating_sub(1);
        });
    }
}

/// The pacing of a new stream. Its lines wait for the window, to be ordered with those of others.
pub(super) fn begin(mode: ReadMode, order_window: Duration) -> Pacing {
    let open = match mode {
        ReadMode::Follow => Some(OpenFollow::new(order_window)),
        ReadMode::Once => None,
    };
    Pacing { _open: open, ..Pacing::new(mode) }
}

/// Takes the size of one read, with `chunks` complete messages.
pub(super) fn saw_read(pacing: &mut Pacing, bytes: usize, chunks: usize) {
    pacing.saw_read(bytes, chunks);
    THREAD.with_borrow_mut(|thread| thread.saw_read(pacing, chunks, Instant::now()));
}

/// Pauses this thread during a burst, unless another stream has just done so.
pub(super) fn pause(pacing: &Pacing) {
    if pacing.wanted().is_none() {
        return;
    }
    if let Some(pause) = THREAD.with_borrow_mut(|thread| thread.pause(pacing, Instant::now())) {
        sleep(pause);
    }
}

/// Pauses this thread while many streams have a few lines each. Call it when no task is ready, so that each pause
/// serves all streams with lines.
pub fn pause_round() {
    if let Some(pause) = THREAD.with_borrow(|thread| thread.round(Instant::now())) {
        sleep(pause);
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where blocking is meant")]
fn sleep(pause: Duration) {
    std::thread::sleep(pause);
    THREAD.with_borrow_mut(|thread| thread.paused(Instant::now()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of a message on the wire in these tests, in bytes.
    const CHUNK: usize = 125;
    /// The capacity of the socket in these tests, in messages.
    const HELD: usize = 280;

    fn alone(mode: ReadMode) -> Pacing {
        Pacing::new(mode)
    }

    /// Reads a stream with `per_ms(read)` messages per millisecond; returns the messages of each read.
    fn reads(pacing: &mut Pacing, count: usize, per_ms: impl Fn(usize) -> u128) -> Vec<usize> {
        let mut given = Vec::new();
        // The pauses of a busy thread make small reads large.
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
            let mut pacing = alone(ReadMode::Once);
            let given = reads(&mut pacing, 200, |_| per_ms);
            let fill = mean(&given[50..]) / HELD as f64;
            assert!((0.5..0.8).contains(&fill), "{per_ms} per ms: {fill} of the socket");
        }
    }

    #[test]
    fn a_follow_never_pauses_longer_than_its_limit() {
        let mut pacing = alone(ReadMode::Follow);
        for _ in 0..100 {
            reads(&mut pacing, 1, |_| 60);
            assert!(pacing.wanted().unwrap_or_default() <= FOLLOW_PAUSE_MAX);
        }
        assert_eq!(pacing.wanted(), Some(FOLLOW_PAUSE_MAX), "a slow stream gets the whole pause");
    }

    #[test]
    fn a_rare_line_is_not_delayed() {
        let mut pacing = alone(ReadMode::Follow);
        assert_eq!(pacing.wanted(), None, "nothing was read");
        pacing.saw_read(BURST_READ_MIN_BYTES - 1, 10);
        assert_eq!(pacing.wanted(), None);
        pacing.saw_read(BURST_READ_MIN_BYTES, 10);
        assert_eq!(pacing.wanted(), Some(FIRST_PAUSE));
        pacing.saw_read(CHUNK, 1);
        assert_eq!(pacing.wanted(), None, "the burst is over");
    }

    #[test]
    fn the_runtime_pauses_once_it_has_nothing_to_do_while_many_small_reads_come() {
        let pauses = || THREAD.with_borrow(|thread| thread.pauses);
        crate::runtime().unwrap().block_on(async {
            // The clock stands still until the thread has paused.
            tokio::time::pause();
            let mut pacing = begin(ReadMode::Follow, Duration::ZERO);
            saw_read(&mut pacing, CHUNK, 1);
            tokio::time::sleep(METER_INTERVAL).await;
            assert_eq!(pauses(), 0, "lines are rare");
            saw_read(&mut pacing, CHUNK, 2 * BUSY_MIN_CHUNKS);
            assert_eq!(pauses(), 0, "there is something to do");
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_ne!(pauses(), 0);
        });
    }

    #[test]
    fn a_full_socket_halves_the_pause() {
        let mut pacing = alone(ReadMode::Once);
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
        let mut pacing = alone(ReadMode::Once);
        let given = reads(&mut pacing, 400, |read| if read % 20 < 10 { 400 } else { 40 });
        let full = given.iter().filter(|chunks| **chunks == HELD).count();
        assert!(full < 60, "the socket was full in {full} of 400 reads");
    }

    #[test]
    fn the_largest_read_is_forgotten_when_messages_become_short() {
        let mut pacing = alone(ReadMode::Once);
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
        let (mut thread, mut pacing) = (Thread::default(), alone(ReadMode::Once));
        assert_eq!(thread.pause(&pacing, at(0)), None, "nothing pours");
        pacing.saw_read(BURST_READ_MIN_BYTES, 10);
        assert_eq!(thread.pause(&pacing, at(0)), Some(FIRST_PAUSE));
        thread.paused(at(400));
        assert_eq!(thread.pause(&pacing, at(450)), None, "another stream has just paused");
        thread.saw_read(&mut pacing, 1, at(460));
        let again = thread.pause(&pacing, at(470));
        assert_eq!(again, Some(FIRST_PAUSE), "it has read since, and more pours in");
        assert_eq!(thread.pause(&pacing, at(1000)), Some(FIRST_PAUSE));
    }

    #[test]
    fn many_small_reads_are_gathered_into_rounds_and_few_are_not() {
        for (per_second, pauses) in [(200, false), (800, false), (1500, true), (20_000, true)] {
            let (mut thread, mut pacing) = (Thread::default(), alone(ReadMode::Follow));
            for read in 0..per_second {
                thread.saw_read(&mut pacing, 1, at(read * 1_000_000 / per_second));
            }
            assert_eq!(
                thread.round(at(1_000_000)).is_some(),
                pauses,
                "{per_second} lines a second"
            );
            assert_eq!(thread.pause(&pacing, at(1_000_000)), None, "no stream pauses by itself");
        }
    }

    #[test]
    fn rounds_are_longer_if_lines_wait_for_the_window() {
        for (window, open_follows, expected) in [
            (Duration::from_millis(100), 2, WINDOW_ROUND_PAUSE_MAX),
            (Duration::from_millis(100), 1, ROUND_PAUSE),
            (Duration::from_millis(32), 300, Duration::from_millis(2)),
            (Duration::ZERO, 300, ROUND_PAUSE),
        ] {
            let shared_round = shared_round(window);
            let mut thread = Thread { open_follows, shared_round, ..Thread::default() };
            let mut pacing = alone(ReadMode::Follow);
            (0..100).for_each(|read| thread.saw_read(&mut pacing, 1, at(read * 300)));
            assert_eq!(thread.round(at(30_000)), Some(expected), "{window:?}, {open_follows}");
            // A stream in a burst pauses by itself.
            pacing.saw_read(BURST_READ_MIN_BYTES, 10);
            thread.saw_read(&mut pacing, 10, at(30_000));
            assert_eq!(thread.round(at(30_000)), None);
            assert_eq!(thread.pause(&pacing, at(30_000)), Some(FIRST_PAUSE));
        }
    }

    #[test]
    fn a_follow_is_counted_while_it_is_open() {
        let count = || THREAD.with_borrow(|thread| thread.open_follows);
        let open = [begin(ReadMode::Follow, Duration::ZERO), begin(ReadMode::Once, Duration::ZERO)];
        assert_eq!(count(), 1);
        drop(open);
        assert_eq!(count(), 0);
    }

    #[test]
    fn a_lull_ends_the_pauses_between_rounds() {
        let (mut thread, mut pacing) = (Thread::default(), alone(ReadMode::Follow));
        (0..1000).for_each(|read| thread.saw_read(&mut pacing, 1, at(read * 100)));
        assert!(thread.round(at(100_000)).is_some());
        assert_eq!(thread.round(at(200_000)), None, "nothing came for long");
        thread.saw_read(&mut pacing, 1, at(3_000_000));
        assert_eq!(thread.round(at(3_000_000)), None);
    }

    #[test]
    fn a_finite_read_next_to_an_active_follow_pauses_as_briefly() {
        let (mut thread, mut pacing) = (Thread::default(), alone(ReadMode::Once));
        reads(&mut pacing, 100, |_| 60);
        let by_itself = thread.pause(&pacing, at(0)).unwrap();
        assert!(FOLLOW_PAUSE_MAX < by_itself);
        thread.saw_read(&mut alone(ReadMode::Follow), 1, at(1000));
        assert_eq!(thread.pause(&pacing, at(2000)), Some(FOLLOW_PAUSE_MAX));
        assert_eq!(
            thread.pause(&pacing, at(500_000)),
            Some(by_itself),
            "the follow is silent again"
        );
    }
}
