//! One log stream: a request on a connection of its own, and the bytes that answer it.
//!
//! This is the thin part between the socket and the pure decoders: it reads into one scratch
//! buffer per thread, so that a quiet stream holds no memory for reading, and hands the bytes
//! through [`http`](super::http) to [`frames`](super::frames).

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::endpoint::{Connection, Endpoint, plain};
use super::frames::{Decoder, FrameError};
use super::http::{Body, Head, HttpError};
use super::nap;
use crate::engine::census::Purpose;
use crate::engine::source::{ErrorKind, Frames, LogRequest, LogStream, Read, SourceError, Tail};

/// How long the daemon may take to answer with a head. Docker sends it at once, also for a
/// container that says nothing.
const HEAD: Duration = Duration::from_secs(10);
/// How long the body of an error answer may take.
const ERROR_BODY: Duration = Duration::from_secs(5);
/// How much of an error answer is read.
const MAX_ERROR: usize = 16 * 1024;
/// Bytes per read, and so the bound of a batch: more than a unix socket gives at once (about
/// 36 kB of log lines).
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// An open log stream of a Docker daemon.
#[derive(Debug)]
pub struct Logs {
    connection: Connection,
    body: Body,
    decoder: Decoder,
    /// Body bytes that came with the head.
    early: Vec<u8>,
    last_read: usize,
}

impl Logs {
    /// Sends the request and reads the head of the answer.
    ///
    /// # Errors
    /// No connection, no head in time, or an answer other than 200, with the daemon's words.
    ///
    /// # Cancel safety
    /// Safe: the connection is closed when the future is dropped.
    pub(super) async fn open(
        endpoint: &Arc<Endpoint>,
        request: &LogRequest,
    ) -> Result<Self, SourceError> {
        let purpose = if request.follow { Purpose::Stream } else { Purpose::Read };
        let mut connection = endpoint.connect(purpose).await?;
        let asked = async {
            connection.write_all(target(request).as_bytes()).await.map_err(|error| cut(&error))?;
            read_head(&mut connection).await
        };
        let (head, mut early) = timeout(HEAD, asked).await.map_err(|_| {
            let message = format!("{endpoint} did not answer a request for logs within {HEAD:?}");
            SourceError::new(ErrorKind::Timeout, message)
        })??;
        let mut body = Body::new(head.framing);
        if head.status != 200 {
            let reading = read_error(&mut connection, &mut body, early);
            let message = timeout(ERROR_BODY, reading).await.unwrap_or_default();
            return Err(refusal(head.status, &message));
        }
        early.shrink_to_fit();
        let decoder = Decoder::new(request.tty);
        Ok(Self { connection, body, decoder, early, last_read: 0 })
    }
}

impl LogStream for Logs {
    async fn read(&mut self, into: &mut Frames) -> Result<Read, SourceError> {
        if self.body.is_done() {
            return Ok(Read::End);
        }
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            return feed(&mut self.body, &mut self.decoder, &early, into);
        }
        nap::after(self.last_read);
        let Self { connection, body, decoder, last_read, .. } = self;
        poll_fn(|cx| {
            BUFFER.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                let read = ready!(Pin::new(&mut *connection).poll_read(cx, &mut buffer));
                *last_read = buffer.filled().len();
                Poll::Ready(match read {
                    Err(error) => Err(cut(&error)),
                    Ok(()) if buffer.filled().is_empty() => closed(body, decoder, into),
                    Ok(()) => feed(body, decoder, buffer.filled(), into),
                })
            })
        })
        .await
    }
}

/// The request, as one write. Requests carry no API version: the daemon then speaks its own.
fn target(request: &LogRequest) -> String {
    let tail = match request.tail {
        Tail::All => "all".to_owned(),
        Tail::Last(count) => count.to_string(),
    };
    format!(
        "GET /containers/{}/logs?follow={}&stdout=1&stderr=1&timestamps=1&tail={tail} HTTP/1.1\r\n\
         Host: docker\r\nUser-Agent: cmon/{}\r\n\r\n",
        request.key.id.as_str(),
        u8::from(request.follow),
        env!("CARGO_PKG_VERSION"),
    )
}

async fn read_head(connection: &mut Connection) -> Result<(Head, Vec<u8>), SourceError> {
    let mut bytes = Vec::new();
    loop {
        if read_some(connection, &mut bytes).await.map_err(|error| cut(&error))? == 0 {
            let message = "the daemon closed the connection before it answered";
            return Err(SourceError::new(ErrorKind::Cut, message));
        }
        if let Some((head, length)) = Head::parse(&bytes).map_err(|error| broken(&error))? {
            return Ok((head, bytes.split_off(length)));
        }
    }
}

/// Appends what one read gives; zero means that the peer has closed.
async fn read_some(connection: &mut Connection, into: &mut Vec<u8>) -> io::Result<usize> {
    poll_fn(|cx| {
        BUFFER.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *connection).poll_read(cx, &mut buffer))?;
            into.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}

/// The daemon's words in an error answer, as far as they come.
async fn read_error(connection: &mut Connection, body: &mut Body, mut bytes: Vec<u8>) -> String {
    let mut text = Vec::new();
    loop {
        let mut input = bytes.as_slice();
        while let Ok(Some(piece)) = body.next(&mut input) {
            text.extend_from_slice(piece);
        }
        bytes.clear();
        let enough = body.is_done() || MAX_ERROR <= text.len();
        if enough || !matches!(read_some(connection, &mut bytes).await, Ok(1..)) {
            return words(&text);
        }
    }
}

/// Docker answers errors as `{"message": "…"}`; anything else is quoted as it is.
fn words(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        message: String,
    }
    let text = match serde_json::from_slice::<Answer>(body) {
        Ok(answer) => answer.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    text.trim().chars().take(500).collect()
}

/// A status other than 200 as an error with a kind.
fn refusal(status: u16, message: &str) -> SourceError {
    let unreadable = message.contains("does not support reading");
    let kind = match status {
        404 => ErrorKind::Gone,
        409 if message.contains("marked for removal") => ErrorKind::Gone,
        401 | 403 => ErrorKind::Denied,
        501 => ErrorKind::Unreadable,
        // dockerd answers 500 or 400 with these words on some versions.
        _ if unreadable => ErrorKind::Unreadable,
        _ => ErrorKind::Refused,
    };
    let message = match message {
        "" => format!("the daemon answered with status {status}"),
        words => format!("the daemon answered with status {status}: {words}"),
    };
    SourceError::new(kind, message)
}

fn feed(
    body: &mut Body,
    decoder: &mut Decoder,
    mut bytes: &[u8],
    into: &mut Frames,
) -> Result<Read, SourceError> {
    while let Some(piece) = body.next(&mut bytes).map_err(|error| broken(&error))? {
        decoder.feed(piece, into).map_err(|error| unframed(&error))?;
    }
    if body.is_done() {
        decoder.finish(into).map_err(|error| unframed(&error))?;
        return Ok(Read::End);
    }
    Ok(Read::Some)
}

/// The peer has closed the connection.
fn closed(body: &Body, decoder: &mut Decoder, into: &mut Frames) -> Result<Read, SourceError> {
    if body.may_close() {
        decoder.finish(into).map_err(|error| unframed(&error))?;
        return Ok(Read::End);
    }
    Err(SourceError::new(ErrorKind::Cut, "the daemon closed the connection in mid-stream"))
}

fn cut(error: &io::Error) -> SourceError {
    let message = format!("the connection to the daemon broke: {}", plain(error));
    SourceError::new(ErrorKind::Cut, message)
}

fn broken(error: &HttpError) -> SourceError {
    SourceError::new(ErrorKind::Protocol, error.to_string())
}

fn unframed(error: &FrameError) -> SourceError {
    let kind = match error {
        FrameError::Daemon(_) => ErrorKind::InBand,
        FrameError::Incomplete => ErrorKind::Cut,
        _ => ErrorKind::Protocol,
    };
    SourceError::new(kind, error.to_string())
}
