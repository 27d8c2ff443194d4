//! Why a process cannot be read.

use serde::Serialize;

/// Why a process cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ProcessError {
    #[error("process {pid} does not exist")]
    Gone { pid: String },
    /// The process belongs to another user.
    #[error("not permitted to read the {part} of process {pid}: run cmon as its user or as root")]
    Denied { pid: String, part: ProcessPart },
    #[error("could not read the {part} of process {pid}: there is no /proc here")]
    NoProc { pid: String, part: ProcessPart },
    #[error("could not read the {part} of process {pid}: it is not in the form that Linux gives")]
    Malformed { pid: String, part: ProcessPart },
    /// The message is the operating system's.
    #[error("could not read the {part} of process {pid}: {message}")]
    Io { pid: String, part: ProcessPart, message: String },
}

/// A part of a process under `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProcessPart {
    State,
    ProcessorTime,
    Name,
    Descriptors,
    Status,
    Threads,
    Cgroup,
}

impl std::fmt::Display for ProcessPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::State => "state",
            Self::ProcessorTime => "processor time",
            Self::Name => "name",
            Self::Descriptors => "descriptors",
            Self::Status => "status",
            Self::Threads => "threads",
            Self::Cgroup => "cgroup",
        })
    }
}
