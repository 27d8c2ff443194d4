//! The operations of cmon on the disk, behind a thin trait, so that tests can simulate power loss.
//!
//! Logs may contain secrets, so files have mode 0600 and directories 0700, whatever the umask. A new file takes
//! the mode of the one before it, as with logrotate's `create`, so a `chmod g+r` persists.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Identifies a file independently of its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileId(pub u64, pub u64);

/// The kind of a directory entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A regular file, with its length.
    File(u64),
    /// A directory.
    Directory,
    /// A symbolic link. It is followed only where a directory is expected.
    Link,
    /// Anything else.
    Other,
}

/// The metadata of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metadata {
    /// The kind.
    pub kind: Kind,
    /// The identity.
    pub id: FileId,
    /// Whether it has a name.
    pub is_linked: bool,
}

/// The output directory. Paths are relative to it, and `""` is the directory itself.
pub trait Disk: Clone + Send {
    /// An open file.
    type File: DiskFile;

    /// All names in a directory; none if it is not a directory.
    fn list(&self, directory: &str) -> io::Result<Vec<(String, Kind)>>;
    /// The entry at a path, if there is one.
    fn metadata(&self, path: &str) -> io::Result<Option<Metadata>>;
    /// Opens an existing file.
    fn open(&self, path: &str) -> io::Result<Self::File>;
    /// Creates a file that does not exist, with the mode of another one if that is given and exists.
    fn create(&self, path: &str, like: Option<&str>) -> io::Result<Self::File>;
    /// Creates a directory unless it exists; returns whether it did.
    fn create_directory(&self, path: &str) -> io::Result<bool>;
    /// Renames a file, and fails if the new name exists.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, unless it is already gone.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Returns when all names in a directory are on disk.
    fn sync_directory(&self, path: &str) -> io::Result<()>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Send + Sync {
    /// The file's metadata.
    fn metadata(&self) -> io::Result<Metadata>;
    /// Reads once; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes once, perhaps only a part.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Truncates it to this length.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Returns when its bytes and its length are on disk.
    fn sync(&self) -> io::Result<()>;
}

/// Writes all of it.
pub(super) fn write_all(file: &impl DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A directory on this machine.
#[derive(Clone, Debug)]
pub struct LocalDisk(PathBuf);

impl LocalDisk {
    /// The directory at this path, which must exist.
    pub fn new(directory: PathBuf) -> Self {
        Self(directory)
    }
}

impl From<fs::Metadata> for Metadata {
    fn from(data: fs::Metadata) -> Self {
        let kind = match data.file_type() {
            kind if kind.is_file() => Kind::File(data.len()),
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Link,
            _ => Kind::Other,
        };
        Self { kind, id: FileId(data.dev(), data.ino()), is_linked: 0 < data.nlink() }
    }
}

impl Disk for LocalDisk {
    type File = File;

    fn list(&self, directory: &str) -> io::Result<Vec<(String, Kind)>> {
        let entries = match fs::read_dir(self.0.join(directory)) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Vec::new());
            }
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            // cmon's files all have UTF-8 names.
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.metadata() {
                Ok(data) => found.push((name, Metadata::from(data).kind)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn metadata(&self, path: &str) -> io::Result<Option<Metadata>> {
        match fs::symlink_metadata(self.0.join(path)) {
            Ok(data) => Ok(Some(data.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&self, path: &str) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(self.0.join(path))
    }

    fn create(&self, path: &str, like: Option<&str>) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(FILE_MODE);
        let file = options.open(self.0.join(path))?;
        if let Some(like) = like
            && let Ok(data) = fs::symlink_metadata(self.0.join(like))
            && data.is_file()
        {
            file.set_permissions(Permissions::from_mode(data.mode() & 0o666))?;
        }
        Ok(file)
    }

    fn create_directory(&self, path: &str) -> io::Result<bool> {
        match DirBuilder::new().mode(DIRECTORY_MODE).create(self.0.join(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.0.join(from), self.0.join(to));
        match renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE) {
            // Some network file systems do not support that. The listing shows that the name is free.
            Err(Errno::INVAL | Errno::NOSYS) => fs::rename(from, to),
            result => Ok(result?),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        File::open(self.0.join(path))?.sync_all()
    }
}

impl DiskFile for File {
    fn metadata(&self) -> io::Result<Metadata> {
        Ok(File::metadata(self)?.into())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
