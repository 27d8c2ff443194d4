//! The one loop: containers come and go, readers start and end.
//!
//! It owns a follower per container, feeds each follower's
//! [`Lifecycle`](crate::engine::lifecycle::Lifecycle) with what happened, and carries out what that
//! answers. It never waits for anything but its own select: questions and streams are tasks of the
//! registry that report back through the inbox. Notes wait in an outbox until the output takes
//! them, so a stopped output cannot stop the supervisor.

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

/// What tasks report. At most two per task are on their way, so the inbox is bounded by the tasks.
#[derive(Debug)]
enum Message {
    /// A container, and the part of its log that is wanted where that is not all of it.
    Inspected(ContainerKey, Result<(Container, Option<RunWindow>), SourceError>),
    /// How a stream ended, and what its reader was lent.
    StreamEnded(ContainerKey, Box<Resume>, EndReason),
    /// The same of a read of what is stored.
    Drained(ContainerKey, Box<Resume>, EndReason),
    /// The daemon's list, and when it was asked for.
    Listed(Instant, Result<Vec<Listed>, SourceError>),
    Subscribed,
    EventsEnded(SourceError),
    /// The daemon's clock, where it is known.
    Clock(Option<Timestamp>),
    /// The answer about a container takes long.
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
    /// What it shares with the supervisors of other daemons.
    member: Member,
    /// Containers that were removed a short while ago.
    removed: Removed,
    /// What earlier runs have saved of this daemon; `None` when nothing is saved.
    saved: Option<SavedDaemon>,
    /// The first container that was given up and is gone.
    failed: Option<(String, SourceError)>,
}
