//! A follow with an end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::fake_source::{Fake, Manner};
use super::support::{SECOND, Seen, config};
use crate::engine::event::Notice;
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::StdStream::Stdout;
use crate::engine::timestamp::Timestamp;
use crate::engine::{Config, Engine, Outputs, Range};

/// Follows a container that writes a line each quarter of a second, with the number of the quarter as its time.
async fn follow(
    config: Config,
    for_time: Duration,
    script: impl AsyncFnOnce(&Fake),
) -> (Instant, Seen) {
    let fake = Fake::damaged([], Manner::Stops);
    let begun = Instant::now();
    let config = Config { follow_for: Some(for_time), ..config };
    let engine = Engine::new(Arc::new(fake.clone()), Registry::default(), config);
    let (events, received) = mpsc::channel(64);
    let selection = Selection::all();
    let running = engine.run(&selection, events, CancellationToken::new());
    let ((outcome, ended), (), seen) = tokio::join!(
        async { (running.await.unwrap(), Instant::now()) },
        script(&fake),
        Seen::all(received)
    );
    assert_eq!(outcome.census.streams_open, 0);
    assert_eq!(outcome.failures.len(), 0);
    assert!(begun + for_time <= ended, "it ends at its time");
    (ended, seen)
}

fn until(number: i64) -> Config {
    let range = Range { since: None, until: Some(Timestamp::from_nanos(number)) };
    Config { outputs: Outputs { range, ..Outputs::BOTH }, ..config() }
}

async fn write_every_quarter(fake: &Fake, numbers: std::ops::Range<i64>) {
    for number in numbers {
        sleep(SECOND / 4).await;
        fake.write(Stdout, number, &format!("{number}\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_follow_ends_at_its_time_with_all_lines_up_to_it() {
    let expected: Vec<String> = (0..=39).map(|number| format!("{number}\n")).collect();
    let (_, seen) = follow(until(39), 10 * SECOND, async |fake| {
        write_every_quarter(fake, 0..60).await;
    })
    .await;
    assert_eq!(seen.of(Stdout), expected);
    assert!(seen.gaps.is_empty());
    // Lines that no stream has shown at the end are read from the log.
    let (_, seen) = follow(until(39), 10 * SECOND, async |fake| {
        write_every_quarter(fake, 0..30).await;
        fake.fail_follows();
        write_every_quarter(fake, 30..60).await;
    })
    .await;
    assert_eq!(seen.of(Stdout), expected);
}

#[tokio::test(start_paused = true)]
async fn a_follow_of_a_stopped_container_ends_at_its_time() {
    let (_, seen) = follow(until(39), 10 * SECOND, async |fake| {
        write_every_quarter(fake, 0..8).await;
        fake.exit();
    })
    .await;
    assert_eq!(seen.of(Stdout).len(), 8);
    assert!(matches!(seen.notes[..], [Notice::Exited(_)]), "{:?}", seen.notes);
}
