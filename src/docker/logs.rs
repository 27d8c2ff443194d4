//! A container's log, either directly from the daemon or counted by cmon.

use std::sync::Arc;

use super::counted::Counted;
use super::request::Client;
use super::stream::Stream;
use crate::engine::source::{Frames, LogEnd, LogRequest, LogStream, Read, SourceError, Tail};

/// An open log of a Docker daemon.
#[derive(Debug)]
pub enum Logs {
    /// As the daemon serves it.
    Served(Box<Stream>),
    /// The daemon serves all of it, and cmon finds the last messages.
    Counted(Box<Counted>),
}

impl Logs {
    /// Sends the request and reads the head of the answer.
    ///
    /// # Errors
    /// As of [`Stream::open`].
    ///
    /// # Cancel safety
    /// Safe: the connection is closed when the future is dropped.
    pub(super) async fn open(
        client: &Arc<Client>,
        request: &LogRequest,
    ) -> Result<Self, SourceError> {
        match (request.end, request.tail) {
            (LogEnd::Counted, Tail::Last(last)) => {
                let counted = Box::pin(Counted::open(client, request, last)).await?;
                Ok(Self::Counted(Box::new(counted)))
            }
            _ => Stream::open(client, request).await.map(|stream| Self::Served(Box::new(stream))),
        }
    }
}

impl LogStream for Logs {
    async fn read(&mut self, into: &mut Frames) -> Result<Read, SourceError> {
        match self {
            Self::Served(stream) => stream.read(into).await,
            Self::Counted(counted) => Box::pin(counted.read(into)).await,
        }
    }
}
