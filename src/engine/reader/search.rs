//! The search further back for an anchor that a window did not show, and the gap if no window shows it.

use super::{Reader, StreamStep};
use crate::engine::event::{EndReason, Event};
use crate::engine::resume::{Resume, Searched};
use crate::engine::source::{Frames, ReadMode, Source, Tail};

/// A stream that does not find its anchor, although searches do, gives up after this number of searches. Then
/// the supervisor backs off.
pub(super) const SEARCHES_MAX: u32 = 4;

impl<S: Source> Reader<S> {
    /// Looks for the anchor further and further back, by finite reads. If it is nowhere, reports the gap and reads
    /// all that the daemon holds. [`EndReason::Eof`]: all stored messages were delivered. `searched`: how much
    /// of the log the failed window showed.
    pub(super) async fn search(
        &self,
        resume: &mut Resume,
        failed: Tail,
        mut searched: Searched,
    ) -> EndReason {
        // Larger windows may contain records that cannot be decoded.
        resume.distrust();
        let mut windows = Resume::search_after(failed);
        while searched == Searched::Part
            && let Some(window) = windows.next()
        {
            resume.open_window(window);
            match self.finite(resume, window).await {
                StreamStep::Ended(reason) => {
                    resume.found_in(window);
                    return reason;
                }
                StreamStep::Missed => searched = resume.searched(),
                StreamStep::LinesMissing => return self.past_holes(resume).await,
            }
        }
        self.give_up(resume).await
    }

    /// The anchor is lost: reports the gap and reads all that the daemon holds.
    pub(super) async fn give_up(&self, resume: &mut Resume) -> EndReason {
        let permit = match self.permit(resume, ReadMode::Once).await {
            Ok(permit) => permit,
            Err(reason) => return reason,
        };
        let mut lines = resume.batch();
        resume.give_up(&mut lines);
        self.hand_on(resume, permit, lines);
        let tail = resume.open_window(Tail::All);
        let reason = match self.stream(resume, ReadMode::Once, tail, None).await {
            StreamStep::Ended(reason) => reason,
            // The search is over.
            StreamStep::Missed | StreamStep::LinesMissing => EndReason::Eof,
        };
        if reason == EndReason::Eof
            && let Err(reason) = self.emit_gap(resume, None).await
        {
            return reason;
        }
        reason
    }

    /// Reports the gap before these frames, if there is one.
    pub(super) async fn emit_gap(
        &self,
        resume: &mut Resume,
        frames: Option<&Frames>,
    ) -> Result<(), EndReason> {
        if !resume.is_lost() {
            return Ok(());
        }
        let permit = self.permit(resume, ReadMode::Once).await?;
        if let Some(gap) = resume.gap_before(frames) {
            self.tally.gap(&self.row_state, &gap);
            permit.send(Event::Gap(gap));
        }
        // A later run must not report it again.
        if frames.is_none() { self.hand_on_position(resume).await } else { Ok(()) }
    }
}
