//! The one printer: everything that cmon writes to stdout and stderr is written here.
//!
//! ```text
//!  engine ──bounded channel of Event──▶ Printer (its own thread)
//!                                        ├─ text | json ─▶ buffer ─▶ Out (stdout)
//!                                        ├─ note ─────────────────▶ Err (stderr)
//!                                        └─ status, twice a second ▶ Err, on a terminal
//! ```
//!
//! stdout is data, stderr is talk. The printer may block in a write for as long as the reader of
//! stdout likes; that holds the engine back through the channel and loses nothing. Nobody waits for
//! it beyond the stop deadline.

pub(crate) mod color;
mod error;
mod json;
mod note;
mod printer;
mod progress;
pub(crate) mod runner;
mod sanitize;
mod sink;
mod status;
pub(crate) mod summary;
mod text;
pub mod watch;

pub use error::error;
pub use note::{headline, told};
pub use printer::{Ended, Printer};
pub use progress::Progress;
pub use sanitize::clean;
pub use sink::{Sink, Sinks};

/// How events are shown; complete, nothing is left to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Config {
    /// How lines are written.
    pub form: Form,
    /// The daemon's timestamp before each line.
    pub timestamps: bool,
    /// stdout is a terminal: control sequences in what containers write are made harmless.
    pub sanitize: bool,
    /// Colours on stdout.
    pub color_out: bool,
    /// Colours on stderr.
    pub color_err: bool,
    /// No notes; errors and gaps are still told.
    pub quiet: bool,
    /// A status line on stderr.
    pub status: bool,
    /// When a summary ends the run.
    pub summary: Summary,
}

#[cfg(test)]
impl Config {
    /// Nothing but the form, for tests.
    fn plain(form: Form) -> Self {
        Self {
            form,
            timestamps: false,
            sanitize: false,
            color_out: false,
            color_err: false,
            quiet: false,
            status: false,
            summary: Summary::Never,
        }
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The bytes as the container wrote them: one container, and stdout is no terminal.
    Bare,
    /// One line a line, whatever the container's line ends with.
    Text {
        /// The container's name comes first.
        prefix: bool,
    },
    /// One JSON object a line, for everything.
    Json,
}

/// When a summary ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// Always.
    Always,
    /// When a signal ended it.
    OnSignal,
    /// Never.
    Never,
}
