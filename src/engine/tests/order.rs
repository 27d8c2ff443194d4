//! The events of the engine if lines are ordered by time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::fake_source::{Fake, Manner};
use super::support::{SECOND, config};
use crate::engine::event::Event;
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::ReadMode;
use crate::engine::source::StdStream::Stdout;
use crate::engine::{Backlog, Config, Engine, LineOrder};

/// A log of 2,000 lines in several batches, and the events until they stop.
async fn events_of(config: Config, each: impl FnMut(Event) -> Option<Event>) -> Vec<Event> {
    events_of_log(&Fake::damaged([], Manner::Stops), config, each).await
}

async fn events_of_log(
    fake: &Fake,
    config: Config,
    mut each: impl FnMut(Event) -> Option<Event>,
) -> Vec<Event> {
    for number in 0..2000 {
        fake.write(Stdout, number, &format!("{number}\n"));
    }
    let engine = Engine::new(Arc::new(fake.clone()), Registry::default(), config);
    let (events, mut received) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let selection = Selection::all();
    let running = engine.run(&selection, events, stop.clone());
    let mut kept = Vec::new();
    let reading = async {
        while let Ok(Some(event)) = timeout(10 * SECOND, received.recv()).await {
            kept.extend(each(event));
        }
        stop.cancel();
        drop(received);
    };
    let (outcome, ()) = tokio::join!(running, reading);
    outcome.unwrap();
    kept
}

fn batches(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Lines(_))).count()
}

fn caught_up(events: &[Event]) -> Vec<usize> {
    let is_it = |event: &Event| matches!(event, Event::CaughtUp(key) if *key == Fake::key());
    events.iter().enumerate().filter(|(_, event)| is_it(event)).map(|(at, _)| at).collect()
}

#[tokio::test(start_paused = true)]
async fn stored_lines_are_announced_and_their_end_is_reported_once() {
    for mode in [ReadMode::Follow, ReadMode::Once] {
        for backlog in [Backlog::All, Backlog::Last(3), Backlog::Last(500), Backlog::Last(0)] {
            let config = Config { order: LineOrder::ByTime, mode, backlog, ..config() };
            let without_turn = |mut event: Event| {
                if let Event::Lines(lines) = &mut event {
                    lines.turn = None;
                }
                Some(event)
            };
            // The restarted container may have bad records; the other is not suspect.
            for fake in [Fake::damaged([], Manner::Stops), Fake::running([])] {
                let events = events_of_log(&fake, config.clone(), without_turn).await;
                let context = format!("{mode:?} {backlog:?}: {events:?}");
                assert!(matches!(&events[0], Event::Begins(_, keys) if *keys == [Fake::key()]));
                let ends = caught_up(&events);
                assert_eq!(ends.len(), 1, "{context}");
                let before = batches(&events[..ends[0]]);
                assert_eq!((before, 0 < before), (batches(&events), backlog != Backlog::Last(0)));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_waits_for_its_turn_while_stored_lines_are_read() {
    let config = || Config { order: LineOrder::ByTime, ..config() };
    // A reader with two batches in flight gets no third, and no end.
    let events = events_of(config(), Some).await;
    assert_eq!((batches(&events), caught_up(&events).len()), (2, 0));
    // A batch that is dropped is shown.
    let dropped = |event: Event| (!matches!(event, Event::Lines(_))).then_some(event);
    let events = events_of(config(), dropped).await;
    assert_eq!(caught_up(&events).len(), 1);
    // Without an order, nothing waits and nothing is announced.
    let events = events_of(super::support::config(), Some).await;
    assert!(2 < batches(&events) && caught_up(&events).is_empty());
    assert!(!events.iter().any(|event| matches!(event, Event::Begins(..))));
}

#[tokio::test(start_paused = true)]
async fn a_slow_read_of_a_log_sends_reading_events() {
    for (millis, min_events) in [(0, 0), (5, 4)] {
        let fake = Fake::damaged([], Manner::Stops);
        fake.read_slowly(Duration::from_millis(millis));
        let config = Config { order: LineOrder::ByTime, ..config() };
        let events = events_of_log(&fake, config, Some).await;
        let is_sign = |event: &&Event| matches!(event, Event::Reading(_));
        let before_lines = events.iter().take_while(|event| !matches!(event, Event::Lines(_)));
        let signs = before_lines.filter(is_sign).count();
        assert_eq!((min_events <= signs, 0 < signs), (true, 0 < min_events), "{signs}");
    }
}
