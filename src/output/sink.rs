//! The two file descriptors that cmon writes to, and the watch for a reader that went away.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A destination of bytes: blocking writes to its own descriptor.
#[derive(Debug)]
pub(crate) struct Sink(OwnedFd);

/// The destinations.
#[derive(Debug)]
pub(crate) struct Sinks {
    /// Data.
    pub out: Sink,
    /// Messages.
    pub err: Sink,
}

impl Sinks {
    /// The process's own stdout and stderr.
    pub(crate) fn standard() -> io::Result<Self> {
        Ok(Self { out: Sink::of(&io::stdout())?, err: Sink::of(&io::stderr())? })
    }
}

impl Sink {
    /// A sink for a copy of this descriptor.
    pub(crate) fn of(file: &impl AsFd) -> io::Result<Self> {
        Ok(Self(file.as_fd().try_clone_to_owned()?))
    }

    /// A second sink for the same destination.
    pub(super) fn duplicate(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Writes all of it; blocks as long as necessary.
    pub(crate) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.0, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                // Another process that shares the descriptor has made it non-blocking.
                Err(Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether a short write would not block.
    pub(super) fn is_ready(&self) -> bool {
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
        poll(&mut fds, Some(&now)).is_ok_and(|ready| 0 < ready)
    }

    /// A watch for the reader of a pipe; needs a tokio runtime. Other kinds of files are not watched.
    #[expect(
        deprecated,
        reason = "the new form is unsafe; a borrowed descriptor keeps what it asks"
    )]
    pub(super) fn watch(&self) -> io::Result<Watch<'_>> {
        let kind = FileType::from_raw_mode(fstat(&self.0)?.st_mode);
        match kind {
            FileType::Fifo | FileType::Socket => {
                Ok(Watch(Some(AsyncFd::with_interest(self.0.as_fd(), Interest::ERROR)?)))
            }
            _ => Ok(Watch(None)),
        }
    }
}

/// Waits for the reader of a pipe to go away, even without writes.
#[derive(Debug, Default)]
pub(super) struct Watch<'a>(Option<AsyncFd<BorrowedFd<'a>>>);

impl Watch<'_> {
    /// # Cancel safety
    /// Safe.
    pub(super) async fn closed(&self) {
        match &self.0 {
            // The next write reports an error of the watch itself.
            Some(fd) => match fd.ready(Interest::ERROR).await {
                Ok(_) => {}
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}
