//! Body bytes of the log API to frames: the multiplexed form and the raw form of a terminal.
//!
//! Both decoders are pure, are fed bytes cut anywhere, and hold at most one frame. A frame is
//! handed on only when it is whole: what a broken connection leaves behind is never shown, since the
//! next stream brings it again.
//!
//! The raw form has no framing of its own. The daemon writes each message as a timestamp, a space
//! and the bytes, in one HTTP chunk; a message ends with `\n`, or after 16384 bytes without one, or
//! where the run of the container ended. So a message begins after a `\n`, and at a chunk's
//! start or after 16384 bytes where a timestamp stands. (moby: `daemon/logger/copier.go` for the
//! pieces, `api/server/httputils/write_log_stream.go` for the form.)

use crate::engine::source::{Frames, StdStream};
use crate::engine::timestamp::Timestamp;

/// The longest frame that is accepted. Docker's messages end at 16 KiB, at 256 KiB for the drivers
/// with the largest buffers; a longer one is a broken length field.
pub const MAX_FRAME: usize = 1 << 20;
/// Where the daemon cuts a line that has no end.
const PIECE: usize = 16 * 1024;
/// The longest timestamp with its space, in any RFC 3339 form.
const MAX_STAMP: usize = 41;
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
    /// The decoder for a container with (`tty`) or without a terminal.
    pub fn new(tty: bool) -> Self {
        if tty {
            Decoder::Terminal(Terminal::default())
        } else {
            Decoder::Multiplexed(Demultiplexer::default())
        }
    }

    /// Takes the next body bytes and appends the frames that they complete. `starts_chunk`
    /// tells that they are the first of an HTTP chunk.
    ///
    /// # Errors
    /// When the framing is broken or the daemon reports a failure. Frames appended before that are
    /// good.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        starts_chunk: bool,
        into: &mut Frames,
    ) -> Result<(), FrameError> {
        match self {
            Decoder::Multiplexed(decoder) => decoder.feed(bytes, into),
            Decoder::Terminal(decoder) => decoder.feed(bytes, starts_chunk, into),
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
}

impl Demultiplexer {
    fn feed(&mut self, mut bytes: &[u8], into: &mut Frames) -> Result<(), FrameError> {
        while !bytes.is_empty() {
            if self.carry.is_empty()
                && let Some(header) = bytes.first_chunk::<HEADER>()
            {
                let (kind, end) = parse_header(*header)?;
                if end <= bytes.len() {
                    emit(kind, &bytes[HEADER..end], into)?;
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
                    emit(kind, &frame[HEADER..], into)?;
                }
            }
        }
        Ok(())
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

fn emit(kind: Kind, message: &[u8], into: &mut Frames) -> Result<(), FrameError> {
    match kind {
        Kind::Output(stream) => {
            let (time, used) = Timestamp::strip(message).ok_or(FrameError::NoTimestamp)?;
            into.push(stream, time, [&message[used..], &[]]);
            Ok(())
        }
        Kind::Failure => Err(FrameError::Daemon(text(message))),
    }
}

fn text(message: &[u8]) -> String {
    let message = &message[..message.len().min(MAX_TEXT)];
    String::from_utf8_lossy(message).trim_end().to_owned()
}

/// The raw form: messages with timestamps, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// Bytes that may be a timestamp: all of them so far could begin one.
    stamp: Option<Vec<u8>>,
    /// The message that is open.
    message: Option<Message>,
}

#[derive(Clone, Debug)]
struct Message {
    time: Timestamp,
    payload: Vec<u8>,
}

impl Terminal {
    fn feed(
        &mut self,
        mut bytes: &[u8],
        starts_chunk: bool,
        into: &mut Frames,
    ) -> Result<(), FrameError> {
        if starts_chunk {
            self.not_a_stamp(into)?;
            self.stamp.get_or_insert_default();
        }
        while !bytes.is_empty() {
            bytes = if self.stamp.is_some() || self.message.is_none() {
                self.take_stamp(bytes, into)?
            } else {
                self.take_payload(bytes, into)
            };
        }
        Ok(())
    }

    fn finish(&mut self, into: &mut Frames) -> Result<(), FrameError> {
        self.not_a_stamp(into)?;
        self.flush(into);
        Ok(())
    }

    /// Collects bytes until they are a timestamp or cannot become one; gives what is left.
    fn take_stamp<'a>(
        &mut self,
        bytes: &'a [u8],
        into: &mut Frames,
    ) -> Result<&'a [u8], FrameError> {
        let stamp = self.stamp.get_or_insert_default();
        if stamp.is_empty()
            && let Some((time, used)) = Timestamp::strip(bytes)
        {
            self.stamp = None;
            self.flush(into);
            self.message = Some(Message { time, payload: Vec::new() });
            return Ok(&bytes[used..]);
        }
        let limit = if self.message.is_some() { MAX_STAMP } else { MAX_TEXT };
        for (at, byte) in bytes.iter().enumerate() {
            stamp.push(*byte);
            let whole = *byte == b' ' && stamp.len() <= MAX_STAMP;
            if whole && let Some((time, _)) = Timestamp::strip(stamp) {
                self.stamp = None;
                self.flush(into);
                self.message = Some(Message { time, payload: Vec::new() });
                return Ok(&bytes[at + 1..]);
            }
            // Inside a message a space settles it; before one, the text up to its end is an error
            // of the daemon's.
            let settled = whole && self.message.is_some();
            if settled || *byte == b'\n' || limit <= stamp.len() {
                self.not_a_stamp(into)?;
                return Ok(&bytes[at + 1..]);
            }
        }
        Ok(&[])
    }

    /// What was collected is no timestamp: payload of the open message, else the daemon's words.
    fn not_a_stamp(&mut self, into: &mut Frames) -> Result<(), FrameError> {
        let Some(collected) = self.stamp.take().filter(|stamp| !stamp.is_empty()) else {
            return Ok(());
        };
        if self.message.is_none() {
            let words = text(&collected);
            return Err(if collected.first().is_some_and(u8::is_ascii_digit) {
                FrameError::NoTimestamp
            } else {
                FrameError::Daemon(words)
            });
        }
        let mut rest = collected.as_slice();
        while !rest.is_empty() && self.message.is_some() {
            rest = self.take_payload(rest, into);
        }
        // A `\n` among them ends the message, and it is the last byte that is ever collected.
        Ok(())
    }

    /// Adds bytes to the open message up to its end or the end of a piece; gives what is left.
    fn take_payload<'a>(&mut self, bytes: &'a [u8], into: &mut Frames) -> &'a [u8] {
        let Some(message) = &mut self.message else {
            return bytes;
        };
        let room = &bytes[..bytes.len().min(PIECE - message.payload.len())];
        let end = room.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let (part, rest) = bytes.split_at(end.unwrap_or(room.len()));
        let whole = end.is_some();
        if whole || message.payload.len() + part.len() == PIECE {
            into.push(StdStream::Stdout, message.time, [&message.payload, part]);
            message.payload.clear();
            if whole {
                self.message = None;
            } else {
                self.stamp = Some(Vec::new());
            }
        } else {
            message.payload.extend_from_slice(part);
        }
        rest
    }

    /// Ends the open message, without an end of line of its own.
    fn flush(&mut self, into: &mut Frames) {
        if let Some(message) = self.message.take().filter(|message| !message.payload.is_empty()) {
            into.push(StdStream::Stdout, message.time, [&message.payload, &[]]);
        }
    }
}

#[cfg(test)]
mod tests;
