//! The address of a daemon, and its origin.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::tls::TlsFiles;

/// An address of a daemon without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP port, without TLS.
    Tcp {
        /// A host name or address; an IPv6 address without its brackets.
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

impl Route {
    /// Whether both are one socket of this machine: the same address, or two paths of one file.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let file = |route: &Self| match route {
            Self::Direct(Address::Unix(path)) => {
                std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
            }
            _ => None,
        };
        self == other || file(self).is_some_and(|known| file(other) == Some(known))
    }
}

/// How to reach a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Through a socket, without TLS.
    Direct(Address),
    /// Through a TCP port, with TLS.
    Tls {
        /// A host name or address, as in the daemon's certificate.
        host: String,
        /// The port.
        port: u16,
        /// The certificates: the trusted ones, and cmon's own.
        files: TlsFiles,
    },
    /// Through `docker system dial-stdio` on another machine, over ssh.
    Ssh(SshHost),
}

/// A machine that ssh reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshHost {
    /// The user there; `None`: by ssh's configuration.
    pub user: Option<String>,
    /// The host name, or an alias in ssh's configuration.
    pub host: String,
    /// The port; `None`: by ssh's configuration.
    pub port: Option<u16>,
    /// The daemon's socket there; `None`: by the docker command there.
    pub socket: Option<String>,
}

impl Route {
    /// The value of the `Host` header.
    pub(crate) fn host_header(&self) -> String {
        match self {
            Route::Direct(Address::Tcp { host, port }) | Route::Tls { host, port, .. } => {
                match host.contains(':') {
                    true => format!("[{host}]:{port}"),
                    false => format!("{host}:{port}"),
                }
            }
            Route::Direct(Address::Unix(_)) | Route::Ssh(_) => "docker".to_owned(),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Direct(address) => address.fmt(f),
            Route::Tls { host, port, .. } => {
                Address::Tcp { host: host.clone(), port: *port }.fmt(f)
            }
            Route::Ssh(host) => {
                f.write_str("ssh://")?;
                host.user.iter().try_for_each(|user| write!(f, "{user}@"))?;
                match host.host.contains(':') {
                    true => write!(f, "[{}]", host.host)?,
                    false => f.write_str(&host.host)?,
                }
                host.port.iter().try_for_each(|port| write!(f, ":{port}"))?;
                f.write_str(host.socket.as_deref().unwrap_or_default())
            }
        }
    }
}

/// Where the address comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From `--host`.
    Host,
    /// From the environment variable `CMON_HOST`.
    CmonHost,
    /// From the configuration file, at this place.
    ConfigFile(Arc<str>),
    /// From the environment variable `DOCKER_HOST`.
    DockerHost,
    /// From a context of the docker command.
    Context {
        /// The context's name.
        name: Arc<str>,
        /// Where the context's name comes from.
        by: ChosenBy,
    },
    /// The default.
    Default,
    /// The default socket does not exist; this is the socket of another product.
    Found(&'static str),
    /// The embedded daemon's.
    Demo,
    /// From `--target`: a measured endpoint, no daemon.
    Target,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Context { name, by } => return write!(f, "context `{name}`, {by}"),
            Origin::ConfigFile(place) => return write!(f, "from {place}"),
            Origin::Found(product) => return write!(f, "found: {product}"),
            Origin::Host => "from --host",
            Origin::CmonHost => "from CMON_HOST",
            Origin::DockerHost => "from DOCKER_HOST",
            Origin::Default => "the default",
            Origin::Demo => "the embedded daemon",
            Origin::Target => "from --target",
        })
    }
}

/// Where the name of a context comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// From `--context`.
    Flag,
    /// From the environment variable `CMON_CONTEXT`.
    CmonContext,
    /// From the configuration file, at this place.
    ConfigFile(Arc<str>),
    /// From the environment variable `DOCKER_CONTEXT`.
    DockerContext,
    /// From `docker context use`, which writes it into config.json.
    CurrentContext,
}

impl fmt::Display for ChosenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChosenBy::Flag => "from --context",
            ChosenBy::ConfigFile(place) => return write!(f, "from {place}"),
            ChosenBy::CmonContext => "from CMON_CONTEXT",
            ChosenBy::DockerContext => "from DOCKER_CONTEXT",
            ChosenBy::CurrentContext => "from `docker context use`",
        })
    }
}
