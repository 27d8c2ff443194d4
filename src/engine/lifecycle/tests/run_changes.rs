//! Runs that end, begin, or are missed.

use super::support::{Driven, error};
use crate::engine::event::EndReason;
use crate::engine::lifecycle::*;
use crate::engine::source::{ErrorKind, Exit, Phase, ReadMode};

#[test]
fn a_restart_between_two_streams_is_reported_at_the_next_rotation() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(9));
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "two"), "exited 9, started, follow");
    assert_eq!(driven.step(&Input::Started), "");
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "inspect", "the event came late");
    assert_eq!(driven.inspected(Phase::Running, "two"), "follow");
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "follow");
}

#[test]
fn a_run_that_ends_is_drained_then_reported_then_followed_again() {
    let mut driven = Driven::following();
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
    assert!(!driven.0.is_settled(), "its log is not read to the end");
    assert_eq!(driven.drained(), "exited 7");
    assert!(driven.0.is_settled());
    assert_eq!(driven.step(&Input::Started), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "two"), "started, follow");
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "three"), "exited, started, follow");
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Exited, "three"), "drain");
    assert_eq!(driven.drained(), "exited 7");
}

#[test]
fn a_start_while_the_last_run_is_drained_is_not_missed() {
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    driven.inspected(Phase::Exited, "one");
    assert_eq!(driven.step(&Input::Started), "");
    assert_eq!(driven.drained(), "exited 7, inspect");
    assert_eq!(driven.inspected(Phase::Exited, "two"), "started, drain", "it was quick");
}

#[test]
fn a_restart_seen_only_as_a_newer_run_is_reported() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(3));
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "two"), "exited 3, started, follow");
}

#[test]
fn a_run_between_two_inspections_is_reported() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(3));
    driven.ended(&EndReason::Eof, Progress::Some);
    assert_eq!(driven.inspected(Phase::Exited, "two"), "exited 3, started, drain");
    assert_eq!(driven.drained(), "exited 7");
}

#[test]
fn a_restarting_container_is_inspected_periodically() {
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    assert_eq!(driven.inspected(Phase::Restarting, "one"), "drain");
    assert_eq!(driven.drained(), "restarting, wake");
    assert!(!driven.0.is_settled(), "it comes back");
    assert_eq!(driven.step(&Input::Woke), "inspect");
    assert_eq!(driven.inspected(Phase::Restarting, "one"), "wake", "reported once, drained once");
    driven.step(&Input::Woke);
    assert_eq!(driven.inspected(Phase::Running, "two"), "started, follow");
}

#[test]
fn a_removed_container_is_read_to_the_end_first() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(0));
    assert_eq!(driven.step(&Input::Destroyed), "", "its stream still has the rest");
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    let gone = error(ErrorKind::Gone);
    assert_eq!(
        driven.step(&Input::Inspected(Err(&gone))),
        "flush, exited 0, removed, forget(removed)"
    );
}

#[test]
fn a_container_that_joins_is_reported_and_one_that_was_there_is_not() {
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    assert_eq!(driven.inspected(Phase::Running, "one"), "started, follow");
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    assert_eq!(driven.inspected(Phase::Exited, "one"), "started, drain", "it was quick");
    assert_eq!(driven.drained(), "exited 7");
}

#[test]
fn a_kill_for_want_of_memory_is_part_of_the_exit() {
    let mut driven = Driven::following();
    driven.step(&Input::OutOfMemory);
    driven.step(&Input::Died(137));
    assert_eq!(driven.0.exit, Some(Exit { code: 137, oom: true }));
}
