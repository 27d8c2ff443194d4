//! One container: rotation, restart, stop, and the lines that are shown first.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::fake_source::{Fake, Fault};
use super::support::{SECOND, Seen, all_delivered_once, config, nothing_is_left, run, talk};
use crate::engine::event::{GapCause, Notice};
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::ReadMode;
use crate::engine::source::StdStream::Stdout;
use crate::engine::{Backlog, Config, Engine, Observer};

#[tokio::test(start_paused = true)]
async fn rotation_neither_loses_nor_doubles() {
    let fake = Fake::running([]);
    let (outcome, seen) =
        run(&fake, config(), SECOND, async |fake, _| talk(fake, 3000).await).await;
    all_delivered_once(&fake, &seen);
    nothing_is_left(&fake, &outcome.census);
    assert_eq!((seen.notes.len(), seen.gaps.len()), (0, 0));
    assert_eq!(outcome.census.lines, 3000);
    assert!((20..=25).contains(&outcome.census.rotations), "22 s at one a second");
    assert_eq!(fake.most_follows(), 1, "two streams of one container never coexist");
}

#[tokio::test(start_paused = true)]
async fn in_every_census_readers_are_streams_and_opened_is_closed_and_open() {
    let fake = Fake::running([Fault::CutAfter(30), Fault::NoOpen, Fault::PanicAfter(40)]);
    let script = async |fake: &Fake, observer: &Observer<Fake>| {
        for _ in 0..500 {
            talk(fake, 3).await;
            let census = observer.census();
            assert_eq!(census.readers, census.streams_open);
            assert_eq!(census.streams_opened, census.streams_closed + census.streams_open);
            assert!(census.streams_open <= 1);
        }
    };
    let (outcome, _) = run(&fake, config(), SECOND, script).await;
    nothing_is_left(&fake, &outcome.census);
    assert_eq!(outcome.census.panics, 1);
    assert_eq!(outcome.census.cycles["web"], outcome.census.streams_closed);
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_followed_and_reported() {
    let fake = Fake::running([]);
    let script = async |fake: &Fake, _: &Observer<Fake>| {
        for _ in 0..3 {
            talk(fake, 100).await;
            fake.write(Stdout, 100, "no newline");
            fake.exit();
            sleep(SECOND).await;
            fake.start();
        }
        talk(fake, 100).await;
    };
    let (outcome, seen) = run(&fake, config(), SECOND, script).await;
    all_delivered_once(&fake, &seen);
    nothing_is_left(&fake, &outcome.census);
    let count = |what: fn(&Notice) -> bool| seen.notes.iter().filter(|note| what(note)).count();
    assert_eq!(count(|note| matches!(note, Notice::Exited(Some(exit)) if exit.code == 1)), 3);
    assert_eq!(count(|note| matches!(note, Notice::Started)), 3);
}

#[tokio::test(start_paused = true)]
async fn lines_have_the_new_name_from_a_rename_on() {
    // While its stream is open, when it ends before another line, and while there is none.
    for faults in [vec![], vec![Fault::SilentAfter(1)], vec![Fault::PanicAfter(1)]] {
        let fake = Fake::running(faults);
        let script = async |fake: &Fake, _: &Observer<Fake>| {
            for (time, name) in [(1, "api"), (2, "old-api"), (3, "web")] {
                fake.write(Stdout, time, &format!("{time}\n"));
                sleep(SECOND / 4).await;
                fake.rename(name);
                sleep(SECOND / 4).await;
                fake.rename(&format!("{name}-1"));
                sleep(SECOND).await;
            }
            fake.write(Stdout, 4, "4\n");
        };
        let (outcome, seen) = run(&fake, config(), 70 * SECOND, script).await;
        all_delivered_once(&fake, &seen);
        nothing_is_left(&fake, &outcome.census);
        assert_eq!(seen.names, ["web", "api-1", "old-api-1", "web-1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_waits_for_the_output_gets_the_new_name() {
    let fake = Fake::running([]);
    let engine = Engine::new(Arc::new(fake.clone()), Registry::default(), config());
    let (events, received) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let selection = Selection::all();
    let running = engine.run(&selection, events, stop.clone());
    let script = async {
        for time in 1..=3 {
            fake.write(Stdout, time, &format!("{time}\n"));
            sleep(SECOND / 10).await;
        }
        fake.rename("api");
        sleep(SECOND / 10).await;
        let stopping = async {
            sleep(SECOND).await;
            stop.cancel();
        };
        tokio::join!(Seen::all(received), stopping).0
    };
    let (_, seen) = tokio::join!(running, script);
    assert_eq!(seen.of(Stdout), ["1\n", "2\n", "3\n"]);
    assert_eq!(seen.names, ["web", "api", "api"], "the first was handed on before");
}

#[tokio::test(start_paused = true)]
async fn a_name_without_a_line_does_not_come_back() {
    let refused = std::iter::repeat_n(Fault::NoOpen, 5);
    let fake = Fake::running(std::iter::once(Fault::CutAfter(1000)).chain(refused));
    let script = async |fake: &Fake, observer: &Observer<Fake>| {
        fake.write(Stdout, 1, "1\n");
        sleep(SECOND / 4).await;
        fake.rename("api");
        sleep(SECOND / 2).await;
        while observer.census().streams_open != 0 {
            sleep(SECOND / 100).await;
        }
        fake.rename("web-2");
        sleep(60 * SECOND).await;
        fake.write(Stdout, 2, "2\n");
    };
    let (_, seen) = run(&fake, config(), SECOND, script).await;
    all_delivered_once(&fake, &seen);
    assert_eq!(seen.names, ["web", "web-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_rotated_away_is_a_gap_and_the_rest_is_delivered() {
    let fake = Fake::running([]);
    let script = async |fake: &Fake, _: &Observer<Fake>| {
        fake.write(Stdout, 1, "before\n");
        sleep(SECOND / 2).await;
        fake.forget_all();
        sleep(2 * SECOND).await;
        fake.write(Stdout, 2, "after\n");
    };
    let (_, seen) = run(&fake, config(), 5 * SECOND, script).await;
    assert_eq!(seen.of(Stdout), ["before\n", "after\n"]);
    assert_eq!(seen.gaps, [GapCause::LogRotated]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_output_holds_back_and_stop_still_ends_in_time() {
    let fake = Fake::running([]);
    let engine = Engine::new(Arc::new(fake.clone()), Registry::default(), config());
    let observer = engine.observer();
    let (events, received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let selection = Selection::all();
    let running = engine.run(&selection, events, stop.clone());
    let script = async {
        talk(&fake, 2000).await;
        let delivered = observer.census().lines;
        assert!(delivered <= 8, "{delivered} lines are on their way to an output that reads none");
        stop.cancel();
        Instant::now()
    };
    let (outcome, stopped) = tokio::join!(running, script);
    assert!(stopped.elapsed() <= 6 * SECOND);
    nothing_is_left(&fake, &outcome.unwrap().census);
    drop(received);
}

#[tokio::test(start_paused = true)]
async fn an_open_that_hangs_does_not_keep_stop_waiting() {
    let fake = Fake::running([Fault::HangingOpen]);
    let script = async |_: &Fake, _: &Observer<Fake>| sleep(SECOND / 2).await;
    let (outcome, _) = run(&fake, config(), Duration::ZERO, script).await;
    nothing_is_left(&fake, &outcome.census);
    assert!(outcome.census.elapsed < SECOND, "it was cancelled, not waited for");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_no_longer_delivers_is_noticed_and_nothing_is_lost() {
    let fake = Fake::running([Fault::SilentAfter(10)]);
    let config = Config { stream_timeout: 3600 * SECOND, ..config() };
    let script = async |fake: &Fake, observer: &Observer<Fake>| {
        talk(fake, 2000).await;
        sleep(20 * SECOND).await;
        assert_eq!(observer.census().lines, 2000, "within the 30 s, a question and a moment");
    };
    let (outcome, seen) = run(&fake, config, SECOND, script).await;
    all_delivered_once(&fake, &seen);
    assert_eq!((outcome.census.stale, outcome.census.probes), (1, 1));
    assert!(matches!(seen.notes.as_slice(), [Notice::WentSilent]));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_container_is_not_rotated_and_probed_less_often() {
    let fake = Fake::running([]);
    let config = Config { stream_timeout: 86_400 * SECOND, ..config() };
    let script = async |fake: &Fake, _: &Observer<Fake>| {
        fake.write(Stdout, 1, "only\n");
        sleep(1000 * SECOND).await;
    };
    let (outcome, seen) = run(&fake, config, SECOND, script).await;
    all_delivered_once(&fake, &seen);
    assert_eq!((outcome.census.stale, outcome.census.streams_opened), (0, 1));
    let opened = fake.opened();
    let after: Vec<u64> = opened.iter().map(|at| (*at - opened[0]).as_secs()).collect();
    assert_eq!(after, [0, 30, 90, 210, 450, 750]);
}

#[tokio::test(start_paused = true)]
async fn a_log_of_one_line_is_no_hot_loop_however_short_the_rotation() {
    let fake = Fake::running([]);
    let config = Config { stream_timeout: SECOND / 10, ..config() };
    let script = async |fake: &Fake, _: &Observer<Fake>| {
        fake.write(Stdout, 1, "only\n");
        sleep(10 * SECOND).await;
        fake.write(Stdout, 1, "only\n");
        sleep(SECOND).await;
    };
    let (_, seen) = run(&fake, config, SECOND, script).await;
    all_delivered_once(&fake, &seen);
    assert!(fake.opened().len() < 150, "{} in 12 s", fake.opened().len());
}

#[tokio::test(start_paused = true)]
async fn exit_on_stop_ends_when_the_run_does() {
    let fake = Fake::running([]);
    let config = Config { exit_on_stop: true, ..config() };
    let script = async |fake: &Fake, _: &Observer<Fake>| {
        talk(fake, 50).await;
        fake.exit();
    };
    let (outcome, seen) = run(&fake, config, 100 * SECOND, script).await;
    all_delivered_once(&fake, &seen);
    assert!(outcome.census.elapsed < 10 * SECOND, "not by the stop");
}

#[tokio::test(start_paused = true)]
async fn without_a_follow_the_run_ends_with_the_stored_lines() {
    let fake = Fake::failing([Fault::CutAfter(10), Fault::NoOpen]);
    talk(&fake, 100).await;
    let config = Config { mode: ReadMode::Once, ..config() };
    let (outcome, seen) = run(&fake, config, 100 * SECOND, async |_, _| ()).await;
    all_delivered_once(&fake, &seen);
    assert!(outcome.census.elapsed < 10 * SECOND && outcome.failures.is_empty());
    assert_eq!(outcome.census.streams_opened, 0, "finite reads are requests, not streams");
}

#[tokio::test(start_paused = true)]
async fn the_last_lines_are_shown_first_and_only_they() {
    for wanted in [0, 1, 5, 100, 101, 400] {
        let fake = Fake::running([]);
        talk(&fake, 300).await;
        let config = Config { backlog: Backlog::Last(wanted), ..config() };
        let script = async |fake: &Fake, _: &Observer<Fake>| {
            sleep(SECOND / 2).await;
            fake.write(Stdout, 1000, "new\n");
        };
        let (_, seen) = run(&fake, config, 3 * SECOND, script).await;
        let shown = usize::try_from(wanted).unwrap().min(300);
        assert_eq!(seen.lines.len(), shown + 1, "{wanted}");
    }
}
