//! One task, one stream: open, read, hand on, end with a reason.
//!
//! The reader decides nothing about lines: it feeds what it reads to the container's [`Resume`]
//! and hands on what comes out. Between reading and handing on it only waits for a place in the
//! channel, before the anchor advances; so wherever it is cancelled, nothing is lost. Every wait
//! races with stop.

mod holes;
mod long_read;
mod permit;
mod since;
mod view;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backlog::RunState;
use super::event::{About, Awaited, EndReason, Event, Lines, Note, Notice};
use super::limits::{FINITE_IDLE, SEEK_IDLE};
use super::resume::{FeedOutcome, Resume, Window};
use super::rows::RowState;
use super::source::{
    Container, ErrorKind, Frames, LogRequest, LogStream, Read, ReadMode, Source, SourceError,
    Stored, Tail,
};
use super::stale::Budget;
use super::tally::Tally;
use super::turns::Turns;
use super::waiting::SlowNotes;
use permit::Permit;
use watch::Watch;

/// A stream that does not find its anchor, although each search found it, is given up after so
/// many: backing off is then the supervisor's.
const SEARCHES: u32 = 4;

/// How much of the log a window without the anchor has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Searched {
    /// Its last messages.
    Part,
    /// All of it: no larger window is left.
    Whole,
}

/// What a reader needs to read one container.
#[derive(Debug)]
pub(super) struct Reader<S> {
    pub(super) source: Arc<S>,
    pub(super) container: Arc<Container>,
    pub(super) resume: Arc<Mutex<Resume>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) tally: Arc<Tally>,
    pub(super) row_state: Arc<RowState>,
    /// Wakes who waits when the daemon says that the run has ended.
    pub(super) died: Arc<Notify>,
    /// Ends a follow as if it had reached its age.
    pub(super) rotate: Arc<Notify>,
    pub(super) turns: Turns,
    pub(super) probes: Arc<Budget>,
    pub(super) slow: Arc<SlowNotes>,
    pub(super) stop: CancellationToken,
}

/// How reading one answer of the daemon came to its end.
enum StreamStep {
    /// The window passed without the anchor.
    Missed,
    /// The window has not shown all that it should; nothing of it was handed on, or only its beginning.
    LinesMissing,
    /// The stream is over.
    Ended(EndReason),
}

impl From<FeedOutcome> for Option<StreamStep> {
    fn from(fed: FeedOutcome) -> Self {
        match fed {
            FeedOutcome::Continue => None,
            FeedOutcome::Missed => Some(StreamStep::Missed),
            FeedOutcome::Disordered => Some(StreamStep::Ended(EndReason::Disordered)),
        }
    }
}

impl<S: Source> Reader<S> {
    /// Follows the container until the stream ends or reaches its age.
    pub(super) async fn follow(self, age: Duration) -> EndReason {
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
        for _ in 0..SEARCHES {
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
    pub(super) async fn drain(self) -> EndReason {
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

    /// Looks for the anchor further and further back, by finite reads; where it is nowhere, reports
    /// the gap and reads all that the daemon holds. [`EndReason::Eof`]: all that is stored was
    /// delivered. `searched`: what the window that failed has shown.
    async fn search(&self, failed: Tail, mut searched: Searched) -> EndReason {
        // Larger windows may hold what cannot be decoded.
        self.with_resume(Resume::distrust);
        let mut windows = Resume::search_after(failed);
        while searched == Searched::Part
            && let Some(window) = windows.next()
        {
            self.with_resume(|resume| resume.open_window(window));
            match self.finite(window).await {
                StreamStep::Ended(reason) => {
                    self.with_resume(|resume| resume.found_in(window));
                    return reason;
                }
                StreamStep::Missed => searched = self.searched(),
                StreamStep::LinesMissing => return self.past_holes().await,
            }
        }
        self.give_up().await
    }

    /// The anchor is nowhere in the log: reports the gap and reads all that the daemon holds.
    async fn give_up(&self) -> EndReason {
        let permit = match self.permit(ReadMode::Once).await {
            Ok(permit) => permit,
            Err(reason) => return reason,
        };
        let lines = self.with_resume(|resume| {
            let mut lines = resume.batch();
            resume.give_up(&mut lines);
            lines
        });
        self.hand_on(permit, lines);
        let tail = self.with_resume(|resume| resume.open_window(Tail::All));
        let reason = match self.stream(ReadMode::Once, tail, None).await {
            StreamStep::Ended(reason) => reason,
            // Nothing is looked for any more.
            StreamStep::Missed | StreamStep::LinesMissing => EndReason::Eof,
        };
        if reason == EndReason::Eof
            && let Err(reason) = self.emit_gap(None).await
        {
            return reason;
        }
        reason
    }

    /// Reports the gap before these frames, where there is one.
    async fn emit_gap(&self, frames: Option<&Frames>) -> Result<(), EndReason> {
        if !self.with_resume(|resume| resume.is_lost()) {
            return Ok(());
        }
        let permit = self.permit(ReadMode::Once).await?;
        if let Some(gap) = self.with_resume(|resume| resume.gap_before(frames)) {
            self.tally.gap(&self.row_state, &gap);
            permit.send(Event::Gap(gap));
        }
        // A later run must not report it again.
        if frames.is_none() { self.hand_on_position().await } else { Ok(()) }
    }

    async fn open(&self, mode: ReadMode, tail: Tail) -> Result<S::Logs, EndReason> {
        let key = self.container.key.clone();
        let (last, label) = self.with_resume(|resume| (resume.last(), resume.label()));
        let stored = match last {
            Some(_) => Stored::Something,
            None => Stored::MaybeNothing,
        };
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
    async fn stream(&self, mode: ReadMode, tail: Tail, deadline: Option<Instant>) -> StreamStep {
        match self.open(mode, tail).await {
            Ok(stream) => self.pump(stream, mode, deadline).await,
            Err(reason) => StreamStep::Ended(reason),
        }
    }

    async fn pump(
        &self,
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
        let mut watch = self.with_resume(Watch::new);
        let mut before = Window::Searching;
        tokio::pin!(rotation, silence);
        loop {
            let window = self.with_resume(|resume| resume.window());
            let settled = matches!(window, Window::Over | Window::Found);
            if follow && settled {
                self.with_resume(Resume::settled);
                self.row_state.settled(watch.trust());
            }
            let idle = if follow { SEEK_IDLE } else { FINITE_IDLE };
            // What is held until the window's end must not be held longer by what else comes.
            if !(follow && window == Window::Unproven && before == window) {
                silence.as_mut().reset(Instant::now() + idle);
            }
            before = window;
            let read = tokio::select! {
                // Stop first, then age: a stream that always has data must not keep them waiting.
                biased;
                () = self.stop.cancelled() => return StreamStep::Ended(EndReason::Cancelled),
                () = &mut rotation, if deadline.is_some() && settled => {
                    if self.can_go_on_elsewhere().await {
                        return StreamStep::Ended(EndReason::Rotated);
                    }
                    rotation.as_mut().reset(Instant::now() + age);
                    continue;
                }
                () = self.rotate.notified(), if follow && settled => {
                    return StreamStep::Ended(EndReason::Rotated);
                }
                read = stream.read(&mut frames) => read,
                // The log is complete by now, and a moment later it may be gone with its container.
                () = self.died.notified(), if follow && self.container.doubles => {
                    return StreamStep::Ended(EndReason::Eof);
                }
                () = &mut silence, if window != Window::Over || mode == ReadMode::Once => {
                    if mode == ReadMode::Once {
                        return StreamStep::Ended(EndReason::Failed(silent()));
                    }
                    match self.window_over().await {
                        None => continue,
                        Some(end) => return end,
                    }
                }
                stale = watch.step(self), if follow && settled => match stale {
                    true => return StreamStep::Ended(EndReason::Stale),
                    false => continue,
                },
            };
            let came = !frames.is_empty();
            if let Some(end) = self.take(&mut frames, mode).await {
                return end;
            }
            if came {
                self.with_resume(|resume| watch.saw_frames(resume));
            }
            match read {
                Ok(Read::Some) => {}
                Ok(Read::End) => return self.end_of_file().await,
                Err(error) => return StreamStep::Ended(EndReason::Failed(error)),
            }
        }
    }

    /// Whether another stream could go on behind this one. Where the daemon refuses to show what is stored, only
    /// this one shows what comes, so it is kept although it is old.
    async fn can_go_on_elsewhere(&self) -> bool {
        if !self.with_resume(|resume| resume.is_behind_hole()) {
            return true;
        }
        // dockerd 20.10 refuses some of these requests, and answers others with nothing.
        for window in 1..=2 {
            match self.look(Tail::Last(window)).await {
                Ok((look, _)) if look.failed => return false,
                Ok((look, _)) if look.keys.is_empty() => {}
                _ => return true,
            }
        }
        false
    }

    async fn end_of_file(&self) -> StreamStep {
        self.window_over().await.unwrap_or(StreamStep::Ended(EndReason::Eof))
    }

    /// Hands on what the frames complete; an end when that is the stream's. A place in the channel
    /// comes first: from there on nothing waits.
    async fn take(&self, frames: &mut Frames, mode: ReadMode) -> Option<StreamStep> {
        if frames.is_empty() {
            return None;
        }
        if let Err(reason) = self.emit_gap(Some(frames)).await {
            return Some(StreamStep::Ended(reason));
        }
        let permit = match self.permit(mode).await {
            Ok(permit) => permit,
            Err(reason) => return Some(StreamStep::Ended(reason)),
        };
        let (fed, lines, counts) = self.with_resume(|resume| {
            resume.take_details(frames);
            let mut lines = resume.batch();
            let fed = resume.feed(frames, Instant::now(), &mut lines);
            (fed, lines, resume.take_counts())
        });
        self.tally.counted(counts);
        if lines.is_empty() {
            self.give_sign();
        }
        self.hand_on(permit, lines);
        frames.clear();
        // A stream that always has data must not starve the others of this thread.
        tokio::task::yield_now().await;
        fed.into()
    }

    /// Nothing more comes of the window: hands on what that proves to be new.
    async fn window_over(&self) -> Option<StreamStep> {
        let permit = match self.permit(ReadMode::Once).await {
            Ok(permit) => permit,
            Err(reason) => return Some(StreamStep::Ended(reason)),
        };
        let (fed, lines, counts) = self.with_resume(|resume| {
            let mut lines = resume.batch();
            let fed = resume.window_over(&mut lines);
            (fed, lines, resume.take_counts())
        });
        self.tally.counted(counts);
        self.hand_on(permit, lines);
        fed.into()
    }

    fn searched(&self) -> Searched {
        match self.with_resume(|resume| resume.saw_whole_log()) {
            true => Searched::Whole,
            false => Searched::Part,
        }
    }

    fn hand_on(&self, permit: Permit<'_>, mut lines: Lines) {
        lines.position = self.with_resume(Resume::take_position);
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
    async fn hand_on_position(&self) -> Result<(), EndReason> {
        if self.with_resume(|resume| resume.is_saving()) {
            let permit = self.permit(ReadMode::Once).await?;
            let lines = self.with_resume(|resume| resume.batch());
            self.hand_on(permit, lines);
        }
        Ok(())
    }

    /// Does something with the container's place in its log; the lock never spans a wait.
    fn with_resume<T>(&self, act: impl FnOnce(&mut Resume) -> T) -> T {
        act(&mut self.resume.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn silent() -> SourceError {
    let message = format!("the daemon sent nothing of a stored log for {FINITE_IDLE:?}");
    SourceError::new(ErrorKind::Timeout, message)
}
