//! The decoder of a log in either form.

use super::FrameError;
use super::demultiplexer::Demultiplexer;
use super::tty::Terminal;
use crate::docker::request::Details;
use crate::engine::source::{Frames, OutputKind};

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
