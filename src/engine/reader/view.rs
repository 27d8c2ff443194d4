//! The first view: the lines shown before a stream continues behind them.

use super::holes::{Log, SURVEYS_MAX, Shown};
use super::{Reader, StreamStep};
use crate::engine::backlog::{EXACT_MAX_LINES, FirstView, RunState};
use crate::engine::event::{EndReason, Event};
use crate::engine::resume::survey::{Goal, Growth, Map, Newest, Stop, survey};
use crate::engine::resume::{Proven, Reach, Resume};
use crate::engine::source::{Frames, Read, ReadMode, Source, Tail};

impl<S: Source> Reader<S> {
    /// Shows the last lines if a first view is due; returns the reason if that failed.
    pub(super) async fn first_view(&self, resume: &mut Resume, run: RunState) -> Option<EndReason> {
        if let Some(since) = resume.wanted_since() {
            match self.place_of(resume, since).await {
                Ok(window) => resume.begins_within(window),
                Err(reason) => return Some(reason),
            }
        }
        let wanted = resume.backlog()?;
        resume.distrust();
        let until = resume.wanted_until();
        // Lines before the end of a time range may stand far before the end of the log.
        if EXACT_MAX_LINES < wanted && until.is_none() {
            let window = resume.open_window(Tail::Last(wanted));
            let reason = match self.finite(resume, window).await {
                StreamStep::Ended(reason) => reason,
                StreamStep::Missed => EndReason::Eof,
                StreamStep::LinesMissing => self.past_holes(resume).await,
            };
            return match reason {
                EndReason::Eof => {
                    resume.viewed();
                    self.hand_on_position(resume).await.err()
                }
                reason => Some(reason),
            };
        }
        self.last_lines(resume, wanted, run).await.err()
    }

    async fn last_lines(
        &self,
        resume: &mut Resume,
        wanted: u64,
        run: RunState,
    ) -> Result<(), EndReason> {
        let mut windows = FirstView::windows(wanted).to_vec();
        if resume.wanted_until().is_some() {
            windows.extend(FirstView::larger_windows(wanted));
        }
        for window in windows.iter().copied() {
            let mut view = resume.first_view(wanted, run);
            if self.read_view(resume, window, &mut view).await? == Shown::LinesMissing {
                return self.last_lines_past_holes(resume, wanted, run).await;
            }
            if view.is_enough(window) || windows.last() == Some(&window) {
                return self.show(resume, view).await;
            }
        }
        Ok(())
    }

    async fn show(&self, resume: &mut Resume, view: FirstView) -> Result<(), EndReason> {
        let permit = self.permit(resume, ReadMode::Once).await?;
        let lines = resume.view(view);
        self.hand_on(resume, permit, lines);
        Ok(())
    }

    async fn read_view(
        &self,
        resume: &mut Resume,
        window: Tail,
        view: &mut FirstView,
    ) -> Result<Shown, EndReason> {
        let may_be_damaged = self.may_be_damaged(resume);
        let mut stream = self.open(resume, ReadMode::Once, window).await?;
        let mut frames = Frames::default();
        loop {
            let read = self.read_finite(resume, &mut stream, &mut frames).await?;
            view.feed(&frames);
            frames.clear();
            match read {
                Ok(Read::Some) => {}
                Ok(Read::End) if may_be_damaged => {
                    return self.check(resume, window, view.keys()).await;
                }
                Ok(Read::End) => return Ok(Shown::All),
                Err(_) if may_be_damaged => return Ok(Shown::LinesMissing),
                Err(error) => return Err(EndReason::Failed(error)),
            }
        }
    }

    /// Shows the last lines of a log with records that cannot be decoded: the newest part first, then older
    /// ones until there are enough lines.
    async fn last_lines_past_holes(
        &self,
        resume: &mut Resume,
        wanted: u64,
        run: RunState,
    ) -> Result<(), EndReason> {
        let Some(Tail::Last(frames)) = FirstView::windows(wanted).last().copied() else {
            return Ok(());
        };
        for _ in 0..SURVEYS_MAX {
            let mut log = Log { reader: self, resume, error: None };
            match survey(&mut log, &Goal::Frames(frames), self.growth()).await {
                Ok(map) => match log.error {
                    Some(error) if map.parts.is_empty() && self.growth() == Growth::None => {
                        return Err(EndReason::Failed(error));
                    }
                    _ if self.show_parts(resume, &map, wanted, run).await? => return Ok(()),
                    _ => {}
                },
                Err(Stop::Ended(reason)) => return Err(reason),
                Err(Stop::Moved) => {}
            }
        }
        // The daemon's answers contradict each other. cmon reports the rest as missing.
        self.with_lines(resume, |resume, lines| {
            resume.viewed();
            resume.hole(lines);
        })
        .await
    }

    /// Shows the parts that a survey found. `false`: the log has moved meanwhile.
    async fn show_parts(
        &self,
        resume: &mut Resume,
        map: &Map,
        wanted: u64,
        run: RunState,
    ) -> Result<bool, EndReason> {
        let mut views = Vec::new();
        let mut left = wanted;
        for (at, part) in map.parts.iter().enumerate().rev() {
            let is_last = at + 1 == map.parts.len();
            let run = if is_last { run } else { RunState::Over };
            let mut view = resume.first_view(left, run);
            let Some((mut stream, first, _)) = self.open_part(resume, part, 0).await? else {
                return Ok(false);
            };
            let mut frames = first.frames;
            let mut count = if is_last { usize::MAX } else { part.keys.len() };
            loop {
                frames.keep(0, count);
                count -= frames.len();
                view.feed(&frames);
                frames.clear();
                if count == 0 {
                    break;
                }
                match self.read_finite(resume, &mut stream, &mut frames).await? {
                    Ok(Read::Some) => {}
                    Ok(Read::End) | Err(_) if frames.is_empty() => break,
                    Ok(Read::End) | Err(_) => count = frames.len(),
                }
            }
            left = left.saturating_sub(view.lines());
            views.push((part.keys[0].time(), view));
            if left == 0 {
                break;
            }
        }
        views.reverse();
        // The next message stands behind a bad newest record.
        let at_end = map.newest == Newest::Bad && 0 < wanted;
        if views.is_empty() {
            resume.viewed();
        }
        for (at, (begins, view)) in views.into_iter().enumerate() {
            if 0 < at {
                self.with_lines(resume, Resume::hole).await?;
                let permit = self.permit(resume, ReadMode::Once).await?;
                if let Some(gap) = resume.gap_to(Some(begins)) {
                    self.tally.gap(&self.row_state, &gap);
                    permit.send(Event::Gap(gap));
                }
            }
            self.show(resume, view).await?;
        }
        if at_end {
            resume.hole_at_end(&self.container);
        }
        let reach = if map.is_whole() { Reach::All } else { Reach::Hole(map.reach()) };
        resume.trust(&self.container, reach, Proven::No);
        Ok(true)
    }
}
