//! Snapshots: the engine's counts, cmon's own resource usage, and the daemons' usage at one moment. The screen,
//! the JSON, the plain lines and the metrics all show a snapshot.

mod daemon_snapshot;
mod own;
mod recorder;

use crate::engine::census::Census;
use crate::engine::rows::Row;
use crate::engine::timestamp::Timestamp;
pub(crate) use daemon_snapshot::{DaemonSnapshot, Shared, sample};
pub(crate) use own::Own;
pub(crate) use recorder::Recorder;

/// The state at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// The time.
    pub time: Timestamp,
    /// The daemons, in the order of their flags.
    pub daemons: Vec<DaemonSnapshot>,
    /// The engine's totals over all daemons; the cycles per minute are those of the rows.
    pub census: Census,
    /// A row for each container, by name.
    pub rows: Vec<Row>,
    /// cmon's own resource usage; `None` on systems without `/proc`.
    pub own: Option<Own>,
}

#[cfg(test)]
pub(crate) mod tests;
