//! The reports of tasks: answers, ends of streams, and the daemon's state.

use std::sync::Arc;

use tokio::time::Instant;

use super::daemon_state::{NextList, Say};
use super::{Message, Supervisor};
use crate::engine::event::{About, Awaited, EndReason, Notice};
use crate::engine::lifecycle::{Input, Progress};
use crate::engine::resume::Resume;
use crate::engine::source::{ContainerKey, Source, SourceError};

impl<S: Source> Supervisor<S> {
    pub(super) fn on_message(&mut self, message: Message) {
        match message {
            Message::Inspected(key, answer) => {
                if let Ok((container, window)) = &answer {
                    self.learn(&key, container, *window);
                }
                let answer = answer.as_ref().map(|(container, _)| container);
                self.step(&key, &Input::Inspected(answer));
            }
            Message::StreamEnded(key, resume, reason) => {
                self.take_back(&key, resume);
                self.on_stream_ended(&key, &reason);
            }
            Message::Drained(key, resume, reason) => {
                self.take_back(&key, resume);
                self.step(&key, &Input::Drained(&reason));
            }
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

    /// Takes a reader's loan back.
    fn take_back(&mut self, key: &ContainerKey, resume: Box<Resume>) {
        if let Some(follower) = self.followers.get_mut(key) {
            follower.take_back(resume);
        }
    }

    /// Takes back the loans of readers that have ended since the loop was left.
    pub(super) fn take_all_back(&mut self) {
        while let Ok(message) = self.inbox.1.try_recv() {
            if let Message::StreamEnded(key, resume, _) | Message::Drained(key, resume, _) = message
            {
                self.take_back(&key, resume);
            }
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

    pub(super) fn on_events_ended(&mut self, error: SourceError) {
        tracing::debug!("the stream of events ended, cmon requests it again: {error}");
        let say = self.daemon.events_ended(&error, Instant::now(), self.random.f64());
        self.say_of_daemon(say, Some(error));
    }

    /// Sends the note that the daemon is away, is back, or sends no events.
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
}
