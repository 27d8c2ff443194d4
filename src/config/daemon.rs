//! The choice of the daemon, in the order of the docker command: `--host` or `--context`, then `DOCKER_HOST`,
//! `DOCKER_CONTEXT`, the current context of config.json, and the default socket.

use std::path::PathBuf;
use std::sync::Arc;

use super::contexts::DEFAULT_CONTEXT;
use super::{Surroundings, UsageError};
use crate::cli::{Global, Source};
use crate::docker::endpoint::{Address, ChosenBy, Origin, Route, SshHost};
use crate::docker::tls::TlsFiles;
use crate::docker::unix_path;

/// The default address of a Docker daemon.
pub(super) const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Ports of daemons that listen on TCP (IANA: docker, docker-s).
const DEFAULT_PORT: u16 = 2375;
const DEFAULT_TLS_PORT: u16 = 2376;

/// An address, a context, or the default.
enum Named {
    Url(String, Origin),
    Context(String, ChosenBy),
    Usual,
}

/// The daemons that one run follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Daemons {
    /// The embedded one.
    Embedded,
    /// One.
    One(Daemon),
    /// Several, each with its name.
    Several(Vec<(String, Daemon)>),
}

/// The route to a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// The route.
    pub route: Route,
    /// Its origin.
    pub origin: Origin,
}

pub(super) fn daemons(global: &Global, around: &Surroundings) -> Result<Daemons, UsageError> {
    let sources = &global.sources;
    let flag = [("host", &global.host), ("context", &global.context)]
        .into_iter()
        .find_map(|(name, values)| (!values.is_empty()).then_some(name));
    match flag {
        Some(flag) if global.demo => {
            return Err(UsageError::DemoAndHost {
                demo: sources.name("demo"),
                host: sources.name(flag),
            });
        }
        _ if global.demo => return Ok(Daemons::Embedded),
        _ => {}
    }
    let tls = tls(global, around)?;
    let mut daemons = Vec::new();
    for named in named(global, around)? {
        let (name, daemon) = daemon(named, around, tls.as_ref())?;
        let name = name.unwrap_or_else(|| name_of(&daemon.route));
        daemons.push((name, daemon));
    }
    if has_tls_flag(global)
        && !daemons.iter().any(|(_, daemon)| matches!(daemon.route, Route::Tls { .. }))
    {
        let (_, Daemon { route, origin }) = daemons.swap_remove(0);
        return Err(UsageError::TlsWithoutTcp { url: route.to_string(), origin });
    }
    match daemons.len() {
        1 => Ok(Daemons::One(daemons.swap_remove(0).1)),
        _ => {
            check_distinct(&daemons)?;
            Ok(Daemons::Several(daemons))
        }
    }
}

/// Refuses two daemons with the same address or the same name.
fn check_distinct(daemons: &[(String, Daemon)]) -> Result<(), UsageError> {
    for (at, (name, daemon)) in daemons.iter().enumerate() {
        for (other_name, other) in &daemons[..at] {
            if other.route.is_same(&daemon.route) {
                let (one, other) = (other.route.to_string(), daemon.route.to_string());
                return Err(UsageError::SameDaemon { one, other });
            }
            if other_name == name {
                return Err(UsageError::SameName {
                    name: name.clone(),
                    one: other.route.to_string(),
                    other: daemon.route.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// The name of one of several daemons without a given name.
fn name_of(route: &Route) -> String {
    match route {
        Route::Direct(Address::Unix(path)) if path.as_os_str() == DEFAULT_SOCKET => {
            "local".to_owned()
        }
        Route::Direct(Address::Unix(path)) => {
            let stem = path.file_stem().unwrap_or(path.as_os_str());
            stem.to_string_lossy().into_owned()
        }
        Route::Direct(Address::Tcp { .. }) | Route::Tls { .. } => {
            let url = route.to_string();
            url.strip_prefix("tcp://").unwrap_or(&url).to_owned()
        }
        Route::Ssh(SshHost { host, port: None, .. }) => host.clone(),
        Route::Ssh(SshHost { host, port: Some(port), .. }) => format!("{host}:{port}"),
    }
}

/// A daemon with its given name.
fn daemon(
    (name, named): (Option<String>, Named),
    around: &Surroundings,
    tls: Option<&TlsFiles>,
) -> Result<(Option<String>, Daemon), UsageError> {
    let (route, origin) = match named {
        Named::Url(url, origin) => (route(&url, &origin, tls)?, origin),
        Named::Usual => usual(around)?,
        Named::Context(name, _) if name == DEFAULT_CONTEXT => usual(around)?,
        Named::Context(name, by) => {
            let origin = Origin::Context { name: Arc::from(name.as_str()), by };
            let context = around
                .contexts
                .find(&name)
                .map_err(|error| UsageError::Context { origin: origin.clone(), error })?;
            let tls = context.tls.as_ref().or(tls);
            (route(&context.host, &origin, tls)?, origin)
        }
    };
    Ok((name, Daemon { route, origin }))
}

/// The named daemons with their names; otherwise those of the environment.
fn named(
    global: &Global,
    around: &Surroundings,
) -> Result<Vec<(Option<String>, Named)>, UsageError> {
    let sources = &global.sources;
    let host = |text: &String| -> Result<_, UsageError> {
        let by = match sources.of("host") {
            Some(Source::Variable(_)) => Origin::CmonHost,
            Some(Source::File { .. }) => Origin::ConfigFile(sources.name("host").into()),
            None => Origin::Host,
        };
        let (name, url) = name_and_url(text, &by)?;
        Ok((name.map(str::to_owned), Named::Url(url.to_owned(), by)))
    };
    let context = |name: &String| -> Result<_, UsageError> {
        let by = match sources.of("context") {
            Some(Source::Variable(_)) => ChosenBy::CmonContext,
            Some(Source::File { .. }) => ChosenBy::ConfigFile(sources.name("context").into()),
            None => ChosenBy::Flag,
        };
        Ok((Some(name.clone()), Named::Context(name.clone(), by)))
    };
    // The command line refuses both together.
    let hosts = global.host.iter().map(host);
    let given = hosts.chain(global.context.iter().map(context)).collect::<Result<Vec<_>, _>>()?;
    if !given.is_empty() {
        return Ok(given);
    }
    let one = if let Some(url) = &around.docker_host {
        Named::Url(url.clone(), Origin::DockerHost)
    } else if let Some(name) = &around.docker_context {
        Named::Context(name.clone(), ChosenBy::DockerContext)
    } else {
        let current = around.contexts.current().map_err(UsageError::DockerConfig)?;
        current.map_or(Named::Usual, |name| Named::Context(name, ChosenBy::CurrentContext))
    };
    Ok(vec![(None, one)])
}

/// `NAME=URL`, or a URL alone: its scheme has no `=`.
fn name_and_url<'a>(
    text: &'a str,
    origin: &Origin,
) -> Result<(Option<&'a str>, &'a str), UsageError> {
    let scheme = text.find("://").unwrap_or(text.len());
    let Some((name, url)) = text[..scheme].find('=').map(|at| (&text[..at], &text[at + 1..]))
    else {
        return Ok((None, text));
    };
    let plain = |one: char| one.is_alphanumeric() || matches!(one, '.' | '_' | '-' | ':');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(UsageError::HostName { text: text.to_owned(), origin: origin.clone() });
    }
    Ok((Some(name), url))
}

/// The default socket, or the only socket of another product.
fn usual(around: &Surroundings) -> Result<(Route, Origin), UsageError> {
    let usual = Route::Direct(Address::Unix(DEFAULT_SOCKET.into()));
    match around.sockets.as_slice() {
        [] => Ok((usual, Origin::Default)),
        [(product, path)] => {
            Ok((Route::Direct(Address::Unix(path.clone())), Origin::Found(product)))
        }
        several => Err(UsageError::Sockets(
            several
                .iter()
                .map(|(product, path)| format!("unix://{} ({product})", path.display()))
                .collect(),
        )),
    }
}

fn has_tls_flag(global: &Global) -> bool {
    let sources = &global.sources;
    [
        ("tlsverify", global.tlsverify),
        ("tlscacert", global.tlscacert.is_some()),
        ("tlscert", global.tlscert.is_some()),
        ("tlskey", global.tlskey.is_some()),
    ]
    .into_iter()
    .any(|(name, given)| given && !sources.gave(name))
}

/// TLS for an address without it; `None`: none.
fn tls(global: &Global, around: &Surroundings) -> Result<Option<TlsFiles>, UsageError> {
    let named = global.tlscacert.is_some() || global.tlscert.is_some() || global.tlskey.is_some();
    if !named && !global.tlsverify && !around.docker_tls_verify {
        return match around.docker_tls {
            true => Err(UsageError::Unverified("DOCKER_TLS without DOCKER_TLS_VERIFY".to_owned())),
            false => Ok(None),
        };
    }
    let dir = around.docker_cert_path.clone().or_else(|| around.contexts.dir().map(PathBuf::from));
    Ok(Some(TlsFiles {
        dir,
        ca: global.tlscacert.clone(),
        cert: global.tlscert.clone(),
        key: global.tlskey.clone(),
    }))
}

/// Parses an address in the docker command's form.
pub(super) fn route(
    url: &str,
    origin: &Origin,
    tls: Option<&TlsFiles>,
) -> Result<Route, UsageError> {
    let bad = |reason: &'static str| UsageError::BadUrl {
        url: url.to_owned(),
        origin: origin.clone(),
        reason,
    };
    match url.split_once("://") {
        Some(("unix", path)) => {
            let path = PathBuf::from(path);
            match unix_path::check(&path) {
                Ok(()) => Ok(Route::Direct(Address::Unix(path))),
                Err(error) => {
                    Err(UsageError::Path { url: url.to_owned(), origin: origin.clone(), error })
                }
            }
        }
        Some(("tcp", rest)) => {
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            if rest.contains(['/', '?', '#', '@']) {
                return Err(bad("behind tcp:// stand a host and a port, and nothing else"));
            }
            let (host, port) = host_and_port(rest).map_err(bad)?;
            Ok(match tls {
                None => Route::Direct(Address::Tcp { host, port: port.unwrap_or(DEFAULT_PORT) }),
                Some(files) => Route::Tls {
                    host,
                    port: port.unwrap_or(DEFAULT_TLS_PORT),
                    files: files.clone(),
                },
            })
        }
        Some(("ssh", rest)) => {
            let (authority, socket) = match rest.find('/') {
                Some(at) => (&rest[..at], Some(&rest[at..]).filter(|path| *path != "/")),
                None => (rest, None),
            };
            let (user, machine) = match authority.rsplit_once('@') {
                Some((user, machine)) => (Some(user), machine),
                None => (None, authority),
            };
            if user.is_some_and(|user| user.contains(':')) {
                return Err(bad("ssh takes no password in an address: use a key"));
            }
            let (host, port) = host_and_port(machine).map_err(bad)?;
            let user = user.map(str::to_owned).filter(|user| !user.is_empty());
            let socket = socket.map(str::to_owned);
            Ok(Route::Ssh(SshHost { user, host, port, socket }))
        }
        Some(("http", _)) => Err(bad("write tcp:// in place of http://")),
        Some(("https", _)) => {
            Err(bad("write tcp:// in place of https://, and --tlsverify or DOCKER_TLS_VERIFY=1"))
        }
        Some(("npipe", _)) => Err(bad("cmon does not run on Windows")),
        Some(("fd", _)) => Err(bad("fd:// is for the daemon: name its socket")),
        _ => Err(UsageError::Address { url: url.to_owned(), origin: origin.clone() }),
    }
}

/// `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("a `]` is missing")?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err("a `:` and a port may stand behind the `]`, and nothing else"),
            }
        }
        None => match text.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return Err("write an IPv6 address in brackets, like [::1]:2375");
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse() {
            Ok(0) | Err(_) => return Err("the port is a number from 1 to 65535"),
            Ok(port) => Some(port),
        },
        Some(_) => return Err("the port is a number from 1 to 65535"),
        None => None,
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(url: &str) -> String {
        match route(url, &Origin::Host, None) {
            Ok(route) => format!("{route} Host: {}", route.host_header()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_read_as_the_docker_command_writes_it() {
        assert_eq!(reads("tcp://h"), "tcp://h:2375 Host: h:2375");
        assert_eq!(reads("tcp://h:1/"), "tcp://h:1 Host: h:1");
        assert_eq!(reads("tcp://[::1]"), "tcp://[::1]:2375 Host: [::1]:2375");
        assert_eq!(reads("tcp://[fe80::1]:99"), "tcp://[fe80::1]:99 Host: [fe80::1]:99");
        assert_eq!(reads("ssh://me@box"), "ssh://me@box Host: docker");
        assert_eq!(reads("ssh://box:22/run/d.sock"), "ssh://box:22/run/d.sock Host: docker");
        assert_eq!(reads("ssh://box/"), "ssh://box Host: docker");
        let secure = route("tcp://h", &Origin::Host, Some(&TlsFiles::default())).unwrap();
        assert_eq!(secure.to_string(), "tcp://h:2376");
    }

    #[test]
    fn an_invalid_address_is_reported_with_the_error() {
        for (url, expected) in [
            ("tcp://", "the host is missing"),
            ("tcp://:2375", "the host is missing"),
            ("tcp://h:", "the port is a number"),
            ("tcp://h:0", "the port is a number"),
            ("tcp://h:65536", "the port is a number"),
            ("tcp://h:+1", "the port is a number"),
            ("tcp://::1", "in brackets"),
            ("tcp://[::1", "a `]` is missing"),
            ("tcp://h/docker", "nothing else"),
            ("tcp://me@h", "nothing else"),
            ("ssh://", "the host is missing"),
            ("ssh://me:secret@box", "no password"),
            ("http://h", "write tcp://"),
            ("https://h", "--tlsverify"),
            ("npipe:////./pipe/docker", "Windows"),
            ("fd://", "for the daemon"),
            ("ftp://h", "no address of a daemon"),
            ("h:2375", "no address of a daemon"),
        ] {
            assert!(reads(url).contains(expected), "{url}: {}", reads(url));
        }
    }
}
