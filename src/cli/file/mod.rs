//! The configuration file: its place, its parsing, and its errors.

mod keys;
mod place;
mod settings;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(super) use keys::{commands, flag, flags, is_common, nearest};
pub(super) use place::{FileText, Place};
pub(super) use settings::{Entry, NamedSelection, Settings};

/// An invalid configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {problem}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The key and the error.
    pub problem: String,
    /// The hint.
    pub hint: String,
}
