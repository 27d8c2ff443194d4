//! What is meant: [`Config`] is valid and complete, made from what was typed and from the
//! [`Surroundings`] by a pure function, so that every rule of the command line is a table test.

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

/// All that a command needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The daemons.
    pub daemons: Daemons,
    /// How a daemon is asked.
    pub requests: RequestOptions,
    /// Whose logs.
    pub selection: Selection,
    /// How to follow.
    pub engine: engine::Config,
    /// How to show it.
    pub output: output::Config,
    /// How much to trace: 0 nothing, 1 what happens, 2 everything.
    pub verbosity: u8,
    /// What to do.
    pub action: Action,
}

/// What cmon does.
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

/// How `--dry-run` lists containers.
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
    /// The directory that lines are written to, where they do not go to stdout. The cursor is in it.
    pub directory: Option<(PathBuf, Settings)>,
}

#[cfg(test)]
mod tests;
