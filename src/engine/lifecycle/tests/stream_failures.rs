//! Streams that end, break, or cannot be opened.

use super::support::{Driven, container, error};
use crate::engine::event::EndReason;
use crate::engine::lifecycle::transitions::TRIES_MAX;
use crate::engine::lifecycle::*;
use crate::engine::source::{Container, ErrorKind, Lossy, Phase, ReadMode, SourceError};

#[test]
fn a_rotated_stream_is_opened_again_at_once() {
    let mut driven = Driven::following();
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::None), "follow");
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "follow");
}

#[test]
fn an_end_of_file_of_a_running_container_backs_off_and_is_reported_when_it_goes_on() {
    let mut driven = Driven::following();
    for acts in ["wake", "wake", "ends early 3, wake"] {
        assert_eq!(driven.ended(&EndReason::Eof, Progress::None), "inspect");
        assert_eq!(driven.inspected(Phase::Running, "one"), acts, "no busy loop");
        assert_eq!(driven.step(&Input::Woke), "follow");
    }
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "one"), "follow", "progress starts over");
}

#[test]
fn a_broken_stream_is_reported_once_and_retried_until_it_stands() {
    let mut driven = Driven::following();
    let cut = EndReason::Failed(error(ErrorKind::Cut));
    assert_eq!(driven.ended(&cut, Progress::None), "broke, wake");
    assert_eq!(driven.step(&Input::Woke), "inspect", "it may have ended meanwhile");
    let away = error(ErrorKind::Unreachable);
    for _ in 0..20 {
        assert_eq!(driven.step(&Input::Inspected(Err(&away))), "wake");
        assert_eq!(driven.step(&Input::Woke), "inspect");
    }
    assert_eq!(driven.inspected(Phase::Running, "one"), "follow");
    assert_eq!(driven.ended(&cut, Progress::Some), "broke, wake", "it had worked in between");
}

#[test]
fn a_panic_is_reported_and_the_stream_is_opened_again() {
    let mut driven = Driven::following();
    let panicked = EndReason::Panicked("boom".to_owned());
    assert_eq!(driven.ended(&panicked, Progress::None), "panicked, wake");
    assert_eq!(driven.step(&Input::Woke), "follow");
}

#[test]
fn the_rest_of_a_log_that_the_daemon_refuses_to_show_is_given_up() {
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    let refused = EndReason::Failed(SourceError::new(ErrorKind::InBand, "refused"));
    for tries in 0..TRIES_MAX {
        assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
        let waits = driven.step(&Input::Drained(&refused));
        assert!(waits.contains("wake"), "{tries}: {waits}");
        driven.step(&Input::Woke);
    }
    assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
    assert_eq!(driven.step(&Input::Drained(&refused)), "lost unreadable, exited 7");
    assert!(driven.0.is_settled());
    // A daemon that cannot be reached may come back.
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    let away = EndReason::Failed(SourceError::new(ErrorKind::Unreachable, "away"));
    for _ in 0..3 * TRIES_MAX {
        assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
        driven.step(&Input::Drained(&away));
        driven.step(&Input::Woke);
    }
}

#[test]
fn unread_lines_of_a_removed_container_are_reported_lost() {
    let gone = error(ErrorKind::Gone);
    let cut = EndReason::Failed(error(ErrorKind::Cut));
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    let removed = "lost removed, removed, forget(removed)";
    assert_eq!(
        driven.step(&Input::Inspected(Err(&gone))),
        removed,
        "it was quicker than a question"
    );

    let mut driven = Driven::following();
    driven.ended(&cut, Progress::Some);
    assert_eq!(driven.step(&Input::Destroyed), removed, "its stream broke before the end");

    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    driven.inspected(Phase::Exited, "one");
    driven.drained();
    driven.step(&Input::Started);
    assert_eq!(driven.step(&Input::Inspected(Err(&gone))), removed, "its second run was not read");
}

#[test]
fn a_driver_that_may_lose_lines_is_reported_once_and_before_any_read() {
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    let lossy =
        |run| Container { lossy: Some(Lossy::NonBlocking), ..container(Phase::Running, run) };
    let inspected = driven.step(&Input::Inspected(Ok(&lossy("one"))));
    assert_eq!(inspected, "started, lossy, follow");
    driven.ended(&EndReason::Eof, Progress::Some);
    let inspected = driven.step(&Input::Inspected(Ok(&lossy("two"))));
    assert_eq!(inspected, "exited, started, follow");
}

#[test]
fn a_stream_that_falls_behind_or_goes_back_is_opened_again_at_once() {
    let mut driven = Driven::following();
    assert_eq!(driven.ended(&EndReason::HeldBack, Progress::Some), "follow");
    assert_eq!(driven.ended(&EndReason::Disordered, Progress::Some), "follow");
    assert_eq!(driven.ended(&EndReason::Disordered, Progress::None), "wake", "no busy loop");
    assert_eq!(driven.step(&Input::Woke), "follow");
}

#[test]
fn a_driver_without_a_readable_log_is_reported_and_never_read_again() {
    let mut driven = Driven::following();
    let unreadable = EndReason::Failed(error(ErrorKind::Unreadable));
    assert_eq!(driven.ended(&unreadable, Progress::None), "unreadable");
    assert!(driven.0.is_done() && driven.0.failure().is_some());
    assert_eq!(driven.step(&Input::Started), "");
}

#[test]
fn without_a_follow_a_log_is_read_once_and_failures_end_it() {
    let mut driven = Driven::new(ReadMode::Once, Joined::AtStart);
    assert_eq!(driven.inspected(Phase::Running, "one"), "drain");
    assert_eq!(driven.drained(), "");
    assert!(driven.0.is_done() && driven.0.failure().is_none());

    let mut driven = Driven::new(ReadMode::Once, Joined::AtStart);
    let refused = error(ErrorKind::Refused);
    assert_eq!(driven.step(&Input::Inspected(Err(&refused))), "broke, wake");
    for _ in 1..TRIES_MAX {
        driven.step(&Input::Woke);
        assert_eq!(driven.step(&Input::Inspected(Err(&refused))), "wake");
    }
    driven.step(&Input::Woke);
    assert_eq!(driven.step(&Input::Inspected(Err(&refused))), "given up");
}
