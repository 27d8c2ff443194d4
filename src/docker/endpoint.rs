//! The endpoint of a daemon: the only code that opens connections to it, and counts them.
//!
//! Every connection has a purpose, counts until it is closed, and can be closed by force by any owner of the endpoint.
//! There is no pool that could run out, and no client per request that could leak. A new transport is one more variant
//! of [`Route`] and one more arm in [`Endpoint::connect`], if it ends in a socket: ssh does, over a socket pair.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

pub use super::address::{Address, ChosenBy, Origin, Route, SshHost};
pub use super::connection::Connection;
use super::connection::ConnectionTable;
use super::socket::Socket;
pub(crate) use super::socket::plain;
use super::ssh;
use super::ssh::Process;
use super::tls::{Tls, TlsError};
use super::unix_path;
use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::source::{DaemonId, ErrorKind, SourceError};

/// The time limit to connect locally: a unix socket connects at once unless its backlog is full.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit to connect to another machine, TLS included.
const REMOTE_CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// One daemon's address, with the count of all connections to it.
#[derive(Debug)]
pub struct Endpoint {
    daemon: DaemonId,
    route: Route,
    origin: Origin,
    /// The TLS configuration, read from its files once.
    tls: OnceLock<Result<Tls, TlsError>>,
    table: Arc<ConnectionTable>,
}

impl Endpoint {
    /// An endpoint without a connection.
    pub fn new(address: Address, origin: Origin) -> Self {
        Self::by(Route::Direct(address), origin)
    }

    /// An endpoint without a connection, by any route.
    pub fn by(route: Route, origin: Origin) -> Self {
        let daemon = DaemonId::new(&route.to_string());
        Self { daemon, route, origin, tls: OnceLock::new(), table: Arc::default() }
    }

    /// The same endpoint, with this daemon's name in output.
    #[must_use]
    pub fn named(self, host: &str) -> Self {
        Self { daemon: DaemonId::named(self.daemon.as_str(), host), ..self }
    }

    /// How to reach it.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The daemon's name in keys of containers.
    pub fn daemon(&self) -> DaemonId {
        self.daemon.clone()
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// With the address, its origin and the failure.
    ///
    /// # Cancel safety
    /// Safe: a dropped future leaves nothing open.
    pub async fn connect(&self, purpose: Purpose) -> Result<Connection, SourceError> {
        tracing::trace!(endpoint = %self, purpose = purpose.as_str(), "connecting");
        let deadline = match self.route {
            Route::Direct(Address::Unix(_)) | Route::Ssh(_) => CONNECT_TIMEOUT,
            Route::Direct(Address::Tcp { .. }) | Route::Tls { .. } => REMOTE_CONNECT_TIMEOUT,
        };
        // Boxed: a TLS handshake needs memory that the wait for an answer does not.
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
        let counted = ConnectionTable::enter(&self.table, purpose, socket, process);
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
                    if error.may_pass() { ErrorKind::Unreachable } else { ErrorKind::Untrusted };
                let message = format!("could not connect to {self}: {}", error.problem);
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
        self.table.counts()
    }

    /// Closes every open connection, and returns their number.
    pub fn close_all(&self) -> usize {
        self.table.close_all()
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
        let more = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::MFILE) => " (raise the limit with `ulimit -n`)",
            _ => "",
        };
        let message = format!("could not connect to {self}: {}{more}", plain(error));
        let error = SourceError::new(kind, message);
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

/// Keepalive finds a peer that vanished after about a minute and a half, also in a follow of a quiet
/// container.
fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, Duration::from_secs(30))?;
    sockopt::set_tcp_keepintvl(socket, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(socket, 4)?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_of_descriptors_has_a_hint() {
        let address = Address::Tcp { host: "build".to_owned(), port: 2375 };
        let endpoint = Endpoint::new(address, Origin::Host);
        let error = |number| endpoint.refused(&io::Error::from_raw_os_error(number)).message;
        let expected = "could not connect to `tcp://build:2375` (from --host): too many open files \
                        (raise the limit with `ulimit -n`)";
        assert_eq!(error(rustix::io::Errno::MFILE.raw_os_error()), expected);
        assert!(error(rustix::io::Errno::CONNREFUSED.raw_os_error()).ends_with("refused"));
    }

    /// `/proc/net/tcp` shows timer 02 while keepalive is armed and no data is in flight (Linux).
    #[tokio::test]
    async fn a_tcp_connection_has_keepalive() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
        let endpoint = Endpoint::new(address, Origin::Host);
        let _connection = endpoint.connect(Purpose::Stream).await.unwrap();
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let peer = format!("0100007F:{port:04X}");
        let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
        let mut ours = rows.filter(|row| row.get(2) == Some(&peer.as_str()));
        let timer = ours.next().unwrap()[5];
        assert!(timer.starts_with("02:"), "{timer}");
    }
}
