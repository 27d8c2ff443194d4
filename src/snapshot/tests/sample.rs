//! Snapshots for tests: each state of a stream, none, many, a daemon that is away.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::census::{Away, Census, ConnectionCount, Purpose, TaskKind};
use crate::engine::event::{Gap, GapCause, Label, Notice};
use crate::engine::rows::{LastNotice, Row, StreamState};
use crate::engine::source::{
    ContainerId, ContainerKey, DaemonId, ErrorKind, Exit, Phase, SourceError,
};
use crate::engine::timestamp::Timestamp;
use crate::snapshot::{DaemonSnapshot, Own, Snapshot};
use crate::sort::sort_by;

/// 2026-11-24 12:00:00 UTC.
pub(crate) const NOON: Timestamp = Timestamp::from_nanos(1_795_521_600_000_000_000);

const SECOND: Duration = Duration::from_secs(1);

/// A container with its name as id.
pub(crate) fn key(name: &str) -> ContainerKey {
    ContainerKey { daemon: DaemonId::new("unix:///s"), id: ContainerId::new(name) }
}

/// A running container with an open stream.
pub(crate) fn row(name: &str, lines_per_second: f64) -> Row {
    Row {
        key: key(name),
        name: name.into(),
        phase: Some(Phase::Running),
        exit: None,
        stream: StreamState::Streaming,
        last_end: Some("rotated"),
        age: Some(12 * SECOND),
        timeout: 30 * SECOND,
        cycles: 21,
        cycles_per_minute: 2.0,
        lines: 123_456,
        bytes: 7_654_321,
        lines_per_second,
        bytes_per_second: 62.0 * lines_per_second,
        lag: Duration::from_millis(2),
        gaps_by_cause: BTreeMap::new(),
        reopens: BTreeMap::from([("rotated", 21)]),
        last_notice: Some((NOON, LastNotice::Note(Notice::Started))),
    }
}

fn error(kind: ErrorKind) -> SourceError {
    SourceError::new(kind, "the connection was closed")
}

/// A row for each state of a stream and of a container.
pub(crate) fn rows() -> Vec<Row> {
    let quiet = |name: &str| Row { age: None, lag: Duration::ZERO, ..row(name, 0.0) };
    let exited = |name: &str, code: i64, oom: bool| Row {
        phase: Some(Phase::Exited),
        exit: Some(Exit { code, oom }),
        stream: StreamState::Ended { failure: None },
        last_notice: Some((NOON, LastNotice::Note(Notice::Exited(Some(Exit { code, oom }))))),
        ..quiet(name)
    };
    let label = std::sync::Arc::new(Label::new(key("gappy"), "gappy".into()));
    let gap = Gap { label, from: None, to: None, cause: GapCause::LogRotated };
    let broke =
        Notice::StreamBroke { error: error(ErrorKind::Cut), retry: Duration::from_millis(2100) };
    let lost = Notice::Unreadable { driver: "none".into(), error: error(ErrorKind::Unreadable) };
    let mut rows = vec![
        row("api", 12.4),
        Row { stream: StreamState::Opening, age: Some(Duration::ZERO), ..quiet("fresh") },
        Row { stream: StreamState::Rotating, age: Some(Duration::ZERO), ..row("turning", 3.0) },
        Row { stream: StreamState::CatchingUp, age: Some(9 * SECOND), ..row("behind", 9000.0) },
        Row { stream: StreamState::Stale, age: Some(29 * SECOND), ..row("stuck", 0.0) },
        Row {
            stream: StreamState::BackingOff { left: Duration::from_millis(2100) },
            last_end: Some("cut"),
            reopens: BTreeMap::from([("rotated", 20), ("cut", 3)]),
            last_notice: Some((NOON, LastNotice::Note(broke))),
            ..quiet("flaky")
        },
        Row { stream: StreamState::Draining, ..exited("closing", 0, false) },
        Row {
            phase: Some(Phase::Restarting),
            stream: StreamState::Waiting,
            ..exited("crashing", 2, false)
        },
        exited("done", 0, false),
        exited("killed", 137, true),
        Row {
            stream: StreamState::Ended { failure: Some(ErrorKind::Unreadable) },
            last_notice: Some((NOON, LastNotice::Note(lost))),
            ..quiet("mute")
        },
        Row {
            gaps_by_cause: BTreeMap::from([("log_rotated", 2)]),
            last_notice: Some((NOON, LastNotice::Gap(gap))),
            ..row("gappy", 1.0)
        },
        Row { lag: 65 * SECOND, ..row("late", 5400.0) },
        Row { phase: Some(Phase::Paused), ..quiet("frozen") },
        row("日本語の名前がとても長いコンテナ", 0.4),
        row("a-name-that-is-much-longer-than-any-column-can-be-on-a-small-screen", 1.0),
    ];
    sort_by(&mut rows, |one, other| one.name.cmp(&other.name));
    rows
}

/// A snapshot with these rows.
pub(crate) fn of(rows: Vec<Row>) -> Snapshot {
    let open = rows.iter().filter(|row| row.age.is_some()).count() as u64;
    let count = ConnectionCount { open, opened: 300, forced: 0 };
    let census = Census {
        elapsed: 754 * SECOND,
        tasks: BTreeMap::from([(TaskKind::Reader, open), (TaskKind::Events, 1)]),
        readers: open,
        streams_open: open,
        streams_opened: 300,
        streams_closed: 300 - open.min(300),
        containers: rows.len() as u64,
        cycles_per_minute: 15.8,
        cycles_expected: 16.0,
        lines: 1_234_567,
        reopens: BTreeMap::from([("cut", 3), ("rotated", 280)]),
        gaps: rows.iter().map(Row::gaps).sum(),
        gaps_by_cause: BTreeMap::from([("log_rotated", rows.iter().map(Row::gaps).sum())]),
        lags: rows
            .iter()
            .filter(|row| !row.lag.is_zero())
            .map(|row| (row.name.to_string(), row.lag))
            .collect(),
        requests: 77,
        connections: BTreeMap::from([
            (Purpose::Stream, count),
            (Purpose::Events, ConnectionCount { open: 1, opened: 1, forced: 0 }),
        ]),
        ..Census::default()
    };
    let daemon = DaemonSnapshot {
        host: None,
        endpoint: "unix:///var/run/docker.sock".to_owned(),
        name: "harbour".to_owned(),
        version: "24.0.9".to_owned(),
        goroutines: Some(71),
        descriptors: Some(52),
        census: census.clone(),
    };
    let own =
        Own { cpu_seconds: 3.5, cpu_percent: 0.4, memory: 9_800_000, descriptors: 25, threads: 4 };
    Snapshot { time: NOON, daemons: vec![daemon], census, rows, own: Some(own) }
}

/// Each state once.
pub(crate) fn snapshot() -> Snapshot {
    of(rows())
}

/// This number of containers.
pub(crate) fn many(count: usize) -> Snapshot {
    of((0..count).map(|number| row(&format!("web-{number:03}"), 10.0)).collect())
}

/// The daemon does not answer, and all streams wait for it.
pub(crate) fn away() -> Snapshot {
    let stream = StreamState::BackingOff { left: 3 * SECOND };
    let waits = |name| Row { stream, age: None, ..row(name, 0.0) };
    let mut snapshot = of(vec![waits("db"), waits("web")]);
    let away = vec![Away { host: None, since: 12 * SECOND, next: 3 * SECOND }];
    snapshot.census.away.clone_from(&away);
    let daemon = &mut snapshot.daemons[0];
    (daemon.goroutines, daemon.descriptors, daemon.census.away) = (None, None, away);
    snapshot
}

/// Two daemons, of which one does not answer; each has a container `web`.
pub(crate) fn two_daemons() -> Snapshot {
    let of_host = |host: &str, mut snapshot: Snapshot| {
        for row in &mut snapshot.rows {
            row.key.daemon = DaemonId::named(&format!("tcp://{host}:2375"), host);
        }
        let daemon = &mut snapshot.daemons[0];
        (daemon.host, daemon.endpoint) = (Some(host.into()), format!("tcp://{host}:2375"));
        for census in [&mut snapshot.census, &mut daemon.census] {
            census.away.iter_mut().for_each(|away| away.host = Some(host.into()));
        }
        snapshot
    };
    let mut all = of_host("build", of(vec![row("api", 12.0), row("web", 3.0)]));
    let other = of_host("prod", away());
    all.census.add(&other.census);
    all.rows.extend(other.rows);
    sort_by(&mut all.rows, |one, other| one.name.cmp(&other.name));
    all.daemons.extend(other.daemons);
    all
}
