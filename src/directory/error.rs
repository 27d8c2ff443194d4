//! What fails, and what others did to the files.

use std::io;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the quota is full. Nothing was lost: the same call can be tried again.
    #[error("could not write `{path}`")]
    Full {
        /// The file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// The system refuses. Nothing was lost: the same call can be tried again.
    #[error("could not {action} `{path}`")]
    System {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// A sync failed. Linux drops what it could not write, and a second sync would succeed without it (fsync(2)), so
    /// this run must end without saving. The next one goes on from the cursor, which loses nothing.
    #[error("could not sync `{path}`; what was written since the last save may be lost on disk")]
    Sync {
        /// The file or directory.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// The cursor has a record that cmon did not make.
    #[error("the cursor has an invalid record for `{path}`")]
    Record {
        /// Its path.
        path: String,
    },
}

impl Error {
    /// What the user can do.
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

    /// Whether the same call may succeed later, with nothing lost.
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

/// What somebody else did to a file. The copy has a gap there, except where it says otherwise.
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
    /// A file has become shorter. cmon goes on at its end.
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
    /// Somebody else wrote to a file while cmon did, and that was cut off. No gap: cmon's own lines are there.
    #[error("`{path}` was written to by another program: {} bytes were cut off", .found.saturating_sub(*.recorded))]
    Extended {
        /// The file.
        path: String,
        /// Its length, as cmon left it.
        recorded: u64,
        /// Its length before it was cut.
        found: u64,
    },
    /// A file was there that the cursor does not have. It becomes an old file. No gap.
    #[error("`{path}` is not in the cursor: cmon keeps it as an old file and begins a new one")]
    Unrecorded {
        /// The file.
        path: String,
    },
}
