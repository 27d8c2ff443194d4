//! The action of each key, by the open part of the screen.

use super::keyboard::Key;
use super::{Effect, HELP_ROWS, Model, Overlay};
use crate::engine::source::ContainerKey;

impl Model {
    pub(super) fn on_key(&mut self, key: Key) -> Effect {
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
            // Any key closes a help that is completely visible.
            _ => self.overlay = Overlay::None,
        }
        Effect::Draw
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
}
