//! The table: its rows, order, cursor and columns.

use std::collections::BTreeSet;

use super::Key;
use crate::engine::rows::Row;
use crate::engine::source::ContainerKey;
use crate::format::columns::{Column, by_attention};
use crate::snapshot::Snapshot;
use crate::sort::sort_by;

/// A sort order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Sort {
    /// Rows that need attention first.
    Attention,
    /// A column.
    By(Column),
}

/// The state of the table.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Table {
    /// Only rows with this text in host, name, state or stream are shown.
    pub(in crate::ui) filter: String,
    /// Whether the filter is being typed.
    pub(in crate::ui) typing: bool,
    /// The sort order.
    pub(in crate::ui) sort: Sort,
    /// Whether it is reversed.
    pub(in crate::ui) reverse: bool,
    /// The existing columns.
    pub(in crate::ui) columns: &'static [Column],
    /// Hidden columns.
    pub(in crate::ui) hidden: BTreeSet<Column>,
    /// The container under the cursor: the cursor follows it when rows move.
    pub(in crate::ui) selected: Option<ContainerKey>,
    /// Its last index.
    at: usize,
    /// The first visible row.
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
    /// The visible rows, in order.
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

    /// Lower case matches upper case too; upper case only itself.
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

    /// Sorts by the next visible column.
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

    /// The order as text: its column may not be visible.
    pub(super) fn order(&self) -> String {
        let by = match self.sort {
            Sort::Attention => "attention",
            Sort::By(column) => column.title(),
        };
        format!("sorted by {by}{}", if self.reverse { ", reversed" } else { "" })
    }

    /// Takes a key in the choice of columns; returns the new cursor, and whether the choice is over.
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
            // A row needs its name.
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

    /// Moves the cursor. Returns whether the key did that.
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

    /// Keeps the cursor on its container, or on its index if that is gone; and keeps it visible.
    pub(super) fn settle(&mut self, rows: &[ContainerKey], page: usize) {
        let found = rows.iter().position(|key| Some(key) == self.selected.as_ref());
        self.at = found.unwrap_or(self.at.min(rows.len().saturating_sub(1)));
        // A filter that is being typed hides it only temporarily.
        if found.is_none() && !self.typing {
            self.selected = rows.get(self.at).cloned();
        }
        let page = page.max(1);
        let top = rows.len().saturating_sub(page);
        self.offset = self.offset.min(self.at).max((self.at + 1).saturating_sub(page)).min(top);
    }
}

/// Takes a key into a typed text. Returns whether typing continues.
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

/// Whether a text contains another one. Lower case matches upper case too; upper case only itself.
pub(super) fn holds(text: &str, wanted: &str) -> bool {
    place(text, wanted).is_some()
}

/// The byte range of the first occurrence of a text in another; approximate if lower case changes the length of
/// letters.
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
