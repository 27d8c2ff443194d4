//! The configuration file: where it is, how it is read, and what is wrong with it.

mod keys;
mod place;
mod settings;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(super) use keys::{commands, flag, flags, is_common, nearest};
pub(super) use place::{FileText, Place};
pub(super) use settings::{Entry, NamedSelection, Settings};

/// A configuration file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {problem}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1 on.
    pub line: Option<usize>,
    /// The key, and what is wrong with it.
    pub problem: String,
    /// What to do.
    pub hint: String,
}
