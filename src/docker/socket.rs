//! The socket under a connection: which kind it is matters here and nowhere else.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::read_pacing::BURST_READ_MIN_BYTES;

/// A connected socket that can be read and written through a shared reference.
#[derive(Debug)]
pub(super) enum Socket {
    /// To a path on this machine.
    Unix(UnixStream),
    /// To a port of a host.
    Tcp(TcpStream),
}

impl Socket {
    /// Reads what is there. Behind a small read there is nothing more, so the next one waits for the system's word and
    /// does not ask in vain. A large one is followed by more after a pause, and asking at once is cheaper then.
    pub(super) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let room = into.len();
        let mut emptied = None;
        let read = || match rustix::io::read(self, &mut *into) {
            Ok(count) if 0 < count && count < room.min(BURST_READ_MIN_BYTES) => {
                emptied = Some(count);
                // This makes tokio forget that the socket was readable, unless it became so again meanwhile.
                Err(io::ErrorKind::WouldBlock.into())
            }
            read => read.map_err(io::Error::from),
        };
        let read = match self {
            Socket::Unix(socket) => socket.try_io(Interest::READABLE, read),
            Socket::Tcp(socket) => socket.try_io(Interest::READABLE, read),
        };
        emptied.map_or(read, Ok)
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.try_write(bytes),
            Socket::Tcp(socket) => socket.try_write(bytes),
        }
    }

    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Unix(socket) => socket.poll_read_ready(cx),
            Socket::Tcp(socket) => socket.poll_read_ready(cx),
        }
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Unix(socket) => socket.poll_write_ready(cx),
            Socket::Tcp(socket) => socket.poll_write_ready(cx),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Unix(socket) => socket.as_fd(),
            Socket::Tcp(socket) => socket.as_fd(),
        }
    }
}

/// An I/O error without the operating system's number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
