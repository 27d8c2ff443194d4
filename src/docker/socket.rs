//! The socket under a connection: which kind it is matters here and nowhere else.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use tokio::net::{TcpStream, UnixStream};

/// A connected socket that can be read and written through a shared reference.
#[derive(Debug)]
pub(super) enum Socket {
    /// To a path on this machine.
    Unix(UnixStream),
    /// To a port of a host.
    Tcp(TcpStream),
}

impl Socket {
    pub(super) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.try_read(into),
            Socket::Tcp(socket) => socket.try_read(into),
        }
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
