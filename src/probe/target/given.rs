//! Parses a target of the command line. Pure.

use std::fmt;
use std::path::PathBuf;

use super::url::{self, Choice, Scheme, TargetError, Url};
use crate::docker::endpoint::Address;

/// A target as given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) text: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A local process.
    Pid(u32),
    /// A container of the daemon, by name or id.
    Container(String),
    /// A server with metrics.
    Http(Box<Url>),
}

impl Target {
    /// Parses `pid:N`, `container:NAME`, `http://HOST:PORT[/path]`, `URL#NAME`, `URL#/json/pointer` or `unix:///path`.
    /// `Display` hides the password.
    ///
    /// # Errors
    /// The text has none of these forms. The error suggests a correction.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let (kind, text) = parse(text)?;
        Ok(Self { text, kind })
    }

    /// The quantity of the selected metric, if any.
    pub fn figure(&self) -> Option<String> {
        match &self.kind {
            Kind::Http(url) => url.choice.as_ref().map(Choice::figure),
            Kind::Pid(_) | Kind::Container(_) => None,
        }
    }

    /// Whether it needs the Docker daemon.
    pub fn is_of_the_daemon(&self) -> bool {
        matches!(self.kind, Kind::Container(_))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The schemes of targets.
const SCHEMES: [&str; 5] = ["pid", "container", "http", "https", "unix"];

/// Parses a target. Returns its kind, and its text without a password.
pub(super) fn parse(given: &str) -> Result<(Kind, String), TargetError> {
    let shown = || url::without_password(given);
    let place = match given {
        text if text.trim().is_empty() => None,
        text if text.trim_start() != text => Some("before the address: remove it"),
        text if text.trim_end() != text => Some("after the address: remove it"),
        _ => None,
    };
    if let Some(place) = place {
        return Err(TargetError::Blank(shown(), place));
    }
    let (form, rest) = given.split_once(':').unwrap_or(("", given));
    let lower = form.to_ascii_lowercase();
    if form != lower && SCHEMES.contains(&lower.as_str()) {
        let slashes = if rest.starts_with("//") { "//" } else { "" };
        return Err(TargetError::Case(shown(), format!("{lower}:{slashes}")));
    }
    let kind = match (form, rest) {
        ("pid", number) => match number.parse() {
            Ok(pid) if 0 < pid => Kind::Pid(pid),
            _ => return Err(TargetError::Pid(shown())),
        },
        ("container", "") => return Err(TargetError::Container(shown())),
        ("container", name) => Kind::Container(name.to_owned()),
        ("http", rest) if rest.starts_with("//") => {
            Kind::Http(Box::new(url::url(Scheme::Http, &rest[2..], given)?))
        }
        ("https", rest) if rest.starts_with("//") => {
            Kind::Http(Box::new(url::url(Scheme::Https, &rest[2..], given)?))
        }
        ("unix", path) if path.starts_with("///") && path.len() > 3 => {
            let (path, choice) = match path[2..].split_once('#') {
                Some((path, choice)) => {
                    let choice = url::choose(choice).ok_or_else(|| TargetError::Choice(shown()))?;
                    (path, Some(choice))
                }
                None => (&path[2..], None),
            };
            let address = Address::Unix(PathBuf::from(path));
            // The syntax has no path after a socket.
            let path = matches!(choice, Some(Choice::Pointer(_))).then(|| "/".to_owned());
            Kind::Http(Box::new(Url { address, scheme: Scheme::Http, login: None, path, choice }))
        }
        _ => return Err(TargetError::Form(shown(), url::suggestion(given))),
    };
    Ok((kind, shown()))
}
