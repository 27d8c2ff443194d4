//! The record of a file in the cursor.

use serde::{Deserialize, Serialize};

/// The container of a file: its name, and its daemon's if there are several.
///
/// The name decides, not the ID: a container that is removed and created again, as by `docker compose up`,
/// continues in the same file.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct FileKey {
    /// The daemon; `None` if cmon follows only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The container's name, as the daemon has it.
    pub name: String,
}

/// The facts about a file for the next run.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileRecord {
    /// `NAME.log` or `HOST/NAME.log`, in the output directory.
    pub path: String,
    /// The length of that file; `None` if it does not exist, or is not cmon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The generation of the last new file.
    pub generation: u64,
    /// The length of the new file, while it waits to become `NAME.log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl FileRecord {
    /// Whether there is a file at all.
    pub(super) fn has_file(&self) -> bool {
        self.length.is_some() || self.next.is_some()
    }
}
