//! The search in logs small enough to read, and against any log, any window.

use proptest::prelude::*;

use super::delivered_keys::KEYS_MAX;
use super::*;
use crate::engine::source::{Frames, StdStream};
use crate::engine::timestamp::Timestamp;

/// A key that differs by its number.
fn key(number: i64) -> Key {
    key_of(StdStream::Stdout, number, b"text\n")
}

fn key_of(stream: StdStream, time: i64, text: &[u8]) -> Key {
    let mut frames = Frames::default();
    frames.push(stream, Timestamp::from_nanos(time), [text, b""]);
    let (frame, payload) = frames.iter().next().unwrap();
    Key::of(frame, payload)
}

fn delivered(numbers: impl IntoIterator<Item = i64>) -> Anchor {
    let mut anchor = Anchor::new();
    numbers.into_iter().for_each(|number| anchor.push(key(number)));
    anchor
}

/// The class of each frame, as a letter: `d`elivered, `e`arlier, `l`ate, `n`ew, `u`nproven.
fn letter(step: SeekStep) -> char {
    match step {
        SeekStep::Delivered { .. } => 'd',
        SeekStep::Earlier => 'e',
        SeekStep::Late => 'l',
        SeekStep::New => 'n',
        SeekStep::Unproven => 'u',
    }
}

fn look(seek: &mut Seek, window: impl IntoIterator<Item = Key>) -> String {
    window.into_iter().map(|key| letter(seek.see(&key))).collect()
}

fn see(anchor: &Anchor, window: Option<u64>, log: impl IntoIterator<Item = i64>) -> String {
    look(&mut anchor.seek(window), log.into_iter().map(key))
}

#[test]
fn frames_behind_the_anchor_are_new() {
    assert_eq!(see(&delivered(1..=5), Some(4), 4..=7), "ddnn");
}

#[test]
fn a_window_without_the_anchor_finds_nothing() {
    let mut seek = delivered(1..=5).seek(Some(3));
    assert_eq!(look(&mut seek, (7..=9).map(key)), "eee");
    assert!(seek.is_full() && !seek.is_found());
}

#[test]
fn a_frame_between_known_ones_is_late() {
    assert_eq!(see(&delivered([1, 2, 4, 5]), Some(5), 1..=6), "ddlddn");
}

#[test]
fn frames_before_the_first_known_one_were_missed_when_older_ones_are_known() {
    let older = |mut anchor: Anchor| {
        anchor.begin_inside();
        let mut seek = anchor.seek(Some(11));
        assert_eq!(seek.see(&key(90)), SeekStep::Earlier);
        seek.see(&key(91))
    };
    let missed = delivered((1..=100).filter(|number| *number != 90));
    assert_eq!(older(missed), SeekStep::Delivered { older: false });
    let before_the_view = delivered(91..=100);
    assert_eq!(older(before_the_view), SeekStep::Delivered { older: true });
}

#[test]
fn equal_frames_are_counted() {
    assert_eq!(see(&delivered([1, 7, 7, 7]), Some(6), [1, 7, 7, 7, 7, 8]), "ddddnn");
}

#[test]
fn a_window_that_begins_among_equal_frames_proves_nothing() {
    let mut seek = delivered([1, 7, 7, 7]).seek(Some(4));
    assert_eq!(look(&mut seek, [7, 7, 7, 8].map(key)), "dddu");
    seek.end();
    assert!(!seek.is_found(), "there may be a fourth one before it");
    assert_eq!(
        see(&delivered([7, 7, 7]), None, [7, 7, 7, 7]),
        "dddn",
        "unless it is the whole log"
    );
}

#[test]
fn a_window_that_holds_the_whole_log_proves_its_frames() {
    let mut seek = delivered([7]).seek(Some(3));
    assert_eq!(look(&mut seek, [7, 7].map(key)), "du");
    seek.end();
    assert!(seek.is_found());
}

#[test]
fn equal_frames_before_the_window_do_not_count() {
    let err = |time| key_of(StdStream::Stderr, time, b"text\n");
    let mut anchor = Anchor::new();
    [key(7), err(1), err(2), key(7), err(3)].into_iter().for_each(|key| anchor.push(key));
    let window = [err(1), err(2), key(7), err(3), key(7)];
    assert_eq!(look(&mut anchor.seek(Some(5)), window), "ddddn");
}

#[test]
fn a_frame_equal_to_a_forgotten_one_is_not_late() {
    // Two equal pieces of a long line, of which the ring has kept one.
    let mut anchor = Anchor { kept: 3, ..Anchor::new() };
    [1, 7, 7, 8, 9].into_iter().for_each(|number| anchor.push(key(number)));
    let mut seek = anchor.seek(Some(6));
    assert_eq!(look(&mut seek, [1, 7, 7, 8, 9, 10].map(key)), "eddddn");
}

#[test]
fn the_ring_is_bounded() {
    let anchor = delivered(0..10_000);
    assert!(anchor.ring.len() * size_of::<Key>() <= 16 * 1024);
    assert!(anchor.contains(&key(9_999)) && !anchor.contains(&key(1)));
}

#[test]
fn a_known_key_is_found_after_the_clock_went_back() {
    let kept = i64::try_from(KEYS_MAX).unwrap();
    let mut anchor = delivered([1000]);
    (0..kept).for_each(|number| anchor.push(key(number)));
    assert!(anchor.contains(&key(0)) && !anchor.contains(&key(1000)));
    assert_eq!(anchor.newest, Timestamp::from_nanos(kept - 1));
}

/// One output of a container: its clock never goes back, and its text is one of two.
fn output(stream: StdStream) -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec((0i64..2, any::<bool>()), 0..40).prop_map(move |steps| {
        let mut time = 0;
        let key = |(step, text)| {
            time += step;
            key_of(stream, time, if text { b"a\n" } else { b"b\n" })
        };
        steps.into_iter().map(key).collect()
    })
}

proptest! {
    /// A log with many equal keys in two outputs, of which a prefix was delivered and the end of
    /// that is known: any window either finds exactly the rest, or finds nothing; nothing is late.
    #[test]
    fn a_search_finds_the_exact_rest_or_nothing(
        stdout in output(StdStream::Stdout),
        stderr in output(StdStream::Stderr),
        turns in prop::collection::vec(any::<bool>(), 80),
        delivered_part: prop::sample::Index,
        window in 1usize..90,
        kept in 20usize..90,
    ) {
        let (mut stdout, mut stderr) = (stdout.into_iter(), stderr.into_iter());
        let next = |turn| if turn { stdout.next() } else { stderr.next() };
        let log: Vec<Key> = turns.into_iter().filter_map(next).collect();
        prop_assume!(!log.is_empty());
        let cut = 1 + delivered_part.index(log.len());
        let mut anchor = Anchor { kept, ..Anchor::new() };
        log[..cut].iter().for_each(|key| anchor.push(*key));
        let from = log.len().saturating_sub(window);
        let mut seek = anchor.seek((0 < from).then_some(window as u64));
        let (mut new, mut unproven, mut held) = (Vec::new(), Vec::new(), 0);
        for key in &log[from..] {
            match seek.see(key) {
                SeekStep::New => new.push(*key),
                SeekStep::Unproven => unproven.push(*key),
                SeekStep::Earlier | SeekStep::Late => held += 1,
                SeekStep::Delivered { older: true } => held = 0,
                SeekStep::Delivered { older: false } => {}
            }
        }
        let found_at_once = seek.is_found();
        seek.end();
        if seek.is_found() {
            prop_assert_eq!(held, 0, "nothing was missed");
            new.append(&mut unproven);
            let show = |keys: &[Key]| {
                let show = |key: &Key| format!("{:?}{}{}", key.stream, key.time.as_nanos(), key.hash % 10);
                keys.iter().map(show).collect::<Vec<_>>().join(" ")
            };
            let (before, behind) = (show(&log[..cut]), show(&log[cut..]));
            prop_assert_eq!(show(&new), behind, "behind {}", before);
        } else {
            prop_assert!(0 < from && !found_at_once, "the whole log shows the anchor");
        }
    }
}
