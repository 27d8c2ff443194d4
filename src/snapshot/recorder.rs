//! Takes snapshots and computes totals.

use super::Snapshot;
use super::daemon_snapshot::{DaemonSnapshot, Shared};
use super::own::Process;
use crate::engine::Observers;
use crate::engine::census::Census;
use crate::engine::rows::Row;
use crate::engine::source::{DaemonId, Source};
use crate::engine::timestamp::Timestamp;
use crate::sort::sort_by;

impl Snapshot {
    /// The daemon, if there is only one.
    pub(crate) fn only_daemon(&self) -> Option<&DaemonSnapshot> {
        match self.daemons.as_slice() {
            [daemon] => Some(daemon),
            _ => None,
        }
    }

    /// The rows of one daemon.
    pub(crate) fn rows_of<'a>(
        &'a self,
        daemon: &'a DaemonSnapshot,
    ) -> impl Iterator<Item = &'a Row> + 'a {
        self.rows.iter().filter(|row| row.key.daemon.host() == daemon.host.as_ref())
    }

    /// Lines per second of all containers.
    pub(crate) fn lines_per_second(&self) -> f64 {
        self.rows.iter().fold(0.0, |sum, row| sum + row.lines_per_second)
    }

    /// Bytes per second of all containers.
    pub(crate) fn bytes_per_second(&self) -> f64 {
        self.rows.iter().fold(0.0, |sum, row| sum + row.bytes_per_second)
    }
}

/// Takes snapshots, one after the other.
#[derive(Debug)]
pub(crate) struct Recorder<S> {
    observers: Observers<S>,
    daemons: Vec<Shared>,
    process: Process,
}

impl<S: Source> Recorder<S> {
    /// A recorder of these engines and of their daemons' states, in the same order.
    pub(crate) fn new(observers: Observers<S>, daemons: Vec<Shared>) -> Self {
        Self { observers, daemons, process: Process::default() }
    }

    /// The current snapshot.
    pub(crate) fn take(&mut self) -> Snapshot {
        let by_daemon = self.observers.by_daemon();
        let mut census = Census::default();
        by_daemon.iter().for_each(|(_, of_daemon)| census.add(of_daemon));
        let daemon = |((id, census), known): ((DaemonId, Census), &Shared)| DaemonSnapshot {
            host: id.host().cloned(),
            census,
            ..known.get()
        };
        let daemons = by_daemon.into_iter().zip(&self.daemons).map(daemon).collect();
        let mut rows = self.observers.rows();
        sort_by(&mut rows, |one, other| one.name.cmp(&other.name).then(one.key.cmp(&other.key)));
        // Over several stream timeouts: one minute would show no end of streams that live for five.
        // An empty sum would be -0.
        census.cycles_per_minute = rows.iter().fold(0.0, |sum, row| sum + row.cycles_per_minute);
        Snapshot { time: Timestamp::now(), daemons, census, rows, own: self.process.look() }
    }
}
