//! Lenient decoding: keeps known values and skips the rest.
//!
//! Daemons differ: Podman has states that Docker does not have, an old daemon lacks fields, a new one changes their
//! types, a proxy removes some. So cmon decodes field by field. A field that is missing, null or of another type counts
//! as absent.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// A value of the expected type, or any other.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Maybe<T> {
    /// As expected.
    Is(T),
    /// Another type.
    Other(IgnoredAny),
}

impl<T> Maybe<T> {
    pub(super) fn known(self) -> Option<T> {
        match self {
            Maybe::Is(value) => Some(value),
            Maybe::Other(_) => None,
        }
    }
}

/// For `#[serde(deserialize_with)]`, together with `default`.
pub(super) fn lenient<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Maybe::deserialize(from).map(Maybe::known)
}

/// The list's elements of the expected type.
pub(super) fn elements<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Maybe::<Vec<Maybe<T>>>::deserialize(from)?.known().unwrap_or_default();
    Ok(list.into_iter().filter_map(Maybe::known).collect())
}
