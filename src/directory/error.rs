//! Errors, and changes to the files by other programs.

use std::io;

/// A failed operation on the output directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the quota is full. No line is lost: the call can be repeated.
    #[error("could not write `{path}`")]
    Full {
        /// The file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// Another error of the system. No line is lost: the call can be repeated.
    #[error("could not {action} `{path}`")]
    System {
        /// The operation.
        action: &'static str,
        /// The file or directory.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// A sync failed. Linux drops the unwritten data, and a second sync would succeed without it (fsync(2)). So
    /// this run must end without a save. The next one continues from the cursor, and no line is lost.
    #[error("could not sync `{path}`; what was written since the last save may be lost on disk")]
    Sync {
        /// The file or directory.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// The cursor has a record that is not from cmon.
    #[error("the cursor has an invalid record for `{path}`")]
    Record {
        /// Its path.
        path: String,
    },
}

impl Error {
    /// The hint.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Full { .. } => "free space on the disk, or raise the quota; cmon tries again",
            Error::System { .. } => "check that cmon may write to the output directory",
            Error::Sync { .. } => {
                "check the disk, then start cmon again: it reads these lines again"
            }
            Error::Record { .. } => "restore cursor.json, or name an empty output directory",
        }
    }

    /// Whether a repeated call may succeed, with no line lost.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::Full { .. } | Error::System { .. })
    }

    /// For `map_err`.
    pub(super) fn of(action: &'static str, path: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Error::Full { path, source }
                }
                _ => Error::System { action, path, source },
            }
        }
    }

    /// For `map_err`.
    pub(super) fn of_sync(path: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Error::Sync { path: path.to_owned(), source }
    }
}

/// A change to a file by another program. The copy has a gap there, unless the variant says otherwise.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Finding {
    /// A file is gone. cmon begins a new one.
    #[error("`{path}` was removed: {recorded} bytes of the copy are missing")]
    Removed {
        /// The file.
        path: String,
        /// Its length, as cmon left it.
        recorded: u64,
    },
    /// A file has become shorter. cmon continues at its end.
    #[error(
        "`{path}` was shortened from {recorded} to {found} bytes: {} bytes of the copy are missing",
        .recorded.saturating_sub(*.found)
    )]
    Shortened {
        /// The file.
        path: String,
        /// Its length, as cmon left it.
        recorded: u64,
        /// Its length now.
        found: u64,
    },
    /// Another program also wrote to a file, and cmon removed that part. No gap: cmon's own lines are complete.
    #[error("`{path}` was written to by another program: {} bytes were cut off", .found.saturating_sub(*.recorded))]
    Extended {
        /// The file.
        path: String,
        /// Its length, as cmon left it.
        recorded: u64,
        /// Its length before it was cut.
        found: u64,
    },
    /// The cursor does not have this file. It becomes an old file. No gap.
    #[error("`{path}` is not in the cursor: cmon keeps it as an old file and begins a new one")]
    Unrecorded {
        /// The file.
        path: String,
    },
}
