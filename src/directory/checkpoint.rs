//! Checkpoints: the records of all files, and the syncs that must precede their save.

use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::error::Error;
use super::record::{FileKey, FileRecord};

/// The number of a checkpoint.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CheckpointId(pub(super) u64);

/// The state of the directory at one moment. Send it to the thread that saves the cursor: call
/// [`Checkpoint::sync`], save the records with the positions of the same moment, then call
/// [`super::Directory::committed`].
pub struct Checkpoint<D: Disk> {
    pub(super) id: CheckpointId,
    pub(super) records: Vec<(FileKey, FileRecord)>,
    pub(super) disk: D,
    /// Files written since the last checkpoint. They stay open until they are synced.
    pub(super) files: Vec<Unsynced<D::File>>,
    /// Directories with new names.
    pub(super) directories: Vec<String>,
}

/// A file with bytes that may not be on disk.
pub(super) struct Unsynced<F> {
    pub(super) path: String,
    pub(super) file: Arc<F>,
}

impl<F: DiskFile> Unsynced<F> {
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync().map_err(Error::of_sync(&self.path))
    }
}

impl<D: Disk> std::fmt::Debug for Checkpoint<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint")
            .field("id", &self.id)
            .field("records", &self.records)
            .field("directories", &self.directories)
            .finish_non_exhaustive()
    }
}

impl<D: Disk> Checkpoint<D> {
    /// Its number.
    pub fn id(&self) -> CheckpointId {
        self.id
    }

    /// The records for the cursor, valid once [`Checkpoint::sync`] has returned.
    pub fn records(&self) -> &[(FileKey, FileRecord)] {
        &self.records
    }

    /// Returns when everything that the records cover is on disk. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// A sync failed. The cursor must not be saved, and the run must end: see [`Error::Sync`].
    pub fn sync(&self) -> Result<(), Error> {
        for file in &self.files {
            file.sync()?;
        }
        for path in &self.directories {
            self.disk.sync_directory(path).map_err(Error::of_sync(path))?;
        }
        Ok(())
    }
}
