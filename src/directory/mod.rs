//! A directory with one file per container, written exactly once even after `kill -9` and power loss.
//!
//! ```text
//!  append ──▶ NAME.log ──checkpoint──▶ saver thread: fsync files, fsync directories, save the cursor
//!                 ▲                          │
//!                 └──rotation steps◀──committed
//! ```
//!
//! | file | content |
//! |---|---|
//! | `NAME.log` | the newest lines |
//! | `NAME.log.G.new` | a new file that the cursor does not have yet; G counts them |
//! | `NAME.log.1`, `NAME.log.2.gz` | older lines, as logrotate names them; 1 is the newest |
//! | `NAME.log.gz.new` | a file that is being compressed |
//!
//! Six rules keep every line, once:
//!
//! 1. The cursor is saved after the fsync of everything that it covers. Bytes beyond a recorded length are an unsaved
//!    tail; the next run removes it and reads its lines again.
//! 2. Every file begins under the name `NAME.log.G.new`, so a file without a cursor is never mistaken for one with a
//!    cursor. The next run removes it.
//! 3. A rotation begins with a new file, and no name changes before a cursor that has both lengths is committed.
//! 4. Each rename is followed by an fsync of the directory, and replaces no file. Old files move up into the
//!    lowest free number, so any state between two steps shows the next step. The last step renames the new file to
//!    `NAME.log`.
//! 5. A run begins with an fsync of each directory, so that names from a killed run are on disk before decisions
//!    depend on them. A file of an earlier run is synced again before a rename, since the run that removed its tail
//!    may have been killed too.
//! 6. A compressed file gets its name after its fsync, and then the uncompressed one is removed. If both exist, the
//!    uncompressed one is complete, and the other is removed.
//!
//! `plan` and `name` are pure: they decide. `file_writer`, `open_files`, `rotation` and `compression` carry that out,
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
