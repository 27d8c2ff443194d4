//! Why a check failed.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde::Serialize;

use crate::format::units::span;
use crate::probe::reasons::SeveralProcesses;

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum FailureReason {
    #[error(transparent)]
    SeveralProcesses(SeveralProcesses),
    #[error("the command of a cycle, `{command}`, failed: {failure}")]
    Command { command: String, failure: CommandFailure },
    /// The message is the stream engine's.
    #[error("{message}")]
    Streams { message: String },
}

/// How a command failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum CommandFailure {
    /// The message is the operating system's.
    #[error("{message}")]
    NotRun { message: String },
    #[error("did not end within {} after its phase", span(*seconds as f64))]
    Timeout { seconds: u64 },
    /// Its wait status, and the last line of its stderr.
    #[error(
        "{}{}{stderr}",
        ExitStatus::from_raw(*wait_status),
        if stderr.is_empty() { "" } else { ": " }
    )]
    Exit { wait_status: i32, stderr: String },
}
