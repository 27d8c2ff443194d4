//! One open stream: it waits for bytes, stop, age and silence, and delivers new lines.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::permit::Permit;
use super::stale_check::Watch;
use super::{Reader, StreamStep};
use crate::engine::event::{About, Awaited, EndReason, Event, Lines, Note, Notice};
use crate::engine::limits::{FINITE_READ_IDLE_TIMEOUT, SEEK_IDLE_TIMEOUT};
use crate::engine::resume::{FeedOutcome, Opening, Resume, Window};
use crate::engine::source::{
    ErrorKind, Frames, LogRequest, LogStream, Read, ReadMode, Source, SourceError, Tail,
};

/// A read with this number of messages may not have emptied the socket.
const LARGE_READ_MIN_FRAMES: usize = 16;

impl From<FeedOutcome> for Option<StreamStep> {
    fn from(outcome: FeedOutcome) -> Self {
        match outcome {
            FeedOutcome::Continue => None,
            FeedOutcome::Missed => Some(StreamStep::Missed),
            FeedOutcome::Disordered => Some(StreamStep::Ended(EndReason::Disordered)),
        }
    }
}

impl<S: Source> Reader<S> {
    pub(super) async fn open(
        &self,
        resume: &Resume,
        mode: ReadMode,
        tail: Tail,
    ) -> Result<S::Logs, EndReason> {
        self.open_log(resume.opening(), mode, tail).await
    }

    /// Opens one answer of the daemon.
    pub(super) async fn open_log(
        &self,
        Opening { label, stored }: Opening,
        mode: ReadMode,
        tail: Tail,
    ) -> Result<S::Logs, EndReason> {
        let key = self.container.key.clone();
        let (output, end) = (self.container.output, self.container.log_end);
        let request = LogRequest { key, output, mode, tail, stored, end };
        let note = async || {
            let what = Notice::StillWaiting { what: Awaited::Log };
            // A full output has other lines to show.
            let _ =
                self.events.try_send(Event::Note(Note { about: About::Container(label), what }));
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(EndReason::Cancelled),
            opened = self.slow.watch(self.source.logs(&request), note) => {
                opened.map_err(EndReason::Failed)
            }
        }
    }

    /// Opens one answer and delivers its new lines, up to its end or the deadline.
    pub(super) async fn stream(
        &self,
        resume: &mut Resume,
        mode: ReadMode,
        tail: Tail,
        deadline: Option<Instant>,
    ) -> StreamStep {
        match self.open(resume, mode, tail).await {
            Ok(stream) => self.pump(resume, stream, mode, deadline).await,
            Err(reason) => StreamStep::Ended(reason),
        }
    }

    async fn pump(
        &self,
        resume: &mut Resume,
        mut stream: S::Logs,
        mode: ReadMode,
        deadline: Option<Instant>,
    ) -> StreamStep {
        let follow = mode == ReadMode::Follow;
        let mut frames = Frames::default();
        let far = Instant::now() + Duration::from_secs(86_400 * 365);
        let age = deadline.map_or(Duration::ZERO, |deadline| deadline - Instant::now());
        let rotation = sleep_until(deadline.unwrap_or(far));
        let silence = sleep_until(far);
        let mut watch = Watch::new(resume);
        let mut before = Window::Searching;
        // Created once: a new timer for each read would cost more than the read.
        let (cancelled, rotated) = (self.stop.cancelled(), self.rotate.notified());
        tokio::pin!(rotation, silence, cancelled, rotated);
        loop {
            let window = resume.window();
            let settled = matches!(window, Window::Over | Window::Found);
            if follow && settled {
                resume.settled();
                self.row_state.settled(watch.trust());
            }
            let idle = if follow { SEEK_IDLE_TIMEOUT } else { FINITE_READ_IDLE_TIMEOUT };
            let ends_by_silence = window != Window::Over || mode == ReadMode::Once;
            // Other frames must not delay frames that are held until the end of the window.
            if ends_by_silence && !(follow && window == Window::Unproven && before == window) {
                silence.as_mut().reset(Instant::now() + idle);
            }
            before = window;
            let read = tokio::select! {
                // Stop first, then age: a busy stream must not delay them.
                biased;
                () = &mut cancelled => return StreamStep::Ended(EndReason::Cancelled),
                () = &mut rotation, if deadline.is_some() && settled => {
                    if self.can_go_on_elsewhere(resume).await {
                        return StreamStep::Ended(EndReason::Rotated);
                    }
                    rotation.as_mut().reset(Instant::now() + age);
                    continue;
                }
                () = &mut rotated, if follow && settled => {
                    return StreamStep::Ended(EndReason::Rotated);
                }
                read = stream.read(&mut frames) => read,
                // The log is complete by now, and it may be removed with its container a moment later.
                () = self.died.notified(), if follow && self.container.doubles => {
                    return StreamStep::Ended(EndReason::Eof);
                }
                () = &mut silence, if ends_by_silence => {
                    if mode == ReadMode::Once {
                        return StreamStep::Ended(EndReason::Failed(silent()));
                    }
                    match self.window_over(resume).await {
                        None => continue,
                        Some(end) => return end,
                    }
                }
                stale = watch.step(self, resume), if follow && settled => match stale {
                    true => return StreamStep::Ended(EndReason::Stale),
                    false => continue,
                },
            };
            let came = !frames.is_empty();
            if let Some(end) = self.take(resume, &mut frames, mode).await {
                return end;
            }
            if came {
                watch.saw_frames(resume);
            }
            match read {
                Ok(Read::Some) => {}
                Ok(Read::End) => return self.end_of_file(resume).await,
                Err(error) => return StreamStep::Ended(EndReason::Failed(error)),
            }
        }
    }

    /// Whether another stream could continue behind this one. If the daemon refuses to show stored messages, only
    /// this stream shows new ones, so cmon keeps it beyond its age.
    async fn can_go_on_elsewhere(&self, resume: &Resume) -> bool {
        if !resume.is_behind_hole() {
            return true;
        }
        // dockerd 20.10 refuses some of these requests, and answers others with no message.
        for window in 1..=2 {
            match self.look(resume, Tail::Last(window)).await {
                Ok((look, _)) if look.failed => return false,
                Ok((look, _)) if look.keys.is_empty() => {}
                _ => return true,
            }
        }
        false
    }

    pub(super) async fn end_of_file(&self, resume: &mut Resume) -> StreamStep {
        self.window_over(resume).await.unwrap_or(StreamStep::Ended(EndReason::Eof))
    }

    /// Delivers the lines that the frames complete; returns an end if that ends the stream. It takes a permit of the
    /// channel first; after that, nothing waits.
    pub(super) async fn take(
        &self,
        resume: &mut Resume,
        frames: &mut Frames,
        mode: ReadMode,
    ) -> Option<StreamStep> {
        if frames.is_empty() {
            return None;
        }
        if let Err(reason) = self.emit_gap(resume, Some(frames)).await {
            return Some(StreamStep::Ended(reason));
        }
        let permit = match self.permit(resume, mode).await {
            Ok(permit) => permit,
            Err(reason) => return Some(StreamStep::Ended(reason)),
        };
        resume.take_details(frames);
        let mut lines = resume.batch();
        let outcome = resume.feed(frames, Instant::now(), &mut lines);
        self.tally.counted(resume.take_counts());
        if lines.is_empty() {
            self.give_sign();
        }
        self.hand_on(resume, permit, lines);
        let is_large = LARGE_READ_MIN_FRAMES <= frames.len();
        frames.clear();
        // A busy stream must not starve the others on this thread. After a small read it is not busy.
        if is_large {
            tokio::task::yield_now().await;
        }
        outcome.into()
    }

    /// Ends the window: delivers the frames that this proves to be new.
    pub(super) async fn window_over(&self, resume: &mut Resume) -> Option<StreamStep> {
        let permit = match self.permit(resume, ReadMode::Once).await {
            Ok(permit) => permit,
            Err(reason) => return Some(StreamStep::Ended(reason)),
        };
        let mut lines = resume.batch();
        let outcome = resume.window_over(&mut lines);
        self.tally.counted(resume.take_counts());
        self.hand_on(resume, permit, lines);
        outcome.into()
    }

    pub(super) fn hand_on(&self, resume: &mut Resume, permit: Permit<'_>, mut lines: Lines) {
        lines.position = resume.take_position();
        if !lines.is_empty() {
            self.tally.delivered(&self.row_state, &lines);
            if let Some(last) = lines.last_time() {
                self.tally.line(&self.row_state, last);
            }
        }
        if !lines.is_empty() || lines.position.is_some() {
            permit.send(Event::Lines(lines));
        }
    }

    /// Sends the position if it has changed without a line.
    pub(super) async fn hand_on_position(&self, resume: &mut Resume) -> Result<(), EndReason> {
        if resume.is_saving() {
            let permit = self.permit(resume, ReadMode::Once).await?;
            let lines = resume.batch();
            self.hand_on(resume, permit, lines);
        }
        Ok(())
    }
}

pub(super) fn silent() -> SourceError {
    let message =
        format!("the daemon sent nothing of a stored log for {FINITE_READ_IDLE_TIMEOUT:?}");
    SourceError::new(ErrorKind::Timeout, message)
}
