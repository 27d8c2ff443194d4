//! A short pause of the reading thread while data pours in.
//!
//! The daemon writes one HTTP chunk per log line, so a reader that takes each as it comes pays a
//! wake-up per line, on its side and on the daemon's. A pause of 500 microseconds lets some
//! hundred lines gather in the socket, which holds about 36 kB of them, and halves the cost of the
//! whole run. tokio's timer has a grain of a millisecond and would not stop the wake-ups, so this is
//! a blocking sleep: the one place where the streams' thread sleeps. When lines are rare it does
//! nothing.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// How long a pause is. At 30 MB/s half of what the socket holds comes meanwhile. Measured on a drain of
/// 2 million lines: 200 us cost half as much CPU again, 800 us a quarter more time.
const PAUSE: Duration = Duration::from_micros(500);
/// A read that gave this much came from a stream that pours: a dozen lines and more.
const POURS: usize = 2048;
/// After a pause of the thread no other stream needs to cause one for this long.
const SHARED: Duration = Duration::from_micros(100);

thread_local! {
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Pauses this thread when the stream's last read gave so many bytes that more are on their way.
#[expect(clippy::disallowed_methods, reason = "the one place where blocking is meant")]
pub(super) fn after(last_read: usize) {
    if last_read < POURS {
        return;
    }
    let fresh = LAST.get().is_none_or(|last| SHARED < last.elapsed());
    if fresh {
        std::thread::sleep(PAUSE);
        LAST.set(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_pauses_only_while_data_pours_in_and_once_for_all_streams() {
        after(0);
        after(POURS - 1);
        assert_eq!(LAST.get(), None, "a rare line is not kept waiting");
        after(POURS);
        let paused = LAST.get();
        assert!(paused.is_some());
        after(POURS);
        assert_eq!(LAST.get(), paused, "the pause of another stream a moment ago is enough");
        tokio::time::advance(2 * SHARED).await;
        after(POURS);
        assert_ne!(LAST.get(), paused);
    }
}
