//! The text of a cursor: a header line and a line of JSON. Pure.
//!
//! The header has the hash of the second line, so a damaged or truncated file is never used. `docs/cursor.md`
//! describes the format for users.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::directory::{FileKey, FileRecord};
use crate::engine::anchor::Key;
use crate::engine::position::{
    BegunLine, Place, Position, Presence, Saved, SavedContainer, SavedDaemon,
};
use crate::engine::source::{ContainerId, StdStream};
use crate::engine::timestamp::Timestamp;

/// The version of the format.
const FORMAT_VERSION: u64 = 1;

/// An invalid cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It has another version.
    #[error("it has version {0}, and this cmon reads version {FORMAT_VERSION}")]
    Version(u64),
    /// It has no header of a cursor.
    #[error("it is not a cursor of cmon")]
    Foreign,
    /// The hash does not match.
    #[error("it is damaged or cut off")]
    Damaged,
}

#[derive(Deserialize, Serialize)]
struct Head {
    cmon_cursor: u64,
    xxh3: String,
}

#[derive(Deserialize, Serialize)]
struct Body {
    daemons: Vec<DaemonSection>,
    /// The state of an output directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<File>,
}

#[derive(Deserialize, Serialize)]
struct File {
    #[serde(flatten)]
    key: FileKey,
    #[serde(flatten)]
    record: FileRecord,
}

/// The content of a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The positions in the logs.
    pub saved: Saved,
    /// The output files, if there are any.
    pub files: Vec<(FileKey, FileRecord)>,
}

#[derive(Deserialize, Serialize)]
struct DaemonSection {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    containers: BTreeMap<String, Container>,
}

#[derive(Deserialize, Serialize)]
struct Container {
    name: String,
    /// Nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<i64>,
    place: Where,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    complete: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keys: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    beyond: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    begun: Vec<Line>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Where {
    Beginning,
    Behind,
    Rest,
}

#[derive(Deserialize, Serialize)]
struct Line {
    stream: Output,
    time: String,
    delivered: u64,
    skip: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Output {
    Stdout,
    Stderr,
}

/// Encodes the content.
pub fn encode(contents: &Contents) -> String {
    let file =
        |(key, record): &(FileKey, FileRecord)| File { key: key.clone(), record: record.clone() };
    let daemons = contents.saved.0.iter().map(daemon).collect();
    let body = Body { daemons, files: contents.files.iter().map(file).collect() };
    let body = serde_json::to_string(&body).unwrap_or_default();
    let head = Head { cmon_cursor: FORMAT_VERSION, xxh3: hash(body.as_bytes()) };
    let head = serde_json::to_string(&head).unwrap_or_default();
    format!("{head}\n{body}\n")
}

/// Decodes a text.
///
/// # Errors
/// The text is not a cursor, or was changed.
pub fn decode(text: &[u8]) -> Result<Contents, FormatError> {
    #[derive(Deserialize)]
    struct Version {
        cmon_cursor: u64,
    }
    if text.is_empty() {
        return Err(FormatError::Damaged);
    }
    let end = text.iter().position(|byte| *byte == b'\n');
    let (first, rest) = text.split_at(end.unwrap_or(text.len()));
    let Version { cmon_cursor: version } =
        serde_json::from_slice(first).map_err(|_| FormatError::Foreign)?;
    if version != FORMAT_VERSION {
        return Err(FormatError::Version(version));
    }
    let head: Head = serde_json::from_slice(first).map_err(|_| FormatError::Damaged)?;
    let body = rest.strip_prefix(b"\n").and_then(|rest| rest.strip_suffix(b"\n"));
    let body = body.filter(|body| hash(body) == head.xxh3).ok_or(FormatError::Damaged)?;
    let body: Body = serde_json::from_slice(body).map_err(|_| FormatError::Damaged)?;
    let daemons: Option<Vec<SavedDaemon>> = body.daemons.into_iter().map(saved_daemon).collect();
    let saved = daemons.map(Saved).ok_or(FormatError::Damaged)?;
    let files = body.files.into_iter().map(|File { key, record }| (key, record)).collect();
    Ok(Contents { saved, files })
}

fn hash(body: &[u8]) -> String {
    format!("{:016x}", XxHash3_64::oneshot(body))
}

fn daemon(saved: &SavedDaemon) -> DaemonSection {
    let container =
        |(id, saved): (&ContainerId, &SavedContainer)| (id.as_str().to_owned(), container(saved));
    DaemonSection {
        address: saved.address.clone(),
        id: saved.identity.as_deref().map(str::to_owned),
        containers: saved.containers.iter().map(container).collect(),
    }
}

fn container(saved: &SavedContainer) -> Container {
    let position = &saved.position;
    let line = |(stream, begun): (Output, Option<BegunLine>)| {
        let BegunLine { time, delivered, skip } = begun?;
        Some(Line { stream, time: time.as_nanos().to_string(), delivered, skip })
    };
    Container {
        name: saved.name.to_string(),
        removed: match saved.presence {
            Presence::There => None,
            Presence::Removed(time) => Some(time.saturating_nanos()),
        },
        place: match position.place {
            Place::Beginning => Where::Beginning,
            Place::Behind => Where::Behind,
            Place::Rest => Where::Rest,
        },
        complete: position.complete,
        keys: keys(&position.keys),
        beyond: keys(&position.beyond),
        begun: [Output::Stdout, Output::Stderr]
            .into_iter()
            .zip(position.begun)
            .filter_map(line)
            .collect(),
    }
}

/// Each key as time, length, output and hash.
fn keys(keys: &[Key]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(keys.len() * 48);
    for key in keys {
        let stream = match key.stream() {
            StdStream::Stdout => 'o',
            StdStream::Stderr => 'e',
        };
        let space = if text.is_empty() { "" } else { " " };
        let (time, len, hash) = (key.time().as_nanos(), key.length(), key.hash());
        // Writing to a String cannot fail.
        let _ = write!(text, "{space}{time}:{len}{stream}{hash:016x}");
    }
    text
}

fn saved_daemon(daemon: DaemonSection) -> Option<SavedDaemon> {
    let container = |(id, container): (String, Container)| {
        Some((ContainerId::new(&id), saved_container(container)?))
    };
    Some(SavedDaemon {
        address: daemon.address,
        identity: daemon.id.map(Arc::from),
        containers: daemon.containers.into_iter().map(container).collect::<Option<_>>()?,
    })
}

fn saved_container(container: Container) -> Option<SavedContainer> {
    let mut begun = [None; 2];
    for Line { stream, time, delivered, skip } in container.begun {
        let time = timestamp(&time)?;
        begun[stream as usize] = Some(BegunLine { time, delivered, skip });
    }
    let place = match container.place {
        Where::Beginning => Place::Beginning,
        Where::Behind => Place::Behind,
        Where::Rest => Place::Rest,
    };
    let keys = parse_keys(&container.keys)?;
    if keys.is_empty() && place == Place::Behind {
        return None;
    }
    let (complete, beyond) = (container.complete, parse_keys(&container.beyond)?);
    Some(SavedContainer {
        name: container.name.into(),
        presence: match container.removed {
            None => Presence::There,
            Some(time) => Presence::Removed(Timestamp::from_nanos(time)),
        },
        position: Position { place, keys, complete, beyond, begun },
    })
}

fn timestamp(nanos: &str) -> Option<Timestamp> {
    Timestamp::from_wide_nanos(nanos.parse().ok()?)
}

fn parse_keys(text: &str) -> Option<Vec<Key>> {
    let key = |text: &str| {
        let (time, rest) = text.split_once(':')?;
        let at = rest.find(['o', 'e'])?;
        let (len, rest) = rest.split_at(at);
        let (stream, hash) = rest.split_at(1);
        let stream = if stream == "o" { StdStream::Stdout } else { StdStream::Stderr };
        let time = timestamp(time)?;
        let hash = u64::from_str_radix(hash, 16).ok()?;
        Some(Key::from_parts(time, hash, len.parse().ok()?, stream))
    };
    text.split_ascii_whitespace().map(key).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn key()(seconds: i64, nanos in 0i128..1_000_000_000, hash: u64, len: u32, out: bool) -> Key {
            let stream = if out { StdStream::Stdout } else { StdStream::Stderr };
            let time = Timestamp::from_wide_nanos(i128::from(seconds) * 1_000_000_000 + nanos);
            Key::from_parts(time.unwrap(), hash, len, stream)
        }
    }

    prop_compose! {
        fn position()(
            keys in prop::collection::vec(key(), 0..40),
            beyond in prop::collection::vec(key(), 0..4),
            complete: bool,
            begun in prop::option::of((any::<i64>(), any::<u64>(), any::<u32>())),
        ) -> Position {
            let line = |(time, delivered, skip)| BegunLine { time: Timestamp::from_nanos(time), delivered, skip };
            let place = if keys.is_empty() { Place::Beginning } else { Place::Behind };
            Position { place, keys, complete, beyond, begun: [None, begun.map(line)] }
        }
    }

    prop_compose! {
        fn saved()(
            containers in prop::collection::hash_map("[0-9a-f]{64}", (".*", position(), prop::option::of(any::<i64>())), 0..5),
            address in ".*",
            identity in prop::option::of(".+"),
            is_archive: bool,
        ) -> Contents {
            let container = |(id, (name, position, removed)): (String, (String, Position, Option<i64>))| {
                let presence = match removed {
                    None => Presence::There,
                    Some(time) => Presence::Removed(Timestamp::from_nanos(time)),
                };
                (ContainerId::new(&id), SavedContainer { name: name.into(), presence, position })
            };
            let containers = containers.into_iter().map(container).collect();
            let identity = identity.map(Into::into);
            let saved = Saved(vec![SavedDaemon { address, identity, containers }]);
            let record = FileRecord { path: "web.log".to_owned(), length: Some(7), ..FileRecord::default() };
            let key = FileKey { host: None, name: "web".to_owned() };
            Contents { saved, files: if is_archive { vec![(key, record)] } else { Vec::new() } }
        }
    }

    proptest! {
        #[test]
        fn a_cursor_round_trips(saved in saved()) {
            prop_assert_eq!(decode(encode(&saved).as_bytes()), Ok(saved));
        }

        #[test]
        fn a_damaged_cursor_is_refused(saved in saved(), at: prop::sample::Index, byte: u8) {
            let mut text = encode(&saved).into_bytes();
            let at = at.index(text.len());
            prop_assume!(text[at] != byte);
            text[at] = byte;
            prop_assert!(decode(&text).is_err());
        }

        #[test]
        fn a_truncated_cursor_is_refused(saved in saved(), at: prop::sample::Index) {
            let text = encode(&saved).into_bytes();
            prop_assert!(decode(&text[..at.index(text.len())]).is_err());
        }

        #[test]
        fn any_text_is_an_error_and_no_panic(text: Vec<u8>) {
            prop_assert!(decode(&text).is_err());
        }

        /// The hash matches, but the content may be invalid.
        #[test]
        fn any_body_is_an_error_and_no_panic(keys in "[0-9oe: ]{0,40}", place in "beginning|behind|rest|x") {
            let body = format!(r#"{{"daemons":[{{"address":"a","containers":{{"c":{{"name":"n","place":"{place}","keys":"{keys}"}}}}}}]}}"#);
            let text = format!("{{\"cmon_cursor\":1,\"xxh3\":\"{}\"}}\n{body}\n", hash(body.as_bytes()));
            if let Ok(saved) = decode(text.as_bytes()) {
                prop_assert_eq!(decode(encode(&saved).as_bytes()), Ok(saved));
            }
        }
    }

    #[test]
    fn other_versions_and_other_files_are_distinguished() {
        assert_eq!(decode(b"{\"cmon_cursor\":2,\"more\":true}\nx\n"), Err(FormatError::Version(2)));
        assert_eq!(decode(b"web: 17\n"), Err(FormatError::Foreign));
        assert_eq!(decode(b"{\"version\":1}"), Err(FormatError::Foreign));
        assert_eq!(decode(b""), Err(FormatError::Damaged));
    }
}
