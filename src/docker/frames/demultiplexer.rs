//! The multiplexed form of a log: each frame has a header with output and length, then timestamp and payload.

use super::message::{error_text, strip_details};
use super::{FRAME_MAX_BYTES, FrameError};
use crate::docker::request::Details;
use crate::engine::source::{Frames, StdStream};
use crate::engine::timestamp::{LastSecond, Timestamp};

/// Length of the header before each multiplexed frame.
const HEADER_BYTES: usize = 8;

/// The multiplexed form: type, three zero bytes, length, message.
#[derive(Clone, Debug, Default)]
pub struct Demultiplexer {
    /// The beginning of an incomplete frame, header included.
    pub(super) carry: Vec<u8>,
    pub(super) details: Details,
    pub(super) last_second: LastSecond,
}

impl Demultiplexer {
    pub(super) fn feed(&mut self, mut bytes: &[u8], into: &mut Frames) -> Result<(), FrameError> {
        while !bytes.is_empty() {
            if self.carry.is_empty()
                && let Some(header) = bytes.first_chunk::<HEADER_BYTES>()
            {
                let (kind, end) = parse_header(*header)?;
                if end <= bytes.len() {
                    self.emit(kind, &bytes[HEADER_BYTES..end], into)?;
                    bytes = &bytes[end..];
                    continue;
                }
            }
            let missing = match self.carry.first_chunk::<HEADER_BYTES>() {
                Some(header) => parse_header(*header)?.1 - self.carry.len(),
                None => HEADER_BYTES - self.carry.len(),
            };
            let (part, rest) = bytes.split_at(missing.min(bytes.len()));
            self.carry.extend_from_slice(part);
            bytes = rest;
            if let Some(header) = self.carry.first_chunk::<HEADER_BYTES>() {
                let (kind, end) = parse_header(*header)?;
                if end == self.carry.len() {
                    let frame = std::mem::take(&mut self.carry);
                    self.emit(kind, &frame[HEADER_BYTES..], into)?;
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
            Kind::Failure => Err(FrameError::Daemon(error_text(message))),
        }
    }
}

/// The content of a frame.
#[derive(Clone, Copy)]
enum Kind {
    Output(StdStream),
    Failure,
}

/// The frame's kind and its length with the header.
fn parse_header(header: [u8; HEADER_BYTES]) -> Result<(Kind, usize), FrameError> {
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
        Ok(payload) if payload <= FRAME_MAX_BYTES => Ok((kind, HEADER_BYTES + payload)),
        _ => Err(FrameError::TooLong(length)),
    }
}
