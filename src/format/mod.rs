//! The form of values in all output: quantities, notes, colors, and the columns of the watch table.
//!
//! The screen, the plain text, the JSON and the reports share this folder. It writes no output itself.

pub(crate) mod color;
pub(crate) mod columns;
pub(crate) mod details;
pub(crate) mod escape;
pub(crate) mod figures;
pub(crate) mod note;
pub(crate) mod pretty;
pub(crate) mod runner;
pub(crate) mod sanitize;
pub(crate) mod sparkline;
pub(crate) mod stamp;
pub(crate) mod template;
pub(crate) mod units;

pub(crate) use note::{headline, last_notice};
pub(crate) use sanitize::clean;

/// Whether output has colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    /// With colors.
    On,
    /// Without colors.
    Off,
}

impl Colors {
    /// The text in this color; an empty color leaves it as it is.
    pub(crate) fn paint(self, color: &str, text: &str) -> String {
        match self {
            Self::On if !color.is_empty() => format!("{color}{text}{}", color::RESET),
            Self::On | Self::Off => text.to_owned(),
        }
    }
}
