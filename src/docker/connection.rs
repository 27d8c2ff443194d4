//! An open connection: a counted socket, with TLS over it if the route needs that. And the count.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::socket::Socket;
use super::ssh::Process;
use crate::engine::census::{ConnectionCount, Purpose};

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub enum Connection {
    /// Plain bytes.
    Plain(Counted),
    /// Bytes in TLS.
    Tls(Box<TlsStream<Counted>>),
}

impl Connection {
    /// The stderr of the process that carries the connection, if there is one.
    pub(super) async fn stderr(&mut self) -> Option<String> {
        match self {
            Connection::Plain(counted) => counted.process.as_mut()?.stderr().await,
            Connection::Tls(_) => None,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(counted) => Pin::new(counted).poll_read(cx, into),
            Connection::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Connection::Plain(counted) => Pin::new(counted).poll_write(cx, bytes),
            Connection::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(counted) => Pin::new(counted).poll_flush(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(counted) => Pin::new(counted).poll_shutdown(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// An open socket that counts until it is dropped, which closes it.
#[derive(Debug)]
pub struct Counted {
    pub(super) socket: Arc<Socket>,
    pub(super) purpose: Purpose,
    pub(super) number: u64,
    pub(super) table: Arc<ConnectionTable>,
    /// The process that carries it, if there is one.
    pub(super) process: Option<Process>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.table.leave(self.purpose, self.number);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.socket.try_read(into.initialize_unfilled()) {
                Ok(count) => {
                    into.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_write_ready(cx))?;
                }
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        rustix::net::shutdown(self.socket.as_ref(), rustix::net::Shutdown::Write)?;
        Poll::Ready(Ok(()))
    }
}

/// All connections of one endpoint.
#[derive(Debug, Default)]
pub(super) struct ConnectionTable(Mutex<Inner>);

#[derive(Debug, Default)]
pub(super) struct Inner {
    next: u64,
    open: BTreeMap<u64, (Purpose, Weak<Socket>)>,
    counts: BTreeMap<Purpose, ConnectionCount>,
}

impl ConnectionTable {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(
        table: &Arc<Self>,
        purpose: Purpose,
        socket: Socket,
        process: Option<Process>,
    ) -> Counted {
        let socket = Arc::new(socket);
        let mut inner = table.lock();
        let number = inner.next;
        inner.next += 1;
        inner.open.insert(number, (purpose, Arc::downgrade(&socket)));
        let count = inner.counts.entry(purpose).or_default();
        count.open += 1;
        count.opened += 1;
        drop(inner);
        Counted { socket, purpose, number, table: Arc::clone(table), process }
    }

    pub(super) fn counts(&self) -> BTreeMap<Purpose, ConnectionCount> {
        self.lock().counts.clone()
    }

    /// Closes every open connection; returns the number.
    pub(super) fn close_all(&self) -> usize {
        let mut inner = self.lock();
        let open: Vec<(Purpose, Arc<Socket>)> = inner
            .open
            .values()
            .filter_map(|(purpose, socket)| Some((*purpose, socket.upgrade()?)))
            .collect();
        for (purpose, socket) in &open {
            // A socket that the peer has closed meanwhile needs no more.
            let _ = rustix::net::shutdown(socket.as_ref(), rustix::net::Shutdown::Both);
            inner.counts.entry(*purpose).or_default().forced += 1;
        }
        open.len()
    }

    pub(super) fn leave(&self, purpose: Purpose, number: u64) {
        let mut inner = self.lock();
        inner.open.remove(&number);
        inner.counts.entry(purpose).or_default().open -= 1;
    }
}
