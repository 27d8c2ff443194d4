//! The results of the filter: lines to show with their highlights, and the match that ends a run.

use std::ops::Range;
use std::sync::Arc;

use crate::engine::event::{Ending, Label, Lines};
use crate::engine::timestamp::Timestamp;

/// Lines to show.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The lines.
    pub lines: Lines,
    /// The highlights in them, in order.
    pub marks: Vec<Mark>,
    /// The indexes of lines that belong to the event before them, in order.
    pub continued: Vec<usize>,
}

impl Shown {
    /// All lines of a batch, each as one event.
    pub(crate) fn plain(lines: Lines) -> Self {
        Self { lines, marks: Vec::new(), continued: Vec::new() }
    }

    /// The time of this line; `None` if it belongs to the event before it.
    pub(crate) fn time_of(&self, line: usize) -> Option<Timestamp> {
        let (found, _) = self.lines.get(line).filter(|_| !self.is_within_event(line))?;
        Some(found.time)
    }

    /// Whether this line and the one before it belong to one event.
    pub(crate) fn is_within_event(&self, line: usize) -> bool {
        let before = line.checked_sub(1).and_then(|before| self.lines.get(before));
        before.is_some_and(|(before, _)| before.ending == Ending::Piece)
            || self.continued.binary_search(&line).is_ok()
    }

    /// A copy of the lines up to `end`.
    #[must_use]
    pub(crate) fn part(&self, from: usize, end: usize) -> Self {
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
pub(crate) struct Mark {
    /// The index of the line in its batch.
    pub line: usize,
    /// The range in the bytes of its visible text.
    pub range: Range<usize>,
}

/// An event that ends the run.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    /// The outcome of the run.
    pub end: MatchEnd,
    /// The container that wrote it.
    pub label: Arc<Label>,
}

/// The outcome of a [`Match`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MatchEnd {
    /// `--until-match` matched.
    Until,
    /// `--fail-on` matched. It wins over `--until-match`.
    Fail,
}

/// The match that wins.
pub(super) fn worse(one: Option<Match>, other: Option<Match>) -> Option<Match> {
    match (&one, &other) {
        (Some(first), Some(second)) if first.end < second.end => other,
        (None, _) => other,
        _ => one,
    }
}
