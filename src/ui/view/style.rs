//! Colors and weights of the screen.

use ratatui::style::{Color, Modifier, Style};

use super::Look;
use crate::format::Colors;

impl Look {
    fn colored(self, color: Color) -> Style {
        if self.colors == Colors::On { Style::default().fg(color) } else { Style::default() }
    }

    pub(super) fn well(self) -> Style {
        self.colored(Color::Green)
    }

    pub(super) fn unusual(self) -> Style {
        self.colored(Color::Yellow)
    }

    pub(super) fn wrong(self) -> Style {
        self.colored(Color::Red).add_modifier(Modifier::BOLD)
    }
}

/// Less important.
pub(super) fn quiet() -> Style {
    Style::default().add_modifier(Modifier::DIM)
}

/// The subject of a part.
pub(super) fn title() -> Style {
    Style::default().add_modifier(Modifier::BOLD)
}

/// The row under the cursor.
pub(super) fn bar() -> Style {
    Style::default().add_modifier(Modifier::REVERSED)
}
