//! Decoding that takes what it knows and passes over the rest.
//!
//! Daemons differ: Podman has states that Docker does not have, an old daemon lacks fields, a new
//! one has other types in them, a proxy leaves some out. What cmon uses of an answer is decoded
//! field by field; a field that is missing, null or of another type is as if it were not there.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// A value of the expected type, or any other.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Maybe<T> {
    /// As expected.
    Is(T),
    /// Something else.
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

/// The elements of a list that are of the expected type.
pub(super) fn elements<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Maybe::<Vec<Maybe<T>>>::deserialize(from)?.known().unwrap_or_default();
    Ok(list.into_iter().filter_map(Maybe::known).collect())
}
