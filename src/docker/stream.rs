//! One answer with a log, on its own connection.
//!
//! The thin layer between the socket and the pure decoders: it passes the bytes through [`http`](super::http) to
//! [`frames`](super::frames).

use std::sync::Arc;
use std::time::Duration;

use super::frames::{Decoder, FrameError};
use super::http::Body;
use super::read_pacing::{self, Pacing};
use super::request::{Answer, Client, Details, broken, encode, read_with};
use crate::engine::census::Purpose;
use crate::engine::source::{
    ErrorKind, Frames, LogEnd, LogRequest, LogStream, Read, ReadMode, SourceError, Stored, Tail,
};

/// The time limit for the head of a follow if the log may be empty. dockerd sends it at once.
const EMPTY_LOG_HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// One answer with a log.
#[derive(Debug)]
pub struct Stream {
    answer: Answer,
    decoder: Decoder,
    mode: ReadMode,
    pacing: Pacing,
}

impl Stream {
    /// Sends the request and reads the head of the answer.
    ///
    /// # Errors
    /// No connection, no head in time, or an error answer, with the daemon's message.
    ///
    /// # Cancel safety
    /// Safe: the connection is closed when the future is dropped.
    pub(super) async fn open(
        client: &Arc<Client>,
        request: &LogRequest,
    ) -> Result<Self, SourceError> {
        // Podman has no such header.
        let details = match request.end {
            LogEnd::Served => client.details(),
            LogEnd::Counted => Details::Without,
        };
        let target = target(request, details);
        let answer = match (request.mode, request.stored) {
            (ReadMode::Follow, Stored::MaybeNothing) => {
                client.open_early(Purpose::Stream, &target, EMPTY_LOG_HEAD_TIMEOUT).await?
            }
            (ReadMode::Follow, Stored::Something) => client.open(Purpose::Stream, &target).await?,
            (ReadMode::Once, _) => client.open(Purpose::Read, &target).await?,
        };
        let decoder = Decoder::with(request.output, details);
        let pacing = read_pacing::begin(request.mode, client.order_window());
        Ok(Self { answer, decoder, mode: request.mode, pacing })
    }
}

impl LogStream for Stream {
    async fn read(&mut self, into: &mut Frames) -> Result<Read, SourceError> {
        if !self.answer.has_head() {
            let finished = self.answer.finish_head().await;
            finished.map_err(|error| self.answer.named(&error))?;
        }
        let Answer { connection, body, early, .. } = &mut self.answer;
        if body.is_done() {
            return Ok(Read::End);
        }
        if !early.is_empty() {
            let early = std::mem::take(early);
            return feed(body, &mut self.decoder, &early, into);
        }
        read_pacing::pause(&self.pacing);
        let Self { decoder, pacing, mode, .. } = self;
        read_with(connection, |bytes| {
            let before = into.len();
            let fed = match bytes.is_empty() {
                true => closed(body, decoder, *mode, into),
                false => feed(body, decoder, bytes, into),
            };
            read_pacing::saw_read(pacing, bytes.len(), into.len() - before);
            fed
        })
        .await?
    }
}

/// The path and query of the request.
fn target(request: &LogRequest, details: Details) -> String {
    let tail = match request.tail {
        Tail::All => "all".to_owned(),
        Tail::Last(count) => count.to_string(),
    };
    format!(
        "/containers/{}/logs?follow={}&stdout=1&stderr=1&timestamps=1&tail={tail}{}",
        encode(request.key.id.as_str()),
        u8::from(request.mode == ReadMode::Follow),
        match details {
            Details::Without => "",
            Details::With => "&details=1",
        },
    )
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
fn closed(
    body: &Body,
    decoder: &mut Decoder,
    mode: ReadMode,
    into: &mut Frames,
) -> Result<Read, SourceError> {
    // Without chunks and without a length (HTTP/1.0), a cut looks like an end. An open line there may be
    // incomplete, so a follow does not deliver it; the finite read at the end of the run does.
    let may_be_half_a_line = mode == ReadMode::Follow && decoder.is_open() && !body.is_done();
    if body.may_close() && !may_be_half_a_line {
        decoder.finish(into).map_err(|error| unframed(&error))?;
        return Ok(Read::End);
    }
    Err(SourceError::new(ErrorKind::Cut, "the connection was closed in mid-stream"))
}

fn unframed(error: &FrameError) -> SourceError {
    let kind = match error {
        FrameError::Daemon(_) => ErrorKind::InBand,
        FrameError::Incomplete => ErrorKind::Cut,
        _ => ErrorKind::Protocol,
    };
    SourceError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, ErrorKind, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use super::*;
    use crate::docker::RequestOptions;
    use crate::docker::endpoint::{Address, Endpoint, Origin};
    use crate::engine::source::{ContainerId, ContainerKey, DaemonId, OutputKind};

    const LINES: usize = 20_000;

    /// Answers one request for a log in alternation with its reader: it writes until the socket is full, then
    /// waits until the reader has read once. Returns how many times the socket was full.
    fn serve(listener: &UnixListener, turns: &Receiver<()>, filled: &Sender<()>) -> usize {
        let mut socket = listener.accept().unwrap().0;
        let mut request = BufReader::new(socket.try_clone().unwrap()).lines();
        while request.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        socket.write_all(&answer).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut full = 0;
        for line in 0..LINES {
            answer.clear();
            let text = format!("2026-01-01T00:00:00.{line:09}Z line {line:060}\n");
            write!(answer, "{:x}\r\n", text.len() + 8).unwrap();
            answer.extend([1, 0, 0, 0]);
            answer.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            write!(answer, "{text}\r\n").unwrap();
            full += write_in_turns(&mut socket, &answer, turns, filled);
        }
        full + write_in_turns(&mut socket, b"0\r\n\r\n", turns, filled)
    }

    fn write_in_turns(
        socket: &mut UnixStream,
        mut bytes: &[u8],
        turns: &Receiver<()>,
        filled: &Sender<()>,
    ) -> usize {
        let mut full = 0;
        while !bytes.is_empty() {
            match socket.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    full += 1;
                    filled.send(()).unwrap();
                    turns.recv().unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
        full
    }

    fn request(mode: ReadMode) -> LogRequest {
        LogRequest {
            key: ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("full") },
            output: OutputKind::Pipes,
            mode,
            tail: Tail::All,
            stored: Stored::Something,
            end: LogEnd::Served,
        }
    }

    fn client(socket: PathBuf) -> Arc<Client> {
        let endpoint = Arc::new(Endpoint::new(Address::Unix(socket), Origin::Host));
        Arc::new(Client::new(endpoint, RequestOptions::default()))
    }

    #[tokio::test]
    async fn a_full_socket_is_drained_with_the_shortest_pause() {
        for mode in [ReadMode::Once, ReadMode::Follow] {
            let dir = tempfile::tempdir().unwrap();
            let socket = dir.path().join("s");
            let listener = UnixListener::bind(&socket).unwrap();
            let (turn, turns) = channel();
            let (full, filled) = channel();
            let server = thread::spawn(move || serve(&listener, &turns, &full));

            let mut stream = Stream::open(&client(socket), &request(mode)).await.unwrap();
            let (mut frames, mut reads) = (Frames::default(), 0);
            let mut shortest = None;
            // An error means that the server has written all.
            while filled.recv().is_ok() {
                assert_eq!(stream.read(&mut frames).await.unwrap(), Read::Some);
                reads += 1;
                shortest = shortest.max(stream.pacing.wanted().filter(|_| 20 < reads));
                turn.send(()).unwrap();
            }
            while stream.read(&mut frames).await.unwrap() == Read::Some {}

            assert!(40 < reads, "{mode:?}: the socket was full {reads} times");
            assert_eq!(server.join().unwrap(), reads);
            assert_eq!(shortest, Some(read_pacing::PAUSE_MIN), "{mode:?}");
            let expected = (0..LINES).map(|line| format!("line {line:060}\n").into_bytes());
            assert!(frames.iter().map(|(_, payload)| payload.to_vec()).eq(expected), "{mode:?}");
        }
    }
}
