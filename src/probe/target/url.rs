//! Parses the URL of a target, and suggests corrections for invalid ones. Pure.
//!
//! No text contains the password: reports and errors have `***` instead.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;

use crate::docker::endpoint::Address;
use crate::probe::metric::part_of_name;
use crate::probe::metrics::Selector;

/// The URL of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) address: Address,
    pub(super) scheme: Scheme,
    /// The Authorization header with user and password.
    pub(super) login: Option<HeaderValue>,
    /// Path and query; `None` tries the common paths.
    pub(super) path: Option<String>,
    /// The selected metric.
    pub(super) choice: Option<Choice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The default port.
    pub(super) fn port(self) -> &'static str {
        match self {
            Scheme::Http => "80",
            Scheme::Https => "443",
        }
    }
}

/// Selects one metric of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// A number in a JSON text.
    Pointer(String),
    /// A metric in Prometheus text.
    Metric(Selector),
}

impl Choice {
    /// The quantity of the metric.
    pub(super) fn figure(&self) -> String {
        match self {
            Choice::Pointer(pointer) => {
                part_of_name(pointer.rsplit('/').next().unwrap_or_default(), "figure")
            }
            Choice::Metric(selector) => part_of_name(&selector.to_string(), "figure"),
        }
    }
}

impl Url {
    /// The target with this metric, as typed. `None` if the syntax cannot express the path.
    pub(super) fn naming(root: &str, path: &str, choice: &str) -> Option<String> {
        match root.starts_with("unix:") {
            true => (!choice.starts_with('/')).then(|| format!("{root}#{choice}")),
            false => Some(format!("{root}{path}#{choice}")),
        }
    }

    /// The address as typed, without path and login.
    pub(super) fn root(&self) -> String {
        let scheme = self.scheme.as_str();
        match &self.address {
            Address::Unix(path) => format!("unix://{}", path.display()),
            Address::Tcp { host, port } if host.contains(':') => {
                format!("{scheme}://[{host}]:{port}")
            }
            Address::Tcp { host, port } => format!("{scheme}://{host}:{port}"),
        }
    }
}

/// Why a text is not a target. The texts contain no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// An unknown form. The second field suggests a correction.
    #[error(
        "`{0}` is not a target: write pid:N, container:NAME, http://HOST:PORT[/path], \
         URL#NAME, URL#/json/pointer or unix:///path{1}"
    )]
    Form(String, String),
    #[error("`{0}` has a blank {1}")]
    Blank(String, &'static str),
    /// `HTTP://`.
    #[error("`{0}`: write `{1}` in lower case")]
    Case(String, String),
    #[error("`{0}` names no process: pid: takes a number above 0")]
    Pid(String),
    #[error("`{0}` names no container: write container:NAME")]
    Container(String),
    /// An invalid host or port.
    #[error("`{0}`: {1}; write {2}://HOST:PORT")]
    Host(String, &'static str, &'static str),
    /// An IPv6 address without brackets.
    #[error("`{0}`: an IPv6 address needs brackets; did you mean `{1}`?")]
    Brackets(String, String),
    /// A character in the password ends the address.
    #[error("`{0}`: in user:password@, write / as %2F, ? as %3F and # as %23")]
    Encoding(String),
    /// An invalid fragment.
    #[error(
        "`{0}`: after the #, write the name of a Prometheus metric, such as #NAME or \
         #NAME{{label=\"value\"}}, or a JSON pointer, which begins with /"
    )]
    Choice(String),
}

/// A suggested correction as the end of a sentence; empty without one.
pub(super) fn suggestion(given: &str) -> String {
    let bare = without_password(given);
    let listed = |all: &[String]| match all {
        [] => String::new(),
        all => format!("; did you mean `{}`?", all.join("` or `")),
    };
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| 0 < port);
    let rest = bare.split_once("://").map_or(bare.as_str(), |(_, rest)| rest);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let slashes = |form: &str| {
        let rest = bare.strip_prefix(form)?.trim_start_matches('/');
        (!rest.is_empty()).then_some(rest)
    };
    if bare.contains(char::is_whitespace) || bare.is_empty() {
        return String::new();
    }
    if let Some(rest) = slashes("https:") {
        return listed(&[format!("https://{rest}")]);
    }
    if let Some(rest) = slashes("http:") {
        return listed(&[format!("http://{rest}")]);
    }
    if let Some(rest) = slashes("unix:") {
        return listed(&[format!("unix:///{rest}")]);
    }
    if port(&bare) {
        return listed(&[format!("pid:{bare}"), format!("http://localhost:{bare}")]);
    }
    if bare.starts_with('/') && !bare.starts_with("//") {
        return listed(&[format!("unix://{bare}")]);
    }
    match host.rsplit_once(':') {
        Some(("", number)) if port(number) => listed(&[format!("http://localhost{rest}")]),
        Some((_, number)) if port(number) => listed(&[format!("http://{rest}")]),
        None if bare.contains("://") && !host.is_empty() => listed(&[format!("http://{rest}")]),
        // An IPv4 address is not a container.
        None if bare == host && (bare == "localhost" || bare.parse::<Ipv4Addr>().is_ok()) => {
            listed(&[format!("http://{bare}")])
        }
        None if bare == host
            && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) =>
        {
            listed(&[format!("container:{bare}")])
        }
        _ => String::new(),
    }
}

pub(super) fn url(scheme: Scheme, rest: &str, given: &str) -> Result<Url, TargetError> {
    let shown = || without_password(given);
    let invalid = |part| TargetError::Host(shown(), part, scheme.as_str());
    let (before, choice) = match rest.split_once('#') {
        Some((before, choice)) => (before, Some(choice)),
        None => (rest, None),
    };
    let at = before.find(['/', '?']).unwrap_or(before.len());
    let (authority, path) = before.split_at(at);
    // If an @ follows and there is no port, the delimiter is part of the password.
    let broken = !authority.contains('@') && rest[authority.len()..].contains('@');
    if broken && authority.split_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
        return Err(TargetError::Encoding(shown()));
    }
    let (login, authority) = match authority.rsplit_once('@') {
        Some((login, authority)) => (Some(login), authority),
        None => (None, authority),
    };
    if authority.contains(char::is_whitespace) {
        return Err(TargetError::Blank(shown(), "in the address: remove it"));
    }
    let default = scheme.port();
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, after) =
                inner.split_once(']').ok_or_else(|| invalid("a bracket is not closed"))?;
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(invalid("what is in brackets is not an IPv6 address"));
            }
            match after.strip_prefix(':') {
                Some(port) => (host, port),
                None if after.is_empty() => (host, default),
                None => return Err(invalid("there is something after the bracket")),
            }
        }
        None if 1 < authority.matches(':').count() => {
            let bracketed =
                brackets(authority).ok_or_else(|| invalid("it names no host and port"))?;
            let suggestion = shown().replacen(authority, &bracketed, 1);
            return Err(TargetError::Brackets(shown(), suggestion));
        }
        None => authority.split_once(':').unwrap_or((authority, default)),
    };
    if host.is_empty() {
        return Err(invalid("it names no host"));
    }
    let number = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let number = number.and_then(|port| port.parse::<u16>().ok()).filter(|port| 0 < *port);
    let port = number.ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?;
    let clean = |c: char| c.is_ascii_graphic() && !"@/\\\"<>".contains(c);
    if !host.chars().all(clean) {
        return Err(invalid("the name of the host has a character that no name has"));
    }
    if path.contains(char::is_whitespace) {
        return Err(TargetError::Blank(shown(), "in the path: write it as %20"));
    }
    let choice = choice.map(|text| choose(text).ok_or_else(|| TargetError::Choice(shown())));
    let choice = choice.transpose()?;
    let path = match path {
        // A pointer selects the JSON at the root. Otherwise discovery tries the common paths.
        "" | "/" => matches!(choice, Some(Choice::Pointer(_))).then(|| "/".to_owned()),
        path if path.starts_with('?') => Some(format!("/{path}")),
        path => Some(path.to_owned()),
    };
    let login = login.map(|login| header(login).ok_or_else(|| TargetError::Encoding(shown())));
    let address = Address::Tcp { host: host.to_owned(), port };
    Ok(Url { address, scheme, login: login.transpose()?, path, choice })
}

pub(super) fn choose(text: &str) -> Option<Choice> {
    if text.starts_with('/') {
        return Some(Choice::Pointer(text.to_owned()));
    }
    Selector::parse(text).ok().map(Choice::Metric)
}

/// The authority with brackets around the IPv6 address. `::1:80` means port 80.
fn brackets(authority: &str) -> Option<String> {
    let is_address = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    if let Some((host, port)) = authority.rsplit_once(':')
        && is_address(host)
        && port.parse::<u16>().is_ok_and(|port| 0 < port)
    {
        return Some(format!("[{host}]:{port}"));
    }
    is_address(authority).then(|| format!("[{authority}]"))
}

/// The Authorization header for `user:password`. `None` for invalid percent encoding.
fn header(login: &str) -> Option<HeaderValue> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let mut bytes = decoded(user)?;
    bytes.push(b':');
    bytes.extend(decoded(password)?);
    let header = format!("Basic {}", STANDARD.encode(bytes));
    let mut header = HeaderValue::try_from(header).ok()?;
    // Hides it in debug output.
    header.set_sensitive(true);
    Some(header)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

/// Replaces a password with `***`, also in invalid texts.
pub(super) fn without_password(text: &str) -> String {
    let from = text.find("://").map_or(0, |at| at + 3);
    let (start, rest) = text.split_at(from);
    // A password may contain delimiters, and a fragment may contain an @.
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let at = rest[..end].rfind('@').or_else(|| rest.rfind('@'));
    // Skips the colons of an IPv6 address.
    let bracket = if rest.starts_with('[') { rest.find(']').unwrap_or(0) } else { 0 };
    let colon = rest[bracket..end.max(bracket)].find(':').map(|colon| colon + bracket);
    match (colon, at) {
        (Some(colon), Some(at)) if colon < at && !is_port(&rest[colon + 1..end]) => {
            format!("{start}{}:***{}", &rest[..colon], &rest[at..])
        }
        _ => text.to_owned(),
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Pointer(pointer) => f.write_str(pointer),
            Choice::Metric(selector) => selector.fmt(f),
        }
    }
}
