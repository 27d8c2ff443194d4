//! Errors at the start of a target, and the outcome of each reading.

use std::fmt;
use std::time::Duration;

use super::absent::{NotFound, tried};
use crate::engine::source::{ErrorKind, SourceError};
use crate::probe::reasons::{CutReason, ProcessError, SeveralSign, UnavailableReason};

/// Why a target cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum TargetStartError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("a container target needs a Docker daemon, and there is none")]
    NoDaemon,
    /// The daemon does not know the container.
    #[error(transparent)]
    Container(#[from] SourceError),
    #[error("{0}")]
    NotRunning(UnavailableReason),
    /// The container is on another machine, and the daemon does not report its threads.
    #[error("{}; {error}", UnavailableReason::NotOnThisMachine)]
    NoThreads { error: SourceError },
    #[error("{0}")]
    NotFound(Box<NotFound>),
    /// No common path has metrics.
    #[error("nothing to measure at the usual paths: {}{}", tried(.0), naming_of(.0))]
    NothingFound(Vec<NotFound>),
    #[error("it did not answer within {0:?}")]
    Timeout(Duration),
    /// It has no gated metric. `example` selects one, as typed.
    #[error("it shows nothing that decides by itself: {others}")]
    NoDecidingFigure { others: OtherFigures, example: Option<String> },
}

impl From<NotFound> for TargetStartError {
    fn from(error: NotFound) -> Self {
        Self::NotFound(Box::new(error))
    }
}

impl TargetStartError {
    /// A hint for the user, if there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Process(ProcessError::Gone { .. }) => {
                "`ps -e` lists the processes; for one in a container, write container:NAME"
            }
            Self::Process(ProcessError::Denied { .. }) => {
                "run cmon as the user of the process, or as root"
            }
            Self::NoDaemon => "start the daemon, or name its socket with --host",
            Self::Container(error) if error.kind == ErrorKind::Gone => {
                "`docker ps` lists the containers that run"
            }
            Self::NotRunning(reason) if reason.is_gone() => {
                "start it with `docker start`; `docker ps` lists the containers that run"
            }
            Self::NotFound(not_found) => not_found.hint()?,
            Self::NothingFound(all) => all
                .iter()
                .find_map(NotFound::hint)
                .unwrap_or("give the path of its figures, as in http://HOST:PORT/path"),
            Self::NoDecidingFigure { example: Some(example), .. } => {
                return Some(format!("name a figure: --target '{example}'"));
            }
            Self::NoDecidingFigure { example: None, .. } => {
                "give a page with process figures (most client libraries have them), the pprof address, or \
                 one figure by its name: URL#NAME of Prometheus, URL#/json/pointer of JSON"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn naming_of(all: &[NotFound]) -> String {
    let naming = all.iter().rev().find_map(|not_found| not_found.naming.as_ref());
    naming.map(|naming| format!("; {naming}")).unwrap_or_default()
}

/// Why a target does not have the counter of cycles.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CyclesError {
    #[error("it is read from outside; only http:// targets have counters")]
    NotHttp,
    #[error("{}", each(.0))]
    NotFound(Vec<NotFound>),
}

fn each(tried: &[NotFound]) -> String {
    let tried: Vec<String> = tried.iter().map(ToString::to_string).collect();
    match tried.is_empty() {
        true => "it serves neither Prometheus figures nor JSON".to_owned(),
        false => tried.join("; "),
    }
}

/// Metrics of a target that are not gated by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum OtherFigures {
    #[default]
    None,
    /// The page has these names.
    Named { path: String, names: String },
    /// Go's expvar without goroutines.
    MemoryOnly { path: String },
}

impl fmt::Display for OtherFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("it has no figure at all"),
            Self::Named { path, names } => write!(f, "`{path}` has {names}"),
            Self::MemoryOnly { path } => write!(f, "`{path}` has no goroutines, only memory"),
        }
    }
}

/// The outcome of a reading of one target.
#[derive(Debug, Default)]
pub(super) struct ReadOutcome {
    /// The series starts again.
    pub(super) restart: Option<CutReason>,
    /// It is certainly the same process as before.
    pub(super) same: bool,
    /// Several processes answer in turn, so the check is invalid.
    pub(super) several: Option<SeveralSign>,
}
