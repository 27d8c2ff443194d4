//! The events of one container: which lines belong together, and how the rules apply to them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::shown::{Mark, Match, MatchEnd, Shown, worse};
use super::stack_trace::StackTrace;
use super::visible::visible;
use super::{Level, Rules};
use crate::engine::event::{Ending, Label, Lines};
use crate::engine::source::StdStream;

/// The maximum of held bytes per container.
const HELD_MAX_BYTES: usize = 1 << 20;
/// An open event is decided after this much silence on its output.
const QUIET_MAX: Duration = Duration::from_millis(200);
/// It is decided at this age in any case.
const OPEN_MAX_AGE: Duration = Duration::from_secs(1);
/// The maximum size of an event in bytes and lines. Further lines are its next part.
const EVENT_MAX_BYTES: usize = 256 << 10;
const EVENT_MAX_LINES: usize = 4096;

/// How to treat lines behind an event that ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// They are not shown.
    Dropped,
    /// They are decided as all others.
    Decided,
}

/// The state of a container.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) streams: [Stream; 2],
    /// Lines that are not shown yet, with the decision about each.
    pub(super) held: Option<Lines>,
    pub(super) entries: Vec<Entry>,
    /// The time of its last line.
    pub(super) used: Instant,
}

/// A line that is held.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) stream: usize,
    /// Whether it is shown, once decided.
    pub(super) shown: Option<bool>,
    /// Whether it belongs to the event of the line before it on its output.
    pub(super) continues: bool,
    pub(super) highlights: Vec<Range<usize>>,
}

/// One output of a container.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The level of the last event that has one.
    pub(super) level: Option<Level>,
    pub(super) trace: StackTrace,
    /// The event that the next line may continue.
    pub(super) event: Option<Facts>,
    /// Whether the next line is the rest of the last one.
    pub(super) in_line: bool,
    /// The undecided part of the event.
    pub(super) part: Option<Part>,
}

/// The state of an event over its lines up to now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) included: bool,
    pub(super) excluded: bool,
    /// Its own level.
    pub(super) level: Option<Level>,
}

/// Lines of an event that are matched together.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) first: Instant,
    pub(super) last: Instant,
    /// Their visible text, joined by newlines.
    pub(super) text: Vec<u8>,
    /// The place of each of them in it.
    pub(super) spans: Vec<Range<usize>>,
}

impl Container {
    pub(super) fn new(now: Instant) -> Self {
        Self { streams: Default::default(), held: None, entries: Vec::new(), used: now }
    }

    pub(super) fn is_holding(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether the next line may belong to an earlier one.
    pub(super) fn is_open(&self) -> bool {
        self.is_holding() || self.streams.iter().any(|stream| stream.in_line)
    }

    pub(super) fn levels(&mut self) -> [Option<&mut Option<Level>>; 2] {
        let [out, err] = &mut self.streams;
        [Some(&mut out.level), Some(&mut err.level)]
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.streams.iter().filter_map(Stream::due).min()
    }

    /// Restarts the clocks of its open events.
    pub(super) fn put_off(&mut self, now: Instant) {
        for part in self.streams.iter_mut().filter_map(|stream| stream.part.as_mut()) {
            (part.first, part.last) = (now, now);
        }
    }
}

impl Stream {
    pub(super) fn due(&self) -> Option<Instant> {
        self.part.as_ref().map(|part| (part.last + QUIET_MAX).min(part.first + OPEN_MAX_AGE))
    }
}

/// The rules as they are applied.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) rules: &'a Rules,
    pub(super) behind: Behind,
}

impl Judge<'_> {
    /// Whether nothing behind this match is matched any more.
    pub(super) fn is_over(self, matched: Option<&Match>) -> bool {
        self.behind == Behind::Dropped && matched.is_some()
    }

    /// Whether an event is shown, after this part of its text.
    pub(super) fn shows(self, facts: &mut Facts, text: &[u8], level_before: Option<Level>) -> bool {
        let rules = self.rules;
        facts.included = facts.included || rules.include.is_empty() || rules.include.is_match(text);
        facts.excluded = facts.excluded || rules.exclude.is_match(text);
        let level = facts.level.or(level_before);
        let severe = |lowest: Level| level.is_none_or(|level| lowest <= level);
        facts.included && !facts.excluded && rules.level.is_none_or(severe)
    }

    pub(super) fn matches(self, text: &[u8], label: &Arc<Label>) -> Option<Match> {
        let found = |end| Some(Match { end, label: Arc::clone(label) });
        match self.rules {
            rules if rules.fail.is_match(text) => found(MatchEnd::Fail),
            rules if rules.until.is_match(text) => found(MatchEnd::Until),
            _ => None,
        }
    }

    pub(super) fn highlights(self, text: &[u8]) -> Vec<Range<usize>> {
        self.rules.highlight.find_all(text)
    }

    pub(super) fn level_of(self, text: &[u8]) -> Option<Level> {
        self.rules.level.and_then(|_| Level::of(text))
    }

    /// The fast path for lines that are events by themselves: holds and copies none.
    pub(super) fn whole_lines(
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

    /// The path for lines that may belong together.
    pub(super) fn parts(
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
    pub(super) fn settle(
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

    /// Decides the open part of one output, and shows lines that no longer wait.
    pub(super) fn decide(
        self,
        container: &mut Container,
        at: usize,
        out: &mut Vec<Shown>,
    ) -> Option<Match> {
        let matched = self.decide_only(container, at);
        let Some(found) = matched.clone().filter(|found| self.is_over(Some(found))) else {
            let count = container.entries.iter().take_while(|entry| entry.shown.is_some()).count();
            container.show(count, out);
            return matched;
        };
        // No line behind the event is shown. Lines of the other output from before its end are.
        let last = container.entries.iter().rposition(|entry| entry.stream == at);
        let other = self.decide_only(container, 1 - at);
        container.show(last.map_or(0, |last| last + 1), out);
        worse(Some(found), other)
    }

    pub(super) fn decide_only(self, container: &mut Container, at: usize) -> Option<Match> {
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
    pub(super) fn push(&mut self, text: &[u8], now: Instant) {
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
    /// Releases the first `count` held lines, without the hidden ones.
    pub(super) fn show(&mut self, count: usize, out: &mut Vec<Shown>) {
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

pub(super) fn index(stream: StdStream) -> usize {
    usize::from(stream == StdStream::Stderr)
}
