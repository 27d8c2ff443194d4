//! All figures of one moment: what the engine counts, what cmon itself costs, and what the daemon reports of
//! itself. The screen, the JSON, the plain lines and the metrics are all made from this.

mod daemon_snapshot;
mod own;
mod recorder;

use crate::engine::census::Census;
use crate::engine::rows::Row;
use crate::engine::timestamp::Timestamp;
pub(crate) use daemon_snapshot::{DaemonSnapshot, Shared, sample};
pub(crate) use own::Own;
pub(crate) use recorder::Recorder;

/// The figures of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// When.
    pub time: Timestamp,
    /// The daemons, in the order in which they were named.
    pub daemons: Vec<DaemonSnapshot>,
    /// The engine's sums over all daemons. Here the cycles per minute are those of the rows.
    pub census: Census,
    /// A row for each container, by name.
    pub rows: Vec<Row>,
    /// What cmon itself costs; `None` on systems without `/proc`.
    pub own: Option<Own>,
}

#[cfg(test)]
pub(crate) mod tests;
