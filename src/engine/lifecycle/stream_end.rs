//! The response to the end of a stream, and to the end of a run.

use std::time::Duration;

use super::step::{Act, Departure, Progress};
use super::transitions::TRIES_MAX;
use super::{Cause, Lifecycle, Membership, NextRun, Presence, Retry, RunEnd, State};
use crate::engine::event::{EndReason, GapCause, Notice};
use crate::engine::source::ErrorKind;

/// The interval of inspections between two runs, in case the start event is missed.
const RESTART_POLL_INTERVAL: Duration = Duration::from_secs(5);
/// The number of ends without a new line after which cmon warns.
pub(super) const EARLY_ENDS_MAX: u32 = 3;

impl Lifecycle {
    pub(super) fn on_stream_ended(
        &mut self,
        reason: &EndReason,
        progress: Progress,
        draw: f64,
    ) -> Vec<Act> {
        if self.state != State::Following {
            return Vec::new();
        }
        if progress == Progress::Some {
            self.early_ends = 0;
        }
        self.unread = *reason != EndReason::Eof;
        let is_reported =
            matches!(reason, EndReason::Failed(_) | EndReason::Cancelled | EndReason::Panicked(_));
        if !self.follows() && !is_reported {
            return self.inspect(Cause::Other);
        }
        match reason {
            // A restart between two streams shows in no end of file.
            EndReason::Rotated if self.next_run == NextRun::Started || self.exit.is_some() => {
                self.inspect(Cause::Other)
            }
            EndReason::Rotated | EndReason::HeldBack => vec![Act::Follow],
            EndReason::Disordered if progress == Progress::Some => vec![Act::Follow],
            EndReason::Disordered => {
                self.state = State::Waiting(Retry::Follow);
                vec![Act::Wake(self.backoff.next(draw))]
            }
            EndReason::Stale => vec![Act::Say(Notice::WentSilent), Act::Follow],
            EndReason::Eof => self.inspect(progress.into()),
            EndReason::Cancelled => self.done(None),
            EndReason::Failed(error) => match error.kind {
                // A missing log of a running container must not become a hot loop.
                ErrorKind::Gone => self.inspect(progress.into()),
                ErrorKind::Unreadable => self.done(Some(error.clone())),
                _ => self.wait(error, draw),
            },
            EndReason::Panicked(message) => {
                self.state = State::Waiting(Retry::Follow);
                let notice = Notice::ReaderPanicked { message: message.clone() };
                vec![Act::Say(notice), Act::Wake(self.backoff.next(draw))]
            }
        }
    }

    pub(super) fn on_drained(&mut self, reason: &EndReason, draw: f64) -> Vec<Act> {
        if self.state != State::Draining {
            return Vec::new();
        }
        match reason {
            EndReason::Cancelled => self.done(None),
            EndReason::Failed(error) => match error.kind {
                ErrorKind::Gone => self.gone(error),
                ErrorKind::Unreadable => self.done(Some(error.clone())),
                _ if !self.follows() => self.give_up_after_tries(error, draw),
                // The daemon answers and refuses to show this log: waiting does not change that.
                ErrorKind::InBand if TRIES_MAX <= self.backoff.failures() => {
                    self.backoff.reset();
                    let lost = Act::Flush(Some(GapCause::Unreadable));
                    std::iter::once(lost).chain(self.end_run()).collect()
                }
                _ => self.wait(error, draw),
            },
            EndReason::Panicked(message) => {
                self.state = State::Waiting(Retry::Inspect);
                let notice = Notice::ReaderPanicked { message: message.clone() };
                vec![Act::Say(notice), Act::Wake(self.backoff.next(draw))]
            }
            // A finite read ends only with the log.
            _ if !self.follows() && self.next_run == NextRun::NotSeen => self.done(None),
            _ => {
                self.backoff.reset();
                self.end_run()
            }
        }
    }

    /// Ends the run, whose log is read to its end: reports how it ended, and what comes next.
    fn end_run(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        self.unread = false;
        let news = ![&self.drained, &self.old].contains(&&self.run);
        self.drained.clone_from(&self.run);
        if news {
            acts.push(Act::Say(match self.run_end {
                RunEnd::Restarts => Notice::Restarting(self.exit),
                RunEnd::Exits => Notice::Exited(self.exit),
            }));
        }
        self.exit = None;
        acts.extend(self.rest());
        acts
    }

    /// Waits for the next run, unless it has begun or the container is removed.
    pub(super) fn rest(&mut self) -> Vec<Act> {
        self.state = State::Idle(self.run_end);
        if self.membership == Membership::Leaving {
            self.state = State::Done;
            vec![Act::Forget(Departure::Left)]
        } else if self.next_run == NextRun::Started {
            self.on_started()
        } else if self.presence == Presence::Destroyed {
            self.forget()
        } else if !self.follows() {
            self.done(None)
        } else if self.run_end == RunEnd::Restarts {
            vec![Act::Wake(RESTART_POLL_INTERVAL)]
        } else {
            Vec::new()
        }
    }
}
