//! `-o json`: one object per line, everything on stdout. `docs/json.md` documents the fields.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::engine::Outcome;
use crate::engine::census::Census;
use crate::engine::event::{About, Ending, Gap, Lines, Note, Notice};
use crate::engine::timestamp::Timestamp;
use crate::format::note;
use crate::format::sanitize::{clean_json, strip_escapes};
use crate::format::stamp::StampWriter;
use crate::format::{Colors, details};

/// How to treat the control sequences of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    Kept,
    Stripped,
}

/// Appends a batch, with or without the escape sequences in it. Allocates once per batch, not per line.
pub(super) fn lines(lines: &Lines, escapes: Escapes, into: &mut Vec<u8>) {
    let details = lines.label.details.as_ref();
    let details = details.and_then(|text| serde_json::to_vec(&details::pairs(text)).ok());
    let details = details.map(|json| clean_json(&json));
    let mut prefix = br#"""#.to_vec();
    if let Some(host) = lines.label.key.daemon.host() {
        prefix.extend_from_slice(br#","host":"#);
        string(host, &mut prefix);
    }
    prefix.extend_from_slice(br#","container":"#);
    string(&lines.label.name, &mut prefix);
    prefix.extend_from_slice(br#","id":"#);
    string(lines.label.key.id.as_str(), &mut prefix);
    prefix.extend_from_slice(br#","stream":""#);
    let mut stamps = StampWriter::utc();
    for (line, text) in lines.iter() {
        let text = match escapes {
            Escapes::Stripped => strip_escapes(text),
            Escapes::Kept => Cow::Borrowed(text),
        };
        into.extend_from_slice(br#"{"v":1,"type":"line","time":""#);
        stamps.write_alone(line.time, into);
        into.extend_from_slice(&prefix);
        into.extend_from_slice(line.stream.as_str().as_bytes());
        into.push(b'"');
        if let Some(details) = &details {
            into.extend_from_slice(br#","details":"#);
            into.extend_from_slice(details);
        }
        match std::str::from_utf8(&text) {
            Ok(text) => {
                into.extend_from_slice(br#","msg":"#);
                string(text, into);
            }
            Err(_) => {
                into.extend_from_slice(br#","msg_base64":""#);
                into.extend_from_slice(STANDARD.encode(&text).as_bytes());
                into.push(b'"');
            }
        }
        if line.ending == Ending::Piece {
            into.extend_from_slice(br#","partial":true"#);
        }
        if line.recovered {
            into.extend_from_slice(br#","recovered":true"#);
        }
        into.extend_from_slice(b"}\n");
    }
}

/// Appends a gap.
pub(super) fn gap(gap: &Gap, into: &mut Vec<u8>) {
    let text = note::gap(gap, &TimeZone::UTC, Colors::Off);
    let about = About::Container(Arc::clone(&gap.label));
    object(
        &Body {
            from: gap.from.map(time),
            to: gap.to.map(time),
            cause: Some(gap.cause.word()),
            text: Some(text.trim_end()),
            ..Body::new("gap", &about)
        },
        into,
    );
}

/// Appends a note.
pub(super) fn note(note: &Note, into: &mut Vec<u8>) {
    let exit = match note.what {
        Notice::Exited(exit) | Notice::Restarting(exit) => exit,
        _ => None,
    };
    let text = note::note(note, Colors::Off);
    object(
        &Body {
            event: Some(note::word(&note.what)),
            code: exit.map(|exit| exit.code),
            oom: exit.map(|exit| exit.oom),
            text: Some(text.trim_end()),
            ..Body::new("note", &note.about)
        },
        into,
    );
}

/// Appends the summary: one per daemon if there are several, and the total.
pub(super) fn summary(outcome: &Outcome, into: &mut Vec<u8>) {
    for (daemon, census) in &outcome.by_daemon {
        let host = daemon.host().map(|host| &**host);
        object(&Figures { host, ..figures("summary", census) }, into);
    }
    object(&figures("summary", &outcome.census), into);
}

/// The fields that every object with the engine's totals has.
pub(super) fn figures<'a>(r#type: &'static str, census: &'a Census) -> Figures<'a> {
    Figures {
        v: 1,
        r#type,
        host: None,
        seconds: census.elapsed.as_secs_f64(),
        containers: census.containers,
        containers_gone: census.gone,
        lines: census.lines,
        bytes: census.bytes,
        streams_opened: census.streams_opened,
        streams_closed: census.streams_closed,
        streams_open: census.streams_open,
        readers: census.readers,
        cycles: &census.cycles,
        cycles_of_gone: census.cycles_of_gone,
        cycles_per_minute: census.cycles_per_minute,
        reopens: &census.reopens,
        rotations: census.rotations,
        stale: census.stale,
        probes: census.probes,
        reconnects: census.reconnects,
        max_lag_seconds: census.max_lag.as_secs_f64(),
        replayed: census.replayed,
        recovered: census.recovered,
        doubles: census.doubles,
        gaps: census.gaps,
        gaps_by_cause: &census.gaps_by_cause,
        panics: census.panics,
        requests: census.requests,
        tasks: census.live_tasks(),
        connections: census.open_connections(),
        forced_closes: census.forced_closes(),
        stragglers: &census.stragglers,
    }
}

/// The fields of a summary, in order.
#[derive(Debug, Serialize)]
pub(super) struct Figures<'a> {
    v: u8,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    seconds: f64,
    containers: u64,
    containers_gone: u64,
    lines: u64,
    bytes: u64,
    streams_opened: u64,
    streams_closed: u64,
    streams_open: u64,
    readers: u64,
    cycles: &'a BTreeMap<String, u64>,
    cycles_of_gone: u64,
    cycles_per_minute: f64,
    reopens: &'a BTreeMap<&'static str, u64>,
    rotations: u64,
    stale: u64,
    probes: u64,
    reconnects: u64,
    max_lag_seconds: f64,
    replayed: u64,
    recovered: u64,
    doubles: u64,
    gaps: u64,
    gaps_by_cause: &'a BTreeMap<&'static str, u64>,
    panics: u64,
    requests: u64,
    tasks: u64,
    connections: u64,
    forced_closes: u64,
    stragglers: &'a [String],
}

/// The fields of gaps and notes, in order.
#[derive(Debug, Serialize)]
struct Body<'a> {
    v: u8,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oom: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl<'a> Body<'a> {
    fn new(r#type: &'static str, about: &'a About) -> Self {
        let label = about.container();
        Self {
            v: 1,
            r#type,
            event: None,
            host: about.host().map(|host| &**host),
            container: label.map(|label| &*label.name),
            id: label.map(|label| label.key.id.as_str()),
            code: None,
            oom: None,
            from: None,
            to: None,
            cause: None,
            text: None,
        }
    }
}

pub(super) fn time(time: Timestamp) -> String {
    time.to_string()
}

fn string(text: &str, into: &mut Vec<u8>) {
    serde_json::to_writer(&mut *into, text).expect("writing to memory does not fail");
}

pub(super) fn object(object: &impl Serialize, into: &mut Vec<u8>) {
    serde_json::to_writer(&mut *into, object).expect("writing to memory does not fail");
    into.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::{Delivery, Extent, GapCause};
    use crate::engine::source::{DaemonId, StdStream};
    use crate::format::note::tests::{each, label};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut into = Vec::new();
        write(&mut into);
        String::from_utf8(into).unwrap()
    }

    #[test]
    fn a_line_keeps_its_bytes() {
        let mut batch = Lines::new(label());
        let time = Timestamp::from_nanos(5);
        let (out, err) = (StdStream::Stdout, StdStream::Stderr);
        batch.push(time, out, [b"say \"hi\"\t\x1b[31m\r\n", b""], Extent::Whole, Delivery::InOrder);
        batch.push(time, err, [b"\xff\xfe\n", b""], Extent::Whole, Delivery::Recovered);
        batch.push(time, out, [b"long", b""], Extent::Piece, Delivery::InOrder);
        insta::assert_snapshot!(text(|into| lines(&batch, Escapes::Kept, into)), @r#"
        {"v":1,"type":"line","time":"1970-01-01T00:00:00.000000005Z","container":"web","id":"ab12","stream":"stdout","msg":"say \"hi\"\t\u001b[31m"}
        {"v":1,"type":"line","time":"1970-01-01T00:00:00.000000005Z","container":"web","id":"ab12","stream":"stderr","msg_base64":"//4=","recovered":true}
        {"v":1,"type":"line","time":"1970-01-01T00:00:00.000000005Z","container":"web","id":"ab12","stream":"stdout","msg":"long","partial":true}
        "#);
        let stripped = text(|into| lines(&batch, Escapes::Stripped, into));
        assert!(stripped.contains(r#""msg":"say \"hi\"\t"}"#), "{stripped}");
    }

    #[test]
    fn notes_and_gaps_are_objects() {
        let exited = Note { about: About::Container(label()), what: each().swap_remove(2) };
        let back = Note { about: About::Daemon(DaemonId::new("d")), what: Notice::DaemonBack };
        let (from, to) = (Some(Timestamp::from_nanos(1)), None);
        let lost = Gap { label: label(), from, to, cause: GapCause::Removed };
        let written = text(|into| {
            note(&exited, into);
            note(&back, into);
            gap(&lost, into);
        });
        insta::assert_snapshot!(written, @r#"
        {"v":1,"type":"note","event":"exited","container":"web","id":"ab12","code":137,"oom":true,"text":"- web exited 137 (OOM)"}
        {"v":1,"type":"note","event":"daemon_back","text":"+ the daemon answers again"}
        {"v":1,"type":"gap","container":"web","id":"ab12","from":"1970-01-01T00:00:00.000000001Z","cause":"removed","text":"! web gap from 00:00:00.0 on (the container was removed before its log was read to the end)"}
        "#);
    }

    #[test]
    fn every_kind_of_note_is_an_object() {
        for what in each() {
            let written = text(|into| note(&Note { about: About::Container(label()), what }, into));
            let object: serde_json::Value = serde_json::from_str(&written).unwrap();
            assert_eq!((&object["v"], &object["type"]), (&1.into(), &"note".into()));
        }
    }

    const DOCUMENT: &str = include_str!("../../docs/json.md");

    #[test]
    fn every_event_and_cause_is_documented() {
        let events = each().into_iter().map(|what| note::word(&what));
        let causes =
            [GapCause::LogRotated, GapCause::Removed, GapCause::Unreadable].map(GapCause::word);
        for word in events.chain(causes) {
            assert!(DOCUMENT.contains(&format!("`{word}`")), "{word}");
        }
    }

    #[test]
    fn every_field_is_documented() {
        let mut batch = Lines::new(label());
        batch.push(
            Timestamp::from_nanos(5),
            StdStream::Stdout,
            [b"long", b""],
            Extent::Piece,
            Delivery::Recovered,
        );
        batch.push(
            Timestamp::from_nanos(5),
            StdStream::Stdout,
            [b"\xff\n", b""],
            Extent::Whole,
            Delivery::InOrder,
        );
        let time = Some(Timestamp::from_nanos(1));
        let lost = Gap { label: label(), from: time, to: time, cause: GapCause::Removed };
        let exited = Note { about: About::Container(label()), what: each().swap_remove(2) };
        let written = text(|into| {
            lines(&batch, Escapes::Kept, into);
            gap(&lost, into);
            note(&exited, into);
            let daemon = DaemonId::named("tcp://x", "build");
            let census = crate::snapshot::tests::sample::snapshot().census;
            let by_daemon = vec![(daemon, census.clone())];
            summary(&Outcome { census, by_daemon, ..Outcome::default() }, into);
        });
        for object in written.lines() {
            let object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(object).unwrap();
            for field in object.keys() {
                assert!(DOCUMENT.contains(&format!("`{field}`")), "{field} of {object:?}");
            }
        }
    }
}
