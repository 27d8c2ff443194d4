//! Lines of several containers in the order of their times.
//!
//! ```text
//!  engine ─▶ filter ─▶ Merge ─▶ printer
//! ```
//!
//! Stored lines come out oldest first: a line waits until no container that still reads its stored lines can have an
//! older one. A container that runs ahead of the others waits for its turn, so little is held. Live lines wait for
//! a moment, the window, and come out in order within it.
//!
//! Within one container nothing ever changes places: its gaps and notes stay between the lines that they stand
//! between. Where its clock steps back, the lines behind the step count as old as the one before. An event of several
//! lines stays whole, and is as old as its first line.
//!
//! It is pure: it takes what passed the filter and the time, and gives what is to be shown.

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
    /// How many daemons there are, and which of them have said which containers they have or are away.
    daemons: usize,
    answered: HashSet<DaemonId>,
    queues: HashMap<ContainerKey, u64>,
    by_number: HashMap<u64, Queue>,
    next_number: u64,
    /// The oldest that is held of each container that something is held of.
    heads: BTreeSet<(Timestamp, u64)>,
    /// Containers that something older may come of, with the least time that it can have.
    awaited: BTreeSet<(Timestamp, u64)>,
    /// When the wait of what is held ends, and how far things come out then.
    waits: VecDeque<(Instant, Timestamp)>,
    /// All that is not newer has waited long enough.
    passed: Timestamp,
    held_bytes: usize,
    /// When an awaited container last sent something, or a line was written.
    moved: Instant,
}

#[cfg(test)]
mod tests;
