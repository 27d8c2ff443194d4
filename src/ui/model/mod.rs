//! What is on the screen, as a value: keys, snapshots and lines go in, what to do comes out.
//!
//! Nothing here knows a terminal, a clock or the engine; the screen is a function of this
//! ([`view`](super::view)), and what acts is the [`thread`](super::thread).

mod detail;
mod keys;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

pub(super) use detail::{Detail, Row as DetailRow};
pub(super) use keys::Key;
pub(super) use table::{Sort, Table};

use super::history::History;
use super::layout::Layout;
use super::ring::{Ring, share};
use crate::engine::event::Event;
use crate::engine::rows::StreamState;
use crate::engine::source::ContainerKey;
use crate::filter::Patterns;
use crate::format::columns::Column;
use crate::format::pretty::LineForm;
use crate::format::{Colors, clean, headline};
use crate::snapshot::Snapshot;

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// A key was pressed.
    Key(Key),
    /// The terminal has this many columns and rows.
    Resized(u16, u16),
    /// The figures of this moment.
    Looked(Box<Snapshot>),
    /// The engine says something.
    Event(Event),
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that is seen has changed.
    Nothing,
    /// Something has: draw.
    Draw,
    /// Draw everything anew: something else may have written on the terminal.
    Redraw,
    /// Something has, and this container's stream is to be rotated.
    Rotate(ContainerKey),
    /// Give the terminal back and stop until somebody goes on.
    Suspend,
    /// End.
    Quit,
    /// End as by Ctrl-C.
    Interrupt,
}

/// The rows of the help.
pub(super) const HELP_ROWS: usize = 22;

/// What lies over the table or the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlay {
    /// Nothing.
    None,
    /// The keys, and how many of their rows are hidden above.
    Help(usize),
    /// The columns, and which of them the cursor is on.
    Columns(usize),
}

/// What came from the engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The last figures.
    pub(super) snapshot: Snapshot,
    /// The last minutes.
    pub(super) history: History,
    /// The last lines of each container.
    pub(super) rings: BTreeMap<ContainerKey, Ring>,
    /// The last notice of any container.
    pub(super) headline: String,
}

/// All that is on the screen.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// The terminal's columns and rows.
    pub(super) size: (u16, u16),
    /// Colours are wanted.
    pub(super) colors: Colors,
    /// The containers that are shown were named.
    pub(super) named: bool,
    /// How lines are shown at first.
    pub(super) form: LineForm,
    /// What is highlighted in lines.
    pub(super) highlight: Arc<Patterns>,
    /// For times of day.
    pub(super) zone: TimeZone,
    live: Seen,
    /// What is shown while the screen is paused.
    still: Option<Box<Seen>>,
    /// The table.
    pub(super) table: Table,
    /// The lines of one container, where they are shown.
    pub(super) detail: Option<Detail>,
    /// What lies over that.
    pub(super) overlay: Overlay,
    /// What the last key did, where that is not to be seen otherwise.
    pub(super) answer: String,
}

impl Model {
    /// A screen of this size, with nothing to show yet.
    pub(super) fn new(size: (u16, u16), colors: Colors, zone: TimeZone) -> Self {
        Self {
            size,
            colors,
            named: false,
            form: LineForm::Plain,
            highlight: Arc::default(),
            zone,
            live: Seen::default(),
            still: None,
            table: Table::default(),
            detail: None,
            overlay: Overlay::None,
            answer: String::new(),
        }
    }

    /// Takes what happened.
    pub(super) fn update(&mut self, input: Input) -> Effect {
        let effect = match input {
            Input::Key(key) => self.on_key(key),
            Input::Resized(columns, rows) => {
                self.size = (columns, rows);
                Effect::Draw
            }
            Input::Looked(snapshot) => self.on_look(*snapshot),
            Input::Event(event) => self.on_event(&event),
        };
        if effect != Effect::Nothing {
            self.settle();
        }
        effect
    }

    /// What is shown: what came last, or what was there when the screen was paused.
    pub(super) fn seen(&self) -> &Seen {
        self.still.as_deref().unwrap_or(&self.live)
    }

    /// Whether the screen is paused.
    pub(super) fn is_paused(&self) -> bool {
        self.still.is_some()
    }

    /// Where everything is.
    pub(super) fn layout(&self) -> Layout {
        Layout::of(self.size, self.seen().snapshot.daemons.len())
    }

    fn on_look(&mut self, snapshot: Snapshot) -> Effect {
        self.live.history.add(&snapshot);
        let gone = |key: &ContainerKey| !snapshot.rows.iter().any(|row| row.key == *key);
        // What is looked at stays to be read.
        let open = self.detail.as_ref().map(|detail| detail.key.clone());
        self.live.rings.retain(|key, _| !gone(key) || open.as_ref() == Some(key));
        self.table.columns = Column::of(snapshot.daemons.len());
        self.live.snapshot = snapshot;
        self.draw_unless_paused()
    }

    fn on_event(&mut self, event: &Event) -> Effect {
        if let Event::Lines(lines) = event {
            let limit = share(self.live.snapshot.rows.len());
            let key = &lines.label.key;
            self.live.rings.entry(key.clone()).or_default().add(lines, limit);
            return match &self.detail {
                Some(detail) if detail.key == *key => self.draw_unless_paused(),
                _ => Effect::Nothing,
            };
        }
        if let Some(text) = headline(event, &self.zone) {
            self.live.headline = text;
        }
        self.draw_unless_paused()
    }

    fn draw_unless_paused(&self) -> Effect {
        if self.is_paused() { Effect::Nothing } else { Effect::Draw }
    }

    fn on_key(&mut self, key: Key) -> Effect {
        self.answer.clear();
        match key {
            Key::Interrupt => return Effect::Interrupt,
            Key::Suspend => return Effect::Suspend,
            Key::Redraw => return Effect::Redraw,
            _ => {}
        }
        if self.is_typing() {
            return self.on_typed(key);
        }
        if self.overlay != Overlay::None {
            return self.on_overlay_key(key);
        }
        match key {
            Key::Char('q') => return Effect::Quit,
            Key::Char('?') => self.overlay = Overlay::Help(0),
            Key::Char('p') => self.pause(),
            Key::Char('r') => return self.rotate(),
            _ if self.detail.is_some() => return self.on_detail_key(key),
            _ => return self.on_table_key(key),
        }
        Effect::Draw
    }

    fn is_typing(&self) -> bool {
        match &self.detail {
            Some(detail) => detail.typing,
            None => self.table.typing,
        }
    }

    fn on_typed(&mut self, key: Key) -> Effect {
        match &mut self.detail {
            Some(_) => self.on_search_key(key),
            None => self.table.on_typed(key),
        }
        Effect::Draw
    }

    fn on_overlay_key(&mut self, key: Key) -> Effect {
        match (self.overlay, key) {
            (_, Key::Char('q') | Key::Esc) => self.overlay = Overlay::None,
            (Overlay::Columns(at), _) => {
                let (at, done) = self.table.on_columns_key(at, key);
                self.overlay = if done { Overlay::None } else { Overlay::Columns(at) };
            }
            (Overlay::Help(top), _) if 0 < self.help_hidden() => {
                let last = self.help_hidden();
                let page = (HELP_ROWS - last).saturating_sub(1).max(1);
                let to = match key {
                    Key::Up | Key::Char('k') => Some(top.saturating_sub(1)),
                    Key::Down | Key::Char('j') => Some(top + 1),
                    Key::PageUp => Some(top.saturating_sub(page)),
                    Key::PageDown | Key::Char(' ') => Some(top + page),
                    Key::Home | Key::Char('g') => Some(0),
                    Key::End | Key::Char('G') => Some(last),
                    _ => None,
                };
                self.overlay = to.map_or(Overlay::None, |to| Overlay::Help(to.min(last)));
            }
            // Any key closes a help that is seen as a whole.
            _ => self.overlay = Overlay::None,
        }
        Effect::Draw
    }

    /// The rows of the help that there is no room for.
    pub(super) fn help_hidden(&self) -> usize {
        HELP_ROWS.saturating_sub(usize::from(self.size.1.saturating_sub(2)))
    }

    fn on_table_key(&mut self, key: Key) -> Effect {
        match key {
            Key::Char('c') => self.overlay = Overlay::Columns(0),
            Key::Enter => self.open_detail(),
            Key::Char('s' | 'S') => {
                match key {
                    Key::Char('s') => self.table.next_sort(),
                    _ => self.table.reverse = !self.table.reverse,
                }
                self.answer = self.table.order();
            }
            Key::Char('/') => self.table.typing = true,
            Key::Esc if self.table.filter.is_empty() => return Effect::Nothing,
            Key::Esc => self.table.filter.clear(),
            _ => {
                let page = usize::from(self.layout().rows);
                let rows = self.table.rows(&self.seen().snapshot);
                let keys: Vec<ContainerKey> = rows.iter().map(|row| row.key.clone()).collect();
                if !self.table.moved(key, &keys, page) {
                    return Effect::Nothing;
                }
            }
        }
        Effect::Draw
    }

    /// The container that keys are about.
    pub(super) fn chosen(&self) -> Option<ContainerKey> {
        match &self.detail {
            Some(detail) => Some(detail.key.clone()),
            None => self.table.selected.clone(),
        }
    }

    fn rotate(&mut self) -> Effect {
        let rows = &self.seen().snapshot.rows;
        let chosen = self.chosen();
        let row = rows.iter().find(|row| Some(&row.key) == chosen.as_ref());
        let Some(row) = row else {
            return Effect::Nothing;
        };
        let (key, name) = (row.key.clone(), clean(&row.name));
        match row.stream {
            StreamState::Ended { .. } | StreamState::Waiting | StreamState::Draining => {
                self.answer = format!("{name} has no stream to rotate");
                return Effect::Draw;
            }
            StreamState::BackingOff { .. } => self.answer = format!("trying {name} again now"),
            _ => self.answer = format!("rotating {name}"),
        }
        Effect::Rotate(key)
    }

    fn pause(&mut self) {
        self.still = match self.still.take() {
            Some(_) => None,
            None => Some(Box::new(self.live.clone())),
        };
    }

    fn open_detail(&mut self) {
        let rows = &self.seen().snapshot.rows;
        let chosen = rows.iter().find(|row| Some(&row.key) == self.table.selected.as_ref());
        self.detail = chosen.map(|row| {
            let mut detail = Detail::of(row.key.clone(), &row.name, self.form);
            detail.highlight = Arc::clone(&self.highlight);
            detail
        });
    }

    /// Brings what the keys point at in line with what there is.
    fn settle(&mut self) {
        let page = usize::from(self.layout().rows);
        let rows = self.table.rows(&self.seen().snapshot);
        let keys: Vec<ContainerKey> = rows.iter().map(|row| row.key.clone()).collect();
        self.table.settle(&keys, page);
        self.settle_detail();
    }
}
