//! Why nothing was found where a target was asked for figures, and how one could be named.

use super::outcome::Refused;
use crate::engine::source::ErrorKind;
use crate::leak::grouped::by_key;
use crate::leak::probe::get::GetError;

/// Why nothing was found at a path.
#[derive(Debug)]
pub(super) struct NotFound {
    /// Where it was looked for; empty where there is no connection.
    pub(super) path: String,
    cause: Cause,
    /// How a figure could be named, as the end of a sentence.
    hint: Option<String>,
}

#[derive(Debug)]
enum Cause {
    Get(GetError),
    /// It is a page of figures, and this is the matter with it.
    Page(String),
    Other(String),
}

impl From<GetError> for NotFound {
    fn from(error: GetError) -> Self {
        Self::get("", error)
    }
}

impl NotFound {
    pub(super) fn get(path: &str, error: GetError) -> Self {
        Self { path: path.to_owned(), cause: Cause::Get(error), hint: None }
    }

    pub(super) fn other(path: &str, why: String) -> Self {
        Self { path: path.to_owned(), cause: Cause::Other(why), hint: None }
    }

    /// A figure is not there; `page` says that it is a page of figures all the same.
    pub(super) fn figure(path: &str, why: String, hint: Option<String>, page: bool) -> Self {
        let cause = if page { Cause::Page(why) } else { Cause::Other(why) };
        Self { path: path.to_owned(), cause, hint }
    }

    /// It is the same at every other path.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.cause, Cause::Get(GetError::Connect(_) | GetError::Tls(_)))
    }

    /// It is a page of figures.
    pub(super) fn is_page(&self) -> bool {
        matches!(self.cause, Cause::Page(_))
    }

    /// Without the path.
    fn why(&self) -> String {
        match &self.cause {
            Cause::Get(GetError::Status { status, words, .. }) => {
                format!("status {status}{words}")
            }
            Cause::Get(error) => error.to_string(),
            Cause::Page(why) | Cause::Other(why) => why.clone(),
        }
    }

    /// Nothing else is to be found.
    pub(super) fn refused(&self) -> Refused {
        let why = match &self.cause {
            Cause::Get(error) => error.to_string(),
            Cause::Page(why) | Cause::Other(why) => format!("`{}`: {why}", self.path),
        };
        let why = match &self.hint {
            Some(hint) => format!("{why}; {hint}"),
            None => why,
        };
        Refused { why, hint: self.to_do() }
    }

    fn to_do(&self) -> Option<String> {
        let hint = match &self.cause {
            Cause::Get(GetError::Connect(error)) if error.kind == ErrorKind::Unreachable => {
                "start the target, or give the address it listens at; `ss -ltn` lists those of this machine"
            }
            Cause::Get(GetError::Tls(error)) => error.hint?,
            Cause::Get(GetError::Status { status: 401, .. }) => {
                "give user and password: http://USER:PASSWORD@HOST:PORT/path"
            }
            Cause::Get(GetError::Status { status: 400, words, .. }) if words.contains("HTTPS") => {
                "write https:// for a server with TLS"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Paths that were tried in vain, those with one reason together.
pub(super) fn tried(missing: &[NotFound]) -> String {
    let reasons = by_key(missing.iter().map(|one| (one.why(), one.path.as_str())));
    let words = reasons.iter().map(|(why, paths)| format!("{} ({why})", paths.join(", ")));
    words.collect::<Vec<_>>().join("; ")
}

/// Nothing was found at any of the usual paths.
pub(super) fn refused_everywhere(missing: &[NotFound]) -> Refused {
    let hint = missing.iter().rev().find_map(|one| one.hint.as_ref());
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    let why = format!("nothing to measure at the usual paths: {}{hint}", tried(missing));
    let to_do = missing
        .iter()
        .find_map(NotFound::to_do)
        .unwrap_or_else(|| "give the path of its figures, as in http://HOST:PORT/path".to_owned());
    Refused { why, hint: Some(to_do) }
}
