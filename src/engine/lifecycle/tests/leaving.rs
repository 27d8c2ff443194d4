//! The end of a follower, by example.

use std::time::Duration;

use super::support::{Driven, container, error};
use crate::engine::event::EndReason;
use crate::engine::lifecycle::*;
use crate::engine::source::{ErrorKind, Phase, ReadMode};

#[test]
fn a_container_that_is_renamed_away_is_followed_to_the_end_of_its_run_and_not_beyond() {
    let running = container(Phase::Running, "1");
    let ended = container(Phase::Exited, "1");
    let deselected = || {
        let mut driven = Driven::new(ReadMode::Follow, Joined::AtStart);
        assert_eq!(driven.step(&Input::Inspected(Ok(&running))), "follow");
        assert_eq!(driven.step(&Input::Deselected), "Deselected");
        driven
    };
    let end = |driven: &mut Driven| {
        let eof = Input::StreamEnded {
            reason: &EndReason::Eof,
            progress: Progress::Some,
            stood: Duration::from_secs(1),
        };
        assert_eq!(driven.step(&eof), "inspect");
    };
    let mut driven = deselected();
    end(&mut driven);
    assert_eq!(driven.step(&Input::Inspected(Ok(&ended))), "drain");
    assert_eq!(driven.step(&Input::Drained(&EndReason::Eof)), "exited 7, forget(left)");
    // It was started again before its end was seen.
    let mut driven = deselected();
    end(&mut driven);
    let next = container(Phase::Running, "2");
    assert_eq!(driven.step(&Input::Inspected(Ok(&next))), "flush, exited, forget(left)");
    // It was renamed back before its run ended.
    let mut driven = deselected();
    assert_eq!(driven.step(&Input::Selected), "");
    end(&mut driven);
    assert_eq!(driven.step(&Input::Inspected(Ok(&next))), "exited, started, follow");
    // It does not run: there is nothing to wait for.
    let mut driven = Driven::new(ReadMode::Follow, Joined::AtStart);
    driven.step(&Input::Inspected(Ok(&ended)));
    driven.step(&Input::Drained(&EndReason::Eof));
    assert_eq!(driven.step(&Input::Deselected), "forget(left)");
}

#[test]
fn without_a_follow_a_container_that_is_being_removed_is_a_failure() {
    let gone = error(ErrorKind::Gone);
    let mut driven = Driven::new(ReadMode::Once, Joined::AtStart);
    assert_eq!(driven.step(&Input::Inspected(Err(&gone))), "lost removed, given up");
    assert_eq!(driven.0.failure(), Some(&gone));
    let mut driven = Driven::new(ReadMode::Once, Joined::AtStart);
    driven.step(&Input::Inspected(Ok(&container(Phase::Removing, "1"))));
    assert_eq!(
        driven.step(&Input::Drained(&EndReason::Failed(gone.clone()))),
        "lost removed, given up"
    );
    assert_eq!(driven.0.failure(), Some(&gone));
}

#[test]
fn a_container_missing_from_the_list_is_inspected_and_then_forgotten() {
    let ended = container(Phase::Exited, "1");
    let mut driven = Driven::new(ReadMode::Follow, Joined::AtStart);
    driven.step(&Input::Inspected(Ok(&ended)));
    driven.step(&Input::Drained(&EndReason::Eof));
    assert_eq!(driven.step(&Input::Missing), "inspect");
    assert_eq!(driven.step(&Input::Inspected(Ok(&ended))), "", "the list was wrong");
    assert_eq!(driven.step(&Input::Missing), "inspect");
    let gone = error(ErrorKind::Gone);
    assert_eq!(driven.step(&Input::Inspected(Err(&gone))), "flush, removed, forget(removed)");
}

#[test]
fn an_unreadable_container_is_forgotten_when_it_is_removed() {
    let unreadable = EndReason::Failed(error(ErrorKind::Unreadable));
    let mut driven = Driven::new(ReadMode::Follow, Joined::AtStart);
    driven.step(&Input::Inspected(Ok(&container(Phase::Exited, "1"))));
    assert_eq!(driven.step(&Input::Drained(&unreadable)), "unreadable");
    assert_eq!(driven.step(&Input::Destroyed), "removed, forget(removed)");
}

#[test]
fn a_stopped_container_that_is_removed_is_forgotten() {
    let mut driven = Driven::new(ReadMode::Follow, Joined::AtStart);
    driven.inspected(Phase::Exited, "one");
    assert_eq!(driven.drained(), "", "it had ended before: no news");
    assert_eq!(driven.step(&Input::Destroyed), "flush, removed, forget(removed)");
}
