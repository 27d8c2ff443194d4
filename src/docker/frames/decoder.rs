//! The decoder of a log in either form.

use super::FrameError;
use super::demultiplexer::Demultiplexer;
use super::tty::{Place, Terminal};
use crate::docker::request::Details;
use crate::engine::source::{Frames, OutputKind};

/// Turns body bytes into frames, in the form for the container's terminal setting.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// Multiplexed stdout and stderr.
    Multiplexed(Demultiplexer),
    /// One raw terminal stream.
    Terminal(Terminal),
}

impl Decoder {
    /// The decoder for messages without details.
    pub fn new(output: OutputKind) -> Self {
        Self::with(output, Details::Without)
    }

    /// The decoder for messages with or without details.
    pub fn with(output: OutputKind, details: Details) -> Self {
        match output {
            OutputKind::Terminal => Decoder::Terminal(Terminal::with(details, Place::HasText)),
            OutputKind::TerminalInLocal => {
                Decoder::Terminal(Terminal::with(details, Place::MayBeEmpty))
            }
            OutputKind::Pipes => {
                Decoder::Multiplexed(Demultiplexer { details, ..Demultiplexer::default() })
            }
        }
    }

    /// Takes the next body bytes, cut anywhere, and appends the frames that they complete.
    ///
    /// # Errors
    /// If the framing is broken or the daemon reports a failure. Frames appended before that are valid.
    pub fn feed(&mut self, bytes: &[u8], into: &mut Frames) -> Result<(), FrameError> {
        match self {
            Decoder::Multiplexed(decoder) => decoder.feed(bytes, into),
            Decoder::Terminal(decoder) => decoder.feed(bytes, into),
        }
    }

    /// Whether the decoder holds bytes of an incomplete frame.
    pub fn is_open(&self) -> bool {
        match self {
            Decoder::Multiplexed(decoder) => !decoder.carry.is_empty(),
            Decoder::Terminal(decoder) => decoder.is_open(),
        }
    }

    /// Ends the body and appends the frames that this completes.
    ///
    /// # Errors
    /// If the body ended inside a frame.
    pub fn finish(&mut self, into: &mut Frames) -> Result<(), FrameError> {
        match self {
            Decoder::Multiplexed(decoder) if decoder.carry.is_empty() => Ok(()),
            Decoder::Multiplexed(_) => Err(FrameError::Incomplete),
            Decoder::Terminal(decoder) => decoder.finish(into),
        }
    }
}
