//! Lines since a time, and until one.

use tokio::time::sleep;

use super::fake_source::{Fake, Manner};
use super::support::{SECOND, config, nothing_is_left, run};
use crate::engine::backlog::{Outputs, Range};
use crate::engine::source::ReadMode;
use crate::engine::source::StdStream::Stdout;
use crate::engine::timestamp::Timestamp;
use crate::engine::{Backlog, Config, Observer};

/// A log of which line N has the time N, in nanoseconds; the run is over.
async fn shown(
    length: usize,
    since: i64,
    until: Option<i64>,
    backlog: Backlog,
) -> (Vec<usize>, usize) {
    let times: Vec<i64> = (0..i64::try_from(length).unwrap()).collect();
    shown_of(&times, since, until, backlog).await
}

/// The same with lines of these times.
async fn shown_of(
    times: &[i64],
    since: i64,
    until: Option<i64>,
    backlog: Backlog,
) -> (Vec<usize>, usize) {
    let fake = Fake::damaged([], Manner::Stops);
    for (number, time) in times.iter().enumerate() {
        fake.write(Stdout, *time, &format!("{number}\n"));
    }
    fake.exit();
    let range = Range {
        since: Some(Timestamp::from_nanos(since)),
        until: until.map(Timestamp::from_nanos),
    };
    let outputs = Outputs { range, ..Outputs::BOTH };
    let config = Config { outputs, backlog, mode: ReadMode::Once, ..config() };
    let (outcome, seen) = run(&fake, config, 10 * SECOND, async |_, _| ()).await;
    nothing_is_left(&fake, &outcome.census);
    assert!(seen.gaps.is_empty());
    let numbers = seen.of(Stdout).iter().map(|line| line.trim().parse().unwrap()).collect();
    (numbers, fake.given())
}

#[tokio::test(start_paused = true)]
async fn only_lines_since_a_time_are_shown() {
    for (length, since) in [
        (0, 5),
        (1, 0),
        (1, 1),
        (5, 3),
        (130, 1),
        (130, 129),
        (3000, 0),
        (3000, 2871),
        (3000, 2999),
        (3000, 3000),
        (3000, 1),
    ] {
        let (numbers, _) = shown(length, i64::try_from(since).unwrap(), None, Backlog::Since).await;
        assert_eq!(numbers, (since..length).collect::<Vec<usize>>(), "{length} {since}");
    }
    let (numbers, _) = shown(3000, 1000, Some(1003), Backlog::Since).await;
    assert_eq!(numbers, [1000, 1001, 1002, 1003], "both ends belong to it");
    let (numbers, _) = shown(3000, 1000, None, Backlog::Last(3)).await;
    assert_eq!(numbers, [2997, 2998, 2999]);
    let (numbers, _) = shown(3000, 2998, None, Backlog::Last(7)).await;
    assert_eq!(numbers, [2998, 2999]);
    let (numbers, _) = shown(3000, 2000, Some(2500), Backlog::Last(2)).await;
    assert_eq!(numbers, [2499, 2500], "the last ones before the end of the time");
    for (wanted, until) in [(2, 40), (150, 4000), (200, 90)] {
        let (numbers, _) = shown(20_000, 10, Some(until), Backlog::Last(wanted)).await;
        let until = usize::try_from(until).unwrap();
        let from = (until + 1).saturating_sub(usize::try_from(wanted).unwrap()).max(10);
        assert_eq!(numbers, (from..=until).collect::<Vec<usize>>());
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_long_log_is_not_read_from_its_beginning() {
    let times = clock(120_000, |_| 0);
    let (numbers, given) = shown_of(&times, times[119_900], None, Backlog::Since).await;
    assert_eq!(numbers.len(), 100);
    assert!(given < 80_000, "{given} messages were read for 100");
}

/// A clock that advances by a second for each line, `set` seconds ahead of that.
fn clock(length: i64, set: impl Fn(i64) -> i64) -> Vec<i64> {
    (0..length).map(|line| (1_000_000 + line + set(line)) * 1_000_000_000).collect()
}

#[tokio::test(start_paused = true)]
async fn lines_before_a_step_back_of_the_clock_are_shown_too() {
    const HOUR: i64 = 3600;
    let back = |from: i64, by: i64| move |line: i64| if from <= line { -by } else { 0 };
    for (name, times) in [
        ("by minutes, anywhere", clock(36_000, back(1500, 500))),
        ("by minutes, at the end", clock(36_000, back(35_990, 500))),
        ("by days, in a short log", clock(3000, back(1500, 48 * HOUR))),
        ("by days, near the end of a long log", clock(36_000, back(30_000, 48 * HOUR))),
        // The clock restarted in 1970, and was corrected a moment later.
        (
            "for a moment, by years",
            clock(36_000, |line| if (2000..4000).contains(&line) { -900_000 } else { 0 }),
        ),
    ] {
        for line in [1450, 3000, 35_980] {
            let Some(since) = times.get(line) else { continue };
            let wanted = times.iter().enumerate().filter(|(_, time)| since <= *time);
            let (numbers, _) = shown_of(&times, *since, None, Backlog::Since).await;
            assert!(numbers.iter().copied().eq(wanted.map(|(line, _)| line)), "{name}: {line}");
        }
    }
    // The search looks at this line, which is just behind the step.
    let seen = 150_000 - 147_456;
    let times = clock(150_000, back(i64::try_from(seen).unwrap() - 10, 500));
    let (numbers, _) = shown_of(&times, times[seen - 50], None, Backlog::Since).await;
    let wanted = times.iter().enumerate().filter(|(_, time)| times[seen - 50] <= **time);
    assert!(numbers.iter().copied().eq(wanted.map(|(line, _)| line)));
}

#[tokio::test(start_paused = true)]
async fn a_follow_continues_behind_the_lines_since_a_time() {
    let fake = Fake::damaged([], Manner::Stops);
    for number in 0..500 {
        fake.write(Stdout, number, &format!("{number}\n"));
    }
    let range = Range { since: Some(Timestamp::from_nanos(450)), until: None };
    let outputs = Outputs { range, ..Outputs::BOTH };
    let config = Config { outputs, backlog: Backlog::Since, ..config() };
    let script = async |fake: &Fake, _: &Observer<Fake>| {
        sleep(5 * SECOND).await;
        for number in 500..520 {
            fake.write(Stdout, number, &format!("{number}\n"));
            sleep(SECOND / 4).await;
        }
    };
    let (_, seen) = run(&fake, config, 10 * SECOND, script).await;
    let numbers: Vec<i64> =
        seen.of(Stdout).iter().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!(numbers, (450..520).collect::<Vec<i64>>());
}
