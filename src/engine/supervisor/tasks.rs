//! The supervisor's tasks: the registry counts each, the stop ends each, and each reports to the inbox
//! once.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use super::followers::Place;
use super::{Message, Supervisor};
use crate::engine::census::TaskKind;
use crate::engine::event::EndReason;
use crate::engine::limits::{UNCONFIRMED_MAX_AGE, rotation};
use crate::engine::reader::Reader;
use crate::engine::registry::Panicked;
use crate::engine::resume::Resume;
use crate::engine::runs::{RunWindow, Runs};
use crate::engine::source::{
    Container, ContainerKey, ErrorKind, EventStream, ListFilters, Listed, Source, SourceError,
};

impl<S: Source> Supervisor<S> {
    /// A reader of the container with its loan; `None` while another reader has the loan.
    fn reader(&mut self, key: &ContainerKey) -> Option<(Reader<S>, Box<Resume>, Arc<str>)> {
        let follower = self.followers.get_mut(key)?;
        let reader = Reader {
            source: Arc::clone(&self.source),
            container: Arc::clone(follower.container.as_ref()?),
            events: self.events.clone(),
            tally: Arc::clone(&self.tally),
            row_state: Arc::clone(&follower.row_state),
            died: Arc::clone(&follower.died),
            rotate: Arc::clone(&follower.rotate),
            new_name: Arc::clone(&follower.new_name),
            turns: follower.turns.clone(),
            probes: Arc::clone(&self.probes),
            slow: Arc::clone(&self.slow),
            stop: self.stop.clone(),
        };
        Some((reader, follower.resume.lend()?, Arc::clone(&follower.label.title)))
    }

    pub(super) fn follow(&mut self, key: &ContainerKey) {
        let Some((reader, resume, title)) = self.reader(key) else {
            return;
        };
        let age = rotation(self.config.stream_timeout, self.random.f64());
        if let Some(follower) = self.followers.get_mut(key) {
            follower.opened = (Instant::now(), resume.progress());
            follower.wake = None;
            let before = follower.ended.take();
            follower.row_state.opened(before.as_ref());
            if let Some(before) = before {
                self.tally.reopen(&before);
            }
        }
        let row_state = Arc::clone(&reader.row_state);
        let report = self.report(key, Message::StreamEnded);
        // Even if the stream ends with the run, and nothing reads the inbox any more.
        let report = move |resume, outcome: Result<EndReason, Panicked>| {
            match &outcome {
                Ok(reason) => row_state.closed(reason),
                Err(panic) => row_state.closed(&EndReason::Panicked(panic.message.clone())),
            }
            report(resume, outcome);
        };
        let nominal = self.config.stream_timeout;
        self.registry.spawn_reader(
            &title,
            nominal,
            resume,
            move |resume| async move { reader.follow(resume, age).await }.boxed(),
            report,
        );
    }

    pub(super) fn drain(&mut self, key: &ContainerKey) {
        let Some((reader, resume, title)) = self.reader(key) else {
            return;
        };
        let report = self.report(key, Message::Drained);
        self.registry.spawn_lending(
            TaskKind::Drain,
            &title,
            resume,
            move |resume| async move { reader.drain(resume).await }.boxed(),
            report,
        );
    }

    /// Sends the outcome of a read, a panic included, and the loan to the inbox.
    fn report(
        &self,
        key: &ContainerKey,
        message: fn(ContainerKey, Box<Resume>, EndReason) -> Message,
    ) -> impl FnOnce(Box<Resume>, Result<EndReason, Panicked>) + Send + 'static {
        let (inbox, key) = (self.inbox.0.clone(), key.clone());
        move |resume, outcome| {
            let reason = outcome.unwrap_or_else(|panic| EndReason::Panicked(panic.message));
            // The inbox outlives the tasks, except at the end of the run.
            let _ = inbox.send(message(key, resume, reason));
        }
    }

    pub(super) fn inspect(&mut self, key: &ContainerKey) {
        let (source, key) = (Arc::clone(&self.source), key.clone());
        let (slow, inbox) = (Arc::clone(&self.slow), self.inbox.0.clone());
        // After the first read, the wanted part of the log is known.
        let unread =
            self.followers.get(&key).filter(|follower| matches!(follower.resume, Place::Nowhere));
        let runs = unread.map_or(Runs::All, |follower| follower.runs);
        self.ask(async move {
            // The inbox outlives the tasks, except at the end of the run.
            let note = async || drop(inbox.send(Message::Slow(key.clone())));
            let asking = async {
                let container = source.inspect(&key).await?;
                let window = window(&*source, runs, &container).await;
                Ok((container, window))
            };
            let answer = slow.watch(asking, note).await;
            Message::Inspected(key, answer)
        });
    }

    pub(super) fn list(&mut self) {
        let source = Arc::clone(&self.source);
        let filters = self.selection.list_filters().clone();
        let asked = Instant::now();
        self.ask(async move {
            let listed = match source.list(&filters).await {
                // The filters were valid at the start of the run. An object that one of them names no longer exists,
                // so no container matches.
                Err(error) if error.kind == ErrorKind::Refused && !filters.is_empty() => {
                    let rows = source.list(&ListFilters::default()).await;
                    let none_passes = |row| Listed { passes: false, ..row };
                    rows.map(|rows| rows.into_iter().map(none_passes).collect())
                }
                listed => listed,
            };
            Message::Listed(asked, listed)
        });
    }

    /// Spawns a task for a short request.
    pub(super) fn ask(&self, question: impl Future<Output = Message> + Send + 'static) {
        let (stop, questions) = (self.stop.clone(), Arc::clone(&self.questions));
        let inbox = self.inbox.0.clone();
        self.registry.spawn(TaskKind::Request, "question", async move {
            let asking = async {
                let _turn = questions.acquire().await;
                question.await
            };
            if let Some(message) = stop.run_until_cancelled(asking).await {
                let _ = inbox.send(message);
            }
        });
    }

    /// Waits until the daemon confirms a subscription, then for events.
    pub(super) fn subscribe(
        &self,
        asking: impl Future<Output = Result<S::Events, SourceError>> + Send + 'static,
    ) {
        let inbox = self.inbox.0.clone();
        self.pump(async move {
            let events = timeout(UNCONFIRMED_MAX_AGE, asking)
                .await
                .unwrap_or_else(|_| Err(unconfirmed()))?;
            let _ = inbox.send(Message::Subscribed);
            Ok(events)
        });
    }

    /// Waits for events.
    pub(super) fn pump_events(&self, events: S::Events) {
        self.pump(async move { Ok(events) });
    }

    /// Spawns a task that waits for events until the subscription ends.
    fn pump(
        &self,
        subscribing: impl Future<Output = Result<S::Events, SourceError>> + Send + 'static,
    ) {
        let (inbox, container_events) = (self.inbox.0.clone(), self.container_events.0.clone());
        let stop = self.stop.clone();
        let pumping = async move {
            let mut events = subscribing.await?;
            loop {
                let container_event = events.next().await?;
                if container_events.send(container_event).await.is_err() {
                    return Ok(());
                }
            }
        };
        self.registry.spawn(TaskKind::Events, "events", async move {
            let ended: Option<Result<(), SourceError>> = stop.run_until_cancelled(pumping).await;
            if let Some(Err(error)) = ended {
                let _ = inbox.send(Message::EventsEnded(error));
            }
        });
    }
}

/// The wanted part of a container's log. If the daemon sends no events, the inspection must do.
async fn window<S: Source>(source: &S, runs: Runs, container: &Container) -> Option<RunWindow> {
    let moments = match runs.needs_memory(container) {
        Some(until) => source.remembered(&container.key, until).await.unwrap_or_else(|error| {
            tracing::debug!(container = %container.name, "its earlier runs are unknown: {error}");
            Vec::new()
        }),
        None => Vec::new(),
    };
    runs.window(container, &moments)
}

fn unconfirmed() -> SourceError {
    let message =
        format!("the daemon did not confirm the subscription within {UNCONFIRMED_MAX_AGE:?}");
    SourceError::new(ErrorKind::Timeout, message)
}
