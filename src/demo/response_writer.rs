//! The writer of responses, through which faults cut or change an answer.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::answers;
use super::fake_daemon::FakeDaemon;
use super::fault::Reframe;

/// The writing half of one connection.
#[derive(Debug)]
pub(super) struct ResponseWriter {
    writer: OwnedWriteHalf,
    /// The number of bytes that still pass.
    pub(super) left: usize,
    /// The behavior after them: close, or silence.
    pub(super) then_close: bool,
    pub(super) wait_per_piece: Option<Duration>,
    pub(super) reframe: Option<Reframe>,
    /// The head, while it is delayed.
    pub(super) held: Option<Vec<u8>>,
    pub(super) cut_when_silent: Option<Duration>,
    pub(super) rewrite: Option<(&'static str, &'static str)>,
    /// The request was HEAD.
    pub(super) head_only: bool,
    /// The collected body, if it is sent in one piece.
    collected: Vec<u8>,
}

impl ResponseWriter {
    pub(super) fn new(writer: OwnedWriteHalf) -> Self {
        Self {
            writer,
            left: usize::MAX,
            then_close: true,
            wait_per_piece: None,
            reframe: None,
            held: None,
            cut_when_silent: None,
            rewrite: None,
            head_only: false,
            collected: Vec::new(),
        }
    }

    /// Writes the bytes that pass; an error if the connection must close.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(mut head) = self.held.take() {
            head.extend_from_slice(bytes);
            return Box::pin(self.write(&head)).await;
        }
        let passing = &bytes[..bytes.len().min(self.left)];
        self.left -= passing.len();
        match self.wait_per_piece {
            None => self.writer.write_all(passing).await?,
            Some(wait) => {
                for piece in passing.chunks(7) {
                    self.writer.write_all(piece).await?;
                    sleep(wait).await;
                }
            }
        }
        match passing.len() < bytes.len() {
            false => Ok(()),
            true if self.then_close => Err(io::ErrorKind::ConnectionAborted.into()),
            true => std::future::pending().await,
        }
    }

    /// A complete answer.
    pub(super) async fn whole(
        &mut self,
        fake: &FakeDaemon,
        status: u16,
        kind: &str,
        body: &[u8],
    ) -> io::Result<()> {
        let body = match self.rewrite {
            Some((from, to)) => String::from_utf8_lossy(body).replace(from, to).into_bytes(),
            None => body.to_owned(),
        };
        if self.reframe.is_some() {
            self.begin_chunked(fake, status, &format!("Content-Type: {kind}\r\n")).await?;
            self.chunk(&body).await?;
            return self.end_chunked().await;
        }
        let length = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        self.head(fake, status, &length).await?;
        if self.head_only {
            return Ok(());
        }
        self.write(&body).await
    }

    /// The head of an answer, with these additional lines.
    async fn head(&mut self, fake: &FakeDaemon, status: u16, more: &str) -> io::Result<()> {
        let version = fake.lock().version;
        let api = answers::api_version(version);
        let reason = match status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            409 => "Conflict",
            501 => "Not Implemented",
            _ => "Internal Server Error",
        };
        let http = if self.reframe == Some(Reframe::UntilClose) { "1.0" } else { "1.1" };
        let text = format!(
            "HTTP/{http} {status} {reason}\r\nApi-Version: {api}\r\nDocker-Experimental: false\r\n\
             Ostype: linux\r\nServer: Docker/{version} (linux)\r\n{more}Connection: close\r\n\r\n"
        );
        match &mut self.held {
            Some(held) => held.extend_from_slice(text.as_bytes()),
            None => self.write(text.as_bytes()).await?,
        }
        Ok(())
    }

    /// The head of an answer with a body in parts.
    pub(super) async fn begin_chunked(
        &mut self,
        fake: &FakeDaemon,
        status: u16,
        more: &str,
    ) -> io::Result<()> {
        match self.reframe {
            None | Some(Reframe::Chunks(_)) => {
                self.head(fake, status, &format!("{more}Transfer-Encoding: chunked\r\n")).await
            }
            Some(Reframe::UntilClose) => self.head(fake, status, more).await,
            // Its length is known at the end.
            Some(Reframe::Length) => {
                self.held = Some(Vec::new());
                self.head(fake, status, more).await
            }
        }
    }

    /// One chunk of such an answer.
    pub(super) async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.reframe {
            None => self.one_chunk(bytes).await,
            Some(Reframe::Chunks(size)) => {
                for part in bytes.chunks(size.max(1)) {
                    self.one_chunk(part).await?;
                }
                Ok(())
            }
            Some(Reframe::UntilClose) => self.write(bytes).await,
            Some(Reframe::Length) => {
                self.collected.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    async fn one_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await
    }

    /// The end of such an answer.
    pub(super) async fn end_chunked(&mut self) -> io::Result<()> {
        match self.reframe {
            None | Some(Reframe::Chunks(_)) => self.write(b"0\r\n\r\n").await,
            Some(Reframe::UntilClose) => Ok(()),
            Some(Reframe::Length) => {
                let head = self.held.take().unwrap_or_default();
                let head = String::from_utf8_lossy(&head).into_owned();
                let length = format!("Content-Length: {}\r\nConnection:", self.collected.len());
                let head = head.replace("Connection:", &length);
                let body = std::mem::take(&mut self.collected);
                self.write(&[head.as_bytes(), &body].concat()).await
            }
        }
    }

    /// Waits until the daemon's state changes; an error if the connection must close before that.
    pub(super) async fn changed(&self, changes: &mut watch::Receiver<u64>) -> io::Result<()> {
        let next = changes.changed();
        let closed = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        match self.cut_when_silent {
            None => next.await.map_err(closed),
            Some(wait) => match timeout(wait, next).await {
                Ok(came) => came.map_err(closed),
                Err(_) => Err(io::ErrorKind::ConnectionAborted.into()),
            },
        }
    }
}
