//! What the cursor holds of each file.

use serde::{Deserialize, Serialize};

/// The container that a file belongs to: its name, and its daemon's where there are several.
///
/// The name decides, not the ID: a container that is removed and created again, as `docker compose up` does, goes
/// on in the same file.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct FileKey {
    /// The daemon; none where cmon follows one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The container's name, as the daemon has it.
    pub name: String,
}

/// What the next run must know of a file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileRecord {
    /// `NAME.log` or `HOST/NAME.log`, in the output directory.
    pub path: String,
    /// The length of that file; none where it is not there, or is not cmon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The number of the new file that was begun last.
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
