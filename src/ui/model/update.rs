//! The update: from each input to its effect.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::detail::Detail;
use super::table::Table;
use super::{Effect, HELP_ROWS, Input, Model, Overlay, Seen};
use crate::engine::event::Event;
use crate::engine::rows::StreamState;
use crate::engine::source::ContainerKey;
use crate::format::columns::Column;
use crate::format::pretty::LineForm;
use crate::format::{Colors, clean, headline};
use crate::snapshot::Snapshot;
use crate::ui::layout::Layout;
use crate::ui::ring::share;

impl Model {
    /// An empty screen of this size.
    pub(in crate::ui) fn new(size: (u16, u16), colors: Colors, zone: TimeZone) -> Self {
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

    /// Takes an input.
    pub(in crate::ui) fn update(&mut self, input: Input) -> Effect {
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

    /// The shown data: the latest, or that of the pause.
    pub(in crate::ui) fn seen(&self) -> &Seen {
        self.still.as_deref().unwrap_or(&self.live)
    }

    /// Whether the screen is paused.
    pub(in crate::ui) fn is_paused(&self) -> bool {
        self.still.is_some()
    }

    /// The layout.
    pub(in crate::ui) fn layout(&self) -> Layout {
        Layout::of(self.size, self.seen().snapshot.daemons.len())
    }

    fn on_look(&mut self, snapshot: Snapshot) -> Effect {
        self.live.history.add(&snapshot);
        let gone = |key: &ContainerKey| !snapshot.rows.iter().any(|row| row.key == *key);
        // The lines of an open container stay readable.
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

    /// The number of rows of the help without room.
    pub(in crate::ui) fn help_hidden(&self) -> usize {
        HELP_ROWS.saturating_sub(usize::from(self.size.1.saturating_sub(2)))
    }

    /// The container that keys act on.
    pub(in crate::ui) fn chosen(&self) -> Option<ContainerKey> {
        match &self.detail {
            Some(detail) => Some(detail.key.clone()),
            None => self.table.selected.clone(),
        }
    }

    pub(super) fn rotate(&mut self) -> Effect {
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

    pub(super) fn pause(&mut self) {
        self.still = match self.still.take() {
            Some(_) => None,
            None => Some(Box::new(self.live.clone())),
        };
    }

    pub(super) fn open_detail(&mut self) {
        let rows = &self.seen().snapshot.rows;
        let chosen = rows.iter().find(|row| Some(&row.key) == self.table.selected.as_ref());
        self.detail = chosen.map(|row| {
            let mut detail = Detail::of(row.key.clone(), &row.name, self.form);
            detail.highlight = Arc::clone(&self.highlight);
            detail
        });
    }

    /// Adjusts cursor and scroll positions to the data.
    fn settle(&mut self) {
        let page = usize::from(self.layout().rows);
        let rows = self.table.rows(&self.seen().snapshot);
        let keys: Vec<ContainerKey> = rows.iter().map(|row| row.key.clone()).collect();
        self.table.settle(&keys, page);
        self.settle_detail();
    }
}
