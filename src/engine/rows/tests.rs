//! A row shows the facts that its row state recorded.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::engine::event::{Delivery, EndReason, Extent, Label, Lines};
use crate::engine::lifecycle::FollowPhase;
use crate::engine::source::{ContainerId, ContainerKey, DaemonId, Exit, Phase, StdStream};
use crate::engine::timestamp::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

fn row_state(timeout: Duration) -> RowState {
    let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("ab") };
    RowState::new(Arc::new(Label::new(key, "web".into())), timeout)
}

fn batch(row_state: &RowState, time: Timestamp) -> Lines {
    let mut lines = Lines::new(Arc::clone(&row_state.facts().label));
    lines.push(time, StdStream::Stdout, [b"123456789\n", b""], Extent::Whole, Delivery::InOrder);
    lines
}

fn row(row_state: &RowState) -> Row {
    row_state.row(Instant::now(), Timestamp::now())
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_streaming_once_it_has_found_its_place() {
    let row_state = row_state(30 * SECOND);
    assert_eq!(row(&row_state).stream, StreamState::Opening);
    row_state.set_phase(FollowPhase::Following, None);
    row_state.opened(None);
    assert_eq!(row(&row_state).stream, StreamState::Opening);
    row_state.settled(Trust::Sound);
    sleep(SECOND).await;
    assert_eq!(
        (row(&row_state).stream, row(&row_state).age),
        (StreamState::Streaming, Some(SECOND))
    );
    row_state.settled(Trust::Suspect);
    assert_eq!(row(&row_state).stream, StreamState::Stale);
    row_state.closed(&EndReason::Stale);
    row_state.opened(Some(&EndReason::Stale));
    assert_eq!(row(&row_state).stream, StreamState::Stale, "until the next one delivers");
    row_state.settled(Trust::Sound);
    row_state.closed(&EndReason::Rotated);
    row_state.opened(Some(&EndReason::Rotated));
    assert_eq!(row(&row_state).stream, StreamState::Rotating);
    row_state.delivered(&batch(&row_state, Timestamp::from_nanos(5)));
    assert_eq!(row(&row_state).stream, StreamState::Rotating);
    sleep(3 * SECOND).await;
    assert_eq!(row(&row_state).stream, StreamState::CatchingUp, "it takes long, and delivers");
    assert_eq!((row(&row_state).cycles, row(&row_state).irregular_reopens()), (2, 1));
    row_state.set_phase(FollowPhase::BackingOff, Some(Instant::now() + 3 * SECOND));
    sleep(SECOND).await;
    assert_eq!(row(&row_state).stream, StreamState::BackingOff { left: 2 * SECOND });
    sleep(5 * SECOND).await;
    assert_eq!(row(&row_state).stream, StreamState::BackingOff { left: Duration::ZERO });
}

#[tokio::test(start_paused = true)]
async fn cycles_are_counted_over_several_stream_timeouts() {
    let row_state = row_state(300 * SECOND);
    for _ in 0..200 {
        sleep(300 * SECOND).await;
        row_state.closed(&EndReason::Rotated);
    }
    sleep(150 * SECOND).await;
    let rate = row(&row_state).cycles_per_minute;
    assert!((0.15..0.25).contains(&rate), "{rate}");
    assert_eq!(row_state.facts().closings.0.len(), 64, "what is remembered is bounded");
    for _ in 0..200 {
        row_state.closed(&EndReason::Rotated);
        sleep(SECOND / 2).await;
    }
    let rate = row(&row_state).cycles_per_minute;
    assert!((119.0..122.0).contains(&rate), "{rate}");
}

#[tokio::test(start_paused = true)]
async fn a_few_cycles_at_the_start_are_no_rate_of_a_minute() {
    let row_state = row_state(SECOND);
    sleep(SECOND).await;
    row_state.closed(&EndReason::Rotated);
    row_state.closed(&EndReason::Rotated);
    assert!((row(&row_state).cycles_per_minute - 12.0).abs() < 0.1, "over ten seconds at least");
}

#[tokio::test(start_paused = true)]
async fn rates_are_of_the_last_seconds_and_not_of_what_was_stored_before() {
    let row_state = row_state(SECOND);
    row_state.delivered(&batch(&row_state, Timestamp::from_nanos(5)));
    sleep(SECOND).await;
    assert_eq!((row(&row_state).lines, row(&row_state).lines_per_second), (1, 0.0));
    for _ in 0..100 {
        row_state.delivered(&batch(&row_state, Timestamp::now()));
        sleep(SECOND / 10).await;
    }
    let busy = row(&row_state);
    assert_eq!((busy.lines_per_second, busy.bytes_per_second), (10.0, 100.0));
    sleep(6 * SECOND).await;
    assert!(row(&row_state).lines_per_second < 0.1);
    // A burst is spread over the five seconds: the figure does not jump up and down.
    for _ in 0..50 {
        row_state.delivered(&batch(&row_state, Timestamp::now()));
    }
    for _ in 0..5 {
        sleep(SECOND).await;
        assert!((row(&row_state).lines_per_second - 10.0).abs() < 0.1);
    }
    sleep(SECOND).await;
    assert!(row(&row_state).lines_per_second < 0.1);
    assert!(row_state.facts().traffic.0.len() <= 6, "what is remembered is bounded");
}

#[tokio::test(start_paused = true)]
async fn only_new_lines_of_a_batch_count_as_traffic() {
    let row_state = row_state(SECOND);
    let mut lines = batch(&row_state, Timestamp::from_nanos(5));
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
    row_state.delivered(&lines);
    sleep(SECOND).await;
    let row = row(&row_state);
    assert_eq!((row.lines, row.bytes), (402, 10 + 400 * 7 + 4 + 3));
    assert_eq!((row.lines_per_second, row.bytes_per_second), (1.0, 7.0));
}

#[test]
fn the_exit_of_a_run_is_shown_until_the_next_run() {
    let row_state = row_state(SECOND);
    row_state.out_of_memory();
    row_state.died(137);
    assert_eq!(row(&row_state).exit, Some(Exit { code: 137, oom: true }));
    row_state.started();
    assert_eq!((row(&row_state).phase, row(&row_state).exit), (Some(Phase::Running), None));
    row_state.listed(Phase::Paused);
    assert_eq!(row(&row_state).phase, Some(Phase::Paused));
    row_state.died(0);
    row_state.listed(Phase::Running);
    assert_eq!(row(&row_state).phase, Some(Phase::Exited), "a list may be older than the event");
}
