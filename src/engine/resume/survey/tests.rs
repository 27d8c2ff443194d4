//! The survey over a model of a log, with bad records anywhere, readers of each kind, and growth.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::walk::LOOKS_MAX;
use super::*;
use crate::engine::anchor::{Anchor, Key};
use crate::engine::event::EndReason;
use crate::engine::source::{Frames, StdStream, Tail};
use crate::engine::timestamp::Timestamp;

/// The behavior of a daemon's reader at a record that it cannot decode.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// It ends there.
    Stops,
    /// It drops this number of further records, and continues.
    Skips(usize),
    /// It shows the records before, and then an error.
    Fails,
    /// It refuses each window that contains the record.
    Refuses,
}

fn key(number: usize) -> Key {
    let mut frames = Frames::default();
    let text = number.to_string();
    let time = Timestamp::from_nanos(i64::try_from(number).unwrap());
    frames.push(StdStream::Stdout, time, [text.as_bytes(), b"\n"]);
    let (frame, payload) = frames.iter().next().unwrap();
    Key::of(frame, payload)
}

/// A log in which `good` says which records can be decoded, numbered from the beginning.
struct Model {
    good: Vec<bool>,
    manner: Manner,
    /// The number of records that come before each look.
    grows: VecDeque<u8>,
    looks: u32,
}

impl Windows for Model {
    async fn look(&mut self, window: Tail) -> Result<Look, EndReason> {
        self.looks += 1;
        let more = self.grows.pop_front().unwrap_or(0);
        self.good.extend(std::iter::repeat_n(true, usize::from(more)));
        let from = match window {
            Tail::All => 0,
            Tail::Last(window) => self.good.len().saturating_sub(usize::try_from(window).unwrap()),
        };
        let mut look = Look::default();
        let mut at = from;
        while at < self.good.len() {
            if self.good[at] {
                look.keys.push(key(at));
                at += 1;
                continue;
            }
            match self.manner {
                Manner::Stops => break,
                Manner::Skips(more) => at += 1 + more,
                Manner::Fails => {
                    look.failed = true;
                    break;
                }
                Manner::Refuses => return Ok(Look { keys: Vec::new(), failed: true }),
            }
        }
        Ok(look)
    }
}

/// Surveys a log of `length` records; returns the result and the number of looks.
fn run(
    goal: &Goal,
    bad: &[usize],
    length: usize,
    manner: Manner,
    grows: &[u8],
) -> (Result<Map, Stop>, u32) {
    let good = (0..length).map(|at| !bad.contains(&at)).collect();
    let mut model = Model { good, manner, grows: grows.iter().copied().collect(), looks: 0 };
    let growth = if grows.is_empty() { Growth::None } else { Growth::Possible };
    let found = {
        let survey = pin!(survey(&mut model, goal, growth));
        match survey.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(found) => found,
            Poll::Pending => panic!("the model never waits"),
        }
    };
    (found, model.looks)
}

fn keys(numbers: impl IntoIterator<Item = usize>) -> Vec<Key> {
    numbers.into_iter().map(key).collect()
}

/// Each record that some window shows is in one part, in order, and a part ends at a missing one. Records that
/// came during the survey may be missing.
fn all_is_found(bad: &[usize], length: usize, manner: Manner, grows: &[u8]) -> Result<(), String> {
    let (map, looks) = run(&Goal::All, bad, length, manner, grows);
    // Records from before the first look are part of the log, and readable.
    let written = length;
    let length = length + grows.first().map_or(0, |more| usize::from(*more));
    // If the newest record is bad, a growing log is counted anew.
    let map = match map {
        Err(Stop::Moved) if bad.contains(&(length - 1)) && !grows.is_empty() => return Ok(()),
        map => map.map_err(|stop| format!("{stop:?} after {looks} looks"))?,
    };
    let bad: Vec<usize> = bad.iter().copied().filter(|at| *at < written).collect();
    let last_bad = bad.iter().max();
    let readable: Vec<usize> = match (manner, last_bad) {
        (Manner::Refuses, Some(last)) => (last + 1..length).collect(),
        _ => (0..length).filter(|at| !bad.contains(at)).collect(),
    };
    let found: Vec<Key> = map.parts.iter().flat_map(|part| part.keys.clone()).collect();
    if found != keys(readable.iter().copied()) {
        return Err(format!("{} of {} after {looks} looks", found.len(), readable.len()));
    }
    let begins = map.parts.iter().skip(1).map(|part| part.keys[0]);
    let expected =
        readable.windows(2).filter(|pair| pair[0] + 1 < pair[1]).map(|pair| key(pair[1]));
    if !begins.eq(expected) {
        return Err(format!("the parts begin elsewhere: {map:?}"));
    }
    Ok(())
}

#[test]
fn records_lost_in_earlier_versions_are_found() {
    let grows = [0, 0, 0, 0, 0, 0, 0, 1, 0];
    all_is_found(&[130, 133], 143, Manner::Stops, &grows).unwrap();
    all_is_found(&[0], 32, Manner::Skips(1), &[]).unwrap();
    all_is_found(&[96], 97, Manner::Stops, &[]).unwrap();
    let grows = [2, 1, 1, 2, 1, 0, 2, 0, 0, 0, 0, 0, 1, 0, 2];
    all_is_found(&[2], 4, Manner::Skips(2), &grows).unwrap();
    all_is_found(&[0, 11], 12, Manner::Skips(11), &[1]).unwrap();
}

#[test]
fn a_log_without_bad_records_costs_few_looks() {
    for length in [1, 5, 40, 5000] {
        let (map, looks) = run(&Goal::All, &[], length, Manner::Stops, &[]);
        let map = map.unwrap();
        assert!(map.is_whole(), "{length}: {:?}", map.before);
        assert_eq!(map.parts[0].keys, keys(0..length));
        assert!(looks <= 12, "{looks} for {length}");
    }
    assert_eq!(run(&Goal::All, &[], 0, Manner::Stops, &[]).0.unwrap(), Map::default());
}

#[test]
fn the_looks_grow_with_the_logarithm_of_the_length() {
    let (map, looks) = run(&Goal::All, &[20_000, 50_000], 60_000, Manner::Stops, &[]);
    assert_eq!(map.unwrap().parts.len(), 3);
    assert!(looks <= 90, "{looks}");
}

#[test]
fn an_anchor_in_the_newest_part_is_enough() {
    let mut anchor = Anchor::new();
    (0..100).filter(|at| *at != 50).for_each(|number| anchor.push(key(number)));
    let (map, looks) = run(&Goal::Anchor(anchor), &[50], 105, Manner::Stops, &[]);
    let map = map.unwrap();
    assert_eq!((looks, map.before, map.reach()), (3, Before::Anchored, 16));
}

#[test]
fn a_log_of_contradictions_is_given_up() {
    /// Shows different records each time.
    struct Random(usize);
    impl Windows for Random {
        async fn look(&mut self, _: Tail) -> Result<Look, EndReason> {
            self.0 += 7;
            Ok(Look { keys: keys(self.0..self.0 + self.0 % 5), failed: false })
        }
    }
    for growth in [Growth::None, Growth::Possible] {
        let mut windows = Random(1);
        let found = {
            let survey = pin!(survey(&mut windows, &Goal::All, growth));
            survey.poll(&mut Context::from_waker(Waker::noop()))
        };
        assert!(found.is_ready(), "the model never waits");
        assert!(windows.0 <= 7 * (LOOKS_MAX as usize + 1) + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn each_record_that_some_window_shows_is_in_one_part(
        bad in prop::collection::btree_set(0usize..150, 0..6),
        length in 1usize..150,
        manner in prop_oneof![
            Just(Manner::Stops), Just(Manner::Fails), Just(Manner::Refuses), (0usize..20).prop_map(Manner::Skips),
        ],
        grows in prop::collection::vec(0u8..3, 0..40),
    ) {
        let bad: Vec<usize> = bad.into_iter().collect();
        all_is_found(&bad, length, manner, &grows).map_err(TestCaseError::fail)?;
    }

    /// An anchor anywhere: the survey finds all messages behind it, and takes no other for new.
    #[test]
    fn all_readable_messages_behind_an_anchor_are_found(
        bad in prop::collection::btree_set(0usize..150, 0..6),
        length in 1usize..150,
        delivered in 0usize..150,
        manner in prop_oneof![Just(Manner::Stops), Just(Manner::Fails), (0usize..20).prop_map(Manner::Skips)],
    ) {
        let bad: Vec<usize> = bad.into_iter().collect();
        let delivered = delivered.min(length - 1);
        let mut anchor = Anchor::new();
        (0..=delivered).filter(|at| !bad.contains(at)).for_each(|at| anchor.push(key(at)));
        prop_assume!(!anchor.is_empty());
        let expected = keys((delivered + 1..length).filter(|at| !bad.contains(at)));
        let (map, _) = run(&Goal::Anchor(anchor.clone()), &bad, length, manner, &[]);
        let found: Vec<Key> = map.unwrap().parts.into_iter().flat_map(|part| part.keys).collect();
        let at = found.iter().rposition(|key| anchor.contains(key)).unwrap();
        prop_assert_eq!(&found[at + 1..], expected);
    }
}
