//! Writes answers to one connection, in whole or in chunks, as far as a scripted fault allows.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::time::sleep;

use super::routes;
use super::world::World;

/// The way out, through which faults let only so much.
#[derive(Debug)]
pub(super) struct Valve {
    writer: OwnedWriteHalf,
    /// Bytes that still pass.
    pub(super) left: usize,
    /// What comes after them: the end of the connection, or silence.
    pub(super) then_close: bool,
    pub(super) drip: Option<Duration>,
}

impl Valve {
    /// Lets everything pass.
    pub(super) fn new(writer: OwnedWriteHalf) -> Self {
        Self { writer, left: usize::MAX, then_close: true, drip: None }
    }

    /// Writes what passes; an error when the rest must not.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let passing = &bytes[..bytes.len().min(self.left)];
        self.left -= passing.len();
        match self.drip {
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

    /// A whole answer.
    pub(super) async fn whole(
        &mut self,
        world: &World,
        status: u16,
        kind: &str,
        body: &str,
    ) -> io::Result<()> {
        let length = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        self.head(world, status, &length).await?;
        self.write(body.as_bytes()).await
    }

    /// The head of an answer, with these lines more.
    pub(super) async fn head(&mut self, world: &World, status: u16, more: &str) -> io::Result<()> {
        let version = world.lock().version;
        let api = routes::api_version(version);
        let reason = match status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            409 => "Conflict",
            501 => "Not Implemented",
            _ => "Internal Server Error",
        };
        let head = format!(
            "HTTP/1.1 {status} {reason}\r\nApi-Version: {api}\r\nDocker-Experimental: false\r\n\
             Ostype: linux\r\nServer: Docker/{version} (linux)\r\n{more}Connection: close\r\n\r\n"
        );
        self.write(head.as_bytes()).await
    }

    /// One chunk of a chunked answer.
    pub(super) async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await
    }
}
