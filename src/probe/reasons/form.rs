//! The JSON form of a reason: a typed object and a sentence.
//!
//! A recorded reason is not parsed, because no decision depends on it. cmon writes it as it was read, whatever version
//! recorded it. A recording of an older cmon has the sentence alone.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// A reason of this run, or of a recording.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Noted<R> {
    Found(R),
    Recorded {
        sentence: String,
        /// `null` where the recording has the sentence alone.
        typed: Value,
    },
}

impl<R> From<R> for Noted<R> {
    fn from(reason: R) -> Self {
        Self::Found(reason)
    }
}

impl<R: fmt::Display> fmt::Display for Noted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(reason) => reason.fmt(f),
            Self::Recorded { sentence, .. } => f.write_str(sentence),
        }
    }
}

impl<R: Serialize> Serialize for Noted<R> {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Found(reason) => reason.serialize(into),
            Self::Recorded { sentence, typed: Value::Null } => {
                json!({ "kind": "recorded", "text": sentence }).serialize(into)
            }
            Self::Recorded { typed, .. } => typed.serialize(into),
        }
    }
}

/// Fields `why` and `reason`: cuts, and unavailable metrics in recordings.
pub(crate) fn cut<R: Serialize + fmt::Display, S: Serializer>(
    reason: &Noted<R>,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["why", "reason"], Some(reason), into)
}

/// Fields `error` and `reason`: unavailable metrics in reports.
pub(crate) fn error<R: Serialize + fmt::Display, S: Serializer>(
    reason: &Noted<R>,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["error", "reason"], Some(reason), into)
}

/// Fields `error` and `cause`: the reason of a verdict.
pub(crate) fn cause<R: Serialize + fmt::Display, S: Serializer>(
    reason: &Noted<R>,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["error", "cause"], Some(reason), into)
}

/// Fields `failure` and `failure_reason`: the end of a recording.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(crate) fn failure<R: Serialize + fmt::Display, S: Serializer>(
    reason: &Option<Noted<R>>,
    into: S,
) -> Result<S::Ok, S::Error> {
    entries(["failure", "failure_reason"], reason.as_ref(), into)
}

fn entries<R: Serialize + fmt::Display, S: Serializer>(
    names: [&'static str; 2],
    reason: Option<&Noted<R>>,
    into: S,
) -> Result<S::Ok, S::Error> {
    let mut map = into.serialize_map(Some(2))?;
    map.serialize_entry(names[0], &reason.map(ToString::to_string))?;
    map.serialize_entry(names[1], &reason)?;
    map.end()
}

#[derive(Deserialize)]
struct Form {
    #[serde(alias = "why", alias = "failure")]
    sentence: Option<String>,
    #[serde(default, alias = "failure_reason")]
    reason: Value,
}

/// Reads a required reason.
pub(crate) fn read<'de, R, D: Deserializer<'de>>(from: D) -> Result<Noted<R>, D::Error> {
    read_option(from)?.ok_or_else(|| serde::de::Error::missing_field("why"))
}

/// Reads an optional reason.
pub(crate) fn read_option<'de, R, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Noted<R>>, D::Error> {
    let Form { sentence, reason: typed } = Form::deserialize(from)?;
    let typed = if typed["kind"].is_string() { typed } else { Value::Null };
    Ok(sentence.map(|sentence| Noted::Recorded { sentence, typed }))
}
