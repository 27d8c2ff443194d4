//! Why a request or a stream failed: classified where it happens, so that the engine decides on the kind
//! and never on text.

/// What a failure means for what to do next.
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
    /// The daemon reported a failure while it read the log, inside the stream.
    InBand,
    /// The daemon refused for now (409, 5xx): try again later.
    Refused,
    /// The container is not there (404).
    Gone,
    /// The log driver keeps nothing that can be read (501, or its older forms): never try again.
    Unreadable,
    /// There is no socket where one was named, but something else: no use in waiting.
    NoSocket,
    /// The socket's own permissions do not let cmon in.
    Denied,
    /// The daemon's certificate is not trusted, or it does not take cmon's: no use in waiting.
    Untrusted,
    /// The daemon, or a proxy before it, does not let this request through (401, 403, 405, a path
    /// that is not there).
    Forbidden,
}

impl ErrorKind {
    /// Whether a daemon that failed so may answer later, without anybody's doing here.
    pub fn may_pass(self) -> bool {
        use ErrorKind::{Cut, Refused, Timeout, Unreachable};
        matches!(self, Unreachable | Timeout | Cut | Refused)
    }

    /// One word for counting: `cut`, `refused`, and so on.
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

/// A failed request or a broken stream, as a message for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What it means.
    pub kind: ErrorKind,
    /// What was tried and what went wrong, the daemon's own message included.
    pub message: String,
    /// What to do about it, where its kind does not say it.
    pub hint: Option<&'static str>,
}

impl SourceError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }
}
