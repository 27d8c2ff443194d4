//! The one place that opens connections to a daemon, and counts them.
//!
//! Every connection has a purpose, is counted until it is closed, and can be closed by force,
//! whoever holds it. There is no pool that could run out, and no client per request that could be
//! left behind. A further transport is one more variant of [`Route`] and one more arm in
//! [`Endpoint::connect`], as long as it ends in a socket: ssh does, over a pair of them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

pub use super::address::{Address, ChosenBy, Origin, Route, SshHost};
pub use super::connection::Connection;
use super::connection::Counted;
use super::socket::Socket;
use super::ssh::{self, Process};
use super::tls::{Tls, TlsError};
use super::unix_path;
use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::source::{DaemonId, ErrorKind, SourceError};

/// How long connecting may take: a unix socket connects at once unless its backlog is full.
const CONNECT: Duration = Duration::from_secs(5);
/// How long connecting to another machine may take, with TLS.
const CONNECT_REMOTE: Duration = Duration::from_secs(15);

/// One daemon's address, with the count of all connections to it.
#[derive(Debug)]
pub struct Endpoint {
    route: Route,
    origin: Origin,
    /// What TLS needs, read from its files once.
    tls: OnceLock<Result<Tls, TlsError>>,
    ledger: Arc<Ledger>,
}

impl Endpoint {
    /// An endpoint with no connection yet.
    pub fn new(address: Address, origin: Origin) -> Self {
        Self::by(Route::Direct(address), origin)
    }

    /// An endpoint with no connection yet, by any route.
    pub fn by(route: Route, origin: Origin) -> Self {
        Self { route, origin, tls: OnceLock::new(), ledger: Arc::default() }
    }

    /// How it is reached.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The daemon's name in keys of containers.
    pub fn daemon(&self) -> DaemonId {
        DaemonId::new(&self.route.to_string())
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
        let deadline = match self.route {
            Route::Direct(Address::Unix(_)) | Route::Ssh(_) => CONNECT,
            Route::Direct(Address::Tcp { .. }) | Route::Tls { .. } => CONNECT_REMOTE,
        };
        // Boxed: a handshake of TLS needs room that whoever waits for an answer does not.
        match tokio::time::timeout(deadline, Box::pin(self.open(purpose))).await {
            Ok(opened) => opened,
            Err(_) => Err(SourceError::new(
                ErrorKind::Timeout,
                format!("could not connect to {self}: no answer within {deadline:?}"),
            )),
        }
    }

    async fn open(&self, purpose: Purpose) -> Result<Connection, SourceError> {
        let (socket, process) = match self.open_socket().await {
            Ok(opened) => opened,
            Err(error) => return Err(self.refused(&error)),
        };
        let counted = Ledger::enter(&self.ledger, purpose, socket, process);
        let Route::Tls { host, files, .. } = &self.route else {
            return Ok(Connection::Plain(counted));
        };
        let tls = self.tls.get_or_init(|| Tls::to_daemon(host, &self.route.to_string(), files));
        let secured = match tls {
            Ok(tls) => tls.connect(counted).await,
            Err(error) => Err(error.clone()),
        };
        match secured {
            Ok(stream) => Ok(Connection::Tls(Box::new(stream))),
            Err(error) => {
                let kind =
                    if error.may_pass { ErrorKind::Unreachable } else { ErrorKind::Untrusted };
                let message = format!("could not connect to {self}: {}", error.why);
                Err(SourceError { hint: error.hint, ..SourceError::new(kind, message) })
            }
        }
    }

    async fn open_socket(&self) -> io::Result<(Socket, Option<Process>)> {
        match &self.route {
            Route::Direct(Address::Unix(path)) => {
                Ok((Socket::Unix(UnixStream::connect(path).await?), None))
            }
            Route::Direct(Address::Tcp { host, port }) | Route::Tls { host, port, .. } => {
                let socket = TcpStream::connect((host.as_str(), *port)).await?;
                keep_alive(&socket)?;
                Ok((Socket::Tcp(socket), None))
            }
            Route::Ssh(host) => {
                let (socket, process) = ssh::open(host)?;
                Ok((Socket::Unix(socket), Some(process)))
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
        if let Route::Direct(Address::Unix(path)) = &self.route
            && let Some(reason) = unix_path::no_socket(path, error)
        {
            let message = format!("could not connect to {self}: {reason}");
            return SourceError::new(ErrorKind::NoSocket, message);
        }
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Unreachable,
        };
        let error =
            SourceError::new(kind, format!("could not connect to {self}: {}", plain(error)));
        match &self.route {
            Route::Ssh(_) => SourceError { hint: Some(ssh::NO_PROGRAM), ..error },
            Route::Direct(_) | Route::Tls { .. } => error,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.route, self.origin)
    }
}

/// An I/O error without the operating system's number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// A peer that is gone without a word is noticed after about a minute and a half, also by a follow of a
/// quiet container.
fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, Duration::from_secs(30))?;
    sockopt::set_tcp_keepintvl(socket, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(socket, 4)?;
    Ok(())
}

/// All connections of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
pub(super) struct Book {
    next: u64,
    open: BTreeMap<u64, (Purpose, Weak<Socket>)>,
    counts: BTreeMap<Purpose, ConnectionCount>,
}

impl Ledger {
    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(
        ledger: &Arc<Self>,
        purpose: Purpose,
        socket: Socket,
        process: Option<Process>,
    ) -> Counted {
        let socket = Arc::new(socket);
        let mut book = ledger.lock();
        let number = book.next;
        book.next += 1;
        book.open.insert(number, (purpose, Arc::downgrade(&socket)));
        let count = book.counts.entry(purpose).or_default();
        count.open += 1;
        count.opened += 1;
        drop(book);
        Counted { socket, purpose, number, ledger: Arc::clone(ledger), process }
    }

    pub(super) fn leave(&self, purpose: Purpose, number: u64) {
        let mut book = self.lock();
        book.open.remove(&number);
        book.counts.entry(purpose).or_default().open -= 1;
    }
}
