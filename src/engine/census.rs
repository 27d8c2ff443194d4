//! The census: the counts of the registry, the supervisor and the connections at one moment.
//!
//! Plain data, so that the screen, the summary and the JSON output show the same numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The purpose of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskKind {
    /// Reads one log stream.
    Reader,
    /// Reads the rest of a log after its container's run ended (drain).
    Drain,
    /// Waits for the daemon's events.
    Events,
    /// Sends one short request to the daemon.
    Request,
    /// Moves the bytes of one request's HTTP connection.
    Connection,
}

impl TaskKind {
    /// The kind's name in the census: `reader`, `drain`, and so on.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskKind::Reader => "reader",
            TaskKind::Drain => "drain",
            TaskKind::Events => "events",
            TaskKind::Request => "request",
            TaskKind::Connection => "connection",
        }
    }
}

/// The purpose of a connection to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Follows a log.
    Stream,
    /// Reads a log once.
    Read,
    /// Receives the events.
    Events,
    /// Sends a short request.
    Request,
    /// Measures a daemon or a target, and stays open for the next measurement.
    Probe,
}

impl Purpose {
    /// The purpose's name in the census.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Stream => "stream",
            Purpose::Read => "read",
            Purpose::Events => "events",
            Purpose::Request => "request",
            Purpose::Probe => "probe",
        }
    }
}

/// Connections of one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCount {
    /// Open now.
    pub open: u64,
    /// Opened since the start.
    pub opened: u64,
    /// Closed by force.
    pub forced: u64,
}

/// A daemon that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// Its name, if one run follows several daemons.
    pub host: Option<Arc<str>>,
    /// The time since its last answer.
    pub since: Duration,
    /// The time until the next try.
    pub next: Duration,
}

/// What is alive at one moment, and totals since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Census {
    /// Time since the start of the engine.
    pub elapsed: Duration,
    /// Live tasks by kind; a kind with none is absent.
    pub tasks: BTreeMap<TaskKind, u64>,
    /// Live tasks by kind, file and line of the spawn.
    pub sites: BTreeMap<(TaskKind, &'static str, u32), u64>,
    /// Live readers; always equal to `streams_open`.
    pub readers: u64,
    /// Streams open now.
    pub streams_open: u64,
    /// Streams opened since the start: always `streams_closed + streams_open`.
    pub streams_opened: u64,
    /// Streams closed since the start: the cycles.
    pub streams_closed: u64,
    /// Streams closed because of their age.
    pub rotations: u64,
    /// Streams closed because they were stale: silent although the daemon had newer lines.
    pub stale: u64,
    /// Probes of quiet streams.
    pub probes: u64,
    /// Streams reopened because the one before broke.
    pub reconnects: u64,
    /// Readers that panicked.
    pub panics: u64,
    /// Closed streams of each followed container, by its shown name.
    pub cycles: BTreeMap<String, u64>,
    /// Containers that were followed and were removed.
    pub gone: u64,
    /// Their cycles.
    pub cycles_of_gone: u64,
    /// Cycles per minute over the last minute, or since the start if that is shorter.
    pub cycles_per_minute: f64,
    /// Cycles per minute that rotation alone would cause at the number of open streams.
    pub cycles_expected: f64,
    /// Age of the oldest open stream.
    pub oldest: Option<Duration>,
    /// Containers followed, whether or not they run.
    pub containers: u64,
    /// Lines delivered.
    pub lines: u64,
    /// Bytes of lines delivered.
    pub bytes: u64,
    /// Lines that the daemon sent late.
    pub recovered: u64,
    /// Frames that cmon read again at a resume and skipped.
    pub replayed: u64,
    /// Lines that the daemon repeated and cmon skipped.
    pub doubles: u64,
    /// Gaps reported.
    pub gaps: u64,
    /// Gaps by cause.
    pub gaps_by_cause: BTreeMap<&'static str, u64>,
    /// Reopened streams, by the end reason of the one before.
    pub reopens: BTreeMap<&'static str, u64>,
    /// The lag of each container, by name; containers without a lag are absent.
    pub lags: BTreeMap<String, Duration>,
    /// The longest lag since the start.
    pub max_lag: Duration,
    /// The daemons that do not answer.
    pub away: Vec<Away>,
    /// Short requests to the daemon.
    pub requests: u64,
    /// Connections by purpose; a purpose never used is absent.
    pub connections: BTreeMap<Purpose, ConnectionCount>,
    /// Stragglers: readers that were still alive at the stop deadline, by container name.
    pub stragglers: Vec<String>,
}

impl Census {
    /// Adds the counts of another daemon.
    pub fn add(&mut self, other: &Census) {
        fn sum<K: Clone + Ord>(all: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
            for (key, count) in more {
                *all.entry(key.clone()).or_default() += count;
            }
        }
        self.elapsed = self.elapsed.max(other.elapsed);
        sum(&mut self.tasks, &other.tasks);
        sum(&mut self.sites, &other.sites);
        self.readers += other.readers;
        self.streams_open += other.streams_open;
        self.streams_opened += other.streams_opened;
        self.streams_closed += other.streams_closed;
        self.rotations += other.rotations;
        self.stale += other.stale;
        self.probes += other.probes;
        self.reconnects += other.reconnects;
        self.panics += other.panics;
        sum(&mut self.cycles, &other.cycles);
        self.gone += other.gone;
        self.cycles_of_gone += other.cycles_of_gone;
        self.cycles_per_minute += other.cycles_per_minute;
        self.cycles_expected += other.cycles_expected;
        self.oldest = self.oldest.max(other.oldest);
        self.containers += other.containers;
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.recovered += other.recovered;
        self.replayed += other.replayed;
        self.doubles += other.doubles;
        self.gaps += other.gaps;
        sum(&mut self.gaps_by_cause, &other.gaps_by_cause);
        sum(&mut self.reopens, &other.reopens);
        self.lags.extend(other.lags.iter().map(|(name, lag)| (name.clone(), *lag)));
        self.max_lag = self.max_lag.max(other.max_lag);
        self.away.extend(other.away.iter().cloned());
        self.requests += other.requests;
        for (purpose, count) in &other.connections {
            let all = self.connections.entry(*purpose).or_default();
            all.open += count.open;
            all.opened += count.opened;
            all.forced += count.forced;
        }
        self.stragglers.extend(other.stragglers.iter().cloned());
    }

    /// All live tasks.
    pub fn live_tasks(&self) -> u64 {
        self.tasks.values().sum()
    }

    /// Connections closed by force.
    pub fn forced_closes(&self) -> u64 {
        self.connections.values().map(|count| count.forced).sum()
    }

    /// The container with the longest lag.
    pub fn worst_lag(&self) -> Option<(&str, Duration)> {
        let worst = self.lags.iter().max_by_key(|(_, lag)| **lag)?;
        Some((worst.0, *worst.1))
    }

    /// All open connections.
    pub fn open_connections(&self) -> u64 {
        self.connections.values().map(|count| count.open).sum()
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
