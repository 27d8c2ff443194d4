//! The JSON form of a reason: a typed object and a sentence.
//!
//! A recording of an older cmon has the sentence alone. A newer cmon may write a kind that this one does not know.
//! In both cases the reader keeps the sentence.

use std::fmt::Display;

use serde::de::IgnoredAny;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Fields `why` and `reason`: cuts, and unavailable metrics in recordings.
pub(crate) fn cut<R: Serialize + Display, S: Serializer>(
    reason: &R,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["why", "reason"], Some(reason), into)
}

/// Fields `error` and `reason`: unavailable metrics in reports.
pub(crate) fn error<R: Serialize + Display, S: Serializer>(
    reason: &R,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["error", "reason"], Some(reason), into)
}

/// Fields `error` and `cause`: the reason of a verdict.
pub(crate) fn cause<R: Serialize + Display, S: Serializer>(
    reason: &R,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["error", "cause"], Some(reason), into)
}

/// Fields `failure` and `failure_reason`: the end of a recording.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(crate) fn failure<R: Serialize + Display, S: Serializer>(
    reason: &Option<R>,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["failure", "failure_reason"], reason.as_ref(), into)
}

fn entries<R: Serialize + Display, S: Serializer>(
    names: [&'static str; 2],
    reason: Option<&R>,
    into: S,
) -> Result<S::Ok, S::Error> {
    let mut map = into.serialize_map(Some(2))?;
    map.serialize_entry(names[0], &reason.map(ToString::to_string))?;
    map.serialize_entry(names[1], &reason)?;
    map.end()
}

#[derive(Deserialize)]
struct Form<R> {
    #[serde(alias = "why", alias = "failure")]
    sentence: Option<String>,
    #[serde(alias = "failure_reason")]
    reason: Option<Typed<R>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Typed<R> {
    Known(R),
    Unknown(IgnoredAny),
}

/// Reads a required reason.
pub(crate) fn read<'de, R: Deserialize<'de> + From<String>, D: Deserializer<'de>>(
    from: D,
) -> Result<R, D::Error> {
    read_option(from)?.ok_or_else(|| serde::de::Error::missing_field("why"))
}

/// Reads an optional reason.
pub(crate) fn read_option<'de, R: Deserialize<'de> + From<String>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<R>, D::Error> {
    let Form { sentence, reason } = Form::deserialize(from)?;
    Ok(match reason {
        Some(Typed::Known(reason)) => Some(reason),
        Some(Typed::Unknown(IgnoredAny)) | None => sentence.map(R::from),
    })
}
