//! The options of an engine, and its outcome.

use std::sync::Arc;
use std::time::Duration;

use super::backlog::{Backlog, Outputs};
use super::census::Census;
use super::position::Saved;
use super::runs::Runs;
use super::source::{DaemonId, SourceError};
use super::start::StartError;

/// How the engine follows.
#[derive(Clone, Debug)]
pub struct Config {
    /// Stay and deliver what comes; otherwise end after what is stored.
    pub follow: bool,
    /// Follow for this long only, and then until the daemon's clock has passed the last wanted time.
    pub follow_for: Option<Duration>,
    /// End when none of the selected containers runs any more.
    pub exit_on_stop: bool,
    /// Wait for a daemon that does not answer yet, and for containers that are not there yet.
    pub wait: bool,
    /// What is shown first of the containers that are there at the start.
    pub backlog: Backlog,
    /// The runs that are shown of the containers that are there at the start.
    pub runs: Runs,
    /// Which outputs are delivered.
    pub outputs: Outputs,
    /// In which order lines of several containers are wanted.
    pub order: LineOrder,
    /// Lines above this many bytes pass in pieces.
    pub max_line: usize,
    /// The age at which a stream is rotated, give or take a tenth.
    pub stream_timeout: Duration,
    /// How long a stream may be quiet before the daemon is asked whether it has more.
    pub stale_after: Duration,
    /// How long stopping may take before everything is closed by force.
    pub stop_timeout: Duration,
    /// What earlier runs have saved. With it, lines come with the position that a later run needs.
    pub saved: Option<Arc<Saved>>,
    /// Fixes the jitter, for tests.
    pub seed: Option<u64>,
}

/// The order of the lines of several containers in the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOrder {
    /// As they are read: each container as fast as it goes.
    AsRead,
    /// By their times. Events say which containers come first and when all that was stored of one has come, and no
    /// container runs far ahead of the others until then.
    ByTime,
}

impl Default for Config {
    /// All of both outputs, for as long as the containers are there, with the deadlines of the command line.
    fn default() -> Self {
        Self {
            follow: true,
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
    /// The same of each daemon, where there are several.
    pub by_daemon: Vec<(DaemonId, Census)>,
    /// Containers that were given up, with the reasons.
    pub failures: Vec<(String, SourceError)>,
    /// Daemons that were left out, with the reasons.
    pub left_out: Vec<(DaemonId, StartError)>,
}
