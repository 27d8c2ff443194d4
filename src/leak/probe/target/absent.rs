//! Why nothing was found where a target was asked for figures, and how one could be named.

use super::{Refused, Url};
use crate::docker::endpoint::Address;
use crate::engine::source::ErrorKind;
use crate::leak::probe::get::GetError;

/// Why nothing was found at a path.
#[derive(Debug)]
pub(super) enum NotFound {
    Get(GetError),
    /// JSON, of which a figure could be named.
    Json {
        why: String,
        path: String,
        pointer: String,
    },
    Other(String),
}

impl From<GetError> for NotFound {
    fn from(error: GetError) -> Self {
        NotFound::Get(error)
    }
}

impl NotFound {
    pub(super) fn told(&self) -> String {
        match self {
            NotFound::Get(error) => error.to_string(),
            NotFound::Json { why, .. } | NotFound::Other(why) => why.clone(),
        }
    }

    /// Nothing else is to be found.
    pub(super) fn refused(&self, url: &Url) -> Refused {
        let why = [self.told(), self.hint(url).unwrap_or_default()].concat();
        let hint = match self {
            NotFound::Get(GetError::Connect(error)) if error.kind == ErrorKind::Unreachable => {
                Some(
                    "start the target, or give the address it listens at; `ss -ltn` lists those of this machine",
                )
            }
            _ => None,
        };
        Refused { why, hint }
    }

    /// How a figure could be named, as the end of a sentence.
    pub(super) fn hint(&self, url: &Url) -> Option<String> {
        let NotFound::Json { path, pointer, .. } = self else {
            return None;
        };
        let at = match &url.address {
            // There is no way to write a path of a socket.
            Address::Unix(_) => return None,
            Address::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Address::Tcp { host, port } => format!("{host}:{port}"),
        };
        Some(format!("; name a figure by its JSON pointer, like http://{at}{path}#{pointer}"))
    }
}
