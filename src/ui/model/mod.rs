//! What is on the screen, as a value: keys, snapshots and lines go in, what to do comes out.
//!
//! Nothing here knows a terminal, a clock or the engine; the screen is a function of this
//! ([`view`](super::view)), and what acts is the [`thread`](super::thread).

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

#[cfg(test)]
mod tests;
