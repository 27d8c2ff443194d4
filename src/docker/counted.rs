//! The end of a log from Podman, which does not serve it correctly.
//!
//! Podman stores what it reads from a container at once, so it can store a line in parts. With `tail=K`, Podman 4.3
//! joins these parts wrongly: of the lines `95376` and `95377` it made `9537695` and `377`, as `podman logs --tail`
//! does too. The request also takes time quadratic in K: 5.5 s for 20,000 messages. A read of the whole log is correct
//! and fast. So cmon reads all of it, and drops all but the last K messages here.

use std::collections::VecDeque;
use std::sync::Arc;

use super::request::Client;
use super::stream::Stream;
use crate::engine::source::{
    Frames, LogRequest, LogStream, Read, ReadMode, SourceError, StdStream, Tail,
};
use crate::engine::timestamp::Timestamp;

/// One message, held while it may be one of the last.
type Message = (StdStream, Timestamp, Vec<u8>);

/// The last messages of a log, and in a follow the new ones.
///
/// During a finite read, it holds the requested number of messages.
#[derive(Debug)]
pub struct Counted {
    client: Arc<Client>,
    request: LogRequest,
    /// The requested number of messages from the end.
    last: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A finite read: the last messages up to now.
    Keeping(Stream, VecDeque<Message>),
    /// Before a follow: the number of stored messages.
    Counting(Stream, usize),
    /// The follow is to be opened. The number of messages to skip.
    Counted(usize),
    /// The follow, and the number of messages left to skip.
    Following(Stream, usize),
}

impl Counted {
    /// Opens the whole log if a request is for its last messages.
    ///
    /// # Errors
    /// As of [`Stream::open`].
    ///
    /// # Cancel safety
    /// Safe: the connection is closed when the future is dropped.
    pub(super) async fn open(
        client: &Arc<Client>,
        request: &LogRequest,
        last: u64,
    ) -> Result<Self, SourceError> {
        let whole_log = LogRequest { mode: ReadMode::Once, tail: Tail::All, ..request.clone() };
        let stream = Stream::open(client, &whole_log).await?;
        let state = match request.mode {
            ReadMode::Follow => State::Counting(stream, 0),
            ReadMode::Once => State::Keeping(stream, VecDeque::new()),
        };
        let last = usize::try_from(last).unwrap_or(usize::MAX);
        Ok(Self { client: Arc::clone(client), request: request.clone(), last, state })
    }
}

impl LogStream for Counted {
    async fn read(&mut self, into: &mut Frames) -> Result<Read, SourceError> {
        let mut frames = Frames::default();
        match &mut self.state {
            State::Keeping(stream, kept) => {
                let read = stream.read(&mut frames).await?;
                for (frame, payload) in frames.iter() {
                    kept.push_back((frame.stream, frame.time, payload.to_vec()));
                    if self.last < kept.len() {
                        kept.pop_front();
                    }
                }
                if read == Read::End {
                    for (stream, time, payload) in kept.drain(..) {
                        into.push(stream, time, [&payload, &[]]);
                    }
                }
                Ok(read)
            }
            State::Counting(stream, count) => {
                let read = stream.read(&mut frames).await?;
                *count += frames.len();
                if read == Read::End {
                    self.state = State::Counted(count.saturating_sub(self.last));
                }
                Ok(Read::Some)
            }
            State::Counted(before) => {
                let whole_log = LogRequest { tail: Tail::All, ..self.request.clone() };
                let stream = Stream::open(&self.client, &whole_log).await?;
                self.state = State::Following(stream, *before);
                Ok(Read::Some)
            }
            State::Following(stream, 0) => stream.read(into).await,
            State::Following(stream, before) => {
                let read = stream.read(&mut frames).await?;
                let skipped = frames.len().min(*before);
                *before -= skipped;
                for (frame, payload) in frames.iter().skip(skipped) {
                    into.push(frame.stream, frame.time, [payload, &[]]);
                }
                Ok(read)
            }
        }
    }
}
