//! What is under test beside cmon and the daemon: a process, a container, an HTTP server.

mod absent;
mod cycles;
mod http;
mod name;
mod process;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Sample;
use super::counter::Counter;
use crate::docker::api::Api;
use crate::docker::endpoint::Address;
use crate::engine::registry::Registry;
use crate::leak::record::Groups;
use http::Http;
pub use name::names;
use process::{Container, Single};

/// A target as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A process of this machine.
    Pid(u32),
    /// A container of the daemon, by name or id.
    Container(String),
    /// A server that tells of itself.
    Http(Url),
}

/// Where a server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    address: Address,
    /// Path and query; `None` asks for what is usual.
    path: Option<String>,
    /// Names one figure in a JSON answer.
    pointer: Option<String>,
}

/// Why a text names no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// None of the forms.
    #[error(
        "`{0}` is no target: write pid:N, container:NAME, http://HOST:PORT[/path], \
         URL#/json/pointer or unix:///path"
    )]
    Form(String),
    /// Not a process number.
    #[error("`{0}` names no process: pid: takes a number above 0")]
    Pid(String),
    /// No name.
    #[error("`{0}` names no container: write container:NAME")]
    Container(String),
    /// TLS.
    #[error("`{0}`: targets are asked without TLS; give the http:// address behind it")]
    Tls(String),
    /// No host, or no port that is one.
    #[error("`{0}` names no host and port: write http://HOST:PORT")]
    Host(String),
    /// The fragment is no pointer.
    #[error("`{0}`: what follows the # is a JSON pointer, which begins with /")]
    Pointer(String),
}

impl Target {
    /// Reads `pid:N`, `container:NAME`, `http://HOST:PORT[/path]`, `URL#/json/pointer` or
    /// `unix:///path`.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let given = || text.to_owned();
        let kind = match text.split_once(':') {
            Some(("pid", number)) => match number.parse() {
                Ok(pid) if 0 < pid => Kind::Pid(pid),
                _ => return Err(TargetError::Pid(given())),
            },
            Some(("container", "")) => return Err(TargetError::Container(given())),
            Some(("container", name)) => Kind::Container(name.to_owned()),
            Some(("http", rest)) if rest.starts_with("//") => Kind::Http(url(&rest[2..], text)?),
            Some(("https", _)) => return Err(TargetError::Tls(given())),
            Some(("unix", path)) if path.starts_with("///") && path.len() > 3 => {
                let address = Address::Unix(PathBuf::from(&path[2..]));
                Kind::Http(Url { address, path: None, pointer: None })
            }
            _ => return Err(TargetError::Form(given())),
        };
        Ok(Self { text: given(), kind })
    }

    /// It is found by asking the Docker daemon.
    pub fn is_of_the_daemon(&self) -> bool {
        matches!(self.kind, Kind::Container(_))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn url(rest: &str, text: &str) -> Result<Url, TargetError> {
    let (rest, pointer) = match rest.split_once('#') {
        Some((rest, pointer)) => (rest, Some(pointer.to_owned())),
        None => (rest, None),
    };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let host = || TargetError::Host(text.to_owned());
    let (name, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (name, after) = inner.split_once(']').ok_or_else(host)?;
            (name, after.strip_prefix(':').or(after.is_empty().then_some("80")).ok_or_else(host)?)
        }
        None => authority.split_once(':').unwrap_or((authority, "80")),
    };
    let port: u16 = port.parse().map_err(|_| host())?;
    let clean = |c: char| c.is_ascii_graphic() && !"@/\\\"<>".contains(c);
    if name.is_empty() || port == 0 || !name.chars().all(clean) {
        return Err(host());
    }
    let path = match path {
        // A pointer says that there is a JSON text here; else what is usual is looked for.
        "" | "/" => pointer.is_some().then(|| "/".to_owned()),
        path if path.starts_with('?') => Some(format!("/{path}")),
        path => Some(path.to_owned()),
    };
    if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
        return Err(TargetError::Pointer(text.to_owned()));
    }
    Ok(Url { address: Address::Tcp { host: name.to_owned(), port }, path, pointer })
}

/// A target that is read again and again.
#[derive(Debug)]
pub(super) struct Watched {
    source: String,
    what: What,
    /// It has failed since it was read last. One that is only late has not: its reading is dropped.
    away: bool,
}

#[derive(Debug)]
enum What {
    Process(Single),
    Container(Container),
    Http(Box<Http>),
}

/// Why a target could not be read this time.
#[derive(Debug)]
pub(super) struct Lost {
    why: String,
    gone: bool,
}

impl Lost {
    /// There is nothing any more that could answer.
    fn gone(why: impl fmt::Display) -> Self {
        Self { why: why.to_string(), gone: true }
    }

    /// It may come back.
    fn away(why: impl fmt::Display) -> Self {
        Self { why: why.to_string(), gone: false }
    }
}

/// Why a target cannot be watched, and what to do about it where that is known.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) why: String,
    pub(super) hint: Option<&'static str>,
}

impl Refused {
    fn with(why: impl fmt::Display, hint: Option<&'static str>) -> Self {
        Self { why: why.to_string(), hint }
    }
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self { why, hint: None }
    }
}

/// What a reading of one target found out about its series.
#[derive(Debug, Default)]
struct News {
    /// Why the series begins anew.
    cut: Option<String>,
    /// It is the same that was read before, for sure.
    same: bool,
}

impl Watched {
    /// Looks for the target; gives what of it can be read, in words.
    pub(super) async fn start(
        target: &Target,
        name: &str,
        registry: &Registry,
        api: Option<&Arc<Api>>,
    ) -> Result<(Self, String), Refused> {
        let source = format!("target.{name}");
        let (what, words) = match &target.kind {
            Kind::Pid(pid) => {
                let (single, words) = Single::start(*pid)?;
                (What::Process(single), words)
            }
            Kind::Container(container) => {
                let api = api.ok_or_else(|| {
                    let why = "a container takes a Docker daemon, and there is none";
                    Refused::with(why, Some("start the daemon, or name its socket with --host"))
                })?;
                let (container, words) = Container::start(Arc::clone(api), container).await?;
                (What::Container(container), words)
            }
            Kind::Http(url) => {
                let (http, words) = Http::start(url, registry).await?;
                (What::Http(Box::new(http)), words)
            }
        };
        Ok((Self { source, what, away: false }, words))
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Connections to it that are open.
    pub(super) fn connections(&self) -> u64 {
        match &self.what {
            What::Http(http) => http.connections(),
            What::Process(_) | What::Container(_) => 0,
        }
    }

    /// Looks for a counter of its cycles, to read it from now on; tells in words where it is.
    ///
    /// # Errors
    /// It has none by this name: what was tried, in words.
    pub(super) async fn count_cycles(&mut self, counter: &Counter) -> Result<String, String> {
        match &mut self.what {
            What::Http(http) => http.count_cycles(counter).await,
            What::Process(_) | What::Container(_) => {
                Err("it is looked at from outside; only http:// targets tell counters".to_owned())
            }
        }
    }

    /// Why nothing of it can be judged, and its cycles are not asked for either.
    pub(super) fn tells_nothing(&self) -> Option<String> {
        match &self.what {
            What::Http(http) => http.tells_nothing(),
            What::Process(_) | What::Container(_) => None,
        }
    }

    pub(super) async fn read(&mut self, at: f64, into: &mut Sample) {
        let source = &self.source;
        let read = match &mut self.what {
            What::Process(single) => single.read(source, into),
            What::Container(container) => container.read(source, into).await,
            What::Http(http) => http.read(source, into).await,
        };
        match read {
            Ok(news) => {
                let back = (std::mem::take(&mut self.away) && !news.same)
                    .then(|| "the target did not answer for a while and does again".to_owned());
                if let Some(why) = news.cut.or(back) {
                    into.cut(at, source, &why);
                }
            }
            Err(lost) => {
                self.away = true;
                into.failed(source, &lost.why, lost.gone);
            }
        }
    }

    /// What its figures are made of; what cannot be had is left out.
    pub(super) async fn groups(&mut self, at: f64, cycles: f64) -> Vec<Groups> {
        let groups = match &mut self.what {
            What::Process(single) => single.groups(&self.source),
            What::Container(container) => container.groups(&self.source).await,
            What::Http(http) => {
                return http.groups(&self.source, at, cycles).await.into_iter().collect();
            }
        };
        groups
            .into_iter()
            .map(|(metric, groups)| super::whole(at, cycles, metric, groups))
            .collect()
    }

    /// Who its descriptors and threads are, where it runs on this machine.
    pub(super) fn ids(&self) -> Vec<(String, Vec<u64>)> {
        match &self.what {
            What::Process(single) => single.ids(&self.source),
            What::Container(container) => container.ids(&self.source),
            What::Http(_) => Vec::new(),
        }
    }

    /// Goroutines that can provably never wake, where it tells.
    pub(super) async fn proof(&mut self, at: f64, cycles: f64) -> Option<Groups> {
        match &mut self.what {
            What::Http(http) => http.proof(&self.source, at, cycles).await,
            What::Process(_) | What::Container(_) => None,
        }
    }
}

#[cfg(test)]
mod restarts;
#[cfg(test)]
mod tests;
