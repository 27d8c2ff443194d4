//! Why a figure, or all of a source, cannot be read.

use serde::Serialize;

use super::{Fall, Noted, ProcessError};
use crate::format::units::span;

/// Why a figure, or all of a source, cannot be read. Messages are of the operating system, of a library, or of a
/// parser.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum UnavailableReason {
    #[error("{error}")]
    Process { error: ProcessError },
    #[error("process {pid} has ended, and another one has its number now")]
    ProcessReplaced { pid: u32 },
    #[error("container `{container}` no longer exists")]
    ContainerRemoved { container: String },
    #[error("container `{container}` does not run ({state})")]
    ContainerNotRunning { container: String, state: String },
    #[error(
        "container `{container}` runs, but the daemon reports no pid for it, so that its processes cannot be \
         found"
    )]
    ContainerWithoutPid { container: String },
    #[error(
        "the container's processes cannot be seen from here: the daemon runs on another machine, or cmon in a \
         container"
    )]
    NotOnThisMachine,
    /// There is no connection, or no TLS; the message names the address.
    #[error("{message}")]
    Connection { message: String },
    #[error("{0}")]
    Status(Refusal),
    #[error("`{path}` was not answered within {}", span(*seconds))]
    NotAnswered { path: String, seconds: f64 },
    /// The connection broke, or what came is not HTTP.
    #[error("`{path}` could not be read: {message}")]
    Broken { path: String, message: String },
    /// An answer that is not of the form that was expected.
    #[error("`{path}`: {message}")]
    Answer { path: String, message: String },
    /// A figure in an answer that is absent or no count.
    #[error("{message}")]
    Figure { message: String },
    #[error("`{path}` reports 0 for `{name}`, which means that it is unknown")]
    ReportedZero { path: String, name: String },
    #[error("the daemon's profile is cut off")]
    ProfileCutOff,
    #[error("it is no longer shown")]
    NoLongerShown,
    /// Of all figures of a target.
    #[error("nothing can be read any more: {}", joined(causes))]
    NothingReadable { causes: Vec<Noted<Self>> },
    #[error(
        "{0}, though the target was not started again: it was set back, and cycles from just before that are \
         missing"
    )]
    CounterSetBack(Fall),
    #[error("it did not answer within {}", span(*seconds))]
    Timeout { seconds: f64 },
    #[error("it did not answer in time, and is left alone for a while")]
    Backoff,
    #[error("its groups could not be read: {cause}")]
    Groups { cause: Box<Self> },
}

fn joined(causes: &[Noted<UnavailableReason>]) -> String {
    match causes {
        [] => "it no longer shows its figures".to_owned(),
        causes => causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

/// An answer with a status other than 200.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("`{path}` was answered with status {status}{}", self.detail())]
pub(crate) struct Refusal {
    pub(crate) path: String,
    pub(crate) status: u16,
    /// The first line of the answer; empty when it is markup or empty.
    pub(crate) answer: String,
    /// Where a redirect points to.
    pub(crate) location: Option<String>,
}

impl Refusal {
    /// What the server answered: `: not found`, or where it points to.
    pub(crate) fn detail(&self) -> String {
        match (&self.location, self.answer.as_str()) {
            (Some(to), _) => {
                format!(", which points to `{to}`: cmon follows no redirects, so give that address")
            }
            (None, "") => String::new(),
            (None, answer) => format!(": {answer}"),
        }
    }
}

impl UnavailableReason {
    /// An answer that is not of the form that was expected.
    pub(crate) fn answer(path: &str, error: &impl std::error::Error) -> Self {
        Self::Answer { path: path.to_owned(), message: error.to_string() }
    }

    /// Nothing is left that could answer: the process has ended, the container was removed or does not run.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Process { error } => matches!(error, ProcessError::Gone { .. }),
            Self::ProcessReplaced { .. } | Self::ContainerRemoved { .. } => true,
            // One that is being started again is there in a moment.
            Self::ContainerNotRunning { state, .. } => state != "restarting",
            _ => false,
        }
    }
}

impl From<ProcessError> for UnavailableReason {
    fn from(error: ProcessError) -> Self {
        Self::Process { error }
    }
}
