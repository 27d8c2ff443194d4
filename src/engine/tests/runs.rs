//! Several runs over one log: each continues where the one before was killed, at any event.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::fake_source::Fake;
use super::support::{SECOND, config, texts};
use crate::engine::event::{Event, GapCause, Lines};
use crate::engine::position::{
    OtherDaemon, Place, Position, Presence, Saved, SavedContainer, SavedDaemon,
};
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::StdStream::{Stderr, Stdout};
use crate::engine::source::{PieceRule, ReadMode, StdStream};
use crate::engine::{Backlog, Config, Engine};

/// The lines and events of one run.
type Shown = Vec<Event>;

/// A cursor with this position of the container, or none.
fn cursor(position: Option<Position>) -> Arc<Saved> {
    let mut daemon = SavedDaemon { address: "fake".to_owned(), ..SavedDaemon::default() };
    if let Some(position) = position {
        let container = SavedContainer { name: "web".into(), presence: Presence::There, position };
        daemon.containers = HashMap::from([(Fake::key().id, container)]);
    }
    Arc::new(Saved(vec![daemon]))
}

/// Runs the engine until no more events come.
async fn run_once(fake: &Fake, config: Config, position: Option<Position>) -> Shown {
    let config = Config { saved: Some(cursor(position)), ..config };
    let engine = Engine::new(Arc::new(fake.clone()), Registry::default(), config);
    let (events, mut received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let stopping = async {
        sleep(5 * SECOND).await;
        stop.cancel();
    };
    let collect = async {
        let mut shown = Vec::new();
        while let Some(event) = received.recv().await {
            shown.push(event);
        }
        shown
    };
    let selection = Selection::all();
    let running = engine.run(&selection, events, stop.clone());
    let (outcome, (), shown) = tokio::join!(running, stopping, collect);
    outcome.unwrap();
    shown
}

fn lines(shown: &[Event]) -> impl Iterator<Item = &Lines> {
    shown.iter().filter_map(|event| match event {
        Event::Lines(lines) => Some(lines),
        _ => None,
    })
}

fn gaps(shown: &[Event]) -> Vec<GapCause> {
    let cause = |event: &Event| match event {
        Event::Gap(gap) => Some(gap.cause),
        _ => None,
    };
    shown.iter().filter_map(cause).collect()
}

/// The last position in these events.
fn position(shown: &[Event]) -> Option<Position> {
    lines(shown).filter_map(|lines| lines.position.as_deref().cloned()).last()
}

/// The bytes of one output, and the number of lines that end in them.
fn text(shown: &[Event], stream: StdStream) -> String {
    let mut all = String::new();
    for batch in lines(shown) {
        for (line, text) in batch.iter().filter(|(line, _)| line.stream == stream) {
            all.push_str(&String::from_utf8_lossy(text));
            if line.ending == crate::engine::event::Ending::Lf {
                all.push('\n');
            }
        }
    }
    all
}

fn follow_all() -> Config {
    Config { backlog: Backlog::All, ..config() }
}

#[tokio::test(start_paused = true)]
async fn the_next_run_goes_on_behind_the_last_line() {
    for mode in [ReadMode::Follow, ReadMode::Once] {
        let fake = Fake::running([]);
        let config = Config { mode, ..follow_all() };
        let mut last = None;
        let mut all = String::new();
        for run in 0..100 {
            fake.write(Stdout, run, &format!("line {run}\n"));
            let shown = run_once(&fake, config.clone(), last.take()).await;
            assert_eq!(gaps(&shown), []);
            last = position(&shown).or(last);
            all += &text(&shown, Stdout);
        }
        assert_eq!(all, texts(&fake.log(), Stdout).concat());
    }
}

#[tokio::test(start_paused = true)]
async fn a_backlog_is_for_containers_that_are_not_in_the_cursor() {
    let fake = Fake::running([]);
    (0..50).for_each(|line| fake.write(Stdout, line, &format!("{line}\n")));
    let config = Config { backlog: Backlog::Last(2), ..config() };
    let first = run_once(&fake, config.clone(), None).await;
    assert_eq!(text(&first, Stdout), "48\n49\n");
    (50..90).for_each(|line| fake.write(Stdout, line, &format!("{line}\n")));
    let second = run_once(&fake, config, position(&first)).await;
    assert_eq!(text(&second, Stdout).lines().count(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_run_without_lines_has_a_position() {
    for (backlog, stored) in [(0, 3), (10, 0), (200, 0)] {
        let fake = Fake::running([]);
        (0..stored).for_each(|line| fake.write(Stdout, line, "old\n"));
        let config = Config { backlog: Backlog::Last(backlog), ..config() };
        let first = run_once(&fake, config.clone(), None).await;
        (10..300).for_each(|line| fake.write(Stdout, line, "new\n"));
        let second = run_once(&fake, config, position(&first)).await;
        let all = text(&first, Stdout) + &text(&second, Stdout);
        assert_eq!(all.matches("new\n").count(), 290, "-n {backlog} of {stored}");
    }
}

#[tokio::test(start_paused = true)]
async fn lines_dropped_between_runs_are_one_gap() {
    let fake = Fake::running([]);
    (0..5).for_each(|line| fake.write(Stdout, line, "old\n"));
    let first = run_once(&fake, follow_all(), None).await;
    fake.write(Stdout, 5, "lost\n");
    fake.forget_all();
    // Nothing is stored.
    let second = run_once(&fake, follow_all(), position(&first)).await;
    assert_eq!((gaps(&second), text(&second, Stdout)), (vec![GapCause::LogRotated], String::new()));
    let at = position(&second).unwrap();
    assert_eq!(at.place, Place::Rest);
    let third = run_once(&fake, follow_all(), Some(at.clone())).await;
    assert_eq!(gaps(&third), []);
    fake.write(Stdout, 9, "new\n");
    let fourth = run_once(&fake, follow_all(), position(&third).or(Some(at))).await;
    assert_eq!((gaps(&fourth), text(&fourth, Stdout)), (vec![], "new\n".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_next_run_shows_an_open_line_in_full() {
    let fake = Fake::running([]);
    for config in [follow_all(), Config { mode: ReadMode::Once, ..follow_all() }] {
        fake.write(Stdout, 1, "begin ");
        fake.write(Stderr, 2, "stderr\n");
        let first = run_once(&fake, config.clone(), None).await;
        assert_eq!(
            (text(&first, Stdout), text(&first, Stderr)),
            (String::new(), "stderr\n".into())
        );
        fake.write(Stdout, 1, "end\n");
        let second = run_once(&fake, config, position(&first)).await;
        assert_eq!(
            (text(&second, Stdout), text(&second, Stderr)),
            ("begin end\n".into(), String::new())
        );
        fake.forget_all();
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_long_line_is_known_to_belong_to_it() {
    let fake = Fake::running([]);
    fake.cut_lines(PieceRule::FullPieces);
    let config = Config { max_line: 20_000, ..follow_all() };
    ["a", "b"].into_iter().for_each(|piece| fake.write(Stdout, 1, &piece.repeat(16 * 1024)));
    let first = run_once(&fake, config.clone(), None).await;
    assert_eq!(text(&first, Stdout).len(), 20_000);
    fake.write(Stdout, 2, "end\n");
    let second = run_once(&fake, config, position(&first)).await;
    let ends = lines(&second).flat_map(|lines| lines.iter().map(|(line, _)| line.ending));
    assert_eq!(ends.collect::<Vec<_>>(), [crate::engine::event::Ending::Lf]);
    let all = text(&first, Stdout) + &text(&second, Stdout);
    assert_eq!(all, texts(&fake.log(), Stdout).concat());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_stays_open_too_long_passes_in_pieces_and_once() {
    let fake = Fake::running([]);
    let mut last = None;
    let mut all = [String::new(), String::new()];
    for run in 0..4 {
        fake.write(Stdout, 1, "open ");
        (0..120).for_each(|line| fake.write(Stderr, 2 + line, &format!("{run} {line}\n")));
        let shown = run_once(&fake, follow_all(), last.take()).await;
        last = position(&shown);
        let count = |position: &Position| position.beyond.len();
        assert!(last.as_ref().is_some_and(|last| count(last) <= 256), "{last:?}");
        all[0] += &text(&shown, Stdout);
        all[1] += &text(&shown, Stderr);
    }
    fake.write(Stdout, 1, "shut\n");
    let shown = run_once(&fake, follow_all(), last).await;
    all[0] += &text(&shown, Stdout);
    let log = fake.log();
    assert_eq!(all, [Stdout, Stderr].map(|stream| texts(&log, stream).concat()));
}

#[tokio::test(start_paused = true)]
async fn a_removal_between_runs_is_a_gap_and_a_recreation_is_shown_in_full() {
    let fake = Fake::running([]);
    (0..30).for_each(|line| fake.write(Stdout, line, "of the new one\n"));
    let position = Position { place: Place::Rest, ..Position::beginning() };
    let container = SavedContainer { name: "web".into(), presence: Presence::There, position };
    let old = crate::engine::source::ContainerId::new("0ld");
    let containers = HashMap::from([(old, container)]);
    let daemon = SavedDaemon { address: "fake".to_owned(), identity: None, containers };
    let config = Config { backlog: Backlog::Last(2), ..config() };
    let config = Config { saved: Some(Arc::new(Saved(vec![daemon]))), ..config };
    let engine = Engine::new(Arc::new(fake.clone()), Registry::default(), config);
    let (events, received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let stopping = async {
        sleep(SECOND).await;
        stop.cancel();
    };
    let selection = Selection::all();
    let running = engine.run(&selection, events, stop.clone());
    let (outcome, (), seen) = tokio::join!(running, stopping, super::support::Seen::all(received));
    assert_eq!((seen.gaps, seen.lines.len()), (vec![GapCause::Removed], 30));
    assert_eq!(outcome.unwrap().census.gaps_by_cause["removed"], 1);
}

#[test]
fn a_daemon_is_known_by_its_id_and_another_one_is_refused() {
    let section = |address: &str, identity: Option<&str>| SavedDaemon {
        address: address.to_owned(),
        identity: identity.map(Into::into),
        ..SavedDaemon::default()
    };
    let saved = Saved(vec![section("a", Some("A")), section("b", None)]);
    let id = |text: &str| Some(Arc::<str>::from(text));
    assert_eq!(saved.section("a", id("A").as_ref()), Ok(Some(0)));
    assert_eq!(saved.section("elsewhere", id("A").as_ref()), Ok(Some(0)));
    assert_eq!(saved.section("a", None), Ok(Some(0)));
    assert_eq!(saved.section("b", id("B").as_ref()), Ok(Some(1)));
    assert_eq!(saved.section("c", id("C").as_ref()), Ok(None));
    // The address counts first, since several daemons may have one id.
    let twins = Saved(vec![section("a", Some("A")), section("b", Some("A"))]);
    assert_eq!(twins.section("b", id("A").as_ref()), Ok(Some(1)));
    assert_eq!(twins.section("c", id("A").as_ref()), Ok(None));
    let other = saved.section("a", id("X").as_ref());
    assert!(matches!(other, Err(OtherDaemon { saved, .. }) if &*saved == "A"));
}

/// A piece of a line, or its end.
fn piece() -> impl Strategy<Value = (bool, u8, bool)> {
    (any::<bool>(), 0..12u8, prop::bool::weighted(0.4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// With any writes between and during the runs, and any kills: the bytes of each output arrive once and in order.
    #[test]
    fn every_byte_arrives_once_over_several_runs(
        writes in prop::collection::vec(prop::collection::vec(piece(), 0..40), 1..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 5),
        max_line in prop_oneof![Just(1usize << 20), 3..20usize],
        mode in prop_oneof![Just(ReadMode::Follow), Just(ReadMode::Once)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let fake = Fake::running([]);
            // All pieces of a line have the time of its first.
            let (mut clock, mut times) = (0, [0; 2]);
            let mut open = [false; 2];
            let mut last = None;
            let mut all = [String::new(), String::new()];
            let config = Config { mode, max_line, ..follow_all() };
            let count = writes.len();
            for (run, (pieces, cut)) in writes.into_iter().zip(cuts).enumerate() {
                for (is_out, length, ends) in pieces {
                    let (stream, slot) = if is_out { (Stdout, 0) } else { (Stderr, 1) };
                    if !std::mem::replace(&mut open[slot], !ends) {
                        clock += 1;
                        times[slot] = clock;
                    }
                    let end = if ends { "\n" } else { "" };
                    let text = format!("{:x<1$}{end}", clock % 3, usize::from(length) + 1);
                    fake.write(stream, times[slot], &text);
                }
                let mut shown = run_once(&fake, config.clone(), last.clone()).await;
                if run + 1 < count {
                    // Lines that were not written do not count.
                    shown.truncate(cut.index(shown.len() + 1));
                } else {
                    for (slot, stream) in [(0, Stdout), (1, Stderr)] {
                        if open[slot] {
                            fake.write(stream, times[slot], "end\n");
                        }
                    }
                    let last = position(&shown).or_else(|| last.clone());
                    shown.extend(run_once(&fake, config.clone(), last).await);
                }
                prop_assert!(gaps(&shown).is_empty(), "{:?}", gaps(&shown));
                last = position(&shown).or(last);
                all[0] += &text(&shown, Stdout);
                all[1] += &text(&shown, Stderr);
            }
            let log = fake.log();
            prop_assert_eq!(&all[0], &texts(&log, Stdout).concat());
            prop_assert_eq!(&all[1], &texts(&log, Stderr).concat());
            Ok(())
        })?;
    }
}
