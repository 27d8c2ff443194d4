//! The merge: lines of several containers in the order of their times.
//!
//! ```text
//!  engine ─▶ filter ─▶ Merge ─▶ printer
//! ```
//!
//! Stored lines come out oldest first. A line waits until no container that still reads stored lines can have an older
//! one. A container that runs ahead waits for its turn, so the merge holds few lines. Live lines wait for a moment, the
//! window, and come out in order within it.
//!
//! The order within one container never changes: its gaps and notes stay between their lines. After a step back of its
//! clock, lines count as old as the one before the step. An event of several lines stays together, at the time of its
//! first line.
//!
//! It is pure: it takes the filter's output and the time, and returns events to show.

mod intake;
mod queue;
mod release;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::source::{ContainerKey, DaemonId};
use crate::engine::timestamp::Timestamp;
use queue::Queue;
pub(crate) use queue::Ready;
use release::NEVER;

/// Holds lines until their place is known.
#[derive(Debug)]
pub(crate) struct Merge {
    window: Duration,
    /// The number of daemons, and those that have announced their containers or are away.
    daemons: usize,
    answered: HashSet<DaemonId>,
    queues: HashMap<ContainerKey, u64>,
    by_number: HashMap<u64, Queue>,
    next_number: u64,
    /// The oldest held item of each container.
    heads: BTreeSet<(Timestamp, u64)>,
    /// Containers that may still send older lines, with the earliest possible time.
    awaited: BTreeSet<(Timestamp, u64)>,
    /// The deadlines of held items, and the time up to which items come out then.
    waits: VecDeque<(Instant, Timestamp)>,
    /// Items up to this time have waited long enough.
    passed: Timestamp,
    held_bytes: usize,
    /// The last time that an awaited container sent an event, or that a line was written.
    moved: Instant,
}

#[cfg(test)]
mod tests;
