//! The screen as a function of the [`Model`](crate::ui::model::Model); drawing changes nothing.
//!
//! ```text
//! ┌ head: daemon · machinery · rates · costs ────────────┐   ┌ one container's figures ┐
//! │ sparks: tasks, cycles, lines over the last minutes   │   │                         │
//! │ table: headings, and a row per container             │   │ its last lines          │
//! │ foot: the last notice; keys, or what is typed        │   │ keys, or what is typed  │
//! └──────────────────────────────────────────────────────┘   └─────────────────────────┘
//! ```

mod detail;
mod draw;
mod head;
mod overlay;
mod style;
mod table;

use crate::format::Colors;
pub(super) use draw::draw;
use draw::{answer_or, row, split};
use style::{bar, quiet, title};

/// The style of a part of the screen; without colors, the text carries the meaning.
#[derive(Clone, Copy, Debug)]
struct Look {
    colors: Colors,
}

#[cfg(test)]
mod tests;
