//! What is written to a card shows in its row.

use tokio::time::sleep;

use super::*;
use crate::engine::event::{Delivery, Extent, Label};
use crate::engine::source::{ContainerId, DaemonId, StdStream};

const SECOND: Duration = Duration::from_secs(1);

fn card(timeout: Duration) -> Card {
    let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("ab") };
    Card::new(Arc::new(Label::new(key, "web".into())), timeout)
}

fn batch(card: &Card, time: Timestamp) -> Lines {
    let mut lines = Lines::new(Arc::clone(&card.facts().label));
    lines.push(time, StdStream::Stdout, [b"123456789\n", b""], Extent::Whole, Delivery::InOrder);
    lines
}

fn row(card: &Card) -> Row {
    card.row(Instant::now(), Timestamp::now())
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_streaming_once_it_has_found_its_place() {
    let card = card(30 * SECOND);
    assert_eq!(row(&card).stream, StreamState::Opening);
    card.stands(Stance::Following, None);
    card.opened(None);
    assert_eq!(row(&card).stream, StreamState::Opening);
    card.settled(Trust::Sound);
    sleep(SECOND).await;
    assert_eq!((row(&card).stream, row(&card).age), (StreamState::Streaming, Some(SECOND)));
    card.settled(Trust::Suspect);
    assert_eq!(row(&card).stream, StreamState::Stale);
    card.closed(&EndReason::Stale);
    card.opened(Some(&EndReason::Stale));
    assert_eq!(row(&card).stream, StreamState::Stale, "until the next one delivers");
    card.settled(Trust::Sound);
    card.closed(&EndReason::Rotated);
    card.opened(Some(&EndReason::Rotated));
    assert_eq!(row(&card).stream, StreamState::Rotating);
    card.delivered(&batch(&card, Timestamp::from_nanos(5)));
    assert_eq!(row(&card).stream, StreamState::Rotating);
    sleep(3 * SECOND).await;
    assert_eq!(row(&card).stream, StreamState::CatchingUp, "it takes long, and delivers");
    assert_eq!((row(&card).cycles, row(&card).irregular_reopens()), (2, 1));
    card.stands(Stance::BackingOff, Some(Instant::now() + 3 * SECOND));
    sleep(SECOND).await;
    assert_eq!(row(&card).stream, StreamState::BackingOff { left: 2 * SECOND });
    sleep(5 * SECOND).await;
    assert_eq!(row(&card).stream, StreamState::BackingOff { left: Duration::ZERO });
}

#[tokio::test(start_paused = true)]
async fn cycles_are_counted_over_several_stream_timeouts() {
    let card = card(300 * SECOND);
    for _ in 0..200 {
        sleep(300 * SECOND).await;
        card.closed(&EndReason::Rotated);
    }
    sleep(150 * SECOND).await;
    let rate = row(&card).cycles_per_minute;
    assert!((0.15..0.25).contains(&rate), "{rate}");
    assert_eq!(card.facts().closings.0.len(), 64, "what is remembered is bounded");
    for _ in 0..200 {
        card.closed(&EndReason::Rotated);
        sleep(SECOND / 2).await;
    }
    let rate = row(&card).cycles_per_minute;
    assert!((119.0..122.0).contains(&rate), "{rate}");
}

#[tokio::test(start_paused = true)]
async fn a_few_cycles_at_the_start_are_no_rate_of_a_minute() {
    let card = card(SECOND);
    sleep(SECOND).await;
    card.closed(&EndReason::Rotated);
    card.closed(&EndReason::Rotated);
    assert!((row(&card).cycles_per_minute - 12.0).abs() < 0.1, "over ten seconds at least");
}

#[tokio::test(start_paused = true)]
async fn rates_are_of_the_last_seconds_and_not_of_what_was_stored_before() {
    let card = card(SECOND);
    card.delivered(&batch(&card, Timestamp::from_nanos(5)));
    sleep(SECOND).await;
    assert_eq!((row(&card).lines, row(&card).lines_per_second), (1, 0.0));
    for _ in 0..100 {
        card.delivered(&batch(&card, Timestamp::now()));
        sleep(SECOND / 10).await;
    }
    let busy = row(&card);
    assert_eq!((busy.lines_per_second, busy.bytes_per_second), (10.0, 100.0));
    sleep(6 * SECOND).await;
    assert!(row(&card).lines_per_second < 0.1);
    // A burst is spread over the five seconds: the figure does not jump up and down.
    for _ in 0..50 {
        card.delivered(&batch(&card, Timestamp::now()));
    }
    for _ in 0..5 {
        sleep(SECOND).await;
        assert!((row(&card).lines_per_second - 10.0).abs() < 0.1);
    }
    sleep(SECOND).await;
    assert!(row(&card).lines_per_second < 0.1);
    assert!(card.facts().traffic.0.len() <= 6, "what is remembered is bounded");
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_that_is_partly_stored_only_the_new_lines_are_traffic() {
    let card = card(SECOND);
    let mut lines = batch(&card, Timestamp::from_nanos(5));
    for _ in 0..400 {
        lines.push(
            Timestamp::from_nanos(6),
            StdStream::Stdout,
            [b"stored\n", b""],
            Extent::Whole,
            Delivery::InOrder,
        );
    }
    lines.push(
        Timestamp::now(),
        StdStream::Stdout,
        [b"123\n", b""],
        Extent::Whole,
        Delivery::InOrder,
    );
    lines.push(
        Timestamp::now(),
        StdStream::Stdout,
        [b"456", b""],
        Extent::Piece,
        Delivery::InOrder,
    );
    card.delivered(&lines);
    sleep(SECOND).await;
    let row = row(&card);
    assert_eq!((row.lines, row.bytes), (402, 10 + 400 * 7 + 4 + 3));
    assert_eq!((row.lines_per_second, row.bytes_per_second), (1.0, 7.0));
}

#[test]
fn how_a_run_ended_stands_until_the_next_begins() {
    let card = card(SECOND);
    card.out_of_memory();
    card.died(137);
    assert_eq!(row(&card).exit, Some(Exit { code: 137, oom: true }));
    card.started();
    assert_eq!((row(&card).phase, row(&card).exit), (Some(Phase::Running), None));
    card.listed(Phase::Paused);
    assert_eq!(row(&card).phase, Some(Phase::Paused));
    card.died(0);
    card.listed(Phase::Running);
    assert_eq!(row(&card).phase, Some(Phase::Exited), "a list may be older than the event");
}
