//! One open stream: it waits for bytes, stop, age and silence, and hands on what is new.

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

/// A read of this many messages may not have emptied the socket.
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
        let (tty, end) = (self.container.tty, self.container.log_end);
        let request = LogRequest { key, tty, mode, tail, stored, end };
        let note = async || {
            let what = Notice::StillWaiting { what: Awaited::Log };
            // An output that is full has other things to show.
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

    /// Opens one answer and hands on what is new in it, up to its end or the deadline.
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
        // Made once: to wait anew for each read costs more than the read.
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
            // What is held until the window's end must not be held longer by what else comes.
            if ends_by_silence && !(follow && window == Window::Unproven && before == window) {
                silence.as_mut().reset(Instant::now() + idle);
            }
            before = window;
            let read = tokio::select! {
                // Stop first, then age: a stream that always has data must not keep them waiting.
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
                // The log is complete by now, and a moment later it may be gone with its container.
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

    /// Whether another stream could go on behind this one. Where the daemon refuses to show what is stored, only
    /// this one shows what comes, so it is kept although it is old.
    async fn can_go_on_elsewhere(&self, resume: &Resume) -> bool {
        if !resume.is_behind_hole() {
            return true;
        }
        // dockerd 20.10 refuses some of these requests, and answers others with nothing.
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

    /// Hands on what the frames complete; an end when that is the stream's. A place in the channel
    /// comes first: from there on nothing waits.
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
        // A stream that always has data must not starve the others of this thread. Behind a small read there is none.
        if is_large {
            tokio::task::yield_now().await;
        }
        outcome.into()
    }

    /// Nothing more comes of the window: hands on what that proves to be new.
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

    /// Hands on where the log was read to, if that has changed without a line.
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
