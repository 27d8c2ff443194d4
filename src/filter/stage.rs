//! The state of a [`Filter`]: which lines are one event, and what is decided about it.
//!
//! An event is a line, or several that belong together: the pieces of a long line, and with joins those of a stack
//! trace. Its lines are held until it is decided: when the next line does not belong to it, when it becomes too
//! large, when nothing came for a moment, or when the run ends. Each output of a container has its own event. Lines
//! behind one that is held wait for it, so that the order of a container stays.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::stack_trace::StackTrace;
use super::visible::visible;
use super::{Level, Rules};
use crate::engine::event::{About, Ending, Event, Label, Lines, Notice};
use crate::engine::source::{ContainerKey, StdStream};
use crate::engine::timestamp::Timestamp;

/// An open event is decided when its output was quiet for this long.
const QUIET: Duration = Duration::from_millis(200);
/// It is decided at this age, however it goes on.
const OPEN_MAX: Duration = Duration::from_secs(1);
/// Deadlines this close are met at once, so that many containers do not wake the printer one by one.
const SLACK: Duration = Duration::from_millis(20);
/// Bytes and lines of an event that are looked at together. What follows is an event's next part.
const EVENT_MAX_BYTES: usize = 256 << 10;
const EVENT_MAX_LINES: usize = 4096;
/// Bytes that are held of one container.
const HELD_MAX_BYTES: usize = 1 << 20;
/// Containers that are remembered. A container whose run ended is forgotten at once; this bounds those of which
/// nobody said that they have ended.
const CONTAINERS_MAX: usize = 4096;

/// Lines to show.
#[derive(Debug)]
pub struct Shown {
    /// The lines.
    pub lines: Lines,
    /// What is highlighted in them, in order.
    pub marks: Vec<Mark>,
    /// The lines that belong to the event before them, by their place in the batch, in order.
    pub continued: Vec<usize>,
}

impl Shown {
    /// All lines of a batch, each an event of its own.
    pub fn plain(lines: Lines) -> Self {
        Self { lines, marks: Vec::new(), continued: Vec::new() }
    }

    /// The time of this line; `None` where it belongs to the event before it.
    pub fn time_of(&self, line: usize) -> Option<Timestamp> {
        let (found, _) = self.lines.get(line).filter(|_| !self.is_within_event(line))?;
        Some(found.time)
    }

    /// Whether this line and the one before it must not be parted.
    pub fn is_within_event(&self, line: usize) -> bool {
        let before = line.checked_sub(1).and_then(|before| self.lines.get(before));
        before.is_some_and(|(before, _)| before.ending == Ending::Piece)
            || self.continued.binary_search(&line).is_ok()
    }

    /// A copy of some of the lines, up to `end`.
    #[must_use]
    pub fn part(&self, from: usize, end: usize) -> Self {
        let mut lines = Lines::new(Arc::clone(&self.lines.label));
        (from..end).for_each(|line| lines.push_from(&self.lines, line));
        let within = |line: &&usize| (from..end).contains(*line);
        let continued = self.continued.iter().filter(within).map(|line| line - from).collect();
        let first = self.marks.partition_point(|mark| mark.line < from);
        let marks = self.marks[first..].iter().take_while(|mark| mark.line < end);
        let marks = marks.map(|mark| Mark { line: mark.line - from, range: mark.range.clone() });
        Self { marks: marks.collect(), lines, continued }
    }
}

/// A highlighted part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The line's place in its batch.
    pub line: usize,
    /// Which bytes of its visible text.
    pub range: Range<usize>,
}

/// An event that ends the run.
#[derive(Clone, Debug)]
pub struct Match {
    /// How the run ends by it.
    pub end: MatchEnd,
    /// The container that wrote it.
    pub label: Arc<Label>,
}

/// How a run ends by a [`Match`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchEnd {
    /// What was waited for has come.
    Until,
    /// What must not come has come. It counts more.
    Fail,
}

/// Decides which lines are shown.
#[derive(Debug)]
pub struct Filter {
    rules: Rules,
    containers: HashMap<ContainerKey, Container>,
    /// No open event has to be decided before.
    due: Option<Instant>,
    /// The run ends: nothing is shown any more.
    ended: bool,
    /// What becomes of the lines that came with the event that ends the run, and stand behind it.
    behind: Behind,
}

impl Filter {
    /// A filter with these rules.
    pub fn new(rules: Rules) -> Self {
        Self { rules, containers: HashMap::new(), due: None, ended: false, behind: Behind::Dropped }
    }

    /// The same, which decides all lines of a batch although one of them ends the run. A later run that goes on behind
    /// the batch misses none of them then.
    #[must_use]
    pub fn deciding_whole_batches(self) -> Self {
        Self { behind: Behind::Decided, ..self }
    }

    /// Takes a batch and appends what is to be shown now to `out`. After a match there is nothing more to show.
    pub fn lines(&mut self, mut lines: Lines, now: Instant, out: &mut Vec<Shown>) -> Option<Match> {
        if self.ended {
            return None;
        }
        let (key, count) = (lines.label.key.clone(), lines.len());
        let held = self.containers.get(&key).is_some_and(Container::is_open);
        let whole = !self.rules.joins() && !held && lines.whole() == count;
        let matched = if whole && self.rules.level.is_none() {
            Judge::of(self).whole_lines(&mut lines, &mut [None, None], out)
        } else {
            self.make_room(&key);
            let mut container = self.containers.remove(&key).unwrap_or_else(|| Container::new(now));
            container.used = now;
            let judge = Judge::of(self);
            let done = match whole {
                true => judge.whole_lines(&mut lines, &mut container.levels(), out),
                false => judge.parts(&mut container, &lines, now, out),
            };
            if let Some(due) = container.due() {
                self.due = Some(self.due.map_or(due, |before| before.min(due)));
            }
            self.containers.insert(key.clone(), container);
            done
        };
        self.end(&key, matched, out)
    }

    /// Takes something that is no batch of lines, before it is shown: what stands before it must not come after it.
    pub fn before(&mut self, event: &Event, out: &mut Vec<Shown>) -> Option<Match> {
        let (key, over) = match event {
            Event::Lines(_)
            | Event::Identity(..)
            | Event::Begins(..)
            | Event::Reading(_)
            | Event::CaughtUp(_) => {
                return None;
            }
            Event::Gap(gap) => (&gap.label.key, true),
            Event::Note(note) => {
                let About::Container(label) = &note.about else { return None };
                let over = matches!(
                    note.what,
                    Notice::Exited(_)
                        | Notice::Restarting(_)
                        | Notice::Removed
                        | Notice::GivenUp { .. }
                        | Notice::Unreadable { .. }
                );
                (&label.key, over)
            }
        };
        let matched = self.settle(key, out);
        if over {
            self.containers.remove(key);
        }
        self.end(key, matched, out)
    }

    /// When an open event has to be decided.
    pub fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.ended)
    }

    /// Decides the open events that are due. Not those of a container that `is_behind`: its next line is stored and was
    /// not read yet.
    pub fn expire(
        &mut self,
        now: Instant,
        is_behind: impl Fn(&ContainerKey) -> bool,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        for (_, container) in self.containers.iter_mut().filter(|(key, _)| is_behind(key)) {
            container.put_off(now);
        }
        let keys: Vec<ContainerKey> = self
            .containers
            .iter()
            .filter(|(_, one)| one.due().is_some_and(|due| due <= now + SLACK))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            let matched = self.settle_due(&key, now, out);
            if matched.is_some() {
                return self.end(&key, matched, out);
            }
        }
        self.due = self.containers.values().filter_map(Container::due).min();
        None
    }

    /// Decides all that is open: the run has ended.
    pub fn finish(&mut self, out: &mut Vec<Shown>) -> Option<Match> {
        let mut matched = None;
        for key in self.containers.keys().cloned().collect::<Vec<_>>() {
            matched = worse(matched, self.settle(&key, out));
        }
        self.ended = true;
        matched
    }

    /// How many lines of this container were taken and are not decided yet: the last ones.
    pub fn held(&self, container: &ContainerKey) -> usize {
        self.containers.get(container).map_or(0, |container| container.entries.len())
    }

    /// The time of the first line of this container that was taken and is not decided yet.
    pub fn held_since(&self, container: &ContainerKey) -> Option<Timestamp> {
        let held = self.containers.get(container)?.held.as_ref()?;
        held.get(0).map(|(line, _)| line.time)
    }

    /// How many containers it remembers.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.containers.len()
    }

    /// Decides the open events of one container.
    fn settle(&mut self, key: &ContainerKey, out: &mut Vec<Shown>) -> Option<Match> {
        if self.ended {
            return None;
        }
        let mut container = self.containers.remove(key)?;
        let matched = Judge::of(self).settle(&mut container, |_| true, out);
        self.containers.insert(key.clone(), container);
        matched
    }

    fn settle_due(
        &mut self,
        key: &ContainerKey,
        now: Instant,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let mut container = self.containers.remove(key)?;
        let is_due = |stream: &Stream| stream.due().is_some_and(|due| due <= now + SLACK);
        let matched = Judge::of(self).settle(&mut container, is_due, out);
        self.containers.insert(key.clone(), container);
        matched
    }

    /// After a match: what the other containers have written before is shown too, in front of it.
    fn end(
        &mut self,
        key: &ContainerKey,
        matched: Option<Match>,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let mut matched = Some(matched?);
        if self.behind == Behind::Decided {
            matched = worse(matched, self.settle(key, out));
        }
        let mut others = Vec::new();
        for other in self.containers.keys().filter(|one| *one != key).cloned().collect::<Vec<_>>() {
            matched = worse(matched, self.settle(&other, &mut others));
        }
        out.splice(0..0, others);
        self.ended = true;
        self.containers.retain(|_, container| container.is_holding());
        matched
    }

    /// Forgets the containers that were quiet for longest, so that there is room for one more.
    fn make_room(&mut self, key: &ContainerKey) {
        if self.containers.len() < CONTAINERS_MAX || self.containers.contains_key(key) {
            return;
        }
        let idle = self.containers.iter().filter(|(_, one)| !one.is_holding());
        let mut idle: Vec<(Instant, ContainerKey)> =
            idle.map(|(key, one)| (one.used, key.clone())).collect();
        idle.sort();
        for (_, key) in idle.iter().take(CONTAINERS_MAX / 2) {
            self.containers.remove(key);
        }
    }
}

/// What becomes of the lines behind an event that ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// They are not shown.
    Dropped,
    /// They are decided as all others.
    Decided,
}

/// The match that counts more.
fn worse(one: Option<Match>, other: Option<Match>) -> Option<Match> {
    match (&one, &other) {
        (Some(first), Some(second)) if first.end < second.end => other,
        (None, _) => other,
        _ => one,
    }
}

/// What is remembered of a container.
#[derive(Debug)]
struct Container {
    streams: [Stream; 2],
    /// Lines that are not shown yet, and what is decided about each.
    held: Option<Lines>,
    entries: Vec<Entry>,
    /// When it last wrote.
    used: Instant,
}

/// A line that is held.
#[derive(Debug)]
struct Entry {
    stream: usize,
    /// Whether it is shown, once that is decided.
    shown: Option<bool>,
    /// It belongs to the event of the line before it on its output.
    continues: bool,
    highlights: Vec<Range<usize>>,
}

/// One output of a container.
#[derive(Debug, Default)]
struct Stream {
    /// The level of the last event that has one.
    level: Option<Level>,
    trace: StackTrace,
    /// The event that the next line may belong to.
    event: Option<Facts>,
    /// The next line is the rest of the last one.
    in_line: bool,
    /// The part of the event that is not decided.
    part: Option<Part>,
}

/// What is known of an event from all of its lines so far.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    included: bool,
    excluded: bool,
    /// Its own level.
    level: Option<Level>,
}

/// Lines of an event that are looked at together.
#[derive(Debug)]
struct Part {
    first: Instant,
    last: Instant,
    /// Their visible text; a newline between lines.
    text: Vec<u8>,
    /// Where each of them stands in it.
    spans: Vec<Range<usize>>,
}

impl Container {
    fn new(now: Instant) -> Self {
        Self { streams: Default::default(), held: None, entries: Vec::new(), used: now }
    }

    fn is_holding(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether the next line may belong to one before.
    fn is_open(&self) -> bool {
        self.is_holding() || self.streams.iter().any(|stream| stream.in_line)
    }

    fn levels(&mut self) -> [Option<&mut Option<Level>>; 2] {
        let [out, err] = &mut self.streams;
        [Some(&mut out.level), Some(&mut err.level)]
    }

    fn due(&self) -> Option<Instant> {
        self.streams.iter().filter_map(Stream::due).min()
    }

    /// Its open events are looked at as if they had begun now.
    fn put_off(&mut self, now: Instant) {
        for part in self.streams.iter_mut().filter_map(|stream| stream.part.as_mut()) {
            (part.first, part.last) = (now, now);
        }
    }
}

impl Stream {
    fn due(&self) -> Option<Instant> {
        self.part.as_ref().map(|part| (part.last + QUIET).min(part.first + OPEN_MAX))
    }
}

/// The rules as they are applied.
#[derive(Clone, Copy)]
struct Judge<'a> {
    rules: &'a Rules,
    behind: Behind,
}

impl<'a> Judge<'a> {
    fn of(filter: &'a Filter) -> Self {
        Self { rules: &filter.rules, behind: filter.behind }
    }

    /// Whether nothing behind this match is looked at.
    fn is_over(self, matched: Option<&Match>) -> bool {
        self.behind == Behind::Dropped && matched.is_some()
    }

    /// Whether an event is shown, after this text of it.
    fn shows(self, facts: &mut Facts, text: &[u8], level_before: Option<Level>) -> bool {
        let rules = self.rules;
        facts.included = facts.included || rules.include.is_empty() || rules.include.is_match(text);
        facts.excluded = facts.excluded || rules.exclude.is_match(text);
        let level = facts.level.or(level_before);
        let severe = |least: Level| level.is_none_or(|level| least <= level);
        facts.included && !facts.excluded && rules.level.is_none_or(severe)
    }

    fn matches(self, text: &[u8], label: &Arc<Label>) -> Option<Match> {
        let found = |end| Some(Match { end, label: Arc::clone(label) });
        match self.rules {
            rules if rules.fail.is_match(text) => found(MatchEnd::Fail),
            rules if rules.until.is_match(text) => found(MatchEnd::Until),
            _ => None,
        }
    }

    fn highlights(self, text: &[u8]) -> Vec<Range<usize>> {
        self.rules.highlight.find_all(text)
    }

    fn level_of(self, text: &[u8]) -> Option<Level> {
        self.rules.level.and_then(|_| Level::of(text))
    }

    /// Lines that are events of their own: nothing is held, and nothing is copied.
    fn whole_lines(
        self,
        lines: &mut Lines,
        levels: &mut [Option<&mut Option<Level>>; 2],
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let (mut keep, mut marks, mut matched) =
            (Vec::with_capacity(lines.len()), Vec::new(), None);
        let mut place = 0;
        for (line, text) in lines.iter() {
            let text = visible(text);
            let mut facts = Facts { level: self.level_of(&text), ..Facts::default() };
            let mut before = None;
            if let Some(level) = &mut levels[index(line.stream)] {
                **level = facts.level.or(**level);
                before = **level;
            }
            let shown = self.shows(&mut facts, &text, before);
            keep.push(shown);
            if shown {
                let ranges = self.highlights(&text).into_iter();
                marks.extend(ranges.map(|range| Mark { line: place, range }));
                place += 1;
                matched = worse(matched, self.matches(&text, &lines.label));
                if self.is_over(matched.as_ref()) {
                    break;
                }
            }
        }
        if place < lines.len() {
            lines.retain(|line| keep.get(line).copied().unwrap_or_default());
        }
        if !lines.is_empty() {
            let lines = std::mem::replace(lines, Lines::new(Arc::clone(&lines.label)));
            out.push(Shown { lines, marks, continued: Vec::new() });
        }
        matched
    }

    /// Lines that may belong together.
    fn parts(
        self,
        container: &mut Container,
        lines: &Lines,
        now: Instant,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let mut matched = None;
        for place in 0..lines.len() {
            let Some((line, text)) = lines.get(place) else { break };
            let (text, at) = (visible(text), index(line.stream));
            let stream = &mut container.streams[at];
            let mut continues = stream.in_line;
            if !stream.in_line {
                let in_trace = self.rules.join_stacks && stream.trace.next(&text);
                let joined = in_trace || self.rules.join.is_match(&text);
                continues = joined && stream.event.is_some();
                if !continues {
                    matched = worse(matched, self.decide(container, at, out));
                    if self.is_over(matched.as_ref()) {
                        return matched;
                    }
                    container.streams[at].event = Some(Facts::default());
                }
            }
            let stream = &mut container.streams[at];
            let facts = stream.event.get_or_insert_default();
            if !stream.in_line && facts.level.is_none() {
                facts.level = self.level_of(&text);
                stream.level = facts.level.or(stream.level);
            }
            stream.push(&text, now);
            stream.in_line = line.ending == Ending::Piece;
            let part = stream.part.as_ref();
            let full = part.is_some_and(|part| {
                EVENT_MAX_BYTES <= part.text.len() || EVENT_MAX_LINES <= part.spans.len()
            });
            let complete = !self.rules.joins() && !stream.in_line;
            let label = &lines.label;
            let held = container.held.get_or_insert_with(|| Lines::new(Arc::clone(label)));
            held.push_from(lines, place);
            let overflows = HELD_MAX_BYTES <= held.raw().len();
            container.entries.push(Entry {
                stream: at,
                shown: None,
                continues,
                highlights: Vec::new(),
            });
            let decided = match (overflows, full || complete) {
                (true, _) => self.settle(container, |_| true, out),
                (_, true) => self.decide(container, at, out),
                _ => None,
            };
            matched = worse(matched, decided);
            if self.is_over(matched.as_ref()) {
                return matched;
            }
        }
        matched
    }

    /// Decides the open parts for which `wanted` is true.
    fn settle(
        self,
        container: &mut Container,
        wanted: impl Fn(&Stream) -> bool,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let mut matched = None;
        for at in 0..container.streams.len() {
            if wanted(&container.streams[at]) && !self.is_over(matched.as_ref()) {
                matched = worse(matched, self.decide(container, at, out));
            }
        }
        matched
    }

    /// Decides the open part of one output, and shows what no longer waits.
    fn decide(self, container: &mut Container, at: usize, out: &mut Vec<Shown>) -> Option<Match> {
        let matched = self.decide_only(container, at);
        let Some(found) = matched.clone().filter(|found| self.is_over(Some(found))) else {
            let count = container.entries.iter().take_while(|entry| entry.shown.is_some()).count();
            container.show(count, out);
            return matched;
        };
        // Nothing behind the event is shown. What the other output wrote before its end is.
        let last = container.entries.iter().rposition(|entry| entry.stream == at);
        let other = self.decide_only(container, 1 - at);
        container.show(last.map_or(0, |last| last + 1), out);
        worse(Some(found), other)
    }

    fn decide_only(self, container: &mut Container, at: usize) -> Option<Match> {
        let stream = &mut container.streams[at];
        let part = stream.part.take()?;
        let facts = stream.event.get_or_insert_default();
        let shown = self.shows(facts, &part.text, stream.level);
        let found = if shown { self.highlights(&part.text) } else { Vec::new() };
        let entries = container.entries.iter_mut();
        let open = entries.filter(|entry| entry.stream == at && entry.shown.is_none());
        for (entry, span) in open.zip(&part.spans) {
            entry.shown = Some(shown);
            let inside =
                found.iter().filter(|range| range.start < span.end && span.start < range.end);
            let cut = |range: &Range<usize>| {
                range.start.max(span.start) - span.start..range.end.min(span.end) - span.start
            };
            entry.highlights = inside.map(cut).collect();
        }
        let label = &container.held.as_ref()?.label;
        if shown { self.matches(&part.text, label) } else { None }
    }
}

impl Stream {
    /// Adds a line, or a piece of one, to the open part.
    fn push(&mut self, text: &[u8], now: Instant) {
        let part = self.part.get_or_insert_with(|| Part {
            first: now,
            last: now,
            text: Vec::new(),
            spans: Vec::new(),
        });
        if !self.in_line && !part.spans.is_empty() {
            part.text.push(b'\n');
        }
        let start = part.text.len();
        part.text.extend_from_slice(text);
        part.spans.push(start..part.text.len());
        part.last = now;
    }
}

impl Container {
    /// Hands on the first `count` lines that are held, without those that are not shown.
    fn show(&mut self, count: usize, out: &mut Vec<Shown>) {
        let Some(held) = self.held.as_mut().filter(|_| 0 < count) else { return };
        let mut lines = held.split_front(count);
        if held.is_empty() {
            self.held = None;
        }
        let decided: Vec<Entry> = self.entries.drain(..count).collect();
        let is_shown = |entry: &Entry| entry.shown == Some(true);
        lines.retain(|place| is_shown(&decided[place]));
        let shown = decided.iter().filter(|entry| is_shown(entry)).enumerate();
        let continued = shown.filter(|(_, entry)| entry.continues).map(|(line, _)| line).collect();
        let shown = decided.into_iter().filter(is_shown).enumerate();
        let marks = shown.flat_map(|(line, entry)| {
            entry.highlights.into_iter().map(move |range| Mark { line, range })
        });
        let marks = marks.collect();
        if !lines.is_empty() {
            out.push(Shown { lines, marks, continued });
        }
    }
}

fn index(stream: StdStream) -> usize {
    usize::from(stream == StdStream::Stderr)
}
