//! The filter on batches of lines, with the time as a value.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

use crate::engine::event::{
    About, Delivery, Event, Extent, Gap, GapCause, Label, Lines, Note, Notice,
};
use crate::engine::source::StdStream::{self, Stderr, Stdout};
use crate::engine::source::{ContainerId, ContainerKey, DaemonId};
use crate::engine::timestamp::Timestamp;

const STEP: Duration = Duration::from_millis(50);

fn patterns(texts: &[&str]) -> Patterns {
    Patterns::compile(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap()
}

fn label(name: &str) -> Arc<Label> {
    let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(name) };
    Arc::new(Label::new(key, name.into()))
}

/// Lines of one output; a line that ends with `>` is a piece of a longer one.
fn push(batch: &mut Lines, stream: StdStream, lines: &[&str]) {
    for line in lines {
        let (text, extent) = match line.strip_suffix('>') {
            Some(piece) => (piece.to_owned(), Extent::Piece),
            None => (format!("{line}\n"), Extent::Whole),
        };
        batch.push(
            Timestamp::from_nanos(1),
            stream,
            [text.as_bytes(), b""],
            extent,
            Delivery::InOrder,
        );
    }
}

/// A filter under test.
struct Run {
    filter: Filter,
    now: Instant,
    shown: Vec<String>,
    marks: Vec<(String, Range<usize>)>,
    end: Option<MatchEnd>,
}

use std::ops::Range;

impl Run {
    fn new(rules: Rules) -> Self {
        let now = Instant::now();
        Self { filter: Filter::new(rules), now, shown: Vec::new(), marks: Vec::new(), end: None }
    }

    fn took(&mut self, found: Option<Match>, out: Vec<Shown>) {
        for Shown { lines, marks, .. } in out {
            assert!(!lines.is_empty());
            let texts: Vec<String> =
                lines.iter().map(|(_, text)| String::from_utf8_lossy(text).into_owned()).collect();
            self.marks.extend(marks.into_iter().map(|mark| (texts[mark.line].clone(), mark.range)));
            self.shown.extend(texts);
        }
        if let Some(found) = found {
            assert_eq!(self.end, None, "one match ends the run");
            self.end = Some(found.end);
        }
    }

    fn batch(&mut self, batch: Lines) -> &mut Self {
        let mut out = Vec::new();
        let found = self.filter.lines(batch, self.now, &mut out);
        self.took(found, out);
        self
    }

    fn lines_of(&mut self, name: &str, stream: StdStream, lines: &[&str]) -> &mut Self {
        let mut batch = Lines::new(label(name));
        push(&mut batch, stream, lines);
        self.batch(batch)
    }

    fn lines(&mut self, lines: &[&str]) -> &mut Self {
        self.lines_of("web", Stdout, lines)
    }

    fn errors(&mut self, lines: &[&str]) -> &mut Self {
        self.lines_of("web", Stderr, lines)
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        let mut out = Vec::new();
        let found = self.filter.expire(self.now, |_| false, &mut out);
        self.took(found, out);
        self
    }

    fn event(&mut self, event: &Event) -> &mut Self {
        let mut out = Vec::new();
        let found = self.filter.before(event, &mut out);
        self.took(found, out);
        self
    }

    fn note(&mut self, what: Notice) -> &mut Self {
        self.event(&Event::Note(Note { about: About::Container(label("web")), what }))
    }

    fn finish(&mut self) -> &mut Self {
        let mut out = Vec::new();
        let found = self.filter.finish(&mut out);
        self.took(found, out);
        self
    }

    /// The lines shown since the last call.
    fn seen(&mut self) -> Vec<String> {
        std::mem::take(&mut self.shown)
    }
}

/// The shown lines of these lines of one container.
fn shown(rules: Rules, lines: &[&str]) -> Vec<String> {
    Run::new(rules).lines(lines).finish().seen()
}

fn joined() -> Rules {
    Rules { join: patterns(&["^ "]), ..Rules::default() }
}

#[test]
fn include_and_exclude_match_the_text_without_colors() {
    let lines = ["an error", "\x1b[31mer\x1b[0mror, known", "fine", "warning"];
    for (include, exclude, expected) in [
        (&["error"][..], &[][..], &lines[..2]),
        (&["^error"], &[], &lines[1..2]),
        (&["error", "warn"], &["known"], &["an error", "warning"]),
        (&[], &["error"], &lines[2..]),
        (&["nothing"], &[], &[]),
        (&["error"], &["error"], &[]),
    ] {
        let rules =
            Rules { include: patterns(include), exclude: patterns(exclude), ..Rules::default() };
        assert_eq!(shown(rules, &lines), expected, "{include:?} {exclude:?}");
    }
}

#[test]
fn a_passing_batch_keeps_its_bytes() {
    let mut batch = Lines::new(label("web"));
    let time = Timestamp::from_nanos(1);
    batch.push(time, Stdout, [b"keep \xff\r\n", b""], Extent::Whole, Delivery::Recovered);
    batch.push(time, Stdout, [b"drop\n", b""], Extent::Whole, Delivery::InOrder);
    batch.push(time, Stderr, [b"keep", b""], Extent::Whole, Delivery::InOrder);
    let rules = Rules { include: patterns(&["keep"]), ..Rules::default() };
    let mut out = Vec::new();
    assert!(Filter::new(rules).lines(batch, Instant::now(), &mut out).is_none());
    assert_eq!((out.len(), out[0].lines.raw()), (1, b"keep \xff\r\nkeep".as_slice()));
    let (line, text) = out[0].lines.get(1).unwrap();
    assert_eq!((line.stream, text), (Stderr, b"keep".as_slice()));
}

#[test]
fn a_line_without_a_level_has_that_of_the_line_before_on_its_output() {
    let rules = Rules { level: Some(Level::Warn), ..Rules::default() };
    let mut run = Run::new(rules);
    run.lines(&["first", "INFO: a", "detail of a", "ERROR: b"]).errors(&["from stderr"]);
    run.lines(&["detail of b"]).lines_of("db", Stdout, &["from another"]);
    assert_eq!(run.seen(), ["first", "ERROR: b", "from stderr", "detail of b", "from another"]);
    // A new run has no level at first.
    run.lines(&["INFO: c", "detail of c"]).note(Notice::Exited(None)).lines(&["first again"]);
    assert_eq!(run.seen(), ["first again"]);
}

#[test]
fn joined_lines_are_shown_or_hidden_together() {
    let lines = ["a", " of a", "b", " of b: yes", " more", "c"];
    let include = Rules { include: patterns(&["yes"]), ..joined() };
    assert_eq!(shown(include.clone(), &lines), ["b", " of b: yes", " more"]);
    let exclude = Rules { exclude: patterns(&["yes"]), ..joined() };
    assert_eq!(shown(exclude, &lines), ["a", " of a", "c"]);
    let across = Rules { include: patterns(&["(?s)^b.*more$"]), ..joined() };
    assert_eq!(shown(across, &lines), ["b", " of b: yes", " more"]);
    let level = Rules { level: Some(Level::Error), ..joined() };
    assert_eq!(shown(level, &["INFO: x", " ERROR: y", "ERROR: z", " of z"]), ["ERROR: z", " of z"]);
    // There is no line before the first one.
    assert_eq!(shown(include, &[" yes", "no"]), [" yes"]);
}

#[test]
fn a_stack_trace_is_one_event() {
    let rules = Rules { include: patterns(&["App.java"]), join_stacks: true, ..Rules::default() };
    let lines = ["ERROR x", "java.lang.Error: y", "\tat a.App.main(App.java:1)", "next"];
    assert_eq!(shown(rules, &lines), lines[..3]);
}

#[test]
fn an_open_event_is_decided_after_a_quiet_time() {
    let mut run = Run::new(Rules { include: patterns(&["a"]), ..joined() });
    run.lines(&["a"]).pass(3 * STEP).lines(&[" b"]).pass(3 * STEP);
    assert_eq!(run.seen(), Vec::<String>::new());
    let held = |name: &str| run.filter.held(&label(name).key);
    assert_eq!((held("web"), held("db")), (2, 0));
    run.pass(STEP);
    assert_eq!(run.seen(), ["a", " b"]);
    assert_eq!(run.filter.held(&label("web").key), 0);
    assert_eq!(run.filter.due(), None);
    // A late line still belongs to it.
    run.lines(&[" late"]).pass(4 * STEP);
    assert_eq!(run.seen(), [" late"]);
    run.lines(&["c", " not", "d"]).pass(4 * STEP).lines(&[" a after all"]).finish();
    assert_eq!(run.seen(), [" a after all"], "a match is never hidden because it is late");
}

#[test]
fn a_continuing_event_is_decided_at_its_maximum_age() {
    let mut run = Run::new(Rules { exclude: patterns(&["x"]), ..joined() });
    run.lines(&["a"]);
    for _ in 0..19 {
        run.pass(STEP).lines(&[" more"]);
    }
    assert_eq!(run.seen(), Vec::<String>::new());
    assert_eq!(run.pass(STEP).seen().len(), 20);
}

#[test]
fn a_growing_event_is_decided_at_its_maximum_size() {
    let mut run = Run::new(Rules { include: patterns(&["^a"]), ..joined() });
    run.lines(&["a"]);
    let line = format!(" {}", "x".repeat(1000));
    for _ in 0..1000 {
        run.lines(&[&line]);
    }
    assert!(700 < run.shown.len(), "{}", run.shown.len());
    assert_eq!(run.finish().seen().len(), 1001);
    let mut run = Run::new(Rules { include: patterns(&["^a"]), ..joined() });
    run.lines(&["a"]).lines(&vec![" "; 10_000]);
    assert!(8000 < run.seen().len());
}

#[test]
fn the_order_of_a_container_stays_and_each_output_has_its_event() {
    let mut run = Run::new(Rules { include: patterns(&["yes"]), ..joined() });
    run.lines(&["a"]).errors(&["e yes"]).lines(&[" a yes"]).errors(&[" f"]).lines(&["b"]);
    assert_eq!(run.seen(), ["a"], "what stderr wrote is open still");
    run.errors(&["g"]);
    assert_eq!(run.seen(), ["e yes", " a yes", " f"]);
    run.finish();
    assert_eq!(run.seen(), Vec::<String>::new());
}

#[test]
fn lines_before_a_note_or_a_gap_are_shown_before_it() {
    let rules = || Rules { exclude: patterns(&["no"]), ..joined() };
    let gap = Gap { label: label("web"), from: None, to: None, cause: GapCause::LogRotated };
    let mut run = Run::new(rules());
    assert_eq!(run.lines(&["a"]).event(&Event::Gap(gap)).seen(), ["a"]);
    assert_eq!(run.lines(&["b"]).note(Notice::WentSilent).seen(), ["b"]);
    assert_eq!(run.lines(&[" c"]).note(Notice::Exited(None)).seen(), [" c"]);
    assert_eq!(run.filter.remembered(), 0, "the end of its run drops a container");
    // The first line of a new run belongs to no earlier line.
    run.lines(&["no"]).note(Notice::Exited(None)).lines(&[" d"]).finish();
    assert_eq!(run.seen(), [" d"]);
}

#[test]
fn the_pieces_of_a_long_line_are_one_event() {
    let rules = || Rules { include: patterns(&["abcd"]), ..Rules::default() };
    assert_eq!(shown(rules(), &["xab>", "cd>", "e", "f"]), ["xab", "cd", "e"]);
    let mut run = Run::new(rules());
    run.lines(&["ab>"]).errors(&["abcd"]).lines(&["cx", "abcd"]);
    assert_eq!(run.seen(), ["abcd", "abcd"]);
}

#[test]
fn highlights_are_found_in_the_event_and_cut_to_its_lines() {
    let rules = Rules { highlight: patterns(&["(?s)b.*c", "d"]), ..joined() };
    let mut run = Run::new(rules.clone());
    run.lines(&["ab", " c d", "\x1b[1md\x1b[0m"]).finish();
    let red = "\x1b[1md\x1b[0m".to_owned();
    let expected = [
        ("ab".to_owned(), 1..2),
        (" c d".to_owned(), 0..2),
        (" c d".to_owned(), 3..4),
        (red, 0..1),
    ];
    assert_eq!(run.marks, expected);
    let mut run = Run::new(Rules { join: Patterns::default(), exclude: patterns(&["x"]), ..rules });
    run.lines(&["x", "d"]);
    assert_eq!(run.marks, [("d".to_owned(), 0..1)]);
}

#[test]
fn the_first_match_ends_the_run_and_nothing_comes_after_it() {
    let rules = Rules {
        exclude: patterns(&["no"]),
        until: patterns(&["ready"]),
        fail: patterns(&["panic"]),
        ..Rules::default()
    };
    for (lines, expected, end) in [
        (&["a", "ready", "b"][..], &["a", "ready"][..], Some(MatchEnd::Until)),
        (&["panic: not ready", "b"], &[], None),
        (&["panic: ready", "b"], &["panic: ready"], Some(MatchEnd::Fail)),
        (&["not ready", "b", "panic"], &["b", "panic"], Some(MatchEnd::Fail)),
    ] {
        for rules in [rules.clone(), Rules { join: patterns(&["^ "]), ..rules.clone() }] {
            let mut run = Run::new(rules);
            run.lines(lines).lines(&["later"]).finish();
            if end.is_some() {
                assert_eq!(
                    (run.seen(), run.end),
                    (expected.iter().map(|&line| line.to_owned()).collect(), end)
                );
            } else {
                assert_eq!((run.seen(), run.end), (vec!["b".to_owned(), "later".to_owned()], end));
            }
        }
    }
}

#[test]
fn a_matching_event_is_shown_with_all_lines_held_before_it() {
    let rules = Rules { until: patterns(&["ready"]), fail: patterns(&["panic"]), ..joined() };
    let mut run = Run::new(rules.clone());
    run.lines_of("db", Stdout, &["db", " more"]);
    run.lines(&["ready"]).errors(&["e"]).lines(&[" of it"]).errors(&[" f"]);
    assert_eq!(run.seen(), Vec::<String>::new());
    run.lines(&["next"]);
    assert_eq!(run.seen(), ["db", " more", "ready", "e", " of it"]);
    assert_eq!(run.end, Some(MatchEnd::Until));
    run.lines(&["x"]).finish();
    assert_eq!((run.seen(), run.filter.due()), (vec![], None));
    // Another event that is decided at the same time may win.
    let mut run = Run::new(rules.clone());
    run.lines_of("db", Stdout, &["panic"]).lines(&["ready", "next"]);
    assert_eq!((run.seen(), run.end), (vec!["panic".into(), "ready".into()], Some(MatchEnd::Fail)));
    let mut run = Run::new(rules);
    run.lines(&["ready"]).pass(4 * STEP);
    assert_eq!(run.end, Some(MatchEnd::Until), "time decides it too");
}

#[test]
fn a_later_run_misses_no_line_behind_a_match() {
    let key = label("web").key.clone();
    for (rules, lines) in [
        (Rules::default(), &["a", "ready", "b"][..]),
        (Rules { level: Some(Level::Info), ..Rules::default() }, &["ready", "b"]),
        (joined(), &["a", "ready", "b"]),
        (joined(), &["ready", " c", "panic", "b"]),
    ] {
        let rules = Rules { until: patterns(&["ready"]), fail: patterns(&["panic"]), ..rules };
        let mut run = Run::new(rules);
        run.filter = run.filter.deciding_whole_batches();
        run.lines(lines).pass(4 * STEP);
        let worst = if lines.contains(&"panic") { MatchEnd::Fail } else { MatchEnd::Until };
        assert_eq!(
            (run.seen(), run.end),
            (lines.iter().map(|line| (*line).into()).collect(), Some(worst))
        );
        assert_eq!(run.filter.held(&key), 0, "{lines:?}");
    }
}

#[test]
fn memory_is_bounded_by_live_containers() {
    let rules = Rules { level: Some(Level::Info), ..joined() };
    let mut run = Run::new(rules);
    for number in 0..10_000 {
        run.now += Duration::from_secs(1);
        run.lines_of(&format!("job-{number}"), Stdout, &["x"]).pass(Duration::ZERO);
    }
    assert!(run.filter.remembered() <= 4096, "{}", run.filter.remembered());
    assert_eq!(run.finish().seen().len(), 10_000);
}

/// A short model of a filter with joins, for one output, without time.
fn model(lines: &[String], rules: &Rules) -> Vec<String> {
    let mut events: Vec<Vec<String>> = Vec::new();
    for line in lines {
        match events.last_mut() {
            Some(last) if rules.join.is_match(line.as_bytes()) => last.push(line.clone()),
            _ => events.push(vec![line.clone()]),
        }
    }
    let mut shown = Vec::new();
    for event in events {
        let text = event.join("\n");
        let passes = (rules.include.is_empty() || rules.include.is_match(text.as_bytes()))
            && !rules.exclude.is_match(text.as_bytes());
        if passes {
            shown.extend(event);
            if rules.until.is_match(text.as_bytes()) {
                break;
            }
        }
    }
    shown
}

proptest! {
    #[test]
    fn a_filter_agrees_with_the_model_in_any_batches(
        lines in prop::collection::vec("[ ]?[a-e]{1,3}", 0..40),
        cuts in prop::collection::vec(1..6_usize, 1..10),
        joins in any::<bool>(),
    ) {
        let rules = Rules {
            include: patterns(&["a", "b"]),
            exclude: patterns(&["dd"]),
            until: patterns(&["ee"]),
            join: if joins { patterns(&["^ "]) } else { Patterns::default() },
            ..Rules::default()
        };
        let mut run = Run::new(rules.clone());
        let (mut rest, mut cut) = (lines.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (batch, tail) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
            run.lines(&batch.iter().map(String::as_str).collect::<Vec<_>>());
            rest = tail;
        }
        prop_assert_eq!(run.finish().seen(), model(&lines, &rules));
    }

    #[test]
    fn without_hiding_rules_every_line_is_shown_once_in_order(
        lines in prop::collection::vec((any::<bool>(), "[ ]?[a-c]{1,3}>?", 0..4_u32), 0..60),
    ) {
        let rules = Rules { exclude: patterns(&["z"]), join_stacks: true, ..joined() };
        let mut run = Run::new(rules);
        for (err, line, steps) in &lines {
            let stream = if *err { Stderr } else { Stdout };
            run.lines_of("web", stream, &[line.as_str()]).pass(STEP * *steps);
        }
        let expected: Vec<String> =
            lines.iter().map(|(_, line, _)| line.trim_end_matches('>').to_owned()).collect();
        prop_assert_eq!(run.finish().seen(), expected);
    }
}
