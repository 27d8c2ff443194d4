//! One task, one stream: open, read, hand on, end with a reason.
//!
//! The reader decides nothing about lines: it feeds what it reads to the container's [`Resume`]
//! and hands on what comes out. Between reading and handing on it only waits for a place in the
//! channel, before the anchor advances; so wherever it is cancelled, nothing is lost. Every wait
//! races with stop.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backlog::{EXACT, FirstView};
use super::event::{EndReason, Event, Lines};
use super::limits::{FINITE_IDLE, SEEK_IDLE};
use super::resume::{Fed, Resume, Window};
use super::source::{
    Container, ErrorKind, Frames, LogRequest, LogStream, Read, Source, SourceError, Tail,
};
use super::stale::{Budget, GRACE};
use super::tally::Tally;

/// A stream that does not find its anchor, although each search found it, is given up after so
/// many: backing off is then the supervisor's.
const SEARCHES: u32 = 4;

/// What a reader needs to read one container.
#[derive(Debug)]
pub(super) struct Reader<S> {
    pub(super) source: Arc<S>,
    pub(super) container: Arc<Container>,
    pub(super) resume: Arc<Mutex<Resume>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) tally: Arc<Tally>,
    pub(super) probes: Arc<Budget>,
    pub(super) stop: CancellationToken,
}

/// How reading one answer of the daemon came to its end.
enum Pumped {
    /// The window passed without the anchor.
    Missed,
    /// The stream is over.
    Ended(EndReason),
}

impl<S: Source> Reader<S> {
    /// Follows the container until the stream ends or reaches its age.
    pub(super) async fn follow(self, age: Duration) -> EndReason {
        let deadline = Instant::now() + age;
        if let Some(reason) = self.first_view(false).await {
            return reason;
        }
        for _ in 0..SEARCHES {
            let tail = self.with_resume(|resume| resume.open(Instant::now()));
            match self.stream(true, tail, Some(deadline)).await {
                Pumped::Ended(reason) => return reason,
                // Silence ended the window, so it may only be slow: look once more.
                Pumped::Missed => match self.search(tail, false).await {
                    None | Some(EndReason::Eof) => {}
                    Some(reason) => return reason,
                },
            }
        }
        let message = "the log does not show what was read from it a moment ago";
        EndReason::Failed(SourceError::new(ErrorKind::Protocol, message))
    }

    /// Reads what is stored and not delivered yet, up to the end of the log; [`EndReason::Eof`]
    /// tells that it is complete.
    pub(super) async fn drain(self) -> EndReason {
        if let Some(reason) = self.first_view(true).await {
            return reason;
        }
        let tail = self.with_resume(|resume| resume.open(Instant::now()));
        let reason = match self.stream(false, tail, None).await {
            Pumped::Ended(reason) => reason,
            Pumped::Missed => match self.search(tail, self.saw_whole_log()).await {
                Some(reason) => reason,
                // The gap was told; the rest is all that the daemon holds.
                None => match self.rest().await {
                    Pumped::Ended(reason) => reason,
                    Pumped::Missed => EndReason::Eof,
                },
            },
        };
        if reason == EndReason::Eof
            && let Some(permit) = self.permit().await
        {
            let lines = self.with_resume(|resume| {
                let mut lines = resume.batch();
                resume.end_run(&mut lines);
                lines
            });
            self.hand_on(permit, lines);
        }
        reason
    }

    async fn rest(&self) -> Pumped {
        let tail = self.with_resume(|resume| resume.open_window(Tail::All));
        self.stream(false, tail, None).await
    }

    /// Looks for the anchor further and further back, by finite reads. [`EndReason::Eof`]: found,
    /// and all behind it was delivered. `None`: it is nowhere, and the gap was told.
    /// `whole`: the window that failed was all of the log.
    async fn search(&self, failed: Tail, mut whole: bool) -> Option<EndReason> {
        let mut windows = Resume::search_after(failed);
        while !whole && let Some(window) = windows.next() {
            self.with_resume(|resume| resume.open_window(window));
            match self.stream(false, window, None).await {
                Pumped::Ended(reason) => {
                    self.with_resume(|resume| resume.found_in(window));
                    return Some(reason);
                }
                Pumped::Missed => whole = self.saw_whole_log(),
            }
        }
        let mut permits = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Some(EndReason::Cancelled),
            permits = self.events.reserve_many(2) => match permits {
                Ok(permits) => permits,
                Err(_) => return Some(EndReason::Cancelled),
            },
        };
        let (lines, gap) = self.with_resume(|resume| {
            let mut lines = resume.batch();
            let gap = resume.give_up(&mut lines);
            (lines, gap)
        });
        self.tally.gap();
        if let Some(permit) = permits.next() {
            self.hand_on(permit, lines);
        }
        if let Some(permit) = permits.next() {
            permit.send(Event::Gap(gap));
        }
        None
    }

    /// Shows the last lines first, where they are still to be shown; a reason when that failed.
    async fn first_view(&self, run_is_over: bool) -> Option<EndReason> {
        let wanted = self.with_resume(|resume| resume.backlog())?;
        if EXACT < wanted {
            let window = self.with_resume(|resume| resume.open_window(Tail::Last(wanted)));
            return match self.stream(false, window, None).await {
                Pumped::Ended(EndReason::Eof) => {
                    self.with_resume(Resume::viewed);
                    None
                }
                Pumped::Ended(reason) => Some(reason),
                Pumped::Missed => None,
            };
        }
        for window in FirstView::windows(wanted) {
            let mut view = self.with_resume(|resume| resume.first_view(wanted, run_is_over));
            if let Err(reason) = self.read_view(window, &mut view).await {
                return Some(reason);
            }
            if view.is_enough(window) || Some(&window) == FirstView::windows(wanted).last() {
                let Some(permit) = self.permit().await else {
                    return Some(EndReason::Cancelled);
                };
                let lines = self.with_resume(|resume| resume.view(view));
                self.hand_on(permit, lines);
                break;
            }
        }
        None
    }

    async fn read_view(&self, window: Tail, view: &mut FirstView) -> Result<(), EndReason> {
        let mut stream = self.open(false, window).await?;
        let mut frames = Frames::default();
        loop {
            let read = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(EndReason::Cancelled),
                read = timeout(FINITE_IDLE, stream.read(&mut frames)) => read,
            };
            view.feed(&frames);
            frames.clear();
            match read {
                Ok(Ok(Read::Some)) => {}
                Ok(Ok(Read::End)) => return Ok(()),
                Ok(Err(error)) => return Err(EndReason::Failed(error)),
                Err(_) => return Err(EndReason::Failed(silent())),
            }
        }
    }

    async fn open(&self, follow: bool, tail: Tail) -> Result<S::Logs, EndReason> {
        let key = self.container.key.clone();
        let request = LogRequest { key, tty: self.container.tty, follow, tail };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(EndReason::Cancelled),
            opened = self.source.logs(&request) => opened.map_err(EndReason::Failed),
        }
    }

    /// Opens one answer and hands on what is new in it, up to its end or the deadline.
    async fn stream(&self, follow: bool, tail: Tail, deadline: Option<Instant>) -> Pumped {
        match self.open(follow, tail).await {
            Ok(stream) => self.pump(stream, follow, deadline).await,
            Err(reason) => Pumped::Ended(reason),
        }
    }

    async fn pump(&self, mut stream: S::Logs, follow: bool, deadline: Option<Instant>) -> Pumped {
        let mut frames = Frames::default();
        let far = Instant::now() + Duration::from_secs(86_400 * 365);
        let rotation = sleep_until(deadline.unwrap_or(far));
        let silence = sleep_until(far);
        let mut watch = self.with_resume(|resume| Watch::new(resume.quiet().interval()));
        let mut before = Window::Searching;
        tokio::pin!(rotation, silence);
        loop {
            let window = self.with_resume(|resume| resume.window());
            let settled = matches!(window, Window::Over | Window::Found);
            let idle = if follow { SEEK_IDLE } else { FINITE_IDLE };
            // What is held until the window's end must not be held longer by what else comes.
            if !(follow && window == Window::Unproven && before == window) {
                silence.as_mut().reset(Instant::now() + idle);
            }
            before = window;
            let read = tokio::select! {
                // Stop first, then age: a stream that always has data must not keep them waiting.
                biased;
                () = self.stop.cancelled() => return Pumped::Ended(EndReason::Cancelled),
                () = &mut rotation, if deadline.is_some() && settled => {
                    return Pumped::Ended(EndReason::Rotated);
                }
                read = stream.read(&mut frames) => read,
                () = &mut silence, if window != Window::Over || !follow => {
                    if !follow {
                        return Pumped::Ended(EndReason::Failed(silent()));
                    }
                    match self.window_over().await {
                        Ok(Fed::Going) => continue,
                        Ok(Fed::Missed) => return Pumped::Missed,
                        Err(reason) => return Pumped::Ended(reason),
                    }
                }
                stale = watch.step(self), if follow && settled => match stale {
                    true => return Pumped::Ended(EndReason::Stale),
                    false => continue,
                },
            };
            if !frames.is_empty() {
                let interval = self.with_resume(|resume| {
                    resume.quiet().found_busy();
                    resume.quiet().interval()
                });
                watch = Watch::new(interval);
            }
            match self.take(&mut frames).await {
                Ok(Fed::Going) => {}
                Ok(Fed::Missed) => return Pumped::Missed,
                Err(reason) => return Pumped::Ended(reason),
            }
            match read {
                Ok(Read::Some) => {}
                Ok(Read::End) => return self.end_of_file().await,
                Err(error) => return Pumped::Ended(EndReason::Failed(error)),
            }
        }
    }

    async fn end_of_file(&self) -> Pumped {
        match self.window_over().await {
            Ok(Fed::Going) => Pumped::Ended(EndReason::Eof),
            Ok(Fed::Missed) => Pumped::Missed,
            Err(reason) => Pumped::Ended(reason),
        }
    }

    /// Asks for the newest message of the log, when it is this container's turn: whether it was
    /// delivered. `None` when there is none, or no answer.
    async fn probe(&self, turn: Instant) -> Option<bool> {
        sleep_until(turn).await;
        self.tally.probe();
        let mut newest = self.open(false, Tail::Last(1)).await.ok()?;
        let mut frames = Frames::default();
        while let Ok(Ok(Read::Some)) = timeout(FINITE_IDLE, newest.read(&mut frames)).await {}
        let (frame, payload) = frames.iter().last()?;
        Some(self.with_resume(|resume| resume.knows(frame, payload)))
    }

    /// Hands on what the frames complete. A place in the channel comes first: from there on
    /// nothing waits.
    async fn take(&self, frames: &mut Frames) -> Result<Fed, EndReason> {
        if frames.is_empty() {
            return Ok(Fed::Going);
        }
        let permit = self.permit().await.ok_or(EndReason::Cancelled)?;
        let (fed, lines, counts) = self.with_resume(|resume| {
            let mut lines = resume.batch();
            let fed = resume.feed(frames, Instant::now(), &mut lines);
            (fed, lines, resume.take_counts())
        });
        self.tally.counted(counts);
        self.hand_on(permit, lines);
        frames.clear();
        // A stream that always has data must not starve the others of this thread.
        tokio::task::yield_now().await;
        Ok(fed)
    }

    /// Nothing more comes of the window: hands on what that proves to be new.
    async fn window_over(&self) -> Result<Fed, EndReason> {
        let permit = self.permit().await.ok_or(EndReason::Cancelled)?;
        let (fed, lines, counts) = self.with_resume(|resume| {
            let mut lines = resume.batch();
            let fed = resume.window_over(&mut lines);
            (fed, lines, resume.take_counts())
        });
        self.tally.counted(counts);
        self.hand_on(permit, lines);
        Ok(fed)
    }

    /// A place in the channel, or `None` when cmon is stopping.
    async fn permit(&self) -> Option<mpsc::Permit<'_, Event>> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            permit = self.events.reserve() => permit.ok(),
        }
    }

    fn saw_whole_log(&self) -> bool {
        self.with_resume(|resume| resume.saw_whole_log())
    }

    fn hand_on(&self, permit: mpsc::Permit<'_, Event>, lines: Lines) {
        if !lines.is_empty() {
            self.tally.delivered(&lines);
            permit.send(Event::Lines(lines));
        }
    }

    /// Does something with the container's place in its log; the lock never spans a wait.
    fn with_resume<T>(&self, act: impl FnOnce(&mut Resume) -> T) -> T {
        act(&mut self.resume.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Watches a quiet stream: is there nothing, or does it no longer deliver?
struct Watch<'a> {
    /// When to act next.
    due: Instant,
    /// The daemon has more than came, and the stream has a moment to deliver it.
    suspect: bool,
    probe: Option<Pin<Box<dyn Future<Output = Option<bool>> + Send + 'a>>>,
}

impl<'a> Watch<'a> {
    fn new(interval: Duration) -> Self {
        Self { due: Instant::now() + interval, suspect: false, probe: None }
    }

    /// Goes a step: waits, begins a probe, or takes its answer. Tells whether the stream is stale.
    ///
    /// # Cancel safety
    /// Safe: a probe that was begun goes on with the next call.
    async fn step<S: Source>(&mut self, reader: &'a Reader<S>) -> bool {
        if let Some(probe) = &mut self.probe {
            let known = probe.await;
            self.probe = None;
            if known == Some(false) {
                (self.suspect, self.due) = (true, Instant::now() + GRACE);
                return false;
            }
            let interval = reader.with_resume(|resume| {
                resume.quiet().found_quiet();
                resume.quiet().interval()
            });
            self.due = Instant::now() + interval;
            return false;
        }
        sleep_until(self.due).await;
        if !self.suspect {
            let turn = reader.probes.take(Instant::now());
            self.probe = Some(Box::pin(reader.probe(turn)));
        }
        self.suspect
    }
}

fn silent() -> SourceError {
    let message = format!("the daemon sent nothing of a stored log for {FINITE_IDLE:?}");
    SourceError::new(ErrorKind::Timeout, message)
}
