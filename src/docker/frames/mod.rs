//! Decoders for the body of the log API: the multiplexed form and the raw form of a terminal.
//!
//! Both decoders are pure, take bytes split anywhere, and hold at most one frame. They return only complete frames.
//! A partial frame of a broken connection is never shown, since the next stream brings it again.
//!
//! The boundaries of HTTP chunks have no meaning here: a proxy may move them.

mod decoder;
mod demultiplexer;
mod message;
mod tty;

pub use decoder::Decoder;
pub use demultiplexer::Demultiplexer;
pub use tty::Terminal;

/// The longest accepted frame. Docker's messages end at 16 KiB, or at 256 KiB for the drivers with the largest
/// buffers. A longer one is a broken length field.
pub const FRAME_MAX_BYTES: usize = 1 << 20;

/// An error in the framing of the log API, or a failure that the daemon reports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header's first byte is not a known stream.
    #[error("a frame of unknown type {0} in the log stream")]
    UnknownType(u8),
    /// The header's length exceeds any message.
    #[error("a frame of {0} bytes in the log stream is longer than any message")]
    TooLong(u32),
    /// A message does not begin with a timestamp.
    #[error("a message without a timestamp in the log stream")]
    NoTimestamp,
    /// A message has no details although they were requested; empty ones would still have their space.
    #[error("a message without details in the log stream")]
    NoDetails,
    /// The daemon reports inside the stream that it cannot read the log.
    #[error("the daemon reports: {0}")]
    Daemon(String),
    /// The body ended inside a frame.
    #[error("the log stream ended inside a message")]
    Incomplete,
}

#[cfg(test)]
mod tests;
