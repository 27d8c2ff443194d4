//! The supervisor's loop: its start, its waits, and its end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::daemon_state::{DaemonState, NextList, Step};
use super::end::End;
use super::followers::Follower;
use super::removed::Removed;
use super::{Message, Supervisor};
use crate::engine::event::{About, Event, Notice};
use crate::engine::group::{Activity, Member};
use crate::engine::lifecycle::{Input, Joined, Lifecycle};
use crate::engine::position::SavedDaemon;
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::{ContainerKey, Listed, ReadMode, Source, SourceError};
use crate::engine::subscription::Subscription;
use crate::engine::tally::Tally;
use crate::engine::waiting::SlowNotes;
use crate::engine::{Config, StreamCommand};

/// The limit of concurrent requests to the daemon.
const QUESTIONS_MAX: usize = 16;
/// The queue length for container events; when it is full, the daemon's socket fills.
const CONTAINER_EVENTS_MAX: usize = 1024;

impl<S: Source> Supervisor<S> {
    pub(in crate::engine) fn new(
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
            container_events: mpsc::channel(CONTAINER_EVENTS_MAX),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
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
    pub(in crate::engine) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Begins with the daemon's list, and with its events if the run follows. `awaited`: the patterns without a
    /// match that this supervisor reports.
    pub(in crate::engine) fn begin(
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

    /// Runs until `stop`, or until no more events can come.
    pub(in crate::engine) async fn run(&mut self, stop: &CancellationToken) {
        while !self.is_over() {
            let wake = self.next_wake();
            let events = self.events.clone();
            tokio::select! {
                // Stop first. The order of the rest is fair enough: none of it is endless.
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
                // Whether the run is over.
                () = self.member.changed(), if self.config.exit_on_stop => {}
            }
        }
    }

    /// Sends the notes that still wait.
    ///
    /// # Cancel safety
    /// Safe: a note is sent or still waits.
    pub(in crate::engine) async fn flush(&mut self) {
        while !self.outbox.is_empty() {
            let Ok(permit) = self.events.reserve().await else {
                return;
            };
            if let Some(event) = self.outbox.pop_front() {
                permit.send(event);
            }
        }
    }

    /// Delivers the open lines. Call it when no reader is left.
    ///
    /// # Cancel safety
    /// Safe: a line is delivered or still waits.
    pub(in crate::engine) async fn flush_lines(&mut self) {
        self.take_all_back();
        for follower in self.followers.values_mut() {
            let Some(resume) = follower.resume.here() else {
                continue;
            };
            let Ok(permit) = self.events.reserve().await else {
                return;
            };
            if resume.is_saving() {
                // A later run delivers them as a whole.
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

    /// The containers that cmon gave up, with the reasons; of the removed ones, only the first.
    pub(in crate::engine) fn failures(&self) -> Vec<(String, SourceError)> {
        let failure = |follower: &Follower| {
            let error = follower.lifecycle.failure()?.clone();
            Some((follower.label.title.to_string(), error))
        };
        self.followers.values().filter_map(failure).chain(self.failed.clone()).collect()
    }

    fn is_over(&self) -> bool {
        let mut followers = self.followers.values().map(|follower| &follower.lifecycle);
        if !self.config.follows() {
            return followers.all(Lifecycle::is_done);
        }
        if self.config.exit_on_stop {
            let settled = followers.all(Lifecycle::is_settled);
            self.member.report(if settled { Activity::Stopped } else { Activity::Running });
            return self.member.all_stopped();
        }
        // No selected container can ever be read.
        !self.selection.is_open()
            && !self.followers.is_empty()
            && followers.all(|lifecycle| lifecycle.failure().is_some())
    }

    /// The time of the next deadline; `None` if only a message can change the state.
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

    /// Ends the follow: reads what is stored, and then ends.
    pub(super) fn finish(&mut self) {
        self.config.mode = ReadMode::Once;
        for key in self.followers.keys().cloned().collect::<Vec<_>>() {
            self.step(&key, &Input::Finish);
        }
    }
}
