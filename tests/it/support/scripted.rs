//! The engine over the real connection layer against the embedded daemon, on a paused clock: runs, their events,
//! and exact comparison.

use std::sync::Arc;
use std::time::Duration;

use cmon::demo::{FakeDaemon, serve};
use cmon::docker::endpoint::{Address, Endpoint, Origin};
use cmon::docker::{Docker, RequestOptions};
use cmon::engine::event::{Ending, Event, Notice};
use cmon::engine::registry::Registry;
use cmon::engine::selection::Selection;
use cmon::engine::source::StdStream::{self, Stderr, Stdout};
use cmon::engine::{Config, Engine, Outcome};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn config(stream_timeout: Duration) -> Config {
    Config { stream_timeout, seed: Some(3), ..Config::default() }
}

/// The events of a run.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) text: [Vec<u8>; 2],
    pub(crate) gaps: usize,
    pub(crate) notes: Vec<Notice>,
}

impl Seen {
    /// Collects until the engine has ended.
    async fn all(mut events: mpsc::Receiver<Event>) -> Self {
        let mut seen = Self::default();
        while let Some(event) = events.recv().await {
            match event {
                Event::Lines(lines) => {
                    for (line, text) in lines.iter() {
                        let into = &mut seen.text[usize::from(line.stream == Stderr)];
                        into.extend_from_slice(text);
                        into.extend_from_slice(if line.ending == Ending::Lf { b"\n" } else { b"" });
                    }
                }
                Event::Gap(_) => seen.gaps += 1,
                Event::Note(note) => seen.notes.push(note.what),
                Event::Identity(..)
                | Event::Begins(..)
                | Event::Reading(_)
                | Event::CaughtUp(_) => {}
            }
        }
        seen
    }
}

/// Runs the engine over a fake daemon of one container while `script` runs.
pub(crate) async fn run(
    config: Config,
    script: impl AsyncFnOnce(&FakeDaemon),
) -> (Outcome, Seen, FakeDaemon) {
    run_with(config, script, |_| {}).await
}

/// Runs it with this selection.
pub(crate) async fn run_selected(
    config: Config,
    selection: Selection,
    script: impl AsyncFnOnce(&FakeDaemon),
) -> (Outcome, Seen, FakeDaemon) {
    run_all(RequestOptions::default(), config, selection, script, |_| {}).await
}

/// Runs it with all containers, and with the fake daemon changed before the start.
pub(crate) async fn run_with(
    config: Config,
    script: impl AsyncFnOnce(&FakeDaemon),
    before: impl FnOnce(&FakeDaemon),
) -> (Outcome, Seen, FakeDaemon) {
    run_asking(RequestOptions::default(), config, script, before).await
}

/// Runs it with these request options.
pub(crate) async fn run_asking(
    options: RequestOptions,
    config: Config,
    script: impl AsyncFnOnce(&FakeDaemon),
    before: impl FnOnce(&FakeDaemon),
) -> (Outcome, Seen, FakeDaemon) {
    run_all(options, config, Selection::all(), script, before).await
}

async fn run_all(
    options: RequestOptions,
    config: Config,
    selection: Selection,
    script: impl AsyncFnOnce(&FakeDaemon),
    before: impl FnOnce(&FakeDaemon),
) -> (Outcome, Seen, FakeDaemon) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let fake = FakeDaemon::default();
    fake.create("web");
    fake.start("web");
    before(&fake);
    let listener = UnixListener::bind(&path).unwrap();
    let registry = Registry::default();
    let endpoint = Endpoint::new(Address::Unix(path), Origin::Demo);
    let docker = Arc::new(Docker::new(endpoint, options));
    let (events, received) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let engine = Engine::new(docker, registry, config);
    let running = engine.run(&selection, events, stop.clone());
    let scripted = async {
        script(&fake).await;
        stop.cancel();
    };
    let all = async {
        let outcome = tokio::join!(running, scripted, Seen::all(received));
        // The daemon needs a moment to see that its clients have left.
        for _ in 0..10_000 {
            if fake.connections() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        outcome
    };
    tokio::select! {
        () = serve(fake.clone(), listener) => unreachable!("the server never ends"),
        (outcome, (), seen) = all => (outcome.unwrap(), seen, fake.clone()),
    }
}

/// Asserts every byte once, in order, and nothing left.
#[track_caller]
pub(crate) fn exact(outcome: &Outcome, seen: &Seen, fake: &FakeDaemon) {
    for stream in [Stdout, Stderr] {
        let messages = fake.messages("web");
        let stored: Vec<u8> = messages
            .iter()
            .filter(|message| message.stream == stream)
            .flat_map(|message| message.payload.clone())
            .collect();
        let found = &seen.text[usize::from(stream == Stderr)];
        let parted = stored.iter().zip(found).position(|(stored, found)| stored != found);
        assert!(
            stored.len() == found.len() && parted.is_none(),
            "{stream:?}: {} bytes of {}, parted at {parted:?}",
            found.len(),
            stored.len()
        );
    }
    let census = &outcome.census;
    assert_eq!(seen.gaps, 0);
    assert_eq!((census.live_tasks(), census.open_connections(), census.streams_open), (0, 0, 0));
    assert_eq!(census.streams_opened, census.streams_closed);
    assert_eq!(fake.followers("web"), 0, "and none inside the daemon");
}

/// Writes on both outputs; now and then a line of several pieces.
pub(crate) fn say(fake: &FakeDaemon, number: usize) {
    let stream: StdStream = if number.is_multiple_of(3) { Stderr } else { Stdout };
    fake.write("web", stream, format!("line {number}\n"));
    if number.is_multiple_of(17) {
        fake.write("web", stream, format!("{}\n", "x".repeat(40_000)));
    }
}
