//! Failures of requests and streams, classified where they happen, so that the engine decides on the kind
//! and never on text.

/// The kind of a failure, which decides the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Cannot reach the daemon, or the connection broke: try again later.
    Unreachable,
    /// The daemon did not answer within the deadline: try again later.
    Timeout,
    /// The stream was cut in the middle: open the next one.
    Cut,
    /// The answer breaks the protocol: close, and try again later.
    Protocol,
    /// The daemon reported a failure inside the stream, while it read the log.
    InBand,
    /// The daemon temporarily refused (409, 5xx): try again later.
    Refused,
    /// The container does not exist (404).
    Gone,
    /// The log driver keeps nothing that can be read (501, or its older forms): never try again.
    Unreadable,
    /// The path is not a socket: a retry cannot help.
    NoSocket,
    /// The permissions of the socket exclude cmon.
    Denied,
    /// The daemon's certificate is not trusted, or the daemon rejects cmon's: a retry cannot help.
    Untrusted,
    /// The daemon, or a proxy in front of it, does not allow the request (401, 403, 405, or an unknown
    /// path).
    Forbidden,
}

impl ErrorKind {
    /// Whether the daemon may answer later without a change on this machine.
    pub fn may_pass(self) -> bool {
        use ErrorKind::{Cut, Refused, Timeout, Unreachable};
        matches!(self, Unreachable | Timeout | Cut | Refused)
    }

    /// The kind in JSON and metrics: `cut`, `refused`, and so on.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Unreachable => "unreachable",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Cut => "cut",
            ErrorKind::Protocol => "protocol",
            ErrorKind::InBand => "in_band",
            ErrorKind::Refused => "refused",
            ErrorKind::Gone => "gone",
            ErrorKind::Unreadable => "unreadable",
            ErrorKind::NoSocket => "no_socket",
            ErrorKind::Denied => "denied",
            ErrorKind::Untrusted => "untrusted",
            ErrorKind::Forbidden => "forbidden",
        }
    }
}

/// A failed request or a broken stream; `Display` gives a message for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// The kind.
    pub kind: ErrorKind,
    /// The action and the failure, the daemon's own message included.
    pub message: String,
    /// What to do about it, if the kind alone does not say it.
    pub hint: Option<&'static str>,
}

impl SourceError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }
}
