//! The order of lines, with the time as a value.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, timeout};

use super::release::{HELD_MAX_BYTES, LONGEST_WAIT};
use super::*;
use crate::engine::event::{
    About, Delivery, Ending, Event, Extent, Gap, GapCause, Label, Lines, Note, Notice,
};
use crate::engine::source::StdStream::Stdout;
use crate::engine::source::{ContainerId, ContainerKey, DaemonId};
use crate::engine::timestamp::Timestamp;
use crate::engine::turns::Turns;
use crate::filter::{Filter, Level, Match, Patterns, Rules, Shown};

const WINDOW: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
/// A second less than [`LONGEST_WAIT`].
const ALMOST: Duration = Duration::from_secs(LONGEST_WAIT.as_secs() - 1);

fn daemon() -> DaemonId {
    DaemonId::new("d")
}

fn key(name: &str) -> ContainerKey {
    ContainerKey { daemon: daemon(), id: ContainerId::new(name) }
}

fn label(name: &str) -> Arc<Label> {
    Arc::new(Label::new(key(name), name.into()))
}

fn batch(name: &str, lines: &[(i64, &str)]) -> Lines {
    let mut batch = Lines::new(label(name));
    for (time, text) in lines {
        let (text, extent) = match text.strip_suffix('>') {
            Some(piece) => (piece.to_owned(), Extent::Piece),
            None => (format!("{text}\n"), Extent::Whole),
        };
        batch.push(
            Timestamp::from_nanos(*time),
            Stdout,
            [text.as_bytes(), b""],
            extent,
            Delivery::InOrder,
        );
    }
    batch
}

fn gap(name: &str) -> Event {
    Event::Gap(Gap { label: label(name), from: None, to: None, cause: GapCause::LogRotated })
}

fn note(name: &str, what: Notice) -> Event {
    Event::Note(Note { about: About::Container(label(name)), what })
}

/// A merge behind a filter, as in the printer.
struct Play {
    merge: Merge,
    filter: Option<Filter>,
    now: Instant,
    out: Vec<String>,
    matched: Option<Match>,
}

impl Play {
    /// The stored lines of these containers come first.
    fn of(stored: &[&str]) -> Self {
        let mut play = Self::new(1);
        play.event(Event::Begins(daemon(), stored.iter().map(|name| key(name)).collect()));
        play
    }

    fn new(daemons: usize) -> Self {
        let merge = Merge::new(daemons, WINDOW);
        Self { merge, filter: None, now: Instant::now(), out: Vec::new(), matched: None }
    }

    fn with(self, rules: Rules) -> Self {
        Self { filter: Some(Filter::new(rules)), ..self }
    }

    fn event(&mut self, mut event: Event) -> &mut Self {
        self.merge.hear(&mut event, self.now);
        let about = event.container().cloned();
        let (mut shown, mut other) = (Vec::new(), None);
        let matched = match (event, &mut self.filter) {
            (Event::Lines(lines), None) => {
                shown.push(Shown::plain(lines));
                None
            }
            (Event::Lines(lines), Some(filter)) => filter.lines(lines, self.now, &mut shown),
            (event, filter) => {
                let matched = filter.as_mut().and_then(|filter| filter.before(&event, &mut shown));
                other = Some(event);
                matched
            }
        };
        for shown in shown {
            self.merge.lines(shown, self.now);
        }
        if let Some(key) = about {
            self.merge.filtered(&key, self.filter.as_ref());
        }
        if let Some(event) = other.and_then(|event| self.merge.event(event, self.now)) {
            self.show(Ready::Event(event));
        }
        let Some(matched) = matched else { return self.drain() };
        let last = self.merge.finish(Some(&matched.label.key));
        self.matched = Some(matched);
        self.drain();
        last.into_iter().for_each(|last| self.show(last));
        self
    }

    fn lines(&mut self, name: &str, lines: &[(i64, &str)]) -> &mut Self {
        self.event(Event::Lines(batch(name, lines)))
    }

    fn caught_up(&mut self, name: &str) -> &mut Self {
        self.event(Event::CaughtUp(key(name)))
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        if let Some(filter) = &mut self.filter {
            let mut shown = Vec::new();
            filter.expire(self.now, |key| self.merge.is_behind(key), &mut shown);
            shown.into_iter().for_each(|shown| self.merge.lines(shown, self.now));
            self.merge.filtered_all(self.filter.as_ref());
        }
        self.merge.expire(self.now);
        self.drain()
    }

    fn drain(&mut self) -> &mut Self {
        while let Some(ready) = self.merge.next(self.now) {
            self.show(ready);
        }
        self
    }

    fn show(&mut self, ready: Ready) {
        match ready {
            Ready::Lines(shown) => {
                let text = |(line, text): (crate::engine::event::Line, &[u8])| {
                    let end = if line.ending == Ending::Piece { ">" } else { "" };
                    format!("{}{end}", String::from_utf8_lossy(text))
                };
                self.out.extend(shown.lines.iter().map(text));
            }
            Ready::Event(Event::Gap(gap)) => self.out.push(format!("! {}", gap.label.name)),
            Ready::Event(Event::Note(Note { about: About::Container(label), .. })) => {
                self.out.push(format!("~ {}", label.name));
            }
            Ready::Event(_) => {}
        }
    }

    #[track_caller]
    fn shows(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(std::mem::take(&mut self.out), expected);
        self
    }
}

#[test]
fn stored_lines_come_oldest_first() {
    Play::of(&["a", "b"])
        .lines("a", &[(1, "a1"), (4, "a4"), (5, "a5")])
        .shows(&[])
        .lines("b", &[(2, "b2"), (3, "b3"), (6, "b6")])
        .shows(&["a1", "b2", "b3", "a4", "a5"])
        .caught_up("a")
        .shows(&["b6"])
        .caught_up("b")
        .pass(WINDOW)
        .shows(&[]);
}

#[test]
fn a_container_without_stored_lines_delays_no_other() {
    Play::of(&["a", "b"]).lines("a", &[(1, "a1")]).shows(&[]).caught_up("b").shows(&["a1"]);
    let broken = || Notice::Unreadable {
        driver: "none".into(),
        error: crate::engine::source::SourceError::new(
            crate::engine::source::ErrorKind::Unreadable,
            "no",
        ),
    };
    Play::of(&["a", "b"]).lines("a", &[(1, "a1")]).event(note("b", broken())).shows(&["~ b", "a1"]);
}

#[test]
fn a_slow_or_absent_daemon_delays_lines_for_a_limited_time() {
    let mut play = Play::new(2);
    play.event(Event::Begins(daemon(), vec![key("a")])).lines("a", &[(1, "a1")]).shows(&[]);
    assert_eq!(play.merge.due(), Some(play.now + LONGEST_WAIT));
    play.pass(ALMOST).shows(&[]).pass(SECOND).shows(&["a1"]);

    let away = Notice::DaemonAway {
        error: crate::engine::source::SourceError::new(
            crate::engine::source::ErrorKind::Unreachable,
            "no",
        ),
        retry: SECOND,
    };
    let mut play = Play::new(2);
    play.event(Event::Begins(daemon(), vec![key("a")])).lines("a", &[(1, "a1")]).shows(&[]);
    let about = About::Daemon(DaemonId::new("other"));
    play.event(Event::Note(Note { about, what: away })).shows(&["a1"]);
}

#[test]
fn a_silent_container_is_awaited_while_others_progress() {
    let mut play = Play::of(&["a", "b", "c"]);
    play.lines("a", &[(5, "a5")]).shows(&[]);
    // A line of an awaited container shows that the daemon works.
    for time in 0..4 {
        play.pass(ALMOST).lines("c", &[(time, "c")]).shows(&[]);
    }
    for _ in 0..9 {
        play.pass(SECOND).event(Event::Reading(key("b"))).shows(&[]);
    }
    play.pass(LONGEST_WAIT).shows(&["c", "c", "c", "c"]).pass(Duration::ZERO).shows(&["a5"]);
    // It comes late, and is still shown.
    play.lines("b", &[(1, "b1")]).pass(WINDOW).shows(&["b1"]);
}

#[test]
fn live_lines_are_in_order_within_the_window() {
    let mut play = Play::of(&["a", "b"]);
    play.caught_up("a").caught_up("b");
    play.lines("a", &[(10, "a10")]).lines("b", &[(9, "b9"), (12, "b12")]).shows(&[]);
    play.pass(WINDOW / 2).lines("a", &[(11, "a11"), (13, "a13")]).shows(&[]);
    assert_eq!(play.merge.due(), Some(play.now + WINDOW / 2));
    play.pass(WINDOW / 2).shows(&["b9", "a10", "a11", "b12"]);
    play.pass(WINDOW / 2).shows(&["a13"]);
    // Too late for its place.
    play.lines("b", &[(8, "b8")]).pass(WINDOW).shows(&["b8"]);
    assert_eq!(play.merge.due(), None);
}

#[test]
fn stored_lines_are_awaited_again_after_a_break() {
    let broken = Notice::StreamBroke {
        error: crate::engine::source::SourceError::new(
            crate::engine::source::ErrorKind::Cut,
            "cut",
        ),
        retry: SECOND,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let turns = Turns::few();
    let mut play = Play::of(&["a", "b"]);
    let stored = |lines: &[(i64, &str)]| {
        let mut batch = batch("a", lines);
        batch.turn = runtime.block_on(turns.next());
        Event::Lines(batch)
    };
    play.event(stored(&[(1, "a1")])).event(note("a", broken)).lines("b", &[(3, "b3"), (5, "b5")]);
    play.shows(&["a1", "~ a", "b3", "b5"]);
    play.event(stored(&[(6, "a6")])).lines("b", &[(9, "b9")]).shows(&["a6"]);
    play.event(stored(&[(7, "a7"), (8, "a8")])).shows(&["a7", "a8"]);
    play.caught_up("a").caught_up("b").shows(&["b9"]);
}

#[test]
fn a_busy_container_becomes_live() {
    let join = Patterns::compile(&["^ ".to_owned()]).unwrap();
    let mut play = Play::of(&["a", "b"]).with(Rules { join, ..Rules::default() });
    play.caught_up("b").lines("a", &[(1, "a1")]).caught_up("a").shows(&[]);
    // The filter always holds its newest line: the next one may belong to it.
    play.lines("a", &[(2, "a2")]).lines("a", &[(4, "a4")]).shows(&["a1"]);
    play.lines("b", &[(3, "b3"), (5, "b5")]).shows(&[]);
    play.pass(WINDOW).shows(&["a2", "b3"]);
}

#[test]
fn each_daemon_is_awaited_once() {
    let away = || Notice::DaemonAway {
        error: crate::engine::source::SourceError::new(
            crate::engine::source::ErrorKind::Unreachable,
            "no",
        ),
        retry: SECOND,
    };
    let mut play = Play::new(3);
    play.event(Event::Begins(daemon(), vec![key("a")])).lines("a", &[(1, "a1")]);
    let of = |name: &str| About::Daemon(DaemonId::new(name));
    play.event(Event::Note(Note { about: of("d"), what: away() }));
    play.event(Event::Note(Note { about: of("e"), what: away() }));
    play.event(Event::Note(Note { about: of("e"), what: away() })).shows(&[]);
    play.event(Event::Begins(DaemonId::new("f"), Vec::new())).shows(&["a1"]);
}

#[test]
fn a_single_container_has_no_wait() {
    let mut play = Play::of(&["a"]);
    play.lines("a", &[(3, "a3"), (1, "a1")]).shows(&["a3", "a1"]);
    play.caught_up("a").lines("a", &[(4, "a4")]).shows(&["a4"]);
    play.event(note("a", Notice::Exited(None))).shows(&["~ a"]);
    assert_eq!(play.merge.due(), None);
}

#[test]
fn no_line_passes_a_gap_or_a_note_of_its_container() {
    Play::of(&["a", "b"])
        .lines("a", &[(1, "a1"), (3, "a3")])
        .event(gap("a"))
        .lines("a", &[(6, "a6")])
        .event(note("a", Notice::Exited(None)))
        .caught_up("a")
        .lines("b", &[(2, "b2"), (5, "b5"), (7, "b7")])
        .shows(&["a1", "b2", "a3", "! a", "b5", "a6", "~ a", "b7"]);
    let mut play = Play::of(&[]);
    play.lines("b", &[(4, "b4")]).pass(WINDOW).shows(&["b4"]);
    play.lines("a", &[(5, "a5")]).event(gap("a")).lines("a", &[(2, "a2")]).shows(&[]);
    play.lines("b", &[(6, "b6")]).pass(WINDOW).shows(&["a5", "! a", "a2", "b6"]);
}

#[test]
fn a_clock_that_steps_back_changes_nothing_within_its_container() {
    Play::of(&["a", "b"])
        .lines("a", &[(5, "a5"), (2, "a2"), (3, "a3"), (8, "a8")])
        .lines("b", &[(1, "b1"), (4, "b4"), (6, "b6"), (7, "b7")])
        .shows(&["b1", "b4", "a5", "a2", "a3", "b6", "b7"])
        .caught_up("b")
        .shows(&["a8"]);
}

#[test]
fn an_event_of_several_lines_and_the_pieces_of_a_line_stay_together() {
    let join = Patterns::compile(&["^ ".to_owned()]).unwrap();
    let join = || Rules { join: join.clone(), ..Rules::default() };
    let mut play = Play::of(&["a", "b"]).with(join());
    play.lines("a", &[(1, "panic"), (3, " at f"), (5, " at g"), (6, "a6")])
        .lines("b", &[(2, "b2"), (4, "b4"), (7, "b7"), (8, "b8")])
        .shows(&["panic", " at f", " at g", "b2", "b4"])
        .caught_up("a")
        .pass(SECOND)
        .shows(&["a6", "b7"])
        .caught_up("b")
        .pass(SECOND)
        .shows(&["b8"]);
    let mut play = Play::of(&["a", "b"]);
    play.lines("a", &[(1, "one>"), (3, "two>"), (5, "three"), (6, "a6")])
        .lines("b", &[(2, "b2"), (4, "b4"), (7, "b7")])
        .shows(&["one>", "two>", "three", "b2", "b4", "a6"]);
}

/// Between two batches of stored lines any time may pass: the next line of a trace is stored although it did not come.
#[test]
fn a_trace_is_not_split_while_its_container_waits() {
    let join = Patterns::compile(&["^ ".to_owned()]).unwrap();
    let mut play = Play::of(&["a", "b"]).with(Rules { join, ..Rules::default() });
    play.lines("a", &[(1, "panic"), (1, " at f")]).pass(SECOND).shows(&[]);
    play.lines("a", &[(1, " at g"), (9, "a9")]).lines("b", &[(5, "b5"), (7, "b7")]);
    play.shows(&["panic", " at f", " at g", "b5"]);
}

#[test]
fn lines_that_a_filter_drops_delay_no_container() {
    let include = Patterns::compile(&["keep".to_owned()]).unwrap();
    let mut play = Play::of(&["a", "b"]).with(Rules { include, ..Rules::default() });
    play.lines("a", &[(3, "keep a3"), (7, "keep a7")]).shows(&[]);
    play.lines("b", &[(1, "no"), (5, "no")]).shows(&["keep a3"]);
    play.lines("b", &[(8, "no")]).shows(&["keep a7"]);
}

#[test]
fn the_event_that_ends_the_run_comes_last() {
    let until = Patterns::compile(&["ready".to_owned()]).unwrap();
    let mut play = Play::of(&["a", "b"]).with(Rules { until, ..Rules::default() });
    play.lines("a", &[(2, "a2"), (7, "a7")]).lines("b", &[(1, "b1"), (3, "b3"), (4, "ready")]);
    assert!(play.matched.is_some());
    // The lines of one batch stay together there.
    assert_eq!(play.out, ["a2", "a7", "b1", "b3", "ready"]);
    assert!(play.merge.finish(None).is_none() && play.merge.next(play.now).is_none());
}

#[test]
fn held_lines_are_counted_until_they_are_shown() {
    let severe = Rules { level: Some(Level::Warn), ..Rules::default() };
    let mut play = Play::of(&["a", "b"]).with(severe);
    let held = |play: &Play| {
        let filtered = play.filter.as_ref().map_or(0, |filter| filter.held(&key("a")));
        play.merge.held(&key("a"), filtered)
    };
    play.lines("a", &[(1, "ERROR 1"), (2, "INFO 2")]).lines("a", &[(3, "INFO 3"), (4, "ERROR 4")]);
    // Hidden lines count as long as an earlier one waits.
    assert_eq!(held(&play), 4);
    play.lines("b", &[(1, "INFO")]).shows(&["ERROR 1"]);
    assert_eq!(held(&play), 2);
    play.lines("b", &[(9, "INFO")]).shows(&["ERROR 4"]);
    assert_eq!(held(&play), 0);
}

#[test]
fn held_lines_are_bounded() {
    let mut play = Play::of(&["a", "b"]);
    let text = "x".repeat(1 << 20);
    for time in 0..100 {
        play.lines("a", &[(time, &text)]);
        assert!(play.merge.held_bytes <= HELD_MAX_BYTES);
    }
    assert!(60 < play.out.len());
    // Removed containers leave no state.
    let mut play = Play::of(&["a", "b"]);
    for time in 0..1000 {
        let name = format!("c{time}");
        play.lines(&name, &[(time, "c")]).event(note(&name, Notice::Removed));
    }
    play.caught_up("a").caught_up("b").pass(WINDOW);
    assert_eq!((play.out.len(), play.merge.queues.len(), play.merge.by_number.len()), (2000, 2, 2));
}

/// The effective time of a line: that of the newest line before it.
fn ages(lines: &[(i64, String)]) -> Vec<(i64, String)> {
    let mut newest = i64::MIN;
    let age = |(time, text): &(i64, String)| {
        newest = newest.max(*time);
        (newest, text.clone())
    };
    lines.iter().map(age).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// At any read speed of each log, lines come in order of time, and the merge holds few.
    #[test]
    fn stored_lines_are_in_the_order_of_their_times(
        logs in prop::collection::vec(prop::collection::vec((0i64..200, 1usize..9), 0..60), 1..20),
        steps_back: bool,
        draws in prop::collection::vec(any::<prop::sample::Index>(), 3000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let names: Vec<String> = (0..logs.len()).map(|at| format!("c{at}")).collect();
            let mut logs: Vec<Vec<(i64, usize)>> = logs;
            if !steps_back {
                logs.iter_mut().for_each(|log| log.sort_by_key(|(time, _)| *time));
            }
            let texts = |(at, log): (usize, &Vec<(i64, usize)>)| -> Vec<(i64, String)> {
                let line = |(nth, (time, _)): (usize, &(i64, usize))| {
                    (*time, format!("c{at} {nth}"))
                };
                log.iter().enumerate().map(line).collect()
            };
            let written: Vec<Vec<(i64, String)>> = logs.iter().enumerate().map(texts).collect();
            let turns: Vec<Turns> = names.iter().map(|_| Turns::few()).collect();
            let mut read = vec![0; logs.len()];
            let mut play = Play::of(&names.iter().map(String::as_str).collect::<Vec<_>>());
            let mut open: Vec<usize> = (0..logs.len()).collect();
            for draw in draws {
                if open.is_empty() {
                    break;
                }
                let which = draw.index(open.len());
                let at = open[which];
                // A container without a turn waits.
                let Ok(turn) = timeout(Duration::ZERO, turns[at].next()).await else { continue };
                let from = read[at];
                let Some((_, count)) = logs[at].get(from) else {
                    drop(turn);
                    play.caught_up(&names[at]);
                    open.swap_remove(which);
                    continue;
                };
                let end = (from + count).min(logs[at].len());
                read[at] = end;
                let lines: Vec<(i64, &str)> =
                    written[at][from..end].iter().map(|(time, text)| (*time, &**text)).collect();
                let mut batch = batch(&names[at], &lines);
                batch.turn = turn;
                play.event(Event::Lines(batch));
                assert!(play.merge.held_bytes <= 2 * logs.len() * 1024);
            }
            assert!(open.is_empty(), "each log is read to its end");
            let mut expected: Vec<(i64, String)> =
                written.iter().flat_map(|log| ages(log)).collect();
            let age: HashMap<String, i64> =
                expected.iter().map(|(age, text)| (text.clone(), *age)).collect();
            let shown: Vec<i64> = play.out.iter().map(|text| age[text]).collect();
            expected.sort_by_key(|(age, _)| *age);
            assert_eq!(shown, expected.iter().map(|(age, _)| *age).collect::<Vec<_>>());
            for (name, log) in names.iter().zip(&written) {
                let prefix = format!("{name} ");
                let own = play.out.iter().filter(|text| text.starts_with(&prefix));
                assert!(own.eq(log.iter().map(|(_, text)| text)), "{name}");
            }
        });
    }
}
