//! A directory with one file per container, written exactly once even after `kill -9` and power loss.
//!
//! ```text
//!  append ──▶ NAME.log ──checkpoint──▶ saver thread: fsync files, fsync directories, save the cursor
//!                 ▲                          │
//!                 └──rotation steps◀──committed
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `NAME.log` | the newest lines |
//! | `NAME.log.G.new` | a new file that the cursor does not have yet; G counts them |
//! | `NAME.log.1`, `NAME.log.2.gz` | older lines, as logrotate names them; 1 is the newest |
//! | `NAME.log.gz.new` | a file that is being compressed |
//!
//! Six rules keep every line, once:
//!
//! 1. The cursor is saved after the fsync of all that it covers. What lies behind a recorded length is an unsaved
//!    tail; the next run cuts it off, and its lines are read again.
//! 2. Every file begins under the name `NAME.log.G.new`, so a file that no cursor covers is never taken for one that
//!    a cursor covers. The next run removes it.
//! 3. A rotation begins with a new file, and no name changes before a cursor that has both lengths is committed.
//! 4. Each change of a name is followed by an fsync of the directory, and replaces nothing. Old files move up
//!    into the lowest free number, so any state between two steps shows which step is next; the last step renames the
//!    new file to `NAME.log`.
//! 5. A run begins with an fsync of each directory, so names that a killed run has changed are on disk before
//!    anything is decided by them. A file of an earlier run is synced once more before it gets another name,
//!    since the run that cut off its tail may have been killed too.
//! 6. A compressed file gets its name after its fsync, and the uncompressed one is removed after that. Where both
//!    are found, the uncompressed one is complete, and the other is removed.
//!
//! `plan` and `name` are pure: they decide. `writer`, `open_files`, `rotation` and `compression` do what was decided,
//! through [`Disk`].

mod checkpoint;
mod compression;
mod disk;
mod error;
mod file_writer;
mod name;
mod open_files;
mod plan;
mod record;
mod rotation;
#[cfg(test)]
mod tests;

pub(crate) use checkpoint::{Checkpoint, CheckpointId};
pub(crate) use compression::CompressionEnd;
#[cfg(test)]
use compression::CompressionJob;
#[cfg(test)]
use disk::Disk;
pub(crate) use disk::LocalDisk;
pub(crate) use error::{Error, Finding};
pub(crate) use file_writer::{Compression, Directory, Settings};
pub(crate) use record::{FileKey, FileRecord};
