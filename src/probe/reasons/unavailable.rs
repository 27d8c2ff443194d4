//! Why a metric, or a whole source, cannot be read.

use serde::Serialize;

use super::{Fall, Noted, ProcessError};
use crate::format::units::span;

/// Why a metric, or a whole source, cannot be read. A `message` is from the operating system, a library or a parser.
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
    /// The connection or the TLS handshake failed. The message contains the address.
    #[error("{message}")]
    Connection { message: String },
    #[error("{0}")]
    Status(Refusal),
    #[error("`{path}` was not answered within {}", span(*seconds))]
    NotAnswered { path: String, seconds: f64 },
    /// The connection broke, or the answer is not HTTP.
    #[error("`{path}` could not be read: {message}")]
    Broken { path: String, message: String },
    /// The answer is not in the expected format.
    #[error("`{path}`: {message}")]
    Answer { path: String, message: String },
    /// A field of the answer is absent or not a count.
    #[error("{message}")]
    Figure { message: String },
    #[error("`{path}` reports 0 for `{name}`, which means that it is unknown")]
    ReportedZero { path: String, name: String },
    #[error("the daemon's profile is cut off")]
    ProfileCutOff,
    #[error("it is no longer shown")]
    NoLongerShown,
    /// No metric of a target can be read.
    #[error("nothing can be read any more: {}", joined(causes))]
    NothingReadable { causes: Vec<Noted<Self>> },
    #[error(
        "{0}, although the target was not restarted: the counter was reset, and the cycles just before that are \
         missing"
    )]
    CounterSetBack(Fall),
    #[error("it did not answer within {}", span(*seconds))]
    Timeout { seconds: f64 },
    #[error("it did not answer in time, and cmon waits before it asks again")]
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
    /// The first line of the answer; empty for markup.
    pub(crate) answer: String,
    /// The target of a redirect.
    pub(crate) location: Option<String>,
}

impl Refusal {
    /// The end of the sentence: `: not found`, or the target of a redirect.
    pub(crate) fn detail(&self) -> String {
        match (&self.location, self.answer.as_str()) {
            (Some(location), _) => {
                format!(
                    ", which points to `{location}`: cmon follows no redirects, so give that address"
                )
            }
            (None, "") => String::new(),
            (None, answer) => format!(": {answer}"),
        }
    }
}

impl UnavailableReason {
    pub(crate) fn answer(path: &str, error: &impl std::error::Error) -> Self {
        Self::Answer { path: path.to_owned(), message: error.to_string() }
    }

    /// Whether the source has ended: the process exited, or the container was removed or does not run.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Process { error } => matches!(error, ProcessError::Gone { .. }),
            Self::ProcessReplaced { .. } | Self::ContainerRemoved { .. } => true,
            // A restarting container is back in a moment.
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
