//! Logs with records that the daemon cannot decode.

use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use super::fake_source::{Fake, Manner};
use super::support::{SECOND, Seen, config, nothing_is_left, run};
use crate::engine::event::GapCause;
use crate::engine::source::ReadMode;
use crate::engine::source::StdStream::Stdout;
use crate::engine::timestamp::Timestamp;
use crate::engine::{Backlog, Config, Observer};

/// The numbers of the shown lines.
fn numbers(seen: &Seen) -> Vec<usize> {
    seen.of(Stdout).iter().map(|line| line.trim().parse().unwrap()).collect()
}

fn write(fake: &Fake, numbers: std::ops::Range<usize>) {
    for number in numbers {
        fake.write(Stdout, i64::try_from(number).unwrap(), &format!("{number}\n"));
    }
}

/// Asserts that these numbers were shown, in order, with a gap exactly where one is missing.
#[track_caller]
fn exact(seen: &Seen, expected: &[usize]) {
    exact_to_the_end(seen, expected, &[]);
}

/// Asserts the same for a read with an end: there is also a gap if the next record is bad.
#[track_caller]
fn exact_to_the_end(seen: &Seen, expected: &[usize], bad: &[usize]) {
    let shown = numbers(seen);
    assert_eq!(shown, expected);
    let missing = (1..shown.len()).filter(|at| shown[*at - 1] + 1 < shown[*at]);
    let (before, behind): (Vec<usize>, Vec<usize>) = seen
        .gaps_at
        .iter()
        .map(|(at, _)| *at)
        .filter(|at| 0 < *at)
        .partition(|at| *at < shown.len());
    assert_eq!(before, missing.collect::<Vec<usize>>(), "{shown:?}");
    let next = shown.last().map_or(0, |last| last + 1);
    assert!(
        behind.is_empty() || behind.len() == 1 && bad.contains(&next),
        "nothing is missing behind {next}: {:?}",
        seen.gaps_at
    );
    let begins_with_a_gap = seen.gaps_at.iter().any(|(at, _)| *at == 0);
    assert!(
        !begins_with_a_gap || shown.first() != Some(&0),
        "nothing stands before the first line"
    );
    for (_, gap) in &seen.gaps_at {
        assert_eq!(gap.cause, GapCause::Unreadable);
        assert!(gap.from.is_none() || gap.to.is_none() || gap.from < gap.to, "{gap:?}");
    }
    for (at, gap) in &seen.gaps_at {
        assert!(*at == shown.len() || gap.to.is_some(), "a line follows: {gap:?}");
    }
}

/// Reads a log of `stored` records, grows by `grows` during the first reads, and then by 30 lines.
fn play(
    bad: &[usize],
    manner: Manner,
    stored: usize,
    grows: u32,
    backlog: Backlog,
    mode: ReadMode,
) -> (Seen, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let fake = Fake::damaged(bad.iter().copied(), manner);
        write(&fake, 0..stored);
        fake.grow(grows);
        let config = Config { mode, backlog, ..config() };
        let script = async |fake: &Fake, _: &Observer<Fake>| {
            sleep(5 * SECOND).await;
            for _ in 0..30 {
                let number = fake.log().len();
                write(fake, number..number + 1);
                sleep(SECOND / 4).await;
            }
        };
        let (outcome, seen) = run(&fake, config, 20 * SECOND, script).await;
        nothing_is_left(&fake, &outcome.census);
        (seen, fake.log().len())
    })
}

/// The daemon's answer for some window of a log of this length.
fn readable(bad: &[usize], manner: Manner, length: usize) -> Vec<usize> {
    let from = match (manner, bad.iter().filter(|at| **at < length).max()) {
        (Manner::Refuses, Some(last)) => last + 1,
        _ => 0,
    };
    (from..length).filter(|at| !bad.contains(at)).collect()
}

#[test]
fn a_follow_shows_lines_behind_a_bad_record() {
    for manner in [Manner::Stops, Manner::Skips(3), Manner::Fails, Manner::Refuses] {
        for (bad, stored) in [(20, 24), (0, 24), (20, 500), (480, 500)] {
            let (seen, length) = play(&[bad], manner, stored, 0, Backlog::All, ReadMode::Follow);
            exact(&seen, &readable(&[bad], manner, length));
        }
        // The newest record is bad: later lines come live.
        let (seen, length) = play(&[23], manner, 24, 0, Backlog::All, ReadMode::Follow);
        exact(&seen, &readable(&[23], manner, length));
        let (seen, length) = play(&[23], manner, 24, 0, Backlog::Last(3), ReadMode::Follow);
        let from = if manner == Manner::Refuses { 24 } else { 20 };
        exact(&seen, &readable(&[23], manner, length)[readable(&[23], manner, from).len()..]);
        assert_eq!(seen.gaps.len(), 1);
    }
}

/// Lines that come between two looks fill the window that would show earlier ones.
#[test]
fn a_log_that_grows_while_it_is_checked_hides_no_line() {
    for (bad, manner, stored, grows) in
        [(0, Manner::Skips(1), 5, 2), (1, Manner::Skips(2), 4, 0), (41, Manner::Skips(1), 42, 0)]
    {
        let (seen, length) = play(&[bad], manner, stored, grows, Backlog::All, ReadMode::Follow);
        exact(&seen, &readable(&[bad], manner, length));
    }
}

/// A read that ends reports its newest record as missing, if an older one made cmon check.
#[test]
fn a_gap_stands_at_the_end_of_a_read_whose_newest_record_is_bad() {
    for (bad, backlog, gaps) in [
        (&[0, 46][..], Backlog::All, 2),
        (&[20, 46], Backlog::All, 2),
        (&[20, 46], Backlog::Last(10), 1),
        (&[20, 45, 46], Backlog::Last(10), 1),
    ] {
        let (seen, length) = play(bad, Manner::Stops, 47, 0, backlog, ReadMode::Once);
        let readable = readable(bad, Manner::Stops, length);
        let first = numbers(&seen)[0];
        let expected: Vec<usize> =
            readable.into_iter().filter(|at| (first..47).contains(at)).collect();
        exact_to_the_end(&seen, &expected, bad);
        assert_eq!(seen.gaps.len(), gaps, "{bad:?} {backlog:?}: {:?}", seen.gaps_at);
    }
}

#[test]
fn the_newest_lines_have_priority() {
    for manner in [Manner::Stops, Manner::Skips(3), Manner::Fails, Manner::Refuses] {
        let (seen, length) = play(&[20], manner, 28, 0, Backlog::Last(3), ReadMode::Follow);
        exact(&seen, &(25..length).collect::<Vec<usize>>());
        let (seen, length) = play(&[20, 23], manner, 26, 0, Backlog::Last(5), ReadMode::Follow);
        let expected = match manner {
            Manner::Refuses => vec![24, 25],
            _ => vec![19, 21, 22, 24, 25],
        };
        exact(&seen, &expected.into_iter().chain(26..length).collect::<Vec<usize>>());
    }
}

#[test]
fn a_cut_connection_loses_nothing_behind_a_bad_record() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let fake = Fake::damaged([20], Manner::Stops);
        write(&fake, 0..20);
        let config = Config { stream_timeout: 3600 * SECOND, ..config() };
        let script = async |fake: &Fake, _: &Observer<Fake>| {
            sleep(5 * SECOND).await;
            write(fake, 20..30);
            sleep(SECOND).await;
            fake.fail_follows();
            // Lines until the next stream are stored behind the bad record.
            write(fake, 30..40);
            for number in 40..60 {
                sleep(SECOND / 4).await;
                write(fake, number..number + 1);
            }
        };
        let (_, seen) = run(&fake, config, 20 * SECOND, script).await;
        let shown = numbers(&seen);
        assert_eq!(shown, (0..60).filter(|at| *at != 20).collect::<Vec<usize>>());
    });
}

#[test]
fn a_log_without_bad_records_costs_one_request_more_at_most() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        for (stored, requests) in [(20, 3), (500, 2)] {
            let fake = Fake::damaged([], Manner::Stops);
            write(&fake, 0..stored);
            let config = Config { backlog: Backlog::Last(10), mode: ReadMode::Once, ..config() };
            let (_, seen) = run(&fake, config, 10 * SECOND, async |_, _| ()).await;
            exact(&seen, &(stored - 10..stored).collect::<Vec<usize>>());
            assert_eq!(fake.opened().len(), requests, "{stored}");
        }
        // A rotation alone costs no more requests.
        let fake = Fake::damaged([], Manner::Stops);
        write(&fake, 0..500);
        let config = Config { backlog: Backlog::Last(10), ..config() };
        let script = async |fake: &Fake, _: &Observer<Fake>| {
            sleep(SECOND / 2).await;
            for number in 500..900 {
                write(fake, number..number + 1);
                sleep(SECOND / 40).await;
            }
        };
        let (outcome, seen) = run(&fake, config, SECOND, script).await;
        exact(&seen, &(490..900).collect::<Vec<usize>>());
        assert_eq!(fake.opened().len() as u64, outcome.census.streams_opened + 1);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Any bad records, any behavior of the daemon, and any growth of the log meanwhile.
    #[test]
    fn readable_lines_are_shown_once_and_unreadable_ones_are_a_gap(
        bad in prop::collection::btree_set(0usize..150, 0..6),
        stored in 1usize..150,
        manner in prop_oneof![
            // No daemon drops a bad record alone and reads on.
            Just(Manner::Stops), Just(Manner::Fails), Just(Manner::Refuses), (1usize..20).prop_map(Manner::Skips),
        ],
        grows in 0u32..40,
        mode in prop_oneof![Just(ReadMode::Follow), Just(ReadMode::Once)],
        last in prop::option::of(0u64..200),
    ) {
        // The container wrote all of them before the log was damaged.
        let bad: Vec<usize> = bad.into_iter().filter(|at| *at < stored).collect();
        let backlog = last.map_or(Backlog::All, Backlog::Last);
        let (seen, length) = play(&bad, manner, stored, grows, backlog, mode);
        let shown = numbers(&seen);
        let readable = readable(&bad, manner, length);
        let expected: Vec<usize> = match shown.first() {
            Some(first) => readable.iter().copied().filter(|at| first <= at).collect(),
            None => Vec::new(),
        };
        match (mode == ReadMode::Follow, last) {
            (true, None) => exact(&seen, &readable),
            (true, Some(_)) => exact(&seen, &expected),
            // The read ends with the lines stored at some moment.
            (false, _) => {
                let end = shown.last().map_or(0, |last| last + 1);
                let expected: Vec<usize> = expected.into_iter().filter(|at| *at < end).collect();
                exact_to_the_end(&seen, &expected, &bad);
            }
        }
        if let Some(last) = last.filter(|last| *last <= 100 && mode == ReadMode::Once) {
            let wanted = usize::try_from(last).unwrap();
            let min_shown = readable.iter().filter(|at| **at < stored).count().min(wanted);
            prop_assert!(min_shown <= shown.len(), "{} of {min_shown}", shown.len());
        }
    }
}

/// A log that is too long to hold until it is checked.
fn play_long(bad: &[usize], manner: Manner, length: usize, mode: ReadMode) -> Seen {
    let (seen, end) = play(bad, manner, length, 3, Backlog::All, mode);
    let mut shown = numbers(&seen);
    let end = if mode == ReadMode::Follow { end } else { shown.iter().max().unwrap() + 1 };
    assert!(
        shown.windows(2).filter(|pair| pair[1] < pair[0]).count() <= 1,
        "late lines come together"
    );
    shown.sort_unstable();
    let expected = readable(bad, manner, end);
    let differs = shown.iter().zip(&expected).find(|(shown, expected)| shown != expected);
    assert_eq!((differs, shown.len()), (None, expected.len()), "{bad:?} {manner:?} {mode:?}");
    assert_eq!(seen.gaps, vec![GapCause::Unreadable; bad.len()], "{bad:?} {manner:?} {mode:?}");
    for ((_, gap), bad) in seen.gaps_at.iter().zip(bad) {
        let [from, to] = [gap.from, gap.to].map(|edge| edge.map(Timestamp::saturating_nanos));
        let bad = i64::try_from(*bad).unwrap();
        assert_eq!((from, to), ((0 < bad).then_some(bad - 1), Some(bad + 1)), "{gap:?}");
    }
    seen
}

#[test]
fn lines_that_the_daemon_skips_in_a_long_read_are_delivered_late() {
    const LONG: usize = 1400;
    let (follow, once) = (ReadMode::Follow, ReadMode::Once);
    for (mode, skips) in [(once, 70), (once, 1), (follow, 70), (follow, 2)] {
        for bad in [&[800][..], &[1300], &[0], &[5, 900, 1390], &[1399]] {
            play_long(bad, Manner::Skips(skips), LONG, mode);
        }
        // An error comes after all lines before it, so none is late.
        for bad in [&[800][..], &[1300], &[0], &[5, 900, 1390]] {
            let seen = play_long(bad, Manner::Fails, LONG, mode);
            assert!(seen.recovered.is_empty());
        }
        let seen = play_long(&[800], Manner::Skips(skips), LONG, mode);
        assert_eq!(seen.recovered, (801..801 + skips).collect::<Vec<usize>>());
        let seen = play_long(&[], Manner::Skips(skips), LONG, mode);
        assert!(seen.recovered.is_empty());
    }
}

#[test]
fn a_stream_is_kept_if_the_daemon_refuses_stored_lines() {
    for backlog in [Backlog::All, Backlog::Last(3), Backlog::Last(50)] {
        let (seen, length) = play(&[], Manner::RefusesAll, 20, 0, backlog, ReadMode::Follow);
        assert_eq!(numbers(&seen), (20..length).collect::<Vec<usize>>());
        assert_eq!(seen.gaps, [GapCause::Unreadable], "{:?}", seen.gaps_at);
    }
}

/// A container may write faster than a busy machine reads.
#[tokio::test(start_paused = true)]
async fn a_log_that_grows_faster_than_it_is_read_is_followed() {
    let fake = Fake::damaged([], Manner::Stops);
    write(&fake, 0..20);
    fake.double(12);
    let begun = Instant::now();
    let script = async |fake: &Fake, _: &Observer<Fake>| {
        sleep(5 * SECOND).await;
        let number = fake.log().len();
        write(fake, number..number + 10);
    };
    let (_, seen) = run(&fake, config(), 20 * SECOND, script).await;
    let shown = numbers(&seen);
    let waited = seen.first_line.unwrap() - begun;
    assert!(waited < 8 * SECOND, "{waited:?}");
    assert_eq!(*shown.last().unwrap() + 1, fake.log().len());
    assert!(shown.windows(2).all(|pair| pair[0] + 1 == pair[1]));
}
