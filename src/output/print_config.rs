//! How the printer prints: forms, colors, times, and where lines go.

use jiff::tz::TimeZone;

use crate::format::Colors;
use crate::format::stamp::Stamp;
use crate::format::template::Template;

/// How events are shown; complete, nothing is left to guess.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Config {
    /// How lines are written.
    pub form: Form,
    /// The daemon's timestamp before each line.
    pub stamp: Option<Stamp>,
    /// The template of [`Form::Template`].
    pub template: Option<Template>,
    /// JSON and logfmt lines are shown as level, message and fields.
    pub pretty: bool,
    /// Escape sequences are removed from what containers write.
    pub strip_escapes: bool,
    /// The zone of the times in gaps and notes.
    pub zone: TimeZone,
    /// stdout is a terminal: control sequences in what containers write are made harmless.
    pub sanitize: bool,
    /// Colours on stdout.
    pub color_out: Colors,
    /// Colours on stderr.
    pub color_err: Colors,
    /// No notes; errors and gaps are still printed.
    pub quiet: bool,
    /// A status line on stderr.
    pub status: bool,
    /// When a summary ends the run.
    pub summary: Summary,
    /// Where lines go.
    pub destination: Destination,
}

impl Config {
    /// JSON as it may be written to stdout: on a terminal, what could drive it is escaped.
    pub(super) fn harmless_json(&self, json: Vec<u8>) -> Vec<u8> {
        if self.sanitize { crate::format::sanitize::clean_json(&json) } else { json }
    }
}

#[cfg(test)]
impl Config {
    /// Nothing but the form, for tests.
    pub(crate) fn plain(form: Form) -> Self {
        Self {
            form,
            stamp: None,
            template: None,
            pretty: false,
            strip_escapes: false,
            zone: TimeZone::UTC,
            sanitize: false,
            color_out: Colors::Off,
            color_err: Colors::Off,
            quiet: false,
            status: false,
            summary: Summary::Never,
            destination: Destination::Stdout,
        }
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The bytes as the container wrote them: one container and stdout is no terminal, or `-o raw`.
    Bare,
    /// One line a line, whatever the container's line ends with.
    Text {
        /// The container's name comes first.
        prefix: bool,
    },
    /// One JSON object a line, for everything.
    Json,
    /// A line as the template makes it.
    Template,
}

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To stdout.
    Stdout,
    /// To the files of an output directory. Notes go to stderr.
    Files,
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
