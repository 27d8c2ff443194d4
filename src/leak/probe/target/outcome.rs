//! What comes of a target: it cannot be watched, or each reading of it has an outcome.

use std::fmt;
use std::time::Duration;

use super::absent::{NotFound, tried};
use crate::engine::source::{ErrorKind, SourceError};
use crate::leak::reasons::{CutReason, ProcessError, SeveralSign, UnavailableReason};

/// Why a target cannot be watched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum TargetStartError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("a container target needs a Docker daemon, and there is none")]
    NoDaemon,
    /// The daemon does not know the container.
    #[error(transparent)]
    Container(#[from] SourceError),
    /// The container has no process that can be watched.
    #[error("{0}")]
    NotRunning(UnavailableReason),
    /// It runs elsewhere, and the daemon does not report its threads.
    #[error("{}; {error}", UnavailableReason::NotOnThisMachine)]
    NoThreads { error: SourceError },
    #[error("{0}")]
    NotFound(Box<NotFound>),
    /// Nothing was found at any of the usual paths.
    #[error("nothing to measure at the usual paths: {}{}", tried(.0), naming_of(.0))]
    NothingFound(Vec<NotFound>),
    #[error("it did not answer within {0:?}")]
    Timeout(Duration),
    /// None of its figures decides; one that could be named, as it is typed.
    #[error("it shows nothing that decides by itself: {others}")]
    NoDecidingFigure { others: OtherFigures, example: Option<String> },
}

impl From<NotFound> for TargetStartError {
    fn from(error: NotFound) -> Self {
        Self::NotFound(Box::new(error))
    }
}

impl TargetStartError {
    /// What to do about it, where that is known.
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
    let naming = all.iter().rev().find_map(|one| one.naming.as_ref());
    naming.map(|naming| format!("; {naming}")).unwrap_or_default()
}

/// Why a target has no counter of cycles by a name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CyclesError {
    #[error("it is read from outside; only http:// targets have counters")]
    NotHttp,
    /// Where it was looked for.
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

/// Figures of a target that do not decide by themselves.
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

/// What a reading of one target found out about its series.
#[derive(Debug, Default)]
pub(super) struct ReadOutcome {
    /// The series starts anew.
    pub(super) restart: Option<CutReason>,
    /// It is the same that was read before, for sure.
    pub(super) same: bool,
    /// Several processes answer in turn: its figures are of none of them.
    pub(super) several: Option<SeveralSign>,
}
