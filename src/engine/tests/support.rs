//! Support for the engine's tests: a run over a source in memory, and its observed events.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::fake_source::{Fake, Stored};
use crate::engine::census::Census;
use crate::engine::event::{Ending, Event, Gap, GapCause, Notice};
use crate::engine::position::Position;
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::StdStream::{Stderr, Stdout};
use crate::engine::source::{
    Container, ContainerId, ContainerKey, DaemonId, Exit, LogEnd, OutputKind, Phase, PieceRule,
    StdStream,
};
use crate::engine::{Config, Control, Engine, Observer, Outcome};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn config() -> Config {
    Config { stream_timeout: SECOND, seed: Some(7), ..Config::default() }
}

/// The events of the channel.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Each line with its output, as the container wrote it.
    pub(super) lines: Vec<(StdStream, String)>,
    /// The container's name on each line.
    pub(super) names: Vec<String>,
    pub(super) notes: Vec<Notice>,
    pub(super) gaps: Vec<GapCause>,
    /// Each gap, with the number of lines before it.
    pub(super) gaps_at: Vec<(usize, Gap)>,
    /// The late lines, if they are numbers.
    pub(super) recovered: Vec<usize>,
    /// The time of the first line.
    pub(super) first_line: Option<Instant>,
    /// The position in the log, as a later run gets it.
    position: Option<Position>,
}

impl Seen {
    /// Collects until the engine has ended.
    pub(super) async fn all(mut events: mpsc::Receiver<Event>) -> Self {
        let mut seen = Self::default();
        while let Some(event) = events.recv().await {
            seen.take(event);
        }
        seen
    }

    pub(super) fn of(&self, stream: StdStream) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(of, _)| *of == stream);
        lines.map(|(_, text)| text.as_str()).collect()
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Lines(lines) => {
                if let Some(position) = &lines.position {
                    self.position = Some((**position).clone());
                }
                if !lines.is_empty() {
                    self.first_line.get_or_insert_with(Instant::now);
                }
                for (line, text) in lines.iter() {
                    self.names.push(lines.label.name.to_string());
                    let end = if line.ending == Ending::Lf { "\n" } else { "" };
                    let text = String::from_utf8_lossy(text);
                    if line.recovered {
                        self.recovered.extend(text.parse::<usize>());
                    }
                    self.lines.push((line.stream, format!("{text}{end}")));
                }
            }
            Event::Identity(..) | Event::Begins(..) | Event::Reading(_) | Event::CaughtUp(_) => {}
            Event::Note(note) => self.notes.push(note.what),
            Event::Gap(gap) => {
                self.gaps.push(gap.cause);
                self.gaps_at.push((self.lines.len(), gap));
            }
        }
    }
}

/// Runs the engine over `fake` while `script` runs, and then stops it.
pub(super) async fn run_with(
    fake: &Fake,
    config: Config,
    selection: Selection,
    script: impl AsyncFnOnce(&Observer<Fake>, Control),
) -> (Outcome, Seen) {
    let engine = Engine::new(Arc::new(fake.clone()), Registry::default(), config);
    let (observer, control) = (engine.observer(), engine.control());
    let (events, received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let scripted = async {
        script(&observer, control).await;
        stop.cancel();
    };
    let running = engine.run(&selection, events, stop.clone());
    let (outcome, (), seen) = tokio::join!(running, scripted, Seen::all(received));
    (outcome.unwrap(), seen)
}

/// Runs it with all containers; the stop comes `after` the script.
pub(super) async fn run(
    fake: &Fake,
    config: Config,
    after: Duration,
    script: impl AsyncFnOnce(&Fake, &Observer<Fake>),
) -> (Outcome, Seen) {
    let script = async |observer: &Observer<Fake>, _| {
        script(fake, observer).await;
        sleep(after).await;
    };
    run_with(fake, config, Selection::all(), script).await
}

#[track_caller]
pub(super) fn all_delivered_once(fake: &Fake, seen: &Seen) {
    for stream in [Stdout, Stderr] {
        assert_eq!(seen.of(stream), texts(&fake.log(), stream), "{stream:?}");
    }
}

pub(super) fn texts(log: &[Stored], stream: StdStream) -> Vec<&str> {
    log.iter().filter(|one| one.stream == stream).map(|one| one.text.as_str()).collect()
}

#[track_caller]
pub(super) fn nothing_is_left(fake: &Fake, census: &Census) {
    assert_eq!((census.live_tasks(), census.readers, census.streams_open), (0, 0, 0));
    assert_eq!(census.streams_opened, census.streams_closed);
    assert_eq!((fake.follows(), &census.stragglers), (0, &Vec::new()));
}

/// Both outputs write a line every few milliseconds.
pub(super) async fn talk(fake: &Fake, lines: i64) {
    for line in 0..lines {
        let stream = if line % 3 == 0 { Stderr } else { Stdout };
        fake.write(stream, line, &format!("line {line}\n"));
        sleep(Duration::from_millis(7)).await;
    }
}

/// A container with pipes, the driver `json-file`, and this phase.
pub(in crate::engine) fn container(phase: Phase, started_at: &str) -> Container {
    Container {
        key: ContainerKey { daemon: DaemonId::new("unix:///d"), id: ContainerId::new("ab12") },
        name: "web".into(),
        phase,
        exit: (phase == Phase::Exited).then_some(Exit { code: 7, oom: false }),
        started_at: started_at.into(),
        started: None,
        finished: None,
        restarts: 0,
        ran_before: false,
        output: OutputKind::Pipes,
        driver: "json-file".into(),
        pieces: PieceRule::SameTimestamp,
        log_end: LogEnd::Served,
        doubles: false,
        file_size: None,
        lossy: None,
    }
}
