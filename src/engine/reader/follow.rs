//! What a reader is started for: to follow a log until the stream is old, to drain it, or to catch up with it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::search::{SEARCHES_MAX, Searched};
use super::{Reader, StreamStep};
use crate::engine::backlog::RunState;
use crate::engine::event::EndReason;
use crate::engine::resume::Resume;
use crate::engine::source::{ErrorKind, ReadMode, Source, SourceError};

impl<S: Source> Reader<S> {
    /// Follows the container until the stream ends or reaches its age.
    pub(in crate::engine) async fn follow(self, age: Duration) -> EndReason {
        let reason = self.follow_until(Instant::now() + age).await;
        self.with_resume(|resume| resume.ended(&reason));
        reason
    }

    async fn follow_until(&self, deadline: Instant) -> EndReason {
        let views = self.with_resume(|resume| resume.is_unviewed());
        if let Some(reason) = self.first_view(RunState::GoesOn).await {
            return reason;
        }
        let reason = if self.with_resume(|resume| resume.is_behind()) {
            self.catch_up(deadline).await
        } else if self.may_be_damaged() || !self.turns.is_free() && (!views || self.is_unread()) {
            // A follow skips without a word what is stored behind a record that cannot be decoded, and does not say
            // where the stored lines end. After a first view there are none; after a break in them there are.
            self.stored().await
        } else {
            EndReason::Eof
        };
        if reason != EndReason::Eof {
            return reason;
        }
        if let Err(reason) = self.caught_up().await {
            return reason;
        }
        for _ in 0..SEARCHES_MAX {
            let tail = self.with_resume(|resume| resume.open(Instant::now(), ReadMode::Follow));
            match self.stream(ReadMode::Follow, tail, Some(deadline)).await {
                // The follow of such a daemon may miss a last line without a newline, and the log may
                // be gone with its container in a moment.
                StreamStep::Ended(EndReason::Eof) if self.container.doubles => {
                    return self.stored().await;
                }
                StreamStep::Ended(reason) => return reason,
                // Silence ended the window, so it may only be slow: look once more.
                StreamStep::Missed | StreamStep::LinesMissing => {
                    match self.search(tail, Searched::Part).await {
                        EndReason::Eof => {}
                        reason => return reason,
                    }
                }
            }
        }
        let message = "the log does not show what was read from it a moment ago";
        EndReason::Failed(SourceError::new(ErrorKind::Protocol, message))
    }

    /// Reads what is stored and not delivered yet, up to the end of the log; [`EndReason::Eof`]
    /// means that it is complete.
    pub(in crate::engine) async fn drain(self) -> EndReason {
        if let Some(reason) = self.first_view(RunState::Over).await {
            return reason;
        }
        if self.with_resume(|resume| resume.last().is_none()) {
            // A read of everything is checked whatever is known of the log.
            self.with_resume(Resume::distrust);
        }
        let reason = self.stored().await;
        self.with_resume(|resume| resume.ended(&reason));
        if reason == EndReason::Eof
            && let Ok(permit) = self.permit(ReadMode::Once).await
        {
            let goes_on = self.container.phase.is_live();
            let lines = self.with_resume(|resume| {
                let mut lines = resume.batch();
                // A later run shows the line as a whole.
                if !(goes_on && resume.is_saving()) {
                    resume.end_run(&mut lines);
                }
                lines
            });
            self.hand_on(permit, lines);
            if let Err(reason) = self.emit_gap(None).await {
                return reason;
            }
            if let Err(reason) = self.caught_up().await {
                return reason;
            }
        }
        reason
    }

    /// Reads what is stored, again and again until the output has kept up with a read. The daemon
    /// opens all files of a finite read at its beginning, so it is whole however slowly it goes;
    /// of a follow it skips the files that end while the follow waits.
    async fn catch_up(&self, deadline: Instant) -> EndReason {
        loop {
            match self.permit(ReadMode::Once).await {
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
            self.with_resume(Resume::output_keeps_up);
            let reason = self.stored().await;
            if reason != EndReason::Eof {
                return reason;
            }
            if self.with_resume(|resume| resume.is_hopeless()) {
                let between = self.with_resume(|resume| resume.between());
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return EndReason::Cancelled,
                    () = self.rotate.notified() => return EndReason::Rotated,
                    () = self.died.notified() => return self.stored().await,
                    () = sleep(between) => {}
                }
            } else if !self.with_resume(|resume| resume.is_held_back()) {
                return reason;
            }
        }
    }

    fn is_unread(&self) -> bool {
        self.with_resume(|resume| resume.is_unread())
    }

    /// Reads what is stored and not delivered yet. [`EndReason::Eof`]: all of it was.
    async fn stored(&self) -> EndReason {
        let tail = self.with_resume(|resume| resume.open(Instant::now(), ReadMode::Once));
        match self.finite(tail).await {
            StreamStep::Ended(reason) => reason,
            StreamStep::Missed => self.search(tail, self.searched()).await,
            StreamStep::LinesMissing => self.past_holes().await,
        }
    }
}
