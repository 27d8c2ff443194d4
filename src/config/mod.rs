//! The configuration of a run: [`Config`] is valid and complete. A pure function makes it from the arguments and the
//! [`Surroundings`], so that every rule of the command line is a table test.

mod contexts;
mod daemon;
mod error;
mod leak_check;
mod line_filters;
mod look;
mod resolve;
mod selection;
mod surroundings;
mod tail;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use crate::cursor::Start;
use crate::directory::Settings;
use crate::docker::RequestOptions;
use crate::engine::selection::Selection;
use crate::{engine, output};
pub use contexts::{ContextError, Contexts};
pub use daemon::{Daemon, Daemons};
pub use error::UsageError;
pub use leak_check::{Check, Form as LeakForm, LeakCheck, Work};
pub use line_filters::Events;
pub use surroundings::{FileKind, Github, Surroundings};
pub use watch::{Watch, WatchForm};

/// All settings of a command.
#[derive(Clone, Debug)]
pub struct Config {
    /// The daemons.
    pub daemons: Daemons,
    /// The settings of requests.
    pub requests: RequestOptions,
    /// The selected containers.
    pub selection: Selection,
    /// How the engine follows.
    pub engine: engine::Config,
    /// The output.
    pub output: output::Config,
    /// The trace level: 0 nothing, 1 events, 2 everything.
    pub verbosity: u8,
    /// The command.
    pub action: Action,
}

/// The command with its settings.
#[derive(Clone, Debug)]
pub enum Action {
    /// `cmon tail`.
    Tail(Box<Events>, Option<Cursor>),
    /// `cmon watch`.
    Watch(Box<Watch>),
    /// `--dry-run` of one of these.
    DryRun(DryRun),
    /// `cmon leak-check`.
    LeakCheck(Box<LeakCheck>),
}

/// The form of `--dry-run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// As a table.
    Text,
    /// One JSON object per container.
    Json,
}

/// The cursor of `cmon tail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its file.
    pub path: PathBuf,
    /// How the run begins.
    pub start: Start,
    /// How long removed containers stay in it.
    pub keep: Duration,
    /// The output directory instead of stdout, which contains the cursor.
    pub directory: Option<(PathBuf, Settings)>,
}

#[cfg(test)]
mod tests;
