//! The raw form of a container with a terminal: messages one after the other, without framing.
//!
//! dockerd writes each message as a timestamp, a space and the bytes (moby:
//! `api/server/httputils/write_log_stream.go`). It ends a message at `\n`, after 16384 bytes without one, or at the
//! end of the container's run (`daemon/logger/copier.go`). It also writes each message as one HTTP chunk, but a proxy
//! may split chunks anywhere (RFC 9112, 7.1), so the decoder ignores them. Only the bytes show where a message
//! begins:
//!
//! - after a `\n`;
//! - after 16384 bytes without one, before a timestamp;
//! - inside a line, before a timestamp that a later message can have.
//!
//! The third rule is for output that ended without `\n` before a restart of the container. It is also for the driver
//! `local` of dockerd 20.10, which writes no `\n` behind a line that it stored in pieces. The timestamp must have the
//! form of the message's own timestamp, and must be later, by [`STOP_MAX_NANOS`] at most. The container's own text can
//! imitate that only with a time in the future, since the daemon stamps a message after the container wrote it.
//!
//! The last piece of a line is empty if the others hold all of it. Then `local` writes a timestamp and a space alone. So
//! for `local`, the third rule applies at the front of a message too, behind a full piece and at the front of the body.
//!
//! Podman (4.3) splits a line if its reader runs between two writes of the kernel's terminal, which writes `\r\n`
//! separately. Podman's timestamps have whole seconds. One of this second or the next directly before the end of a line
//! is from Podman, and the decoder removes it. Podman's timestamps in other places of a line look like the container's
//! text, and stay.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::FrameError;
use super::message::{ERROR_TEXT_MAX_BYTES, error_text, strip_details};
use crate::docker::request::Details;
use crate::engine::source::{Frames, StdStream};
use crate::engine::timestamp::Timestamp;

/// The length at which dockerd splits a line without a newline.
pub(super) const PIECE_BYTES: usize = 16 * 1024;
/// The longest timestamp with its space, in any RFC 3339 form.
const STAMP_MAX_BYTES: usize = 41;
/// The decoder scans a line once this number of bytes is there, so that a timestamp behind a full piece is there too.
const LINE_MAX_BYTES: usize = PIECE_BYTES + STAMP_MAX_BYTES;
/// The longest details that are recognized behind a whole piece of a line.
const DETAILS_MAX_BYTES: usize = 16 * 1024;
/// Where the `T` stands in a timestamp.
const T_OFFSET: usize = 10;
/// The longest timestamp of whole seconds, with its space.
const WHOLE_SECONDS_BYTES: usize = "2026-11-29T04:30:42+00:00 ".len();
/// In nanoseconds.
const SECOND: i128 = 1_000_000_000;
/// The longest stop of a container between two runs that share a line. Text with a time further in the
/// future, an expiry date for example, does not begin a message.
const STOP_MAX_NANOS: i64 = 31 * 86_400 * 1_000_000_000;

/// The decoder of one raw terminal stream. It holds at most one piece of a line.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// Bytes of a message without a known end.
    held: Vec<u8>,
    /// The open message, without its timestamp.
    message: Option<Stamp>,
    /// The place of the open message, or of the next one.
    place: Place,
    /// The place at the front of the body, and behind a full piece.
    special: Place,
    /// Whether details follow the timestamp.
    details: Details,
}

/// The timestamp of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    time: Timestamp,
    /// Its length with the space after it: the daemon uses one form in a stream.
    length: usize,
    /// The length of the details with their space: the same for all messages of a container.
    details: usize,
}

impl Stamp {
    /// The timestamp at the front of these bytes, and the details behind it.
    fn at(bytes: &[u8], details: Details) -> Option<Self> {
        let (time, length) = Timestamp::strip(bytes)?;
        let details = match details {
            Details::Without => 0,
            Details::With => memchr(b' ', &bytes[length..])? + 1,
        };
        Some(Self { time, length, details })
    }

    /// The bytes in front of the message.
    fn end(self) -> usize {
        self.length + self.details
    }

    /// Whether a later run can have begun with `other` on a line that this message began.
    fn may_precede(self, other: Self) -> bool {
        let later = other.time.as_nanos() - self.time.as_nanos();
        let same_form = (self.length, self.details) == (other.length, other.details);
        same_form && (1..=i128::from(STOP_MAX_NANOS)).contains(&later)
    }
}

/// Whether a message may be empty where it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// It may be the empty last piece of a line.
    MayBeEmpty,
    #[default]
    HasText,
}

/// Whether more bytes may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    Ended,
}

impl Terminal {
    /// The decoder of messages with or without details. `special` is the place at the front of the body and behind a
    /// full piece.
    pub(super) fn with(details: Details, special: Place) -> Self {
        Self { details, place: special, special, ..Self::default() }
    }

    /// The maximum length of details.
    fn details_max(&self) -> usize {
        match self.details {
            Details::Without => 0,
            Details::With => DETAILS_MAX_BYTES,
        }
    }

    /// Takes the next bytes, split anywhere, and appends the frames that they complete.
    pub(super) fn feed(&mut self, mut bytes: &[u8], into: &mut Frames) -> Result<(), FrameError> {
        if self.held.is_empty() {
            let used = self.parse(bytes, Input::Open, into)?;
            self.held.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        // First completes a partial line; the rest is decoded in place.
        while !bytes.is_empty() {
            let max_bytes = LINE_MAX_BYTES + self.details_max();
            let room = max_bytes.saturating_sub(self.held.len()).max(1).min(bytes.len());
            let line = memchr(b'\n', &bytes[..room]).map(|at| at + 1);
            let (part, rest) = bytes.split_at(line.unwrap_or(room));
            self.held.extend_from_slice(part);
            bytes = rest;
            let complete = line.is_some() || max_bytes <= self.held.len();
            if complete || self.message.is_none() {
                let held = std::mem::take(&mut self.held);
                let used = self.parse(&held, Input::Open, into)?;
                if used == held.len() {
                    return self.feed(bytes, into);
                }
                self.held = held;
                self.held.drain(..used);
            }
        }
        Ok(())
    }

    /// Ends the body and appends the frames that this completes.
    pub(super) fn finish(&mut self, into: &mut Frames) -> Result<(), FrameError> {
        let held = std::mem::take(&mut self.held);
        self.parse(&held, Input::Ended, into)?;
        if let (Some(stamp), Place::MayBeEmpty) = (self.message.take(), self.place) {
            // It has no bytes.
            into.push(StdStream::Stdout, stamp.time, [&[], &[]]);
        }
        Ok(())
    }

    /// Whether the body may have ended inside a message.
    pub(super) fn is_open(&self) -> bool {
        !self.held.is_empty() || self.message.is_some() && self.place == Place::MayBeEmpty
    }

    /// The number of held bytes.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.capacity()
    }

    /// Appends the messages with a known end; returns the number of consumed bytes.
    fn parse(
        &mut self,
        bytes: &[u8],
        input: Input,
        into: &mut Frames,
    ) -> Result<usize, FrameError> {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let step = match self.message {
                None => self.begin(rest, input, into)?,
                Some(stamp) => self.advance(stamp, rest, input, into),
            };
            match step {
                0 => break,
                step => used += step,
            }
        }
        Ok(used)
    }

    /// Takes the timestamp that begins a message; 0 if more bytes are needed.
    fn begin(
        &mut self,
        bytes: &[u8],
        input: Input,
        into: &mut Frames,
    ) -> Result<usize, FrameError> {
        if let Some(stamp) = Stamp::at(bytes, self.details) {
            if self.details == Details::With {
                strip_details(&bytes[stamp.length..], into);
            }
            self.message = Some(stamp);
            return Ok(stamp.end());
        }
        let begins_a_stamp = bytes[0].is_ascii_digit();
        let undecided = bytes.len()
            < if begins_a_stamp {
                STAMP_MAX_BYTES + self.details_max()
            } else {
                ERROR_TEXT_MAX_BYTES
            };
        if undecided && input == Input::Open && !bytes.contains(&b'\n') {
            return Ok(0);
        }
        // The daemon reports failures as a line of plain text.
        let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
        Err(match begins_a_stamp {
            true => FrameError::NoTimestamp,
            false => FrameError::Daemon(error_text(&bytes[..end])),
        })
    }

    /// Appends the open message up to its end, or up to the end of a piece; 0 if more bytes are needed.
    fn advance(&mut self, stamp: Stamp, bytes: &[u8], input: Input, into: &mut Frames) -> usize {
        let piece = &bytes[..bytes.len().min(PIECE_BYTES)];
        let line = memchr(b'\n', piece).map(|at| at + 1);
        let known = line.is_some()
            || LINE_MAX_BYTES + self.details_max() <= bytes.len()
            || input == Input::Ended;
        if !known {
            return 0;
        }
        let end = line.unwrap_or(piece.len());
        if let Some(at) = line.and_then(|_| before_newline(stamp, &bytes[..end])) {
            let newline = &bytes[at + stamp.length..end];
            into.push(StdStream::Stdout, stamp.time, [&bytes[..at], newline]);
            (self.message, self.place) = (None, Place::HasText);
            return end;
        }
        let front = match self.place {
            Place::MayBeEmpty => 0,
            Place::HasText => 1,
        };
        if let Some((at, next)) = later_message(stamp, bytes, front..end, self.details) {
            into.push(StdStream::Stdout, stamp.time, [&bytes[..at], &[]]);
            (self.message, self.place) = (Some(next), Place::HasText);
            return at + next.end();
        }
        into.push(StdStream::Stdout, stamp.time, [&bytes[..end], &[]]);
        self.place = Place::HasText;
        if line.is_some() {
            self.message = None;
        } else if let Some(next) = Stamp::at(&bytes[end..], self.details) {
            (self.message, self.place) = (Some(next), self.special);
            return end + next.end();
        }
        end
    }
}

/// The place of Podman's timestamp between a line and its newline.
fn before_newline(stamp: Stamp, line: &[u8]) -> Option<usize> {
    if WHOLE_SECONDS_BYTES < stamp.length {
        return None;
    }
    let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"))?;
    let at = text.len().checked_sub(stamp.length).filter(|at| 0 < *at)?;
    let next =
        Stamp::at(&text[at..], Details::Without).filter(|next| next.length == stamp.length)?;
    let later = next.time.as_nanos() - stamp.time.as_nanos();
    (0..=SECOND).contains(&later).then_some(at)
}

/// The beginning of a later message within these places, and its timestamp.
fn later_message(
    stamp: Stamp,
    bytes: &[u8],
    within: Range<usize>,
    details: Details,
) -> Option<(usize, Stamp)> {
    let end = within.end;
    let begins = |t: usize| {
        let at = t.checked_sub(T_OFFSET).filter(|at| within.contains(at))?;
        let looks_so = bytes.get(at + 4) == Some(&b'-') && bytes.get(at + 13) == Some(&b':');
        let next = looks_so.then(|| Stamp::at(&bytes[at..], details))??;
        stamp.may_precede(next).then_some((at, next))
    };
    // Its `T` may be behind `end`, if a piece ends inside the timestamp.
    let through = &bytes[..bytes.len().min(end + T_OFFSET)];
    memchr_iter(b'T', through).find_map(begins)
}
