//! The model of the screen: takes keys, snapshots and events, and returns effects.
//!
//! It uses no terminal, clock or engine. The screen is a function of the model ([`view`](super::view)), and the
//! [`thread`](super::thread) carries out the effects.

mod detail;
mod keyboard;
mod on_key;
mod table;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::history::History;
use super::ring::Ring;
use crate::engine::event::Event;
use crate::engine::source::ContainerKey;
use crate::filter::Patterns;
use crate::format::Colors;
use crate::format::pretty::LineForm;
use crate::snapshot::Snapshot;
pub(super) use detail::{Detail, Row as DetailRow};
pub(super) use keyboard::Key;
pub(super) use table::{Sort, Table};

/// An input.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// A key was pressed.
    Key(Key),
    /// The new size of the terminal in columns and rows.
    Resized(u16, u16),
    /// A new snapshot.
    Looked(Box<Snapshot>),
    /// An event of the engine.
    Event(Event),
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// No visible change.
    Nothing,
    /// Draw.
    Draw,
    /// Redraw everything: another program may have written to the terminal.
    Redraw,
    /// Draw, and rotate this container's stream.
    Rotate(ContainerKey),
    /// Restore the terminal and suspend cmon.
    Suspend,
    /// End.
    Quit,
    /// End as by Ctrl-C.
    Interrupt,
}

/// The number of rows in the help.
pub(super) const HELP_ROWS: usize = 22;

/// The overlay over the table or the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlay {
    /// Nothing.
    None,
    /// The help, and the number of its rows hidden above.
    Help(usize),
    /// The choice of columns, and the column under the cursor.
    Columns(usize),
}

/// The data from the engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The last snapshot.
    pub(super) snapshot: Snapshot,
    /// The history of the last minutes.
    pub(super) history: History,
    /// The last lines of each container.
    pub(super) rings: BTreeMap<ContainerKey, Ring>,
    /// The last notice of any container.
    pub(super) headline: String,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// The terminal's columns and rows.
    pub(super) size: (u16, u16),
    /// Whether the screen has colors.
    pub(super) colors: Colors,
    /// Whether the shown containers were named.
    pub(super) named: bool,
    /// The initial form of lines.
    pub(super) form: LineForm,
    /// The highlighted patterns.
    pub(super) highlight: Arc<Patterns>,
    /// The time zone for times of day.
    pub(super) zone: TimeZone,
    live: Seen,
    /// The data shown while the screen is paused.
    still: Option<Box<Seen>>,
    /// The table.
    pub(super) table: Table,
    /// The lines of one container, if open.
    pub(super) detail: Option<Detail>,
    /// The overlay.
    pub(super) overlay: Overlay,
    /// The result of the last key, if it is not visible otherwise.
    pub(super) answer: String,
}

#[cfg(test)]
mod tests;
