//! The options of an engine, and its outcome.

use std::sync::Arc;
use std::time::Duration;

use super::backlog::{Backlog, Outputs};
use super::census::Census;
use super::position::Saved;
use super::runs::Runs;
use super::source::{DaemonId, ReadMode, SourceError};
use super::start::StartError;

/// How the engine follows.
#[derive(Clone, Debug)]
pub struct Config {
    /// Follow new lines, or end after the stored ones.
    pub mode: ReadMode,
    /// Follow for this long, and then until the daemon's clock has passed the last wanted time.
    pub follow_for: Option<Duration>,
    /// End when none of the selected containers runs.
    pub exit_on_stop: bool,
    /// Wait for a daemon that does not answer yet, and for containers that do not exist yet.
    pub wait: bool,
    /// The stored lines to show of containers that exist at the start.
    pub backlog: Backlog,
    /// The runs to show of containers that exist at the start.
    pub runs: Runs,
    /// The outputs to deliver.
    pub outputs: Outputs,
    /// The order of lines of several containers.
    pub order: LineOrder,
    /// Longer lines, in bytes, are delivered in pieces.
    pub max_line: usize,
    /// The age at which a stream is rotated, with a jitter of 10 %.
    pub stream_timeout: Duration,
    /// How long a stream may be quiet before cmon probes the daemon for newer lines.
    pub stale_after: Duration,
    /// How long a stop may take before cmon closes everything by force.
    pub stop_timeout: Duration,
    /// The positions that earlier runs saved. If set, lines carry the position for a later run.
    pub saved: Option<Arc<Saved>>,
    /// Seeds the jitter, for tests.
    pub seed: Option<u64>,
}

/// The order in which events deliver the lines of several containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOrder {
    /// In the order of reading: each container at its own speed.
    AsRead,
    /// By timestamp. Events announce the containers whose stored lines come first, and the end of each one's stored
    /// lines. Until then, no container runs far ahead of the others.
    ByTime,
}

impl Config {
    /// Whether new lines are followed.
    pub fn follows(&self) -> bool {
        self.mode == ReadMode::Follow
    }
}

impl Default for Config {
    /// All lines of both outputs, until the containers are gone, with the default deadlines of the command line.
    fn default() -> Self {
        Self {
            mode: ReadMode::Follow,
            follow_for: None,
            exit_on_stop: false,
            wait: false,
            backlog: Backlog::All,
            runs: Runs::All,
            outputs: Outputs::BOTH,
            order: LineOrder::AsRead,
            max_line: 1 << 20,
            stream_timeout: Duration::from_secs(300),
            stale_after: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(5),
            saved: None,
            seed: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The census after the end.
    pub census: Census,
    /// The census of each daemon, if there are several.
    pub by_daemon: Vec<(DaemonId, Census)>,
    /// Containers that cmon gave up, with the reasons.
    pub failures: Vec<(String, SourceError)>,
    /// Daemons that cmon left out, with the reasons.
    pub left_out: Vec<(DaemonId, StartError)>,
}
