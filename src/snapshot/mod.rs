//! All figures of one moment: what the engine counts, what cmon itself costs, what the daemon tells of
//! itself. The screen, the JSON, the plain lines and the metrics are all made from this.

mod daemon;
mod own;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use daemon::{Daemon, Shared, sample};
pub use own::{Own, Process};

use crate::engine::Observer;
use crate::engine::census::Census;
use crate::engine::rows::Row;
use crate::engine::source::Source;
use crate::engine::timestamp::Timestamp;

/// The figures of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When.
    pub time: Timestamp,
    /// The daemon.
    pub daemon: Daemon,
    /// The engine's sums. Here the cycles per minute are those of the rows.
    pub census: Census,
    /// A row for each container, by name.
    pub rows: Vec<Row>,
    /// What cmon itself costs; nothing where the system does not tell.
    pub own: Option<Own>,
}

impl Snapshot {
    /// Lines a second of all containers.
    pub fn lines_per_second(&self) -> f64 {
        self.rows.iter().fold(0.0, |sum, row| sum + row.lines_per_second)
    }

    /// Bytes a second of all containers.
    pub fn bytes_per_second(&self) -> f64 {
        self.rows.iter().fold(0.0, |sum, row| sum + row.bytes_per_second)
    }
}

/// Takes snapshots, one after the other.
#[derive(Debug)]
pub struct Recorder<S> {
    observer: Observer<S>,
    daemon: Shared,
    process: Process,
}

impl<S: Source> Recorder<S> {
    /// A recorder of this engine and of what is known of its daemon.
    pub fn new(observer: Observer<S>, daemon: Shared) -> Self {
        Self { observer, daemon, process: Process::default() }
    }

    /// The figures of this moment.
    pub fn take(&mut self) -> Snapshot {
        let mut census = self.observer.census();
        let mut rows = self.observer.rows();
        rows.sort_by(|one, other| one.name.cmp(&other.name).then(one.key.cmp(&other.key)));
        // Over several stream timeouts: a minute tells nothing of streams that live for five.
        // A sum of nothing would be -0.
        census.cycles_per_minute = rows.iter().fold(0.0, |sum, row| sum + row.cycles_per_minute);
        Snapshot {
            time: Timestamp::now(),
            daemon: self.daemon.get(),
            census,
            rows,
            own: self.process.look(),
        }
    }
}
