//! The end of a log, from a daemon that does not serve it right.
//!
//! Podman stores what it reads from a container at once, so a line can be stored in parts. With `tail=K`
//! Podman 4.3 joins these parts wrongly: of the lines `95376` and `95377` it made `9537695` and `377`, as
//! `podman logs --tail` does too. It also takes a time that grows with the square of K: 5.5 s for 20,000
//! messages. Read as a whole, the same log is right and comes at once. So the whole log is read, and all but
//! its last K messages are dropped here.

use std::collections::VecDeque;
use std::sync::Arc;

use super::request::Client;
use super::stream::Stream;
use crate::engine::source::{
    Frames, LogRequest, LogStream, Read, ReadMode, SourceError, StdStream, Tail,
};
use crate::engine::timestamp::Timestamp;

/// One message, held until it is known whether it is one of the last.
type Message = (StdStream, Timestamp, Vec<u8>);

/// The last messages of a log, and what comes where it is followed.
///
/// It holds as many messages as are asked for, while a finite read lasts.
#[derive(Debug)]
pub struct Counted {
    client: Arc<Client>,
    request: LogRequest,
    /// The number of messages wanted from the end.
    last: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A finite read: the last messages so far.
    Keeping(Stream, VecDeque<Message>),
    /// Before a follow: how many messages are stored.
    Counting(Stream, usize),
    /// The follow is to be opened. The number is that of the messages to skip.
    Counted(usize),
    /// The follow, and the number of messages left to skip.
    Following(Stream, usize),
}

impl Counted {
    /// Opens the whole log where its last messages are asked for.
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
        let whole = LogRequest { mode: ReadMode::Once, tail: Tail::All, ..request.clone() };
        let stream = Stream::open(client, &whole).await?;
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
                let whole = LogRequest { tail: Tail::All, ..self.request.clone() };
                let stream = Stream::open(&self.client, &whole).await?;
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
