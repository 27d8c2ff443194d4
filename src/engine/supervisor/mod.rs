//! The supervisor: one loop in which containers come and go, readers start and end.
//!
//! It owns a follower per container, feeds each follower's
//! [`Lifecycle`](crate::engine::lifecycle::Lifecycle) with events, and carries out its acts. It waits only in
//! its own select: requests and streams are tasks of the registry that report through the inbox. Notes wait in
//! an outbox until the output takes them, so a stopped output cannot stop the supervisor.

mod container_events;
mod daemon_state;
mod end;
mod event_loop;
mod followers;
mod inbox;
mod removed;
mod tasks;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::event::{EndReason, Event};
use super::group::Member;
use super::position::SavedDaemon;
use super::registry::Registry;
use super::resume::Resume;
use super::runs::RunWindow;
use super::selection::Selection;
use super::source::{Container, ContainerEvent, ContainerKey, Listed, Source, SourceError};
use super::stale::Budget;
use super::tally::Tally;
use super::timestamp::Timestamp;
use super::waiting::SlowNotes;
use super::{Config, StreamCommand};
use daemon_state::DaemonState;
use end::End;
use followers::Follower;
use removed::Removed;

/// A report of a task. At most two per task are in flight, so the number of tasks bounds the inbox.
#[derive(Debug)]
enum Message {
    /// An inspected container, and the wanted part of its log if that is not all of it.
    Inspected(ContainerKey, Result<(Container, Option<RunWindow>), SourceError>),
    /// The end of a stream, and the reader's loan.
    StreamEnded(ContainerKey, Box<Resume>, EndReason),
    /// The end of a read of stored lines, and the reader's loan.
    Drained(ContainerKey, Box<Resume>, EndReason),
    /// The daemon's list, and the time of the request.
    Listed(Instant, Result<Vec<Listed>, SourceError>),
    Subscribed,
    EventsEnded(SourceError),
    /// The daemon's clock, if known.
    Clock(Option<Timestamp>),
    /// The answer about a container is slow.
    Slow(ContainerKey),
}

/// Follows the selected containers of one daemon.
pub(super) struct Supervisor<S: Source> {
    source: Arc<S>,
    registry: Registry,
    tally: Arc<Tally>,
    config: Config,
    selection: Selection,
    events: mpsc::Sender<Event>,
    commands: mpsc::Receiver<StreamCommand>,
    /// Cancels every task of this supervisor.
    stop: CancellationToken,
    followers: BTreeMap<ContainerKey, Follower>,
    outbox: VecDeque<Event>,
    dropped: u64,
    inbox: (mpsc::UnboundedSender<Message>, mpsc::UnboundedReceiver<Message>),
    container_events: (mpsc::Sender<ContainerEvent>, mpsc::Receiver<ContainerEvent>),
    questions: Arc<Semaphore>,
    probes: Arc<Budget>,
    random: fastrand::Rng,
    slow: Arc<SlowNotes>,
    daemon: DaemonState,
    end: End,
    /// The state shared with the supervisors of other daemons.
    member: Member,
    /// Recently removed containers.
    removed: Removed,
    /// This daemon's section of the cursor; `None` without one.
    saved: Option<SavedDaemon>,
    /// The first removed container that cmon had given up.
    failed: Option<(String, SourceError)>,
}
