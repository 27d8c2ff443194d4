//! What one container's follower does next: a pure state machine.
//!
//! The supervisor feeds it what happened and carries out what it answers; it reads no clock and
//! draws no random number of its own. Waiting and backing off are states of it, not of a reader:
//! while it waits there is no stream.
//!
//! ```text
//!            ┌──────────── rotated ────────────┐
//!            ▼                                 │
//! inspect ─▶ follow ──▶ ended: end of file, or broken (wait) ─▶ inspect ─┬─ live ─▶ follow
//!    ▲         ▲                                                         ├─ gone ─▶ forget
//!    └ wake    └── started ── idle ◀── note ◀── drain ◀── not running ───┘
//! ```

mod follow_phase;
mod leaving;
mod step;

use std::sync::Arc;
use std::time::Duration;

use super::backoff::Backoff;
use super::event::{EndReason, GapCause, Notice};
use super::limits::HEALTHY;
use super::source::{Container, ErrorKind, Exit, Phase, ReadMode, SourceError};
pub(super) use follow_phase::FollowPhase;
pub(super) use step::{Act, Departure, Input, Progress};

/// A container between two runs is asked about this often, in case its start is missed.
const RESTART_POLL: Duration = Duration::from_secs(5);
/// cmon warns about a stream that the daemon ends this often without a new line.
const EARLY_ENDS: u32 = 3;
/// A finite read without a follow is given up after this many failures in a row, and so is the rest of a log that
/// the daemon refuses to show.
const TRIES: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The daemon was asked; whether an end of file without a new line led here.
    Inspecting(Cause),
    Following,
    Draining,
    /// Backing off; then follow, or ask first.
    Waiting {
        then_follow: bool,
    },
    /// Its log is read to the end and it does not run.
    Idle {
        restarting: bool,
    },
    /// Nothing more is read.
    Done,
}

/// Why a container is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Its stream ended without a new frame.
    EarlyEnd,
    Other,
}

impl From<Progress> for Cause {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::None => Self::EarlyEnd,
            Progress::Some => Self::Other,
        }
    }
}

/// When a container begins to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// With the run: its last lines are shown first.
    AtStart,
    /// Later: it is shown from its first line.
    Later,
}

/// One container's follower.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that came apart and do not exclude each other"
)]
pub(super) struct Lifecycle {
    follow: bool,
    state: State,
    /// It was there when cmon started and was not asked about yet: what it is doing is not news.
    initial: bool,
    /// The start of the run that is followed was reported.
    announced: bool,
    driver: Arc<str>,
    /// The start of the run that is followed.
    run: Option<Arc<str>>,
    /// The run whose log was read to its end.
    drained: Option<Arc<str>>,
    /// The run that had ended before cmon looked: its end is no news.
    old: Option<Arc<str>>,
    /// How the last run ended, as far as was reported.
    exit: Option<Exit>,
    oom: bool,
    started: bool,
    destroyed: bool,
    restarting: bool,
    /// It is no longer selected, and forgotten when its run has ended.
    leaving: bool,
    /// The log may hold what was not read.
    unread: bool,
    /// The warning about its log driver was sent.
    warned: bool,
    backoff: Backoff,
    early_ends: u32,
    failure: Option<SourceError>,
}

impl Lifecycle {
    /// A follower that asks about its container first.
    pub(super) fn new(mode: ReadMode, joined: Joined) -> Self {
        let initial = joined == Joined::AtStart;
        Self {
            follow: mode == ReadMode::Follow,
            state: State::Inspecting(Cause::Other),
            initial,
            announced: initial,
            driver: "".into(),
            run: None,
            drained: None,
            old: None,
            exit: None,
            oom: false,
            started: false,
            destroyed: false,
            restarting: false,
            leaving: false,
            unread: true,
            warned: false,
            backoff: Backoff::default(),
            early_ends: 0,
            failure: None,
        }
    }

    /// Nothing more is read of it, ever.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// It does not run, is not about to, and its log is read to the end.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, State::Idle { restarting: false } | State::Done)
    }

    /// It is no longer selected, and followed to the end of its run.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Why it was given up, where it was.
    pub(super) fn failure(&self) -> Option<&SourceError> {
        self.failure.as_ref()
    }

    /// Takes what happened; `draw` is a random number from 0 to 1 for the jitter of a wait.
    pub(super) fn step(&mut self, input: &Input<'_>, draw: f64) -> Vec<Act> {
        match input {
            Input::Inspected(answer) => self.on_inspected(*answer, draw),
            Input::StreamEnded { reason, progress, stood } => {
                if *progress == Progress::Some || HEALTHY <= *stood {
                    self.backoff.reset();
                }
                self.on_stream_ended(reason, *progress, draw)
            }
            Input::Drained(reason) => self.on_drained(reason, draw),
            Input::Woke => self.on_woke(),
            Input::Started => self.on_started(),
            Input::Live if matches!(self.state, State::Idle { .. }) => self.on_started(),
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
                self.leaving = false;
                Vec::new()
            }
            Input::Finish => self.on_finish(),
        }
    }

    fn on_inspected(&mut self, answer: Result<&Container, &SourceError>, draw: f64) -> Vec<Act> {
        let State::Inspecting(cause) = self.state else {
            return Vec::new();
        };
        match answer {
            Ok(container) => {
                self.driver = Arc::clone(&container.driver);
                let mut acts = match container.phase.is_live() && self.follow {
                    true => self.on_live(container, cause, draw),
                    false => self.on_not_running(container),
                };
                self.initial = false;
                if let Some(lossy) = container.lossy
                    && !std::mem::replace(&mut self.warned, true)
                {
                    // Behind the note that it is there, before anything is read.
                    acts.insert(acts.len().saturating_sub(1), Act::Say(Notice::Lossy(lossy)));
                }
                acts
            }
            Err(error) if error.kind == ErrorKind::Gone => self.gone(error),
            Err(error) if !self.follow => self.give_up_after_tries(error, draw),
            Err(error) => self.wait(error, draw),
        }
    }

    fn on_live(&mut self, container: &Container, cause: Cause, draw: f64) -> Vec<Act> {
        let first = self.run.is_none();
        let same_run = self.run.as_ref() == Some(&container.started_at);
        let mut acts = Vec::new();
        if self.leaving && !first && !same_run {
            // The run that it was followed for is over.
            self.state = State::Done;
            acts.push(Act::Flush(None));
            acts.extend(self.run_ended());
            acts.push(Act::Forget(Departure::Left));
            return acts;
        }
        if first {
            acts.extend(self.announce());
        } else if !same_run {
            acts.extend(self.new_run());
        }
        self.run = Some(Arc::clone(&container.started_at));
        // What is left of it is about a run that is over and reported.
        self.exit = None;
        if same_run && cause == Cause::EarlyEnd {
            self.early_ends += 1;
            let retry = self.backoff.next(draw);
            self.state = State::Waiting { then_follow: true };
            if EARLY_ENDS <= self.early_ends {
                acts.push(Act::Say(Notice::EndsEarly { times: self.early_ends, retry }));
            }
            acts.push(Act::Wake(retry));
            return acts;
        }
        self.started = false;
        self.restarting = false;
        self.state = State::Following;
        acts.push(Act::Follow);
        acts
    }

    /// Reports the start of a run, unless that was done.
    fn announce(&mut self) -> Option<Act> {
        (!std::mem::replace(&mut self.announced, true)).then_some(Act::Say(Notice::Started))
    }

    /// The notes between the run that was followed and a later one; its end may have been reported.
    fn new_run(&mut self) -> Vec<Act> {
        self.early_ends = 0;
        self.run_ended().into_iter().chain([Act::Say(Notice::Started)]).collect()
    }

    /// Reports the end of the run that was followed, unless that was done.
    fn run_ended(&mut self) -> Option<Act> {
        let exit = self.exit.take();
        let known = [&self.drained, &self.old].contains(&&self.run);
        (!known).then_some(Act::Say(Notice::Exited(exit)))
    }

    fn on_not_running(&mut self, container: &Container) -> Vec<Act> {
        self.restarting = container.phase == Phase::Restarting;
        let known = self.drained.as_ref() == Some(&container.started_at);
        let never_ran = container.phase == Phase::Created;
        let mut acts = Vec::new();
        if self.initial || never_ran {
            // Its run ended before cmon looked, or never began: no news.
            self.old = Some(Arc::clone(&container.started_at));
        } else if self.run.is_none() {
            acts.extend(self.announce());
        } else if self.run.as_ref() != Some(&container.started_at) {
            acts.extend(self.new_run());
        }
        self.exit = container.exit.or(self.exit);
        self.run = Some(Arc::clone(&container.started_at));
        if known {
            self.exit = None;
            return self.rest();
        }
        self.state = State::Draining;
        acts.push(Act::Drain);
        acts
    }

    fn on_stream_ended(&mut self, reason: &EndReason, progress: Progress, draw: f64) -> Vec<Act> {
        if self.state != State::Following {
            return Vec::new();
        }
        if progress == Progress::Some {
            self.early_ends = 0;
        }
        self.unread = *reason != EndReason::Eof;
        let is_reported =
            matches!(reason, EndReason::Failed(_) | EndReason::Cancelled | EndReason::Panicked(_));
        if !self.follow && !is_reported {
            return self.inspect(Cause::Other);
        }
        match reason {
            // A restart that fell between two streams shows in no end of file.
            EndReason::Rotated if self.started || self.exit.is_some() => self.inspect(Cause::Other),
            EndReason::Rotated | EndReason::HeldBack => vec![Act::Follow],
            EndReason::Disordered if progress == Progress::Some => vec![Act::Follow],
            EndReason::Disordered => {
                self.state = State::Waiting { then_follow: true };
                vec![Act::Wake(self.backoff.next(draw))]
            }
            EndReason::Stale => vec![Act::Say(Notice::WentSilent), Act::Follow],
            EndReason::Eof => self.inspect(progress.into()),
            EndReason::Cancelled => self.done(None),
            EndReason::Failed(error) => match error.kind {
                // A log that is gone although its container runs must not become a hot loop.
                ErrorKind::Gone => self.inspect(progress.into()),
                ErrorKind::Unreadable => self.done(Some(error.clone())),
                _ => self.wait(error, draw),
            },
            EndReason::Panicked(message) => {
                self.state = State::Waiting { then_follow: true };
                let notice = Notice::ReaderPanicked { message: message.clone() };
                vec![Act::Say(notice), Act::Wake(self.backoff.next(draw))]
            }
        }
    }

    fn on_drained(&mut self, reason: &EndReason, draw: f64) -> Vec<Act> {
        if self.state != State::Draining {
            return Vec::new();
        }
        match reason {
            EndReason::Cancelled => self.done(None),
            EndReason::Failed(error) => match error.kind {
                ErrorKind::Gone => self.gone(error),
                ErrorKind::Unreadable => self.done(Some(error.clone())),
                _ if !self.follow => self.give_up_after_tries(error, draw),
                // The daemon answers, and refuses to show this log: waiting does not change that.
                ErrorKind::InBand if TRIES <= self.backoff.failures() => {
                    self.backoff.reset();
                    let lost = Act::Flush(Some(GapCause::Unreadable));
                    std::iter::once(lost).chain(self.end_run()).collect()
                }
                _ => self.wait(error, draw),
            },
            EndReason::Panicked(message) => {
                self.state = State::Waiting { then_follow: false };
                let notice = Notice::ReaderPanicked { message: message.clone() };
                vec![Act::Say(notice), Act::Wake(self.backoff.next(draw))]
            }
            // A finite read ends in no other way than with the log.
            _ if !self.follow && !self.started => self.done(None),
            _ => {
                self.backoff.reset();
                self.end_run()
            }
        }
    }

    /// The run's log is read to its end: reports how the run ended, and what comes next.
    fn end_run(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        self.unread = false;
        let news = ![&self.drained, &self.old].contains(&&self.run);
        self.drained.clone_from(&self.run);
        if news {
            acts.push(Act::Say(match self.restarting {
                true => Notice::Restarting(self.exit),
                false => Notice::Exited(self.exit),
            }));
        }
        self.exit = None;
        acts.extend(self.rest());
        acts
    }

    /// Waits for the next run, unless it is already there or the container is gone.
    fn rest(&mut self) -> Vec<Act> {
        self.state = State::Idle { restarting: self.restarting };
        if self.leaving {
            self.state = State::Done;
            vec![Act::Forget(Departure::Left)]
        } else if self.started {
            self.on_started()
        } else if self.destroyed {
            self.forget()
        } else if !self.follow {
            self.done(None)
        } else if self.restarting {
            vec![Act::Wake(RESTART_POLL)]
        } else {
            Vec::new()
        }
    }

    fn on_woke(&mut self) -> Vec<Act> {
        match self.state {
            State::Waiting { then_follow: true } if self.follow => {
                self.state = State::Following;
                vec![Act::Follow]
            }
            State::Waiting { .. } | State::Idle { restarting: true } => self.inspect(Cause::Other),
            _ => Vec::new(),
        }
    }

    fn on_started(&mut self) -> Vec<Act> {
        match self.state {
            State::Idle { .. } => {
                self.started = false;
                self.unread = true;
                // Which run it is must be known, or a restart at its end could not be distinguished from it.
                self.inspect(Cause::Other)
            }
            State::Waiting { .. } => self.inspect(Cause::Other),
            State::Done => Vec::new(),
            State::Following => {
                self.started = true;
                Vec::new()
            }
            State::Inspecting(_) | State::Draining => {
                self.started = self.run.is_some();
                Vec::new()
            }
        }
    }

    /// From here on it is a finite read: what is open ends, and the rest is read.
    fn on_finish(&mut self) -> Vec<Act> {
        self.follow = false;
        match self.state {
            State::Following => vec![Act::Rotate],
            // A run may have begun that was not heard of.
            State::Idle { .. } | State::Waiting { .. } => self.inspect(Cause::Other),
            State::Inspecting(_) | State::Draining | State::Done => Vec::new(),
        }
    }

    fn inspect(&mut self, cause: Cause) -> Vec<Act> {
        self.state = State::Inspecting(cause);
        vec![Act::Inspect]
    }

    /// Backs off, and reports the first failure in a row.
    fn wait(&mut self, error: &SourceError, draw: f64) -> Vec<Act> {
        let first = self.backoff.failures() == 0;
        let retry = self.backoff.next(draw);
        self.state = State::Waiting { then_follow: false };
        let wake = Act::Wake(retry);
        match first {
            true => vec![Act::Say(Notice::StreamBroke { error: error.clone(), retry }), wake],
            false => vec![wake],
        }
    }

    fn give_up_after_tries(&mut self, error: &SourceError, draw: f64) -> Vec<Act> {
        match self.backoff.failures() < TRIES {
            true => self.wait(error, draw),
            false => self.done(Some(error.clone())),
        }
    }

    fn done(&mut self, failure: Option<SourceError>) -> Vec<Act> {
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

#[cfg(test)]
mod tests;
