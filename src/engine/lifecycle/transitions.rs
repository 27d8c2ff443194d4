//! The state machine's response to each input, and the waits between two tries.

use std::sync::Arc;

use super::step::{Act, Input, Progress};
use super::{
    Cause, FirstRun, Joined, Lifecycle, Membership, NextRun, Presence, Retry, RunEnd, State,
};
use crate::engine::backoff::Backoff;
use crate::engine::event::Notice;
use crate::engine::limits::HEALTHY_MIN_AGE;
use crate::engine::source::{ErrorKind, Exit, ReadMode, SourceError};

/// The limit of failures in a row for a finite read without a follow, and for the rest of a log that the daemon
/// refuses to show. Then cmon gives up.
pub(super) const TRIES_MAX: u32 = 5;

impl From<Progress> for Cause {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::None => Self::EarlyEnd,
            Progress::Some => Self::Other,
        }
    }
}

impl Lifecycle {
    /// A follower that begins with an inspection.
    pub(in crate::engine) fn new(mode: ReadMode, joined: Joined) -> Self {
        Self {
            mode,
            state: State::Inspecting(Cause::Other),
            first_run: match joined {
                Joined::AtStart => FirstRun::BeforeCmon,
                Joined::Later => FirstRun::NotReported,
            },
            driver: "".into(),
            run: None,
            drained: None,
            old: None,
            exit: None,
            oom: false,
            run_end: RunEnd::Exits,
            next_run: NextRun::NotSeen,
            membership: Membership::Selected,
            presence: Presence::Present,
            unread: true,
            warned: false,
            backoff: Backoff::default(),
            early_ends: 0,
            failure: None,
        }
    }

    /// Whether nothing more of it will ever be read.
    pub(in crate::engine) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether it does not run, is not about to, and its log is read to the end.
    pub(in crate::engine) fn is_settled(&self) -> bool {
        matches!(self.state, State::Idle(RunEnd::Exits) | State::Done)
    }

    /// Whether it is no longer selected, and followed only to the end of its run.
    pub(in crate::engine) fn is_leaving(&self) -> bool {
        self.membership == Membership::Leaving
    }

    pub(super) fn follows(&self) -> bool {
        self.mode == ReadMode::Follow
    }

    /// Why cmon gave it up, if it did.
    pub(in crate::engine) fn failure(&self) -> Option<&SourceError> {
        self.failure.as_ref()
    }

    /// Takes an input; `draw` is a random number from 0 to 1 for the jitter of a wait.
    pub(in crate::engine) fn step(&mut self, input: &Input<'_>, draw: f64) -> Vec<Act> {
        match input {
            Input::Inspected(answer) => self.on_inspected(*answer, draw),
            Input::StreamEnded { reason, progress, stood } => {
                if *progress == Progress::Some || HEALTHY_MIN_AGE <= *stood {
                    self.backoff.reset();
                }
                self.on_stream_ended(reason, *progress, draw)
            }
            Input::Drained(reason) => self.on_drained(reason, draw),
            Input::Woke => self.on_woke(),
            Input::Started => self.on_started(),
            Input::Live if matches!(self.state, State::Idle(_)) => self.on_started(),
            Input::Live => Vec::new(),
            Input::Died(code) => {
                self.exit = Some(Exit { code: *code, oom: std::mem::take(&mut self.oom) });
                Vec::new()
            }
            Input::OutOfMemory => {
                self.oom = true;
                Vec::new()
            }
            Input::Destroyed => self.on_destroyed(),
            Input::Missing => self.on_missing(),
            Input::Deselected => self.on_deselected(),
            Input::Selected => {
                self.membership = Membership::Selected;
                Vec::new()
            }
            Input::Finish => self.on_finish(),
        }
    }

    fn on_woke(&mut self) -> Vec<Act> {
        match self.state {
            State::Waiting(Retry::Follow) if self.follows() => {
                self.state = State::Following;
                vec![Act::Follow]
            }
            State::Waiting(_) | State::Idle(RunEnd::Restarts) => self.inspect(Cause::Other),
            _ => Vec::new(),
        }
    }

    pub(super) fn on_started(&mut self) -> Vec<Act> {
        match self.state {
            State::Idle(_) => {
                self.next_run = NextRun::NotSeen;
                self.unread = true;
                // The run must be known, or a restart at its end would look like the same run.
                self.inspect(Cause::Other)
            }
            State::Waiting(_) => self.inspect(Cause::Other),
            State::Done => Vec::new(),
            State::Following => {
                self.next_run = NextRun::Started;
                Vec::new()
            }
            State::Inspecting(_) | State::Draining => {
                self.next_run = match self.run {
                    Some(_) => NextRun::Started,
                    None => NextRun::NotSeen,
                };
                Vec::new()
            }
        }
    }

    /// Becomes a finite read: an open stream ends, and the rest is read.
    fn on_finish(&mut self) -> Vec<Act> {
        self.mode = ReadMode::Once;
        match self.state {
            State::Following => vec![Act::Rotate],
            // A run may have begun without an event.
            State::Idle(_) | State::Waiting(_) => self.inspect(Cause::Other),
            State::Inspecting(_) | State::Draining | State::Done => Vec::new(),
        }
    }

    pub(super) fn inspect(&mut self, cause: Cause) -> Vec<Act> {
        self.state = State::Inspecting(cause);
        vec![Act::Inspect]
    }

    /// Backs off, and reports the first failure in a row.
    pub(super) fn wait(&mut self, error: &SourceError, draw: f64) -> Vec<Act> {
        let first = self.backoff.failures() == 0;
        let retry = self.backoff.next(draw);
        self.state = State::Waiting(Retry::Inspect);
        let wake = Act::Wake(retry);
        match first {
            true => vec![Act::Say(Notice::StreamBroke { error: error.clone(), retry }), wake],
            false => vec![wake],
        }
    }

    pub(super) fn give_up_after_tries(&mut self, error: &SourceError, draw: f64) -> Vec<Act> {
        match self.backoff.failures() < TRIES_MAX {
            true => self.wait(error, draw),
            false => self.done(Some(error.clone())),
        }
    }

    pub(super) fn done(&mut self, failure: Option<SourceError>) -> Vec<Act> {
        self.state = State::Done;
        self.failure = failure;
        match &self.failure {
            Some(error) if error.kind == ErrorKind::Unreadable => {
                let (driver, error) = (Arc::clone(&self.driver), error.clone());
                vec![Act::Say(Notice::Unreadable { driver, error })]
            }
            Some(error) => vec![Act::Say(Notice::GivenUp { error: error.clone() })],
            None => Vec::new(),
        }
    }
}
