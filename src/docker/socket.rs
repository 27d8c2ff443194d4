//! The socket under a connection, which hides its kind.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::read_pacing::BURST_READ_MIN_BYTES;

/// A connected socket that can be read and written through a shared reference.
#[derive(Debug)]
pub(super) enum Socket {
    /// A unix socket on this machine.
    Unix(UnixStream),
    /// A TCP socket.
    Tcp(TcpStream),
}

impl Socket {
    /// Reads the available bytes. After a small read the socket is empty, so the next read waits for readiness
    /// instead of a useless system call. After a large read more bytes follow a pause, and an immediate system
    /// call is cheaper.
    pub(super) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let room = into.len();
        let mut emptied = None;
        let read = || match rustix::io::read(self, &mut *into) {
            Ok(count) if 0 < count && count < room.min(BURST_READ_MIN_BYTES) => {
                emptied = Some(count);
                // This clears tokio's readiness, unless the socket became readable again meanwhile.
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
