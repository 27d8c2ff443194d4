//! The cursor: the position in each container's log, saved in a file, so that the next run of cmon continues exactly
//! behind it.
//!
//! ```text
//!  printer ──written──▶ Keeper ──once a second──▶ format ──▶ file: FILE.new, fsync, rename, fsync
//!                                                             FILE.lock is held for the whole run
//! ```

mod file;
mod format;
mod keeper;

pub use file::{CursorError, CursorFile, Start};
pub use format::{Contents, FormatError, decode, encode};
pub use keeper::{Keeper, SaveReport, Update};
