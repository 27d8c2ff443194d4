//! The last lines of one container: the scroll position and the search.

use std::sync::Arc;

use ratatui::style::{Color, Modifier, Style};

use super::table::{holds, place, typed};
use super::{Effect, Key, Model};
use crate::engine::source::ContainerKey;
use crate::filter::{Level, Patterns};
use crate::format::pretty::{self, LineForm};
use crate::format::{Colors, clean};
use crate::ui::ansi::{Piece, highlighted, moved, pieces, wrapped};
use crate::ui::fit;
use crate::ui::ring::{Entry, Ring};

/// The prefix of a line: whether the container wrote it to stderr, and the time.
pub(in crate::ui) const GUTTER: usize = 2;
pub(in crate::ui) const TIME: usize = 13;
/// The columns of one horizontal step.
const SIDEWAYS: usize = 8;

/// A scroll position: a line, and one of its rows.
type Place = (u64, usize);

/// The lines of one container on the screen.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate switch")]
pub(in crate::ui) struct Detail {
    /// The container.
    pub(in crate::ui) key: ContainerKey,
    /// Its name when its lines were opened.
    pub(in crate::ui) name: Arc<str>,
    /// Whether the newest line stays visible.
    pub(in crate::ui) follow: bool,
    /// Whether long lines are wrapped.
    pub(in crate::ui) wrap: bool,
    /// Whether each line has the daemon's time.
    pub(in crate::ui) timestamps: bool,
    /// The form of JSON and logfmt lines.
    pub(in crate::ui) form: LineForm,
    /// The highlighted patterns.
    pub(super) highlight: Arc<Patterns>,
    /// The searched text.
    pub(in crate::ui) search: String,
    /// Whether the searched text is being typed.
    pub(in crate::ui) typing: bool,
    /// The line of the last match.
    pub(in crate::ui) hit: Option<u64>,
    /// The number of columns hidden to the left.
    pub(in crate::ui) left: usize,
    /// The first visible row, unless the newest line stays visible.
    top: Place,
}

/// The style of lines of this level without colors.
fn level_style(level: Level) -> Style {
    match level {
        Level::Trace | Level::Debug => Style::default().add_modifier(Modifier::DIM),
        Level::Info => Style::default(),
        Level::Warn => Style::default().fg(Color::Indexed(3)),
        Level::Error | Level::Fatal => Style::default().fg(Color::Indexed(1)),
    }
}

/// A row of the lines.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Row<'a> {
    pub(in crate::ui) entry: &'a Entry,
    /// Whether it is the first of its line's rows.
    pub(in crate::ui) first: bool,
    pub(in crate::ui) pieces: Vec<Piece>,
}

impl Detail {
    pub(super) fn of(key: ContainerKey, name: &Arc<str>, form: LineForm) -> Self {
        Self {
            key,
            name: clean(name).into(),
            follow: true,
            wrap: false,
            timestamps: false,
            form,
            highlight: Arc::default(),
            search: String::new(),
            typing: false,
            hit: None,
            left: 0,
            top: (0, 0),
        }
    }

    fn columns(&self, width: usize) -> usize {
        width.saturating_sub(GUTTER + if self.timestamps { TIME } else { 0 })
    }

    fn rows_of(&self, entry: &Entry, width: usize, colors: Colors) -> Vec<Vec<Piece>> {
        let pieces = self.pieces(entry, colors);
        match self.wrap {
            true => wrapped(&pieces, self.columns(width)),
            false => vec![moved(pieces, self.left)],
        }
    }

    /// A line as shown, with its highlights.
    fn pieces(&self, entry: &Entry, colors: Colors) -> Vec<Piece> {
        let pieces = self.bare_pieces(entry, colors);
        match self.highlight.is_empty() {
            true => pieces,
            false => highlighted(pieces, &self.highlight),
        }
    }

    /// A line in its own colors, or in its level's.
    fn bare_pieces(&self, entry: &Entry, colors: Colors) -> Vec<Piece> {
        if let Some(text) = self.pretty(entry, colors) {
            return pieces(&text, colors);
        }
        let mut pieces = pieces(&entry.text, colors);
        if colors == Colors::On && pieces.iter().all(|piece| piece.style == Style::default()) {
            let style = Level::of(entry.text.as_bytes()).map_or_else(Style::default, level_style);
            pieces.iter_mut().for_each(|piece| piece.style = style);
        }
        pieces
    }

    /// The line in the pretty form, if enabled and if it is JSON or logfmt.
    fn pretty(&self, entry: &Entry, colors: Colors) -> Option<String> {
        let stamp = self.timestamps.then_some(entry.time);
        let look = pretty::Look { colors, strip: false, stamp };
        let wanted = self.form == LineForm::Pretty;
        let text = wanted.then(|| pretty::pretty(entry.text.as_bytes(), look)).flatten()?;
        Some(clean(&String::from_utf8_lossy(&text)))
    }

    /// The text of a line as shown, without colors.
    fn plain(&self, entry: &Entry) -> String {
        self.pieces(entry, Colors::Off).into_iter().map(|piece| piece.text).collect()
    }

    fn height(&self, entry: &Entry, width: usize) -> usize {
        if self.wrap { self.rows_of(entry, width, Colors::Off).len() } else { 1 }
    }

    /// The visible rows.
    pub(in crate::ui) fn rows<'a>(
        &self,
        ring: &'a Ring,
        (width, height): (usize, usize),
        colors: Colors,
    ) -> Vec<Row<'a>> {
        let (number, skip) = self.first(ring, (width, height));
        let mut rows = Vec::new();
        for number in number..ring.bounds().1 {
            let Some(entry) = ring.get(number) else {
                break;
            };
            let of_line = self.rows_of(entry, width, colors).into_iter().enumerate();
            rows.extend(of_line.map(|(at, pieces)| Row { entry, first: at == 0, pieces }));
            if skip + height <= rows.len() {
                break;
            }
        }
        rows.into_iter().skip(skip).take(height).collect()
    }

    /// The first visible position.
    fn first(&self, ring: &Ring, size: (usize, usize)) -> Place {
        let last = self.last_top(ring, size);
        if self.follow { last } else { self.top.max((ring.bounds().0, 0)).min(last) }
    }

    /// The first visible position if the newest line is last.
    fn last_top(&self, ring: &Ring, (width, height): (usize, usize)) -> Place {
        self.back((ring.bounds().1, 0), height, ring, width)
    }

    /// The position a number of rows before another, or the oldest one.
    fn back(&self, (number, row): Place, rows: usize, ring: &Ring, width: usize) -> Place {
        if rows <= row {
            return (number, row - rows);
        }
        let mut missing = rows - row;
        let older = ring.iter().rev().skip_while(|entry| number <= entry.number);
        for entry in older {
            let height = self.height(entry, width);
            if missing <= height {
                return (entry.number, height - missing);
            }
            missing -= height;
        }
        (ring.bounds().0, 0)
    }

    /// The position a number of rows behind another.
    fn forth(&self, (number, row): Place, rows: usize, ring: &Ring, width: usize) -> Place {
        let mut missing = row + rows;
        for number in number..ring.bounds().1 {
            let height = ring.get(number).map_or(1, |entry| self.height(entry, width));
            if missing < height {
                return (number, missing);
            }
            missing -= height;
        }
        (ring.bounds().1, 0)
    }

    fn moved(&mut self, key: Key, ring: &Ring, size: (usize, usize)) -> bool {
        let (width, height) = size;
        let page = height.saturating_sub(1).max(1);
        let first = self.first(ring, size);
        let to = match key {
            Key::Up | Key::Char('k') => self.back(first, 1, ring, width),
            Key::PageUp => self.back(first, page, ring, width),
            Key::Down | Key::Char('j') => self.forth(first, 1, ring, width),
            Key::PageDown | Key::Char(' ') => self.forth(first, page, ring, width),
            Key::Home | Key::Char('g') => (ring.bounds().0, 0),
            Key::End | Key::Char('G') => {
                self.follow = true;
                return true;
            }
            _ => return false,
        };
        self.follow = false;
        self.top = to;
        true
    }

    /// Scrolls to a match in a line, to about the middle of the screen.
    fn reveal(&mut self, number: u64, ring: &Ring, (width, height): (usize, usize)) {
        let Some(entry) = ring.get(number) else {
            return;
        };
        let text = self.plain(entry);
        let (at, end) = place(&text, &self.search).unwrap_or((0, 0));
        let mut row = 0;
        if self.wrap {
            let mut before = 0;
            for pieces in self.rows_of(entry, width, Colors::Off) {
                before += pieces.iter().map(|piece| piece.text.len()).sum::<usize>();
                if at < before {
                    break;
                }
                row += 1;
            }
            row = row.min(self.height(entry, width) - 1);
        } else {
            let columns = self.columns(width);
            let column = |at: usize| fit::width(text.get(..at).unwrap_or(&text));
            let (from, to) = (column(at), column(end));
            if from < self.left || self.left + columns < to {
                let some_before = from.saturating_sub(columns / 3);
                let all_of_it = to.saturating_sub(columns).min(from);
                self.left = if to <= columns { 0 } else { some_before.max(all_of_it) };
            }
        }
        self.follow = false;
        self.top = self.back((number, row), height / 2, ring, width);
    }

    /// The next line with the searched text, from this one on; wraps around the end.
    fn found(&self, ring: &Ring, from: u64, direction: Direction) -> Option<u64> {
        let hits: Vec<u64> = ring
            .iter()
            .filter(|entry| holds(&self.plain(entry), &self.search))
            .map(|entry| entry.number)
            .collect();
        match direction {
            Direction::Newer => hits.iter().find(|hit| from <= **hit).or(hits.first()).copied(),
            Direction::Older => {
                hits.iter().rev().find(|hit| **hit <= from).or(hits.last()).copied()
            }
        }
    }
}

/// Where the search for the next match begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Newer,
    Older,
}

impl Model {
    /// The lines of the shown container.
    pub(in crate::ui) fn ring(&self) -> Option<&Ring> {
        self.seen().rings.get(&self.detail.as_ref()?.key)
    }

    fn detail_size(&self) -> (usize, usize) {
        let layout = self.layout();
        (usize::from(self.size.0), usize::from(layout.lines))
    }

    pub(super) fn on_detail_key(&mut self, key: Key) -> Effect {
        let size = self.detail_size();
        let ring = self.ring().cloned().unwrap_or_default();
        let Some(detail) = &mut self.detail else {
            return Effect::Nothing;
        };
        match key {
            Key::Esc if detail.search.is_empty() => self.detail = None,
            Key::Esc => (detail.search, detail.hit) = (String::new(), None),
            Key::Char('/') => {
                detail.search.clear();
                detail.typing = true;
            }
            Key::Char('n') => self.next_hit(&ring, Direction::Newer),
            Key::Char('N') => self.next_hit(&ring, Direction::Older),
            Key::Char('w') => (detail.wrap, detail.left) = (!detail.wrap, 0),
            Key::Char('t') => detail.timestamps = !detail.timestamps,
            Key::Char('v') => (detail.form, detail.left) = (detail.form.other(), 0),
            Key::Char('f') => {
                detail.top = detail.first(&ring, size);
                detail.follow = !detail.follow;
            }
            Key::Left | Key::Char('h') => detail.left = detail.left.saturating_sub(SIDEWAYS),
            Key::Right | Key::Char('l') if !detail.wrap => detail.left += SIDEWAYS,
            _ if detail.moved(key, &ring, size) => {}
            _ => return Effect::Nothing,
        }
        Effect::Draw
    }

    /// Takes a key while the searched text is being typed: each key searches at once.
    pub(super) fn on_search_key(&mut self, key: Key) {
        let ring = self.ring().cloned().unwrap_or_default();
        let Some(detail) = &mut self.detail else {
            return;
        };
        if typed(&mut detail.search, key) {
            detail.hit = None;
            return;
        }
        detail.typing = false;
        if key == Key::Esc {
            (detail.search, detail.hit) = (String::new(), None);
        } else {
            // The newest match first, since the user looks at the newest lines.
            detail.hit = None;
            self.next_hit(&ring, Direction::Older);
        }
    }

    fn next_hit(&mut self, ring: &Ring, direction: Direction) {
        let size = self.detail_size();
        let Some(detail) = &mut self.detail else {
            return;
        };
        if detail.search.is_empty() {
            "nothing is looked for: / begins".clone_into(&mut self.answer);
            return;
        }
        let from = match (detail.hit, direction) {
            (Some(hit), Direction::Newer) => hit + 1,
            (Some(hit @ 1..), Direction::Older) => hit - 1,
            (Some(0), Direction::Older) | (None, _) => u64::MAX,
        };
        match detail.found(ring, from, direction) {
            Some(hit) => {
                detail.hit = Some(hit);
                detail.reveal(hit, ring, size);
            }
            None => self.answer = format!("`{}` is in none of the lines", detail.search),
        }
    }

    /// Dropped lines cannot be the first visible ones.
    pub(super) fn settle_detail(&mut self) {
        let size = self.detail_size();
        let Some(ring) = self.ring() else {
            return;
        };
        let Some(detail) = &self.detail else {
            return;
        };
        let first = detail.first(ring, size);
        if let Some(detail) = &mut self.detail {
            detail.top = first;
        }
    }
}
