//! Which daemon is meant, in the order of the docker command: `--host` or `--context`, then `DOCKER_HOST`,
//! `DOCKER_CONTEXT`, the current context of config.json, and the usual socket.

use std::path::PathBuf;
use std::sync::Arc;

use super::contexts::DEFAULT_CONTEXT;
use super::{Surroundings, UsageError};
use crate::cli::Global;
use crate::docker::endpoint::{Address, ChosenBy, Origin, Route, SshHost};
use crate::docker::tls::TlsFiles;
use crate::docker::unix_path;

/// Where a Docker daemon listens unless told otherwise.
pub(super) const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Ports of daemons that listen on TCP (IANA: docker, docker-s).
const PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// What was named: an address, or a context.
enum Named {
    Url(String, Origin),
    Context(String, ChosenBy),
}

pub(super) fn daemon(
    global: &Global,
    around: &Surroundings,
) -> Result<Option<(Route, Origin)>, UsageError> {
    let variables = &global.from_variables;
    let flag = [("host", &global.host), ("context", &global.context)]
        .into_iter()
        .find_map(|(name, value)| value.as_ref().map(|_| name));
    match flag {
        Some(flag) if global.demo => {
            return Err(UsageError::DemoAndHost {
                demo: variables.name("demo"),
                host: variables.name(flag),
            });
        }
        _ if global.demo => return Ok(None),
        _ => {}
    }
    let tls = tls(global, around)?;
    let (route, origin) = match named(global, around)? {
        Some(Named::Url(url, origin)) => (route(&url, &origin, tls.as_ref())?, origin),
        Some(Named::Context(name, _)) if name == DEFAULT_CONTEXT => usual(around)?,
        Some(Named::Context(name, by)) => {
            let origin = Origin::Context { name: Arc::from(name.as_str()), by };
            let context = around
                .contexts
                .find(&name)
                .map_err(|error| UsageError::Context { origin: origin.clone(), error })?;
            let tls = context.tls.as_ref().or(tls.as_ref());
            (route(&context.host, &origin, tls)?, origin)
        }
        None => usual(around)?,
    };
    if matches!(route, Route::Tls { .. }) || !has_tls_flag(global) {
        return Ok(Some((route, origin)));
    }
    Err(UsageError::TlsWithoutTcp { url: route.to_string(), origin })
}

fn named(global: &Global, around: &Surroundings) -> Result<Option<Named>, UsageError> {
    let variables = &global.from_variables;
    let host = global.host.clone().map(|url| {
        let by = if variables.gave("host") { Origin::CmonHost } else { Origin::Host };
        Named::Url(url, by)
    });
    let context = global.context.clone().map(|name| {
        let by = if variables.gave("context") { ChosenBy::CmonContext } else { ChosenBy::Flag };
        Named::Context(name, by)
    });
    match (host, context) {
        // The command line refuses both together.
        (Some(named), _) | (None, Some(named)) => Ok(Some(named)),
        (None, None) => {
            if let Some(url) = &around.docker_host {
                return Ok(Some(Named::Url(url.clone(), Origin::DockerHost)));
            }
            if let Some(name) = &around.docker_context {
                return Ok(Some(Named::Context(name.clone(), ChosenBy::DockerContext)));
            }
            let current = around.contexts.current().map_err(UsageError::DockerConfig)?;
            Ok(current.map(|name| Named::Context(name, ChosenBy::CurrentContext)))
        }
    }
}

/// The usual socket, or the only one that another product has made.
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
    let variables = &global.from_variables;
    [
        ("tlsverify", global.tlsverify),
        ("tlscacert", global.tlscacert.is_some()),
        ("tlscert", global.tlscert.is_some()),
        ("tlskey", global.tlskey.is_some()),
    ]
    .into_iter()
    .any(|(name, given)| given && !variables.gave(name))
}

/// TLS for an address that does not say it itself; `None`: without.
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

/// Reads an address as the docker command writes it.
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
                None => Route::Direct(Address::Tcp { host, port: port.unwrap_or(PORT) }),
                Some(files) => {
                    Route::Tls { host, port: port.unwrap_or(TLS_PORT), files: files.clone() }
                }
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
    fn an_address_that_is_none_says_what_is_wrong() {
        for (url, words) in [
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
            assert!(reads(url).contains(words), "{url}: {}", reads(url));
        }
    }
}
