//! The one place that opens connections to a daemon, and counts them.
//!
//! Every connection has a purpose, is counted until it is closed, and can be closed by force,
//! whoever holds it. There is no pool that could run out, and no client per request that could be
//! left behind. A further transport is one more variant of [`Address`] and one more arm in
//! [`Endpoint::connect`], as long as it ends in a socket: ssh does, over a pair of them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::socket::Socket;
use super::unix_path;
use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::source::{DaemonId, ErrorKind, SourceError};

/// How long connecting may take: a unix socket connects at once unless its backlog is full.
const CONNECT: Duration = Duration::from_secs(5);

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP port, without TLS.
    Tcp {
        /// A name or an address; an IPv6 address without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

/// Why this address is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--host` named it.
    Host,
    /// The environment variable `CMON_HOST` named it.
    CmonHost,
    /// The environment variable `DOCKER_HOST` named it.
    DockerHost,
    /// Nothing named another one.
    Default,
    /// It is the embedded daemon's.
    Demo,
    /// `--target` named it: it is no daemon, but what is watched.
    Target,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Host => "from --host",
            Origin::CmonHost => "from CMON_HOST",
            Origin::DockerHost => "from DOCKER_HOST",
            Origin::Default => "the default",
            Origin::Demo => "the embedded daemon",
            Origin::Target => "from --target",
        })
    }
}

/// One daemon's address, with the count of all connections to it.
#[derive(Debug)]
pub struct Endpoint {
    address: Address,
    origin: Origin,
    ledger: Arc<Ledger>,
}

impl Endpoint {
    /// An endpoint with no connection yet.
    pub fn new(address: Address, origin: Origin) -> Self {
        Self { address, origin, ledger: Arc::default() }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The daemon's name in keys of containers.
    pub fn daemon(&self) -> DaemonId {
        DaemonId::new(&self.address.to_string())
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Names the address, how it was chosen and what went wrong.
    ///
    /// # Cancel safety
    /// Safe: nothing is left open when the future is dropped.
    pub async fn connect(&self, purpose: Purpose) -> Result<Connection, SourceError> {
        tracing::trace!(endpoint = %self, purpose = purpose.as_str(), "connecting");
        match tokio::time::timeout(CONNECT, self.open()).await {
            Ok(Ok(socket)) => Ok(Ledger::enter(&self.ledger, purpose, socket)),
            Ok(Err(error)) => Err(self.refused(&error)),
            Err(_) => Err(SourceError::new(
                ErrorKind::Timeout,
                format!("could not connect to {self}: no answer within {CONNECT:?}"),
            )),
        }
    }

    async fn open(&self) -> io::Result<Socket> {
        match &self.address {
            Address::Unix(path) => UnixStream::connect(path).await.map(Socket::Unix),
            Address::Tcp { host, port } => {
                TcpStream::connect((host.as_str(), *port)).await.map(Socket::Tcp)
            }
        }
    }

    /// Connections by purpose.
    pub fn connections(&self) -> BTreeMap<Purpose, ConnectionCount> {
        self.ledger.lock().counts.clone()
    }

    /// Closes every open connection, whoever holds it; tells how many there were.
    pub fn close_all(&self) -> usize {
        let mut book = self.ledger.lock();
        let open: Vec<(Purpose, Arc<Socket>)> = book
            .open
            .values()
            .filter_map(|(purpose, socket)| Some((*purpose, socket.upgrade()?)))
            .collect();
        for (purpose, socket) in &open {
            // A socket that the peer has closed meanwhile is as closed as it can be.
            let _ = rustix::net::shutdown(socket.as_ref(), rustix::net::Shutdown::Both);
            book.counts.entry(*purpose).or_default().forced += 1;
        }
        open.len()
    }

    fn refused(&self, error: &io::Error) -> SourceError {
        if let Address::Unix(path) = &self.address
            && let Some(reason) = unix_path::no_socket(path, error)
        {
            let message = format!("could not connect to {self}: {reason}");
            return SourceError::new(ErrorKind::NoSocket, message);
        }
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Unreachable,
        };
        SourceError::new(kind, format!("could not connect to {self}: {}", plain(error)))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.address, self.origin)
    }
}

/// An I/O error without the operating system's number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// All connections of one endpoint.
#[derive(Debug, Default)]
struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    next: u64,
    open: BTreeMap<u64, (Purpose, Weak<Socket>)>,
    counts: BTreeMap<Purpose, ConnectionCount>,
}

impl Ledger {
    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(ledger: &Arc<Self>, purpose: Purpose, socket: Socket) -> Connection {
        let socket = Arc::new(socket);
        let mut book = ledger.lock();
        let number = book.next;
        book.next += 1;
        book.open.insert(number, (purpose, Arc::downgrade(&socket)));
        let count = book.counts.entry(purpose).or_default();
        count.open += 1;
        count.opened += 1;
        drop(book);
        Connection { socket, purpose, number, ledger: Arc::clone(ledger) }
    }
}

/// An open connection, counted until it is dropped, which closes it.
#[derive(Debug)]
pub struct Connection {
    socket: Arc<Socket>,
    purpose: Purpose,
    number: u64,
    ledger: Arc<Ledger>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut book = self.ledger.lock();
        book.open.remove(&self.number);
        book.counts.entry(self.purpose).or_default().open -= 1;
    }
}

impl AsyncRead for Connection {
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

impl AsyncWrite for Connection {
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
