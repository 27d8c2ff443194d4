//! Body bytes of the log API to frames: the multiplexed form and the raw form of a terminal.
//!
//! Both decoders are pure, are fed bytes cut anywhere, and hold at most one frame. A frame is
//! handed on only when it is whole: what a broken connection leaves behind is never shown, since the
//! next stream brings it again.
//!
//! Where HTTP chunks begin and end means nothing here: a proxy may cut them anywhere.

mod terminal;

use super::request::Details;
use crate::engine::source::{Frames, OutputKind, StdStream};
use crate::engine::timestamp::{LastSecond, Timestamp};
pub use terminal::Terminal;

/// The longest frame that is accepted. Docker's messages end at 16 KiB, at 256 KiB for the drivers
/// with the largest buffers; a longer one is a broken length field.
pub const MAX_FRAME: usize = 1 << 20;
/// How much of an error text is kept.
const MAX_TEXT: usize = 4096;
/// Length of the header before each multiplexed frame.
const HEADER: usize = 8;

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

/// Body bytes to frames, in the form that the container's terminal setting asks for.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// Standard output and standard error in frames.
    Multiplexed(Demultiplexer),
    /// One raw terminal stream.
    Terminal(Terminal),
}

impl Decoder {
    /// The decoder for messages without details.
    pub fn new(output: OutputKind) -> Self {
        Self::with(output, Details::Without)
    }

    /// The same for messages with or without details.
    pub fn with(output: OutputKind, details: Details) -> Self {
        match output {
            OutputKind::Terminal => Decoder::Terminal(Terminal::with(details)),
            OutputKind::Pipes => {
                Decoder::Multiplexed(Demultiplexer { details, ..Demultiplexer::default() })
            }
        }
    }

    /// Takes the next body bytes, cut anywhere, and appends the frames that they complete.
    ///
    /// # Errors
    /// When the framing is broken or the daemon reports a failure. Frames appended before that are
    /// good.
    pub fn feed(&mut self, bytes: &[u8], into: &mut Frames) -> Result<(), FrameError> {
        match self {
            Decoder::Multiplexed(decoder) => decoder.feed(bytes, into),
            Decoder::Terminal(decoder) => decoder.feed(bytes, into),
        }
    }

    /// Whether bytes are held that belong to no complete frame.
    pub fn is_open(&self) -> bool {
        match self {
            Decoder::Multiplexed(decoder) => !decoder.carry.is_empty(),
            Decoder::Terminal(decoder) => decoder.is_open(),
        }
    }

    /// Ends the body in good order and appends what that completes.
    ///
    /// # Errors
    /// When the body ended inside a frame.
    pub fn finish(&mut self, into: &mut Frames) -> Result<(), FrameError> {
        match self {
            Decoder::Multiplexed(decoder) if decoder.carry.is_empty() => Ok(()),
            Decoder::Multiplexed(_) => Err(FrameError::Incomplete),
            Decoder::Terminal(decoder) => decoder.finish(into),
        }
    }
}

/// The multiplexed form: type, three zero bytes, length, message.
#[derive(Clone, Debug, Default)]
pub struct Demultiplexer {
    /// The beginning of a frame that came cut, header included.
    carry: Vec<u8>,
    details: Details,
    last_second: LastSecond,
}

impl Demultiplexer {
    fn feed(&mut self, mut bytes: &[u8], into: &mut Frames) -> Result<(), FrameError> {
        while !bytes.is_empty() {
            if self.carry.is_empty()
                && let Some(header) = bytes.first_chunk::<HEADER>()
            {
                let (kind, end) = parse_header(*header)?;
                if end <= bytes.len() {
                    self.emit(kind, &bytes[HEADER..end], into)?;
                    bytes = &bytes[end..];
                    continue;
                }
            }
            let missing = match self.carry.first_chunk::<HEADER>() {
                Some(header) => parse_header(*header)?.1 - self.carry.len(),
                None => HEADER - self.carry.len(),
            };
            let (part, rest) = bytes.split_at(missing.min(bytes.len()));
            self.carry.extend_from_slice(part);
            bytes = rest;
            if let Some(header) = self.carry.first_chunk::<HEADER>() {
                let (kind, end) = parse_header(*header)?;
                if end == self.carry.len() {
                    let frame = std::mem::take(&mut self.carry);
                    self.emit(kind, &frame[HEADER..], into)?;
                }
            }
        }
        Ok(())
    }

    fn emit(&mut self, kind: Kind, message: &[u8], into: &mut Frames) -> Result<(), FrameError> {
        match kind {
            Kind::Output(stream) => {
                let stripped = Timestamp::strip_next(message, &mut self.last_second);
                let (time, used) = stripped.ok_or(FrameError::NoTimestamp)?;
                let message = &message[used..];
                let used = match self.details {
                    Details::Without => 0,
                    Details::With => strip_details(message, into).ok_or(FrameError::NoDetails)?,
                };
                into.push(stream, time, [&message[used..], &[]]);
                Ok(())
            }
            Kind::Failure => Err(FrameError::Daemon(text(message))),
        }
    }
}

/// What a frame carries.
#[derive(Clone, Copy)]
enum Kind {
    Output(StdStream),
    Failure,
}

/// The frame's kind and its length with the header.
fn parse_header(header: [u8; HEADER]) -> Result<(Kind, usize), FrameError> {
    let kind = match header[0] {
        1 => Kind::Output(StdStream::Stdout),
        2 => Kind::Output(StdStream::Stderr),
        3 => Kind::Failure,
        other => return Err(FrameError::UnknownType(other)),
    };
    if header[1..4] != [0, 0, 0] {
        return Err(FrameError::UnknownType(header[1].max(header[2]).max(header[3])));
    }
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    match usize::try_from(length) {
        Ok(payload) if payload <= MAX_FRAME => Ok((kind, HEADER + payload)),
        _ => Err(FrameError::TooLong(length)),
    }
}

/// Takes over the details at the front of a message; returns their length with the space after them. They hold no
/// space: dockerd escapes it (`daemon/logger/jsonfilelog`, moby `api/server/httputils/write_log_stream.go`).
fn strip_details(message: &[u8], into: &mut Frames) -> Option<usize> {
    let space = memchr::memchr(b' ', message)?;
    into.set_details(&String::from_utf8_lossy(&message[..space]));
    Some(space + 1)
}

fn text(message: &[u8]) -> String {
    let message = &message[..message.len().min(MAX_TEXT)];
    String::from_utf8_lossy(message).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
