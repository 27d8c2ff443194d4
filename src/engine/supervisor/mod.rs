//! The one loop: containers come and go, readers start and end.
//!
//! It owns a follower per container, feeds each follower's [`Lifecycle`] with what happened, and
//! carries out what that answers. It never waits for anything but its own select: questions and
//! streams are tasks of the registry that report back through the inbox, and notes wait in an
//! outbox until the output takes them, so a stopped output cannot stop the supervisor.

mod daemon_state;
mod end;
mod followers;
mod removed;
mod tasks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError};

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::event::{About, Awaited, EndReason, Event, Notice};
use super::group::{Activity, Member};
use super::lifecycle::{Input, Joined, Lifecycle, Progress};
use super::position::SavedDaemon;
use super::registry::Registry;
use super::runs::RunWindow;
use super::selection::Selection;
use super::source::{
    Container, ContainerEvent, ContainerEventKind, ContainerKey, Listed, Phase, Source, SourceError,
};
use super::stale::Budget;
use super::subscription::Subscription;
use super::tally::Tally;
use super::timestamp::Timestamp;
use super::waiting::SlowNotes;
use super::{Config, StreamCommand};
use daemon_state::{DaemonState, NextList, Say, Step};
use end::End;
use followers::Follower;
use removed::Removed;

/// Questions asked of the daemon at the same time.
const QUESTIONS: usize = 16;
/// Container events that wait for the supervisor; when it is full, the daemon's socket fills.
const CONTAINER_EVENTS: usize = 1024;

/// What tasks report. At most two per task are on their way, so the inbox is bounded by the tasks.
#[derive(Debug)]
enum Message {
    /// A container, and the part of its log that is wanted where that is not all of it.
    Inspected(ContainerKey, Result<(Container, Option<RunWindow>), SourceError>),
    StreamEnded(ContainerKey, EndReason),
    Drained(ContainerKey, EndReason),
    /// The daemon's list, and when it was asked for.
    Listed(Instant, Result<Vec<Listed>, SourceError>),
    Subscribed,
    EventsEnded(SourceError),
    /// The daemon's clock, where it can be had.
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

impl<S: Source> Supervisor<S> {
    pub(super) fn new(
        source: Arc<S>,
        registry: Registry,
        tally: Arc<Tally>,
        config: Config,
        (selection, listed, saved): (Selection, &[Listed], Option<SavedDaemon>),
        (events, slow): (mpsc::Sender<Event>, Arc<SlowNotes>),
        (commands, member, end): (mpsc::Receiver<StreamCommand>, Member, Option<Instant>),
    ) -> Self {
        let random = config.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        #[expect(clippy::disallowed_methods, reason = "at most one message per live task")]
        let inbox = mpsc::unbounded_channel();
        let daemon = DaemonState::new(listed, Instant::now());
        let end = End::at(end);
        Self {
            source,
            registry,
            tally,
            config,
            selection,
            events,
            commands,
            stop: CancellationToken::new(),
            followers: BTreeMap::new(),
            outbox: VecDeque::new(),
            dropped: 0,
            inbox,
            container_events: mpsc::channel(CONTAINER_EVENTS),
            questions: Arc::new(Semaphore::new(QUESTIONS)),
            probes: Arc::default(),
            random,
            slow,
            daemon,
            end,
            member,
            removed: Removed::default(),
            saved,
            failed: None,
        }
    }

    /// The token that cancels all tasks.
    pub(super) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Begins with what the daemon listed, and with its events where there is a follow. `awaited`: the
    /// patterns that match nothing yet and that this supervisor reports.
    pub(super) fn begin(
        &mut self,
        listed: Vec<Listed>,
        subscription: Option<Subscription<S::Events>>,
        awaited: Vec<String>,
    ) {
        for pattern in awaited {
            self.say(About::Run, Notice::Waiting { pattern });
        }
        let now = Instant::now();
        match subscription {
            None => {}
            Some(Subscription::Answered(Ok(events))) => {
                self.daemon.subscribed(now, NextList::Later);
                self.pump_events(events);
            }
            Some(Subscription::Answered(Err(error))) => {
                self.daemon.asked(now);
                self.on_events_ended(error);
            }
            Some(Subscription::Asked(asking)) => {
                self.daemon.asked(now);
                self.subscribe(asking);
            }
        }
        self.report_removed(&listed);
        for row in listed {
            if self.selection.matches(&row) {
                self.join(&row, Joined::AtStart);
            }
        }
    }

    /// Runs until `stop`, or until nothing more can come.
    pub(super) async fn run(&mut self, stop: &CancellationToken) {
        while !self.is_over() {
            let wake = self.next_wake();
            let events = self.events.clone();
            tokio::select! {
                // Stop first. The rest is fair enough in this order: none of it can be endless.
                biased;
                () = stop.cancelled() => return,
                () = self.events.closed() => return,
                Some(message) = self.inbox.1.recv() => self.on_message(message),
                Some(event) = self.container_events.1.recv() => self.on_container_event(&event),
                Some(StreamCommand::Rotate(key)) = self.commands.recv() => self.rotate(&key),
                permit = events.reserve(), if !self.outbox.is_empty() => {
                    if let (Ok(permit), Some(event)) = (permit, self.outbox.pop_front()) {
                        permit.send(event);
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.on_wake(),
                // Whether all is over.
                () = self.member.changed(), if self.config.exit_on_stop => {}
            }
        }
    }

    /// Hands on the notes that still wait.
    ///
    /// # Cancel safety
    /// Safe: a note is handed on or still waits.
    pub(super) async fn flush(&mut self) {
        while !self.outbox.is_empty() {
            let Ok(permit) = self.events.reserve().await else {
                return;
            };
            if let Some(event) = self.outbox.pop_front() {
                permit.send(event);
            }
        }
    }

    /// Hands on the lines that were begun and not ended; to be called when nothing reads any more.
    ///
    /// # Cancel safety
    /// Safe: a line is handed on or still waits.
    pub(super) async fn flush_lines(&mut self) {
        for follower in self.followers.values() {
            let Some(resume) = &follower.resume else {
                continue;
            };
            let Ok(permit) = self.events.reserve().await else {
                return;
            };
            let mut resume = resume.lock().unwrap_or_else(PoisonError::into_inner);
            if resume.is_saving() {
                // A later run shows them as a whole.
                continue;
            }
            let mut lines = resume.batch();
            resume.end_run(&mut lines);
            if !lines.is_empty() {
                self.tally.delivered(&follower.row_state, &lines);
                permit.send(Event::Lines(lines));
            }
        }
    }

    /// The containers that were given up, with the reasons; of those that are gone, the first.
    pub(super) fn failures(&self) -> Vec<(String, SourceError)> {
        let failure = |follower: &Follower| {
            let error = follower.lifecycle.failure()?.clone();
            Some((follower.label.title.to_string(), error))
        };
        self.followers.values().filter_map(failure).chain(self.failed.clone()).collect()
    }

    fn is_over(&self) -> bool {
        let mut followers = self.followers.values().map(|follower| &follower.lifecycle);
        if !self.config.follow {
            return followers.all(Lifecycle::is_done);
        }
        if self.config.exit_on_stop {
            let settled = followers.all(Lifecycle::is_settled);
            self.member.report(if settled { Activity::Stopped } else { Activity::Running });
            return self.member.all_stopped();
        }
        // Nothing that was selected can ever be read.
        !self.selection.is_open()
            && !self.followers.is_empty()
            && followers.all(|lifecycle| lifecycle.failure().is_some())
    }

    /// When something is due; `None` when only a message can change anything.
    fn next_wake(&self) -> Option<Instant> {
        let followers = self.followers.values().filter_map(|follower| follower.wake);
        followers.chain(self.daemon.next_wake()).chain(self.end.next_wake()).min()
    }

    fn on_wake(&mut self) {
        let now = Instant::now();
        if self.end.is_due(now) {
            let source = Arc::clone(&self.source);
            self.ask(async move { Message::Clock(source.clock().await) });
        }
        for step in self.daemon.due(now) {
            match step {
                Step::Subscribe => {
                    let source = Arc::clone(&self.source);
                    self.subscribe(async move { source.events().await });
                }
                Step::List => self.list(),
            }
        }
        let due = |(key, follower): (&ContainerKey, &mut Follower)| {
            let due = follower.wake.is_some_and(|wake| wake <= now);
            due.then(|| {
                follower.wake = None;
                key.clone()
            })
        };
        let due: Vec<ContainerKey> = self.followers.iter_mut().filter_map(due).collect();
        for key in due {
            self.step(&key, &Input::Woke);
        }
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Inspected(key, answer) => {
                if let Ok((container, window)) = &answer {
                    self.learn(&key, container, *window);
                }
                let answer = answer.as_ref().map(|(container, _)| container);
                self.step(&key, &Input::Inspected(answer));
            }
            Message::StreamEnded(key, reason) => self.on_stream_ended(&key, &reason),
            Message::Drained(key, reason) => self.step(&key, &Input::Drained(&reason)),
            Message::Listed(asked, Ok(rows)) => {
                let say = self.daemon.listed(Instant::now());
                self.say_of_daemon(say, None);
                self.reconcile(rows, asked);
            }
            Message::Listed(_, Err(error)) => {
                tracing::debug!("could not list: {error}");
                let say = self.daemon.not_listed(Instant::now(), self.random.f64());
                self.say_of_daemon(say, Some(error));
            }
            Message::Subscribed => self.daemon.subscribed(Instant::now(), NextList::Now),
            Message::Slow(key) => {
                if let Some(follower) = self.followers.get(&key) {
                    let about = About::Container(Arc::clone(&follower.label));
                    self.say(about, Notice::StillWaiting { what: Awaited::Inspection });
                }
            }
            Message::EventsEnded(error) => self.on_events_ended(error),
            Message::Clock(time) => {
                if self.end.is_reached(time, self.config.outputs.range.until, Instant::now()) {
                    self.finish();
                }
            }
        }
    }

    /// The follow is over: reads what is stored, and then ends.
    fn finish(&mut self) {
        self.config.follow = false;
        for key in self.followers.keys().cloned().collect::<Vec<_>>() {
            self.step(&key, &Input::Finish);
        }
    }

    fn on_stream_ended(&mut self, key: &ContainerKey, reason: &EndReason) {
        let Some(follower) = self.followers.get_mut(key) else {
            return;
        };
        follower.ended = Some(reason.clone());
        let (opened, before) = follower.opened;
        let progress = if before < follower.progress() { Progress::Some } else { Progress::None };
        match reason {
            EndReason::Rotated => self.tally.rotation(),
            EndReason::Stale => self.tally.stale(),
            EndReason::Failed(_) | EndReason::Panicked(_) => self.tally.reconnect(),
            _ => {}
        }
        tracing::debug!(container = %follower.label.name, ?reason, "stream ended");
        let stood = opened.elapsed();
        self.step(key, &Input::StreamEnded { reason, progress, stood });
    }

    fn on_events_ended(&mut self, error: SourceError) {
        tracing::debug!("events ended, and are asked for again: {error}");
        let say = self.daemon.events_ended(&error, Instant::now(), self.random.f64());
        self.say_of_daemon(say, Some(error));
    }

    /// Says what is to be said of the daemon itself.
    fn say_of_daemon(&mut self, say: Option<Say>, error: Option<SourceError>) {
        self.tally.daemon_away(self.daemon.away());
        let what = match (say, error) {
            (Some(Say::Away(retry)), Some(error)) => Notice::DaemonAway { error, retry },
            (Some(Say::NoEvents), Some(error)) => Notice::NoEvents { error },
            (Some(Say::Back), _) => Notice::DaemonBack,
            _ => return,
        };
        self.say(About::Daemon(self.source.daemon()), what);
    }

    fn on_container_event(&mut self, event: &ContainerEvent) {
        let key = &event.key;
        if !self.followers.contains_key(key) {
            self.consider(event);
            return;
        }
        match event.kind {
            ContainerEventKind::Started => {
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.started();
                }
                self.step(key, &Input::Started);
            }
            ContainerEventKind::Died(code) => {
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.died(code);
                    follower.died.notify_waiters();
                }
                self.step(key, &Input::Died(code));
            }
            ContainerEventKind::OutOfMemory => {
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.out_of_memory();
                }
                self.step(key, &Input::OutOfMemory);
            }
            // That it writes nothing meanwhile changes nothing for its stream.
            ContainerEventKind::Paused | ContainerEventKind::Unpaused => {
                let paused = event.kind == ContainerEventKind::Paused;
                let phase = if paused { Phase::Paused } else { Phase::Running };
                if let Some(follower) = self.followers.get(key) {
                    follower.row_state.listed(phase);
                }
            }
            ContainerEventKind::Destroyed => self.step(key, &Input::Destroyed),
            ContainerEventKind::Renamed => {
                if let Some(name) = &event.name {
                    self.rename(key, Arc::clone(name));
                }
            }
            // It was selected, and stays so.
            ContainerEventKind::HealthChanged => {}
        }
    }

    /// Follows a container that the daemon reports, if it is selected and not followed yet.
    /// Its start makes it one that runs, and a new name one that is named. No other event changes what
    /// a selection looks at, and an event may be older than what is known: after the end of a short
    /// container its `die` may still come.
    fn consider(&mut self, event: &ContainerEvent) {
        if event.kind == ContainerEventKind::HealthChanged {
            if !self.selection.list_filters().is_empty() {
                self.list();
            }
            return;
        }
        let Some(name) = &event.name else {
            return;
        };
        let phase = match event.kind {
            ContainerEventKind::Started => Phase::Running,
            // The event does not have its state. Where a name is selected, it may have ended by the time
            // it is asked about.
            ContainerEventKind::Renamed => Phase::Created,
            _ => return,
        };
        let no_state = event.kind == ContainerEventKind::Renamed && self.selection.needs_state();
        if no_state || self.selection.exceeds_events() {
            self.list();
            return;
        }
        let (key, facts) = (event.key.clone(), Arc::clone(&event.facts));
        let row = Listed { key, name: Arc::clone(name), phase, facts, passes: true };
        if self.selection.matches(&row) && !self.removed.contains(&row.key) {
            self.join(&row, Joined::Later);
        }
    }

    /// Compares the daemon's list, asked for at this moment, with what is followed.
    fn reconcile(&mut self, rows: Vec<Listed>, asked: Instant) {
        let listed: BTreeSet<&ContainerKey> = rows.iter().map(|row| &row.key).collect();
        let missing = |(key, follower): (&ContainerKey, &Follower)| {
            // One that joined since may be newer than the list.
            (!listed.contains(key) && follower.joined < asked).then(|| key.clone())
        };
        let missing: Vec<ContainerKey> = self.followers.iter().filter_map(missing).collect();
        for key in missing {
            self.step(&key, &Input::Missing);
        }
        self.removed.listed(asked, &rows);
        let wrote = self.daemon.compare(&rows);
        for (row, wrote) in rows.into_iter().zip(wrote) {
            match self.followers.get(&row.key) {
                None if wrote
                    && self.selection.matches(&row)
                    && !self.removed.contains(&row.key) =>
                {
                    self.join(&row, Joined::Later);
                }
                None => {}
                Some(follower) => {
                    follower.row_state.listed(row.phase);
                    if follower.label.name != row.name {
                        self.rename(&row.key, row.name);
                    }
                    if row.phase.is_live() {
                        self.step(&row.key, &Input::Live);
                    }
                }
            }
        }
    }
}
