//! The address of a daemon, and where it was given.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::tls::TlsFiles;

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

/// How a daemon is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// By a socket, without TLS.
    Direct(Address),
    /// By a TCP port, with TLS.
    Tls {
        /// A name or an address, as the daemon's certificate has it.
        host: String,
        /// The port.
        port: u16,
        /// The certificates to trust, and cmon's own.
        files: TlsFiles,
    },
    /// By `docker system dial-stdio` on another machine, through ssh.
    Ssh(SshHost),
}

/// A machine that ssh reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshHost {
    /// The user there; without one ssh decides.
    pub user: Option<String>,
    /// Its name, or an alias of ssh's configuration.
    pub host: String,
    /// The port; without one ssh decides.
    pub port: Option<u16>,
    /// The daemon's socket there; without one the docker command there decides.
    pub socket: Option<String>,
}

impl Route {
    /// The value of the header `Host`.
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

/// Why this address is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--host` named it.
    Host,
    /// The environment variable `CMON_HOST` named it.
    CmonHost,
    /// The configuration file named it, at this place.
    ConfigFile(Arc<str>),
    /// The environment variable `DOCKER_HOST` named it.
    DockerHost,
    /// A context of the docker command has it.
    Context {
        /// The context's name.
        name: Arc<str>,
        /// What named the context.
        by: ChosenBy,
    },
    /// Nothing named another one.
    Default,
    /// Nothing named another one, and the usual socket is not there: this one of another product is.
    Found(&'static str),
    /// It is the embedded daemon's.
    Demo,
    /// `--target` named it: it is no daemon, but what is watched.
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

/// What named a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// `--context`.
    Flag,
    /// The environment variable `CMON_CONTEXT`.
    CmonContext,
    /// The configuration file, at this place.
    ConfigFile(Arc<str>),
    /// The environment variable `DOCKER_CONTEXT`.
    DockerContext,
    /// `docker context use`, which writes it into config.json.
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
