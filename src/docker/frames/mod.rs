//! Body bytes of the log API to frames: the multiplexed form and the raw form of a terminal.
//!
//! Both decoders are pure, are fed bytes cut anywhere, and hold at most one frame. A frame is
//! handed on only when it is whole: what a broken connection leaves behind is never shown, since the
//! next stream brings it again.
//!
//! Where HTTP chunks begin and end means nothing here: a proxy may cut them anywhere.

mod decoder;
mod demultiplexer;
mod message;
mod tty;

pub use decoder::Decoder;
pub use demultiplexer::Demultiplexer;
pub use tty::Terminal;

/// The longest frame that is accepted. Docker's messages end at 16 KiB, at 256 KiB for the drivers
/// with the largest buffers; a longer one is a broken length field.
pub const FRAME_MAX_BYTES: usize = 1 << 20;

/// How the body breaks the log API's framing, or what failure it reports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header's first byte is no stream that there is.
    #[error("a frame of unknown type {0} in the log stream")]
    UnknownType(u8),
    /// The header's length is past any message.
    #[error("a frame of {0} bytes in the log stream is longer than any message")]
    TooLong(u32),
    /// A message does not begin with a timestamp.
    #[error("a message without a timestamp in the log stream")]
    NoTimestamp,
    /// The daemon was asked for details, and a message has none, not even empty ones.
    #[error("a message without details in the log stream")]
    NoDetails,
    /// The daemon reports, inside the stream, that it could not read the log.
    #[error("the daemon reports: {0}")]
    Daemon(String),
    /// The body ended inside a frame.
    #[error("the log stream ended inside a message")]
    Incomplete,
}

#[cfg(test)]
mod tests;
