//! Observers and commands of a running engine: rows, and a rotation by hand.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fake_source::{Fake, Fault};
use super::support::{SECOND, Seen, all_delivered_once, config, nothing_is_left, run_with, talk};
use crate::engine::rows::{Row, StreamState};
use crate::engine::selection::Selection;
use crate::engine::source::{ContainerEventKind, Exit, Phase};
use crate::engine::{Config, Control, Observer, Outcome};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs the engine with a script that observes and commands it.
async fn watched(
    fake: &Fake,
    config: Config,
    selection: Selection,
    script: impl AsyncFnOnce(&Fake, &Observer<Fake>, Control),
) -> (Outcome, Seen) {
    let script = async |observer: &Observer<Fake>, control| {
        observer.begun().await;
        script(fake, observer, control).await;
    };
    run_with(fake, config, selection, script).await
}

fn row(observer: &Observer<Fake>) -> Row {
    observer.rows().remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_rotation_on_command_loses_no_line() {
    let fake = Fake::running([]);
    let config = Config { stream_timeout: HOUR, ..config() };
    let script = async |fake: &Fake, observer: &Observer<Fake>, control: Control| {
        let orders = async {
            sleep(SECOND).await;
            assert_eq!((row(observer).cycles, row(observer).stream), (0, StreamState::Streaming));
            for times in 1..=20 {
                assert!(control.rotate(&Fake::key()));
                sleep(SECOND / 2).await;
                assert_eq!((row(observer).cycles, fake.follows()), (times, 1));
                assert_eq!(row(observer).last_end, Some("rotated"));
            }
        };
        tokio::join!(talk(fake, 2000), orders);
        sleep(SECOND).await;
        assert_eq!(observer.census().rotations, 20);
    };
    let (outcome, seen) = watched(&fake, config, Selection::all(), script).await;
    all_delivered_once(&fake, &seen);
    nothing_is_left(&fake, &outcome.census);
    assert_eq!(fake.most_follows(), 1, "break before make, by hand too");
}

#[tokio::test(start_paused = true)]
async fn a_command_ends_the_backoff_of_a_stream() {
    let fake = Fake::running(vec![Fault::NoOpen; 12]);
    let script = async |fake: &Fake, observer: &Observer<Fake>, control: Control| {
        // By now the waits are up to half a minute.
        sleep(20 * SECOND).await;
        assert!(matches!(row(observer).stream, StreamState::BackingOff { .. }));
        let begun = Instant::now();
        while row(observer).stream != StreamState::Streaming {
            control.rotate(&Fake::key());
            talk(fake, 1).await;
            assert!(begun.elapsed() < 2 * SECOND, "it is tried at once, again and again");
        }
    };
    watched(&fake, config(), Selection::all(), script).await;
}

#[tokio::test(start_paused = true)]
async fn commands_without_a_stream_do_nothing() {
    let fake = Fake::running([]);
    let script = async |fake: &Fake, observer: &Observer<Fake>, control: Control| {
        fake.exit();
        sleep(SECOND).await;
        assert!(matches!(row(observer).stream, StreamState::Ended { failure: None }));
        let cycles = row(observer).cycles;
        // A key that is held down: commands beyond the bound are refused, and nothing waits.
        let taken = (0..100).filter(|_| control.rotate(&Fake::key())).count();
        assert!(taken <= 16, "{taken}");
        sleep(SECOND).await;
        fake.start();
        talk(fake, 100).await;
        assert_eq!(row(observer).cycles, cycles, "an earlier command does not affect the next run");
    };
    let config = Config { stream_timeout: HOUR, ..config() };
    watched(&fake, config, Selection::all(), script).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_container_is_reported_at_once_and_its_stream_goes_on() {
    let fake = Fake::running([]);
    let config = Config { stream_timeout: HOUR, ..config() };
    let script = async |fake: &Fake, observer: &Observer<Fake>, _| {
        talk(fake, 10).await;
        for (what, phase) in [
            (ContainerEventKind::Paused, Phase::Paused),
            (ContainerEventKind::Unpaused, Phase::Running),
        ] {
            fake.happen(what);
            sleep(SECOND / 2).await;
            let row = row(observer);
            assert_eq!((row.phase, row.stream), (Some(phase), StreamState::Streaming));
            assert_eq!(row.cycles, 0);
        }
    };
    watched(&fake, config, Selection::all(), script).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_shows_the_life_of_its_container() {
    let fake = Fake::running([]);
    let config = Config { stream_timeout: HOUR, ..config() };
    let script = async |fake: &Fake, observer: &Observer<Fake>, _| {
        talk(fake, 200).await;
        let running = row(observer);
        assert_eq!((running.phase, running.exit), (Some(Phase::Running), None));
        assert_eq!((running.lines, &*running.name), (200, "web"));
        assert!(running.age.is_some_and(|age| age < 3 * SECOND), "{:?}", running.age);
        fake.exit();
        sleep(SECOND).await;
        let ended = row(observer);
        let exit = Some(Exit { code: 1, oom: false });
        assert_eq!((ended.phase, ended.exit, ended.age), (Some(Phase::Exited), exit, None));
        assert_eq!((ended.last_end, ended.cycles), (Some("ended"), 1));
        assert!(ended.last_notice.is_some());
        fake.start();
        talk(fake, 10).await;
        assert_eq!((row(observer).phase, row(observer).exit), (Some(Phase::Running), None));
        assert_eq!((row(observer).reopens["ended"], row(observer).irregular_reopens()), (1, 1));
    };
    watched(&fake, config, Selection::all(), script).await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_stream_is_reported_before_it_is_opened_again() {
    let fake = Fake::running([Fault::SilentAfter(5)]);
    let script = async |fake: &Fake, observer: &Observer<Fake>, _| {
        talk(fake, 20).await;
        let mut seen = Vec::new();
        for _ in 0..400 {
            sleep(SECOND / 10).await;
            let state = row(observer).stream;
            if seen.last() != Some(&state) {
                seen.push(state);
            }
        }
        let (stale, streaming) = (StreamState::Stale, StreamState::Streaming);
        assert_eq!(seen, [streaming, stale, streaming]);
        assert_eq!(observer.census().stale, 1);
    };
    let config = Config { stream_timeout: HOUR, ..config() };
    let (_, seen) = watched(&fake, config, Selection::all(), script).await;
    all_delivered_once(&fake, &seen);
}

#[tokio::test(start_paused = true)]
async fn a_container_is_selected_by_its_state_as_soon_as_it_runs() {
    let fake = Fake::running([]);
    fake.exit();
    let script = async |fake: &Fake, observer: &Observer<Fake>, _| {
        sleep(SECOND).await;
        assert!(observer.rows().is_empty(), "it does not run");
        fake.start();
        talk(fake, 5).await;
        assert_eq!(row(observer).stream, StreamState::Streaming);
    };
    watched(&fake, config(), Selection::running(), script).await;
}
