//! The three jobs of a reader: follow a log until the stream is old, drain it, or catch up with it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::search::SEARCHES_MAX;
use super::{Reader, StreamStep};
use crate::engine::backlog::RunState;
use crate::engine::event::EndReason;
use crate::engine::resume::{Resume, Searched};
use crate::engine::source::{ErrorKind, ReadMode, Source, SourceError};

impl<S: Source> Reader<S> {
    /// Follows the container until the stream ends or reaches its age.
    pub(in crate::engine) async fn follow(&self, resume: &mut Resume, age: Duration) -> EndReason {
        let reason = self.follow_until(resume, Instant::now() + age).await;
        resume.ended(&reason);
        reason
    }

    async fn follow_until(&self, resume: &mut Resume, deadline: Instant) -> EndReason {
        let views = resume.is_unviewed();
        if let Some(reason) = self.first_view(resume, RunState::GoesOn).await {
            return reason;
        }
        let reason = if resume.is_behind() {
            self.catch_up(resume, deadline).await
        } else if self.may_be_damaged(resume)
            || !self.turns.is_free() && (!views || resume.is_unread())
        {
            // A follow silently skips stored messages behind a record that cannot be decoded, and does not mark the
            // end of the stored lines. After a first view there are none; after a break in them there are.
            self.stored(resume).await
        } else {
            EndReason::Eof
        };
        if reason != EndReason::Eof {
            return reason;
        }
        if let Err(reason) = self.caught_up(resume).await {
            return reason;
        }
        for _ in 0..SEARCHES_MAX {
            let tail = resume.open(Instant::now(), ReadMode::Follow);
            match self.stream(resume, ReadMode::Follow, tail, Some(deadline)).await {
                // The follow of such a daemon may miss a last line without a newline, and the log may be removed with
                // its container in a moment.
                StreamStep::Ended(EndReason::Eof) if self.container.doubles => {
                    return self.stored(resume).await;
                }
                StreamStep::Ended(reason) => return reason,
                // Silence ended the window, so the daemon may only be slow: look once more.
                StreamStep::Missed | StreamStep::LinesMissing => {
                    match self.search(resume, tail, Searched::Part).await {
                        EndReason::Eof => {}
                        reason => return reason,
                    }
                }
            }
        }
        let message = "the log does not show what was read from it a moment ago";
        EndReason::Failed(SourceError::new(ErrorKind::Protocol, message))
    }

    /// Reads stored, undelivered messages up to the end of the log; [`EndReason::Eof`] means that all were
    /// read.
    pub(in crate::engine) async fn drain(&self, resume: &mut Resume) -> EndReason {
        if let Some(reason) = self.first_view(resume, RunState::Over).await {
            return reason;
        }
        if resume.last().is_none() {
            // A read of everything is checked whatever is known of the log.
            resume.distrust();
        }
        let reason = self.stored(resume).await;
        resume.ended(&reason);
        if reason == EndReason::Eof
            && let Ok(permit) = self.permit(resume, ReadMode::Once).await
        {
            let goes_on = self.container.phase.is_live();
            let mut lines = resume.batch();
            // A later run delivers the line as a whole.
            if !(goes_on && resume.is_saving()) {
                resume.end_run(&mut lines);
            }
            self.hand_on(resume, permit, lines);
            if let Err(reason) = self.emit_gap(resume, None).await {
                return reason;
            }
            if let Err(reason) = self.caught_up(resume).await {
                return reason;
            }
        }
        reason
    }

    /// Reads stored messages, again and again until the output has kept up with a read. The daemon opens all
    /// files of a finite read at its beginning, so it is complete at any speed. In a follow it skips the files that
    /// end while the follow waits.
    async fn catch_up(&self, resume: &mut Resume, deadline: Instant) -> EndReason {
        loop {
            match self.permit(resume, ReadMode::Once).await {
                Ok(permit) => drop(permit),
                Err(reason) => return reason,
            }
            let is_rotated = tokio::select! {
                biased;
                () = self.rotate.notified() => true,
                () = std::future::ready(()) => false,
            };
            if is_rotated || deadline <= Instant::now() {
                return EndReason::Rotated;
            }
            resume.output_keeps_up();
            let reason = self.stored(resume).await;
            if reason != EndReason::Eof {
                return reason;
            }
            if resume.is_hopeless() {
                let between = resume.between();
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return EndReason::Cancelled,
                    () = self.rotate.notified() => return EndReason::Rotated,
                    () = self.died.notified() => return self.stored(resume).await,
                    () = sleep(between) => {}
                }
            } else if !resume.is_held_back() {
                return reason;
            }
        }
    }

    /// Reads stored, undelivered messages. [`EndReason::Eof`]: it has read all of them.
    async fn stored(&self, resume: &mut Resume) -> EndReason {
        let tail = resume.open(Instant::now(), ReadMode::Once);
        match self.finite(resume, tail).await {
            StreamStep::Ended(reason) => reason,
            StreamStep::Missed => self.search(resume, tail, resume.searched()).await,
            StreamStep::LinesMissing => self.past_holes(resume).await,
        }
    }
}
