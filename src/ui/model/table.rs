//! The table: which rows, in which order, which of them the cursor is on, which columns.

use std::collections::BTreeSet;

use super::Key;
use crate::engine::rows::Row;
use crate::engine::source::ContainerKey;
use crate::format::columns::{Column, by_attention};
use crate::snapshot::Snapshot;
use crate::sort::sort_by;

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Sort {
    /// What needs eyes comes first.
    Attention,
    /// A column.
    By(Column),
}

/// The table's own state.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Table {
    /// Rows whose host, name, state or stream hold this text are shown.
    pub(in crate::ui) filter: String,
    /// The filter is being typed.
    pub(in crate::ui) typing: bool,
    /// The order.
    pub(in crate::ui) sort: Sort,
    /// The other way round.
    pub(in crate::ui) reverse: bool,
    /// The columns that there are.
    pub(in crate::ui) columns: &'static [Column],
    /// Columns that are not shown.
    pub(in crate::ui) hidden: BTreeSet<Column>,
    /// The container that the cursor is on: it stays there however rows move.
    pub(in crate::ui) selected: Option<ContainerKey>,
    /// Its place when it was last seen.
    at: usize,
    /// The first row that is shown.
    pub(in crate::ui) offset: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            filter: String::new(),
            typing: false,
            sort: Sort::Attention,
            reverse: false,
            columns: Column::of(1),
            hidden: BTreeSet::new(),
            selected: None,
            at: 0,
            offset: 0,
        }
    }
}

impl Table {
    /// The rows that are shown, in order.
    pub(in crate::ui) fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Row> {
        let mut rows: Vec<&Row> = snapshot.rows.iter().filter(|row| self.passes(row)).collect();
        sort_by(&mut rows, |one, other| {
            let order = match self.sort {
                Sort::Attention => by_attention(one, other),
                Sort::By(column) => column.order(one, other),
            };
            if self.reverse { order.reverse() } else { order }
        });
        rows
    }

    /// Small letters match large ones too; large ones only themselves.
    fn passes(&self, row: &Row) -> bool {
        let text = |column: Column| column.text(row, &jiff::tz::TimeZone::UTC);
        self.filter.is_empty()
            || [Column::Host, Column::Name, Column::State, Column::Stream]
                .iter()
                .any(|column| holds(&text(*column), &self.filter))
    }

    /// Takes a key while the filter is being typed.
    pub(super) fn on_typed(&mut self, key: Key) {
        if !typed(&mut self.filter, key) {
            self.typing = false;
            if key == Key::Esc {
                self.filter.clear();
            }
        }
    }

    /// Sorts by the next column that is shown.
    pub(super) fn next_sort(&mut self) {
        let shown: Vec<Column> =
            self.columns.iter().copied().filter(|column| !self.hidden.contains(column)).collect();
        let next = match self.sort {
            Sort::Attention => 0,
            Sort::By(column) => shown.iter().position(|one| *one == column).map_or(0, |at| at + 1),
        };
        self.sort = shown.get(next).map_or(Sort::Attention, |column| Sort::By(*column));
        self.reverse = false;
    }

    /// The order in words: its column may have no room.
    pub(super) fn order(&self) -> String {
        let by = match self.sort {
            Sort::Attention => "attention",
            Sort::By(column) => column.title(),
        };
        format!("sorted by {by}{}", if self.reverse { ", reversed" } else { "" })
    }

    /// Takes a key while columns are chosen: where the cursor is then, and whether that is over.
    pub(super) fn on_columns_key(&mut self, at: usize, key: Key) -> (usize, bool) {
        let last = self.columns.len() - 1;
        match key {
            Key::Up | Key::Char('k') => return (at.saturating_sub(1), false),
            Key::Down | Key::Char('j') => return ((at + 1).min(last), false),
            Key::Home | Key::Char('g') => return (0, false),
            Key::End | Key::Char('G') => return (last, false),
            Key::Char('s') => {
                self.sort = Sort::By(self.columns[at]);
                self.reverse = false;
            }
            // A row without a name means nothing.
            Key::Char(' ' | 'x') if self.columns[at] != Column::Name => {
                let column = self.columns[at];
                if !self.hidden.remove(&column) {
                    self.hidden.insert(column);
                }
            }
            Key::Char('c') | Key::Enter => return (at, true),
            _ => {}
        }
        (at, false)
    }

    /// Moves the cursor. Returns whether the key was for that.
    pub(super) fn moved(&mut self, key: Key, rows: &[ContainerKey], page: usize) -> bool {
        let last = rows.len().saturating_sub(1);
        let page = page.saturating_sub(1).max(1);
        let to = match key {
            Key::Up | Key::Char('k') => self.at.saturating_sub(1),
            Key::Down | Key::Char('j') => (self.at + 1).min(last),
            Key::PageUp => self.at.saturating_sub(page),
            Key::PageDown => (self.at + page).min(last),
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            _ => return false,
        };
        self.at = to;
        self.selected = rows.get(to).cloned();
        true
    }

    /// The cursor stays on its container, or on its place where that is gone; and it stays in sight.
    pub(super) fn settle(&mut self, rows: &[ContainerKey], page: usize) {
        let found = rows.iter().position(|key| Some(key) == self.selected.as_ref());
        self.at = found.unwrap_or(self.at.min(rows.len().saturating_sub(1)));
        // A filter that is being typed hides it only for a while.
        if found.is_none() && !self.typing {
            self.selected = rows.get(self.at).cloned();
        }
        let page = page.max(1);
        let top = rows.len().saturating_sub(page);
        self.offset = self.offset.min(self.at).max((self.at + 1).saturating_sub(page)).min(top);
    }
}

/// Takes a key into a text that is typed. Returns whether typing goes on.
pub(super) fn typed(text: &mut String, key: Key) -> bool {
    match key {
        Key::Char(character) => text.push(character),
        Key::Backspace => {
            text.pop();
        }
        Key::Clear => text.clear(),
        Key::Enter | Key::Esc => return false,
        _ => {}
    }
    true
}

/// Whether a text holds another one. Small letters match large ones too; large ones only themselves.
pub(super) fn holds(text: &str, wanted: &str) -> bool {
    place(text, wanted).is_some()
}

/// From where to where in a text another one stands first, in bytes; roughly, where letters change their
/// length when they are made small.
pub(super) fn place(text: &str, wanted: &str) -> Option<(usize, usize)> {
    let (at, length) = match wanted.chars().any(char::is_uppercase) {
        true => (text.find(wanted)?, wanted.len()),
        false => {
            let wanted = wanted.to_lowercase();
            (text.to_lowercase().find(&wanted)?, wanted.len())
        }
    };
    Some((at, at + length))
}
