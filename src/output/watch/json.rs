//! A snapshot as one JSON object; `docs/json.md` documents the fields.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::rows::{Row, StreamState};
use crate::format::last_notice;
use crate::output::json::{Figures, figures, object, time};
use crate::snapshot::{DaemonSnapshot, Own, Snapshot};

/// Appends a snapshot.
pub(super) fn snapshot(snapshot: &Snapshot, into: &mut Vec<u8>) {
    let census = &snapshot.census;
    let only = snapshot.only_daemon();
    let connections = census.connections.iter().filter(|(_, count)| 0 < count.open);
    let body = Body {
        figures: figures("watch", census),
        time: time(snapshot.time),
        cycles_expected: census.cycles_expected,
        lines_per_second: snapshot.lines_per_second(),
        bytes_per_second: snapshot.bytes_per_second(),
        tasks_by_kind: census.tasks.iter().map(|(kind, count)| (kind.as_str(), *count)).collect(),
        connections_by_purpose: connections
            .map(|(purpose, count)| (purpose.as_str(), count.open))
            .collect(),
        away_seconds: only.and(census.away.first()).map(|away| away.since.as_secs_f64()),
        retry_seconds: only.and(census.away.first()).map(|away| away.next.as_secs_f64()),
        daemon: only.map(daemon),
        daemons: match only {
            Some(_) => Vec::new(),
            None => snapshot.daemons.iter().map(host).collect(),
        },
        own: snapshot.own.map(own),
        rows: snapshot.rows.iter().map(row).collect(),
    };
    object(&body, into);
}

fn daemon(daemon: &DaemonSnapshot) -> DaemonBody<'_> {
    DaemonBody {
        endpoint: &daemon.endpoint,
        name: some(&daemon.name),
        version: some(&daemon.version),
        goroutines: daemon.goroutines,
        descriptors: daemon.descriptors,
    }
}

fn host(of: &DaemonSnapshot) -> HostBody<'_> {
    let away = of.census.away.first();
    HostBody {
        host: of.host.as_deref().unwrap_or_default(),
        daemon: daemon(of),
        away_seconds: away.map(|away| away.since.as_secs_f64()),
        retry_seconds: away.map(|away| away.next.as_secs_f64()),
        containers: of.census.containers,
        lines: of.census.lines,
        streams_opened: of.census.streams_opened,
        streams_closed: of.census.streams_closed,
        streams_open: of.census.streams_open,
        readers: of.census.readers,
        tasks: of.census.live_tasks(),
        connections: of.census.open_connections(),
        requests: of.census.requests,
        gaps: of.census.gaps,
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn own(own: Own) -> OwnBody {
    OwnBody {
        cpu_seconds: own.cpu_seconds,
        cpu_percent: own.cpu_percent,
        memory_bytes: own.memory,
        descriptors: own.descriptors,
        threads: own.threads,
    }
}

fn row(row: &Row) -> RowBody<'_> {
    RowBody {
        host: row.key.daemon.host().map(|host| &**host),
        container: &row.name,
        id: row.key.id.as_str(),
        state: row.phase.map(crate::engine::source::Phase::as_str),
        code: row.exit.map(|exit| exit.code),
        oom: row.exit.map(|exit| exit.oom),
        stream_state: row.stream.word(),
        failure: match row.stream {
            StreamState::Ended { failure } => failure.map(crate::engine::source::ErrorKind::as_str),
            _ => None,
        },
        retry_seconds: match row.stream {
            StreamState::BackingOff { left } => Some(left.as_secs_f64()),
            _ => None,
        },
        stream_age_seconds: row.age.map(|age| age.as_secs_f64()),
        stream_timeout_seconds: row.timeout.as_secs_f64(),
        last_end: row.last_end,
        cycles: row.cycles,
        cycles_per_minute: row.cycles_per_minute,
        lines: row.lines,
        bytes: row.bytes,
        lines_per_second: row.lines_per_second,
        bytes_per_second: row.bytes_per_second,
        lag_seconds: row.lag.as_secs_f64(),
        gaps: row.gaps(),
        gaps_by_cause: &row.gaps_by_cause,
        reopens: &row.reopens,
        note_time: row.last_notice.as_ref().map(|(at, _)| time(*at)),
        note: row.last_notice.as_ref().map(|(_, what)| last_notice(what)),
    }
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    figures: Figures<'a>,
    time: String,
    cycles_expected: f64,
    lines_per_second: f64,
    bytes_per_second: f64,
    tasks_by_kind: BTreeMap<&'static str, u64>,
    connections_by_purpose: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    away_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon: Option<DaemonBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    daemons: Vec<HostBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<OwnBody>,
    rows: Vec<RowBody<'a>>,
}

/// One of several daemons.
#[derive(Debug, Serialize)]
struct HostBody<'a> {
    host: &'a str,
    #[serde(flatten)]
    daemon: DaemonBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    away_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_seconds: Option<f64>,
    containers: u64,
    lines: u64,
    streams_opened: u64,
    streams_closed: u64,
    streams_open: u64,
    readers: u64,
    tasks: u64,
    connections: u64,
    requests: u64,
    gaps: u64,
}

#[derive(Debug, Serialize)]
struct DaemonBody<'a> {
    endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goroutines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptors: Option<u64>,
}

#[derive(Debug, Serialize)]
struct OwnBody {
    cpu_seconds: f64,
    cpu_percent: f64,
    memory_bytes: u64,
    descriptors: u64,
    threads: u64,
}

#[derive(Debug, Serialize)]
struct RowBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    container: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oom: Option<bool>,
    stream_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_age_seconds: Option<f64>,
    stream_timeout_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_end: Option<&'static str>,
    cycles: u64,
    cycles_per_minute: f64,
    lines: u64,
    bytes: u64,
    lines_per_second: f64,
    bytes_per_second: f64,
    lag_seconds: f64,
    gaps: u64,
    gaps_by_cause: &'a BTreeMap<&'static str, u64>,
    reopens: &'a BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::snapshot::tests::sample;

    #[test]
    fn every_field_is_documented() {
        let document = include_str!("../../../docs/json.md");
        for shown in [sample::snapshot(), sample::away(), sample::two_daemons()] {
            let mut into = Vec::new();
            snapshot(&shown, &mut into);
            let whole: Value = serde_json::from_slice(&into).unwrap();
            let rows = whole["rows"].as_array().unwrap();
            assert!(!rows.is_empty());
            let daemons = whole["daemons"].as_array().into_iter().flatten();
            let parts = [&whole, &whole["daemon"], &whole["own"]];
            for object in rows.iter().chain(daemons).chain(parts).filter_map(Value::as_object) {
                for field in object.keys() {
                    assert!(document.contains(&format!("`{field}`")), "{field}");
                }
            }
        }
    }
}
