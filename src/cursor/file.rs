//! The cursor's file: locked during a run, and replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::format::{self, Contents, FormatError};

/// Only its owner may read it: the text of a short line can be guessed from its hash.
const FILE_MODE: u32 = 0o600;

/// A cursor that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// Another run uses it.
    #[error("the cursor {path} is in use by another cmon{}", process(*.pid))]
    InUse {
        /// The cursor.
        path: String,
        /// The other run's process.
        pid: Option<u32>,
    },
    /// Its text is not valid.
    #[error("the cursor {path} cannot be used: {error}")]
    Format {
        /// The cursor.
        path: String,
        /// The error.
        error: FormatError,
    },
    /// An operation of the system failed.
    #[error("the cursor {path} cannot be {what}: {error}")]
    System {
        /// The cursor, or its lock file.
        path: String,
        /// The operation.
        what: &'static str,
        /// The system's error.
        error: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl CursorError {
    /// The hint.
    pub fn hint(&self) -> &'static str {
        match self {
            CursorError::InUse { .. } => "end that run, or give each run its own cursor",
            CursorError::Format { error: FormatError::Version(_), .. } => {
                "use the cmon that wrote it, or name another file"
            }
            CursorError::Format { error: FormatError::Foreign, .. } => {
                "name a file that is not there yet, or one that cmon wrote"
            }
            CursorError::Format { error: FormatError::Damaged, .. } => {
                "begin anew with --cursor-reset, or name another file"
            }
            CursorError::System { .. } => "name a file in a directory that cmon may write to",
        }
    }
}

/// How a run begins with a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Continue behind the lines of earlier runs.
    Continue,
    /// Ignore the saved positions.
    Anew,
}

/// A locked cursor. Dropping it releases the lock.
#[derive(Debug)]
pub struct CursorFile {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl CursorFile {
    /// Locks a cursor and reads it. A missing file has no positions. Blocks for the time of a read.
    ///
    /// # Errors
    /// Another run uses it, its text is not valid, or it cannot be read or written.
    pub fn open(path: &Path, start: Start) -> Result<(Self, Contents), CursorError> {
        // Resolve the link, so that it stays a link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let lock = lock(&path)?;
        let cursor = Self { path, _lock: lock };
        let contents = match cursor.read()? {
            // Even `--cursor-reset` does not overwrite a file of a newer cmon or of another program.
            Some(Err(error @ (FormatError::Version(_) | FormatError::Foreign))) => {
                return Err(cursor.format_error(error));
            }
            Some(Err(error)) if start == Start::Continue => {
                return Err(cursor.format_error(error));
            }
            Some(Ok(contents)) if start == Start::Continue => contents,
            _ => Contents::default(),
        };
        // Test before the first read whether the cursor can be saved.
        cursor.save(&contents).map_err(|error| cursor.system("written", error))?;
        Ok((cursor, contents))
    }

    fn read(&self) -> Result<Option<Result<Contents, FormatError>>, CursorError> {
        match fs::metadata(&self.path) {
            Ok(data) if !data.is_file() => return Err(self.format_error(FormatError::Foreign)),
            _ => {}
        }
        match fs::read(&self.path) {
            Ok(text) => Ok(Some(format::decode(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.system("read", error)),
        }
    }

    /// Replaces the file. After a crash at any point it has the old text or the new one. Blocks until it is on disk.
    ///
    /// # Errors
    /// The file still has the old text.
    pub fn save(&self, contents: &Contents) -> io::Result<()> {
        let new = sibling(&self.path, ".new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&new)?;
        file.write_all(format::encode(contents).as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(parent(&self.path))?.sync_all()
    }

    fn system(&self, what: &'static str, error: io::Error) -> CursorError {
        CursorError::System { path: self.path.display().to_string(), what, error }
    }

    fn format_error(&self, error: FormatError) -> CursorError {
        CursorError::Format { path: self.path.display().to_string(), error }
    }
}

/// Locks the file next to a cursor, since each save replaces the cursor itself.
fn lock(path: &Path) -> Result<File, CursorError> {
    let lock = sibling(path, ".lock");
    let system =
        |error| CursorError::System { path: lock.display().to_string(), what: "locked", error };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&lock)
        .map_err(system)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(CursorError::InUse { path: path.display().to_string(), pid });
        }
        Err(error) => return Err(system(error.into())),
    }
    // The process id is information for users; the lock does not depend on it.
    let _ = file.set_len(0).and_then(|()| file.rewind());
    let _ = writeln!(file, "{}", std::process::id());
    Ok(file)
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::engine::position::{Saved, SavedDaemon};

    fn saved() -> Contents {
        let daemon = SavedDaemon { address: "unix:///s".to_owned(), ..SavedDaemon::default() };
        Contents { saved: Saved(vec![daemon]), files: Vec::new() }
    }

    #[test]
    fn a_saved_cursor_is_read_back_and_is_private_to_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let (cursor, nothing) = CursorFile::open(&path, Start::Continue).unwrap();
        assert_eq!(nothing, Contents::default());
        cursor.save(&saved()).unwrap();
        drop(cursor);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE_MODE);
        let (cursor, again) = CursorFile::open(&path, Start::Continue).unwrap();
        assert_eq!(again, saved());
        drop(cursor);
        assert_eq!(CursorFile::open(&path, Start::Anew).unwrap().1, Contents::default());
    }

    #[test]
    fn two_runs_cannot_share_one_cursor() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let first = CursorFile::open(&path, Start::Continue).unwrap();
        let second = CursorFile::open(&path, Start::Continue).unwrap_err().to_string();
        let pid = std::process::id();
        assert_eq!(
            second,
            format!("the cursor {} is in use by another cmon (process {pid})", path.display())
        );
        drop(first);
        assert!(CursorFile::open(&path, Start::Continue).is_ok());
    }

    #[test]
    fn a_file_that_is_no_cursor_of_this_version_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        for text in ["notes of somebody\n", "{\"cmon_cursor\":9}\n"] {
            fs::write(&path, text).unwrap();
            for start in [Start::Continue, Start::Anew] {
                assert!(CursorFile::open(&path, start).is_err(), "{text}");
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
            }
        }
    }

    #[test]
    fn a_damaged_cursor_is_refused_until_it_is_reset() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        fs::write(&path, &format::encode(&saved())[..60]).unwrap();
        let error = CursorFile::open(&path, Start::Continue).unwrap_err();
        assert!(error.to_string().ends_with("damaged or cut off"), "{error}");
        assert!(error.hint().contains("--cursor-reset"));
        assert!(CursorFile::open(&path, Start::Anew).is_ok());
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = CursorFile::open(Path::new("/nowhere/at/all"), Start::Continue).unwrap_err();
        let text = "the cursor /nowhere/at/all.lock cannot be locked: No such file or directory (os error 2)";
        assert_eq!(error.to_string(), text);
    }
}
