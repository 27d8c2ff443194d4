//! The engine's promises against a source in memory, on a paused clock.
//!
//! A test joins three futures: the engine, a script that lets the container write and fail, and a
//! collector that reads the channel. Nothing is spawned but by the engine itself, so what is left
//! at the end is the engine's.

mod crowd;
mod end;
mod fake;
mod holes;
mod order;
mod runs;
mod several;
mod since;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::census::Census;
use super::event::{Ending, Event, Gap, GapCause, Notice};
use super::position::Position;
use super::registry::Registry;
use super::selection::Selection;
use super::source::StdStream::{self, Stderr, Stdout};
use super::{Backlog, Config, Control, Engine, Observer, Outcome};
use fake::{Fake, Fault, Stored};

const SECOND: Duration = Duration::from_secs(1);

fn config() -> Config {
    Config { stream_timeout: SECOND, seed: Some(7), ..Config::default() }
}

/// What came over the channel.
#[derive(Debug, Default)]
struct Seen {
    /// Each line with its output, as the container wrote it.
    lines: Vec<(StdStream, String)>,
    notes: Vec<Notice>,
    gaps: Vec<GapCause>,
    /// Each gap, with the number of lines before it.
    gaps_at: Vec<(usize, Gap)>,
    /// The lines that came late, where they are numbers.
    recovered: Vec<usize>,
    /// When the first line came.
    first_line: Option<Instant>,
    /// Where the log was read to, as a later run has it.
    position: Option<Position>,
}

impl Seen {
    /// All that comes until the engine has ended.
    async fn all(mut events: mpsc::Receiver<Event>) -> Self {
        let mut seen = Self::default();
        while let Some(event) = events.recv().await {
            seen.take(event);
        }
        seen
    }

    fn of(&self, stream: StdStream) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(of, _)| *of == stream);
        lines.map(|(_, text)| text.as_str()).collect()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Lines(lines) => {
                if let Some(position) = &lines.position {
                    self.position = Some((**position).clone());
                }
                if !lines.is_empty() {
                    self.first_line.get_or_insert_with(Instant::now);
                }
                for (line, text) in lines.iter() {
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

/// Runs the engine over `fake` while `script` goes on, and then stops it.
async fn run_with(
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

/// The same with all containers; it is stopped `after` the script.
async fn run(
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
fn all_delivered_once(fake: &Fake, seen: &Seen) {
    for stream in [Stdout, Stderr] {
        assert_eq!(seen.of(stream), texts(&fake.log(), stream), "{stream:?}");
    }
}

fn texts(log: &[Stored], stream: StdStream) -> Vec<&str> {
    log.iter().filter(|one| one.stream == stream).map(|one| one.text.as_str()).collect()
}

#[track_caller]
fn nothing_is_left(fake: &Fake, census: &Census) {
    assert_eq!((census.live_tasks(), census.readers, census.streams_open), (0, 0, 0));
    assert_eq!(census.streams_opened, census.streams_closed);
    assert_eq!((fake.follows(), &census.stragglers), (0, &Vec::new()));
}

/// Two outputs talk, a line every few milliseconds.
async fn talk(fake: &Fake, lines: i64) {
    for line in 0..lines {
        let stream = if line % 3 == 0 { Stderr } else { Stdout };
        fake.write(stream, line, &format!("line {line}\n"));
        sleep(Duration::from_millis(7)).await;
    }
}

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
async fn a_quiet_container_is_not_rotated_for_it_and_is_asked_less_and_less() {
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
async fn without_a_follow_it_ends_with_what_is_stored() {
    let fake = Fake::failing([Fault::CutAfter(10), Fault::NoOpen]);
    talk(&fake, 100).await;
    let config = Config { follow: false, ..config() };
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

/// A step of a random script.
#[derive(Clone, Debug)]
enum Step {
    /// So many lines at once, on one output, in one tick of the clock or several; the text is one of
    /// two.
    Burst { stderr: bool, lines: u8, same_tick: bool, text: bool },
    /// Nothing for this number of hundredths of a second.
    Quiet(u8),
    /// A piece of a line that goes on.
    Piece { stderr: bool },
    /// The run ends and the next begins.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (any::<bool>(), 1u8..90, prop::bool::weighted(0.2), any::<bool>())
            .prop_map(|(stderr, lines, same_tick, text)| Step::Burst { stderr, lines, same_tick, text }),
        4 => (0u8..250).prop_map(Step::Quiet),
        1 => any::<bool>().prop_map(|stderr| Step::Piece { stderr }),
        1 => Just(Step::Restart),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        3 => (0usize..200).prop_map(Fault::CutAfter),
        2 => (0usize..200).prop_map(Fault::EndAfter),
        1 => (0usize..200).prop_map(Fault::SilentAfter),
        1 => (0usize..200).prop_map(Fault::PanicAfter),
        1 => Just(Fault::NoOpen),
    ]
}

async fn play(fake: &Fake, steps: &[Step]) {
    let mut clock = 0;
    let mut open = [false; 2];
    for step in steps {
        match *step {
            Step::Burst { stderr, lines, same_tick, text } => {
                let stream = if stderr { Stderr } else { Stdout };
                clock += 1;
                for _ in 0..lines {
                    clock += i64::from(!same_tick);
                    let text = if text { "same\n".to_owned() } else { format!("{clock}\n") };
                    fake.write(stream, clock, &text);
                }
                open[usize::from(stderr)] = false;
            }
            Step::Quiet(hundredths) => {
                sleep(Duration::from_millis(10 * u64::from(hundredths))).await;
            }
            Step::Piece { stderr } => {
                clock += 1;
                fake.write(if stderr { Stderr } else { Stdout }, clock, "piece");
                open[usize::from(stderr)] = true;
            }
            Step::Restart => {
                fake.exit();
                sleep(SECOND / 4).await;
                fake.start();
                open = [false; 2];
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is written and whatever fails: the bytes of each output arrive once and in order.
    #[test]
    fn every_byte_arrives_once_and_in_order(
        steps in prop::collection::vec(step(), 1..25),
        faults in prop::collection::vec(fault(), 0..12),
        seed: u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let fake = Fake::failing(faults.clone());
        let config = Config { seed: Some(seed), ..config() };
        let script = async |fake: &Fake, _: &Observer<Fake>| play(fake, &steps).await;
        // Long enough for every fault to be met and backed off from.
        let patience = 120 * SECOND;
        let (outcome, seen) = runtime.block_on(run(&fake, config, patience, script));
        let log = fake.log();
        for stream in [Stdout, Stderr] {
            prop_assert_eq!(seen.of(stream).concat(), texts(&log, stream).concat());
        }
        prop_assert!(seen.gaps.is_empty());
        prop_assert_eq!(fake.most_follows().min(2), fake.most_follows().min(1));
        nothing_is_left(&fake, &outcome.census);
    }
}
