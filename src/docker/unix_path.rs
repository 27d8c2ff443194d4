//! Errors in the path of a unix socket, before and after the connection attempt. The system's errors mislead, for
//! example "connection refused" for a directory.

use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The longest path of a unix socket on Linux: `sun_path` has 108 bytes, the last of which is 0
/// (unix(7)). macOS has 104.
pub(crate) const UNIX_PATH_MAX_BYTES: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// A path that no socket can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadPath {
    /// The path is empty.
    Empty,
    /// The path is relative.
    Relative(String),
    /// The path is longer than the system allows.
    TooLong(usize),
}

impl BadPath {
    /// The hint.
    pub fn hint(&self) -> String {
        match self {
            BadPath::Empty => {
                "write the path behind unix://, like unix:///var/run/docker.sock".to_owned()
            }
            BadPath::Relative(path) if path.starts_with('@') => {
                "name a socket in the file system; cmon does not connect to abstract ones"
                    .to_owned()
            }
            BadPath::Relative(path) => {
                format!("write three slashes for a path from the root: unix:///{path}")
            }
            BadPath::TooLong(_) => {
                "make a symbolic link with a shorter path to its directory, and \
                 name the socket through that"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadPath::Empty => write!(f, "the path of the socket is empty"),
            BadPath::Relative(path) => write!(f, "the path `{path}` is not absolute"),
            BadPath::TooLong(bytes) => write!(
                f,
                "the path has {bytes} bytes, and that of a unix socket has at most {UNIX_PATH_MAX_BYTES}"
            ),
        }
    }
}

/// Checks whether a socket can have this path.
///
/// # Errors
/// The reason, if it cannot.
pub(crate) fn check(path: &Path) -> Result<(), BadPath> {
    let bytes = path.as_os_str().as_bytes();
    match bytes {
        [] => Err(BadPath::Empty),
        [b'/', ..] if UNIX_PATH_MAX_BYTES < bytes.len() => Err(BadPath::TooLong(bytes.len())),
        [b'/', ..] => Ok(()),
        _ => Err(BadPath::Relative(path.display().to_string())),
    }
}

/// A better error for a failed connection: the file at the path is not a socket.
pub(super) fn no_socket(path: &Path, error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind::{ConnectionRefused, NotADirectory};
    match error.kind() {
        // Linux returns ECONNREFUSED for every file that is not a socket (unix_find_bsd, net/unix/af_unix.c).
        ConnectionRefused => {}
        NotADirectory => return Some("a part of the path is a file and not a directory"),
        _ => return None,
    }
    let kind = std::fs::metadata(path).ok()?.file_type();
    match () {
        () if kind.is_dir() => Some("it is a directory and not a socket"),
        () if kind.is_file() => Some("it is a regular file and not a socket"),
        () if !kind.is_socket() => Some("it is not a socket"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_and_not_too_long() {
        let bad = |path: &str| check(Path::new(path)).unwrap_err();
        assert_eq!(check(Path::new("/var/run/docker.sock")), Ok(()));
        assert_eq!(check(Path::new(&format!("/{}", "x".repeat(UNIX_PATH_MAX_BYTES - 1)))), Ok(()));
        assert_eq!(
            bad(&format!("/{}", "x".repeat(UNIX_PATH_MAX_BYTES))),
            BadPath::TooLong(UNIX_PATH_MAX_BYTES + 1)
        );
        // The limit is in bytes, not in characters.
        assert_eq!(bad(&format!("/{}", "é".repeat(54))), BadPath::TooLong(109));
        assert_eq!(bad(""), BadPath::Empty);
        assert_eq!(bad("var/run/docker.sock"), BadPath::Relative("var/run/docker.sock".to_owned()));
        assert!(bad("var/run/docker.sock").hint().contains("unix:///var/run/docker.sock"));
        assert!(bad("@abstract").hint().contains("abstract"));
    }

    #[test]
    fn a_file_and_a_directory_are_named_in_the_error() {
        let dir = tempfile::tempdir().unwrap();
        let (file, socket) = (dir.path().join("f"), dir.path().join("s"));
        std::fs::write(&file, "").unwrap();
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let reason = |path: &Path| {
            let error = std::os::unix::net::UnixStream::connect(path).unwrap_err();
            no_socket(path, &error)
        };
        assert_eq!(reason(dir.path()), Some("it is a directory and not a socket"));
        assert_eq!(reason(&file), Some("it is a regular file and not a socket"));
        assert_eq!(reason(Path::new("/dev/null")), Some("it is not a socket"));
        let below = Some("a part of the path is a file and not a directory");
        assert_eq!(reason(&file.join("s")), below);
        assert_eq!(reason(&socket), None, "a socket without a listener");
        assert_eq!(reason(&dir.path().join("missing")), None, "the system's message is shown");
    }
}
