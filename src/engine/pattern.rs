//! One pattern for containers: a plain text (a name, or the first characters of an id), a glob (`web-*`) or a
//! regular expression between slashes (`/^web/`). Pure.

use std::fmt;

use regex::Regex;

use super::source::Listed;
use crate::cause::Cause;

/// One pattern as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternText(pub String);

impl From<&str> for PatternText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A name or an id prefix: the list decides which of them.
    Plain(String),
    /// A name.
    Name(String),
    Glob(glob::Pattern),
    Regex(Regex),
}

/// A pattern that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty.
    #[error("a container's name cannot be empty")]
    Empty,
    /// It is not a valid glob.
    #[error("`{text}` is not a glob: {}", error.msg)]
    Glob {
        /// As typed.
        text: String,
        /// The parser's message.
        error: Cause<glob::PatternError>,
    },
    /// It is not a valid regular expression.
    #[error("`{text}` is not a regular expression: {}", last_line(&error.to_string()))]
    Regex {
        /// As typed.
        text: String,
        /// The parser's message.
        error: Cause<regex::Error>,
    },
}

/// An id prefix that several containers share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id `{text}` is ambiguous: {}", Joined(.candidates))]
pub struct AmbiguousId {
    /// As typed.
    pub text: String,
    /// The containers that share it, as `id (name)`.
    pub candidates: Vec<String>,
}

impl PatternError {
    /// For `map_err`.
    pub(super) fn glob(text: &str) -> impl FnOnce(glob::PatternError) -> Self {
        |error| Self::Glob { text: text.to_owned(), error: error.into() }
    }

    /// For `map_err`.
    pub(super) fn regex(text: &str) -> impl FnOnce(regex::Error) -> Self {
        |error| Self::Regex { text: text.to_owned(), error: error.into() }
    }
}

impl Pattern {
    pub(super) fn compile(PatternText(text): &PatternText) -> Result<Self, PatternError> {
        let kind = if let Some(inner) = regex_between_slashes(text) {
            Kind::Regex(Regex::new(inner).map_err(PatternError::regex(text))?)
        } else if text.contains(['*', '?', '[']) {
            Kind::Glob(glob::Pattern::new(text).map_err(PatternError::glob(text))?)
        } else {
            // The daemon itself writes names with a slash in front.
            let plain = text.strip_prefix('/').unwrap_or(text);
            if plain.is_empty() {
                return Err(PatternError::Empty);
            }
            Kind::Plain(plain.to_owned())
        };
        Ok(Self { text: text.clone(), kind })
    }

    pub(super) fn matches(&self, container: &Listed) -> bool {
        match &self.kind {
            Kind::Plain(text) => *text == *container.name || has_id_prefix(container, text),
            Kind::Name(name) => *name == *container.name,
            Kind::Glob(glob) => glob.matches(&container.name),
            Kind::Regex(regex) => regex.is_match(&container.name),
        }
    }

    /// Resolves a plain text with the daemon's list.
    pub(super) fn resolve(&self, listed: &[Listed]) -> Result<Self, AmbiguousId> {
        let Kind::Plain(text) = &self.kind else {
            return Ok(self.clone());
        };
        let named =
            |name: &str| Self { text: self.text.clone(), kind: Kind::Name(name.to_owned()) };
        if let Some(exact) = listed.iter().find(|one| one.key.id.as_str() == text) {
            return Ok(named(&exact.name));
        }
        if listed.iter().any(|one| *text == *one.name) {
            return Ok(named(text));
        }
        let candidates: Vec<_> = listed.iter().filter(|one| has_id_prefix(one, text)).collect();
        match candidates.as_slice() {
            [] => Ok(self.clone()),
            [one] => Ok(named(&one.name)),
            several => Err(AmbiguousId {
                text: self.text.clone(),
                candidates: several
                    .iter()
                    .map(|one| format!("{} ({})", one.key.id.short(), one.name))
                    .collect(),
            }),
        }
    }

    /// The most similar name.
    pub(super) fn nearest(&self, listed: &[Listed]) -> Option<String> {
        let (Kind::Plain(text) | Kind::Name(text)) = &self.kind else {
            return None;
        };
        let likeness = |name: &str| {
            // Compose names a container `project-service-1`; people type the service.
            let within = if name.contains(text.as_str()) { 1.0 } else { 0.0 };
            strsim::normalized_damerau_levenshtein(name, text) + within
        };
        listed
            .iter()
            .map(|one| (likeness(&one.name), &one.name))
            // Accepts a name if half of the characters agree: `wbe` for `web`, but not `db` for `web`.
            .filter(|(likeness, _)| 0.5 <= *likeness)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name.to_string())
    }
}

fn regex_between_slashes(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('/')?.strip_suffix('/')?;
    (!inner.is_empty()).then_some(inner)
}

fn has_id_prefix(container: &Listed, text: &str) -> bool {
    container.key.id.as_str().starts_with(text)
}

/// The regex crate draws the pattern with a caret; only the last line of its message has the error.
fn last_line(message: &str) -> String {
    let last = message.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

struct Joined<'a>(&'a [String]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}
