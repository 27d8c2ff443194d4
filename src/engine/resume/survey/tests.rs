use proptest::prelude::*;

use super::super::super::source::{Frames, StdStream};
use super::super::super::timestamp::Timestamp;
use super::*;

/// What a reader of the daemon does at a record that it cannot decode.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// It ends there.
    Stops,
    /// It drops this many records more, and goes on.
    Skips(usize),
    /// Each window that holds the record is refused, but for one of everything, which ends there.
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

/// What a window shows of a log in which `good` tells the records that can be decoded; numbers count
/// from the beginning.
fn show(good: &[bool], manner: Manner, window: Tail) -> (Vec<usize>, bool) {
    let from = match window {
        Tail::All => 0,
        Tail::Last(window) => good.len().saturating_sub(usize::try_from(window).unwrap()),
    };
    let mut shown = Vec::new();
    let mut at = from;
    while at < good.len() {
        if good[at] {
            shown.push(at);
            at += 1;
            continue;
        }
        match manner {
            Manner::Stops => return (shown, false),
            Manner::Skips(more) => at += 1 + more,
            Manner::Refuses if window == Tail::All => return (shown, true),
            Manner::Refuses => return (Vec::new(), true),
        }
    }
    (shown, false)
}

/// Surveys a log that grows by `grows` records before each look, up to `most` in all.
fn survey(goal: Goal, good: &mut Vec<bool>, manner: Manner, grows: &[u8]) -> (Map, u32) {
    let live = !grows.is_empty();
    let mut grows = grows.iter();
    let mut survey = Survey::new(goal, Tail::Last(8), live, None);
    let mut looks = 0;
    while let Step::Look(window) = survey.step() {
        let more = grows.next().copied().unwrap_or(0);
        good.extend(std::iter::repeat_n(true, usize::from(more)));
        let (shown, failed) = show(good, manner, window);
        survey.saw(shown.into_iter().map(key).collect(), failed);
        looks += 1;
        assert!(looks <= LOOKS + 1, "it comes to an end");
    }
    (survey.finish(), looks)
}

fn keys(numbers: impl IntoIterator<Item = usize>) -> Vec<Key> {
    numbers.into_iter().map(key).collect()
}

#[test]
fn a_sound_log_costs_few_looks() {
    let mut anchor = Anchor::new(false);
    (0..100).for_each(|number| anchor.push(key(number)));
    let (map, looks) = survey(Goal::Anchor(anchor), &mut vec![true; 105], Manner::Stops, &[]);
    assert_eq!((looks, map.reached, map.reach), (1, Reached::AnchorInLast, None));
    for length in [0, 1, 5, 40] {
        let (map, looks) = survey(Goal::All, &mut vec![true; length], Manner::Stops, &[]);
        assert_eq!(
            (map.reached, map.reach, map.parts.len()),
            (Reached::Whole, None, 1),
            "{length}"
        );
        assert_eq!(map.parts[0].keys, keys(0..length));
        assert!(looks <= 6, "{looks} for {length}");
    }
}

#[test]
fn a_window_that_is_refused_ends_the_part_that_can_be_read() {
    let mut good = vec![true; 60];
    good[20] = false;
    let (map, _) = survey(Goal::All, &mut good, Manner::Refuses, &[]);
    let parts: Vec<(Tail, Vec<Key>)> =
        map.parts.iter().map(|part| (part.window, part.keys.clone())).collect();
    assert_eq!(parts, [(Tail::All, keys(0..20)), (Tail::Last(39), keys(21..60))]);
    assert!(map.parts[1].hole_before && !map.parts[0].hole_before);
    assert_eq!(map.reach, Some(39));
}

#[test]
fn a_limit_is_not_passed() {
    let mut survey = Survey::new(Goal::All, Tail::Last(64), false, Some(8));
    let good = vec![true; 60];
    while let Step::Look(window) = survey.step() {
        assert!(matches!(window, Tail::Last(..=8)), "{window:?}");
        let (shown, failed) = show(&good, Manner::Stops, window);
        survey.saw(shown.into_iter().map(key).collect(), failed);
    }
    let map = survey.finish();
    assert_eq!((map.reached, map.reach), (Reached::Begin, Some(8)));
    assert_eq!(map.parts[0].keys, keys(52..60));
}

proptest! {
    /// Whatever cannot be decoded and however the daemon takes that: the parts hold each record that some
    /// window shows, once and in order, and a hole stands where one is missing.
    #[test]
    fn each_record_that_some_window_shows_is_in_one_part(
        bad in prop::collection::btree_set(0usize..150, 0..6),
        length in 0usize..150,
        manner in prop_oneof![
            Just(Manner::Stops), Just(Manner::Refuses), (1usize..20).prop_map(Manner::Skips),
        ],
        grows in prop::collection::vec(0u8..2, 0..30),
    ) {
        let mut good: Vec<bool> = (0..length).map(|at| !bad.contains(&at)).collect();
        // The newest record can be read: a log whose newest cannot grows until it can.
        good.push(true);
        let grows = if matches!(manner, Manner::Refuses) { &[][..] } else { &grows };
        let (map, _) = survey(Goal::All, &mut good, manner, grows);
        let shown: Vec<Key> = map.parts.iter().flat_map(|part| part.keys.clone()).collect();
        let readable = match manner {
            Manner::Refuses => {
                let last = good.iter().rposition(|good| !good);
                let first = good.iter().position(|good| !good);
                (0..=length)
                    .filter(|at| last.is_none_or(|last| last < *at || *at < first.unwrap()))
                    .collect::<Vec<usize>>()
            }
            _ => (0..=length).filter(|at| good[*at]).collect(),
        };
        // What came during the survey may be in it or not.
        let before: Vec<Key> = shown.iter().copied().filter(|seen| {
            (0..=length).any(|at| key(at) == *seen)
        }).collect();
        prop_assert_eq!(before, keys(readable));
        for pair in map.parts.windows(2) {
            prop_assert!(pair[1].hole_before);
        }
    }

    /// An anchor anywhere: what follows it is found exactly.
    #[test]
    fn what_follows_an_anchor_is_found(
        bad in prop::collection::btree_set(0usize..150, 0..6),
        length in 1usize..150,
        delivered in 0usize..150,
        manner in prop_oneof![Just(Manner::Stops), (1usize..20).prop_map(Manner::Skips)],
    ) {
        let mut good: Vec<bool> = (0..length).map(|at| !bad.contains(&at)).collect();
        good.push(true);
        let delivered = delivered.min(length);
        let mut anchor = Anchor::new(false);
        (0..=delivered).filter(|at| good[*at]).for_each(|at| anchor.push(key(at)));
        prop_assume!(!anchor.is_empty());
        let expected = keys((delivered + 1..=length).filter(|at| good[*at]));
        let (map, _) = survey(Goal::Anchor(anchor.clone()), &mut good, manner, &[]);
        let found: Vec<Key> = match map.reached {
            Reached::AnchorInLast | Reached::Whole => {
                let keys = &map.parts.last().unwrap().keys;
                let at = keys.iter().rposition(|key| anchor.contains(key)).unwrap();
                keys[at + 1..].to_vec()
            }
            _ => map.parts.iter().flat_map(|part| part.keys[part.skip..].to_vec()).collect(),
        };
        prop_assert_eq!(found, expected);
    }
}
