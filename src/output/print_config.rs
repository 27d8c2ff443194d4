//! The configuration of the printer: forms, colors, times, and the destination.

use jiff::tz::TimeZone;

use crate::format::Colors;
use crate::format::stamp::Stamp;
use crate::format::template::Template;

/// How events are shown. Complete: the printer reads no environment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
pub struct Config {
    /// The form of lines.
    pub form: Form,
    /// The daemon's timestamp before each line.
    pub stamp: Option<Stamp>,
    /// The template of [`Form::Template`].
    pub template: Option<Template>,
    /// Show JSON and logfmt lines as level, message and fields.
    pub pretty: bool,
    /// Remove escape sequences from lines.
    pub strip_escapes: bool,
    /// The zone of the times in gaps and notes.
    pub zone: TimeZone,
    /// stdout is a terminal, so control sequences in lines are made harmless.
    pub sanitize: bool,
    /// Colors on stdout.
    pub color_out: Colors,
    /// Colors on stderr.
    pub color_err: Colors,
    /// No notes; errors and gaps are still printed.
    pub quiet: bool,
    /// A status line on stderr.
    pub status: bool,
    /// When a summary ends the run.
    pub summary: Summary,
    /// The destination of lines.
    pub destination: Destination,
}

impl Config {
    /// Makes JSON safe for stdout: on a terminal, characters that could control it are escaped.
    pub(super) fn harmless_json(&self, json: Vec<u8>) -> Vec<u8> {
        if self.sanitize { crate::format::sanitize::clean_json(&json) } else { json }
    }
}

#[cfg(test)]
impl Config {
    /// This form with defaults, for tests.
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

/// The form of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The container's bytes unchanged: one container and stdout is not a terminal, or `-o raw`.
    Bare,
    /// One output line per line, whatever terminator the container writes.
    Text {
        /// With the container's name as prefix.
        prefix: bool,
    },
    /// One JSON object per line, for all events.
    Json,
    /// The template's result.
    Template,
}

/// The destination of lines.
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
