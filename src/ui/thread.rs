//! The thread of the screen: waits for keys, events and deadlines, and carries out the model's effects.
//!
//! It draws a frame only after a change, and at most ten per second. It takes a snapshot once a second, and at
//! once when the engine sends an event.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::Builder;
use std::time::Duration;

use crossterm::event::EventStream;
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::model::{Effect, Input, Model};
use super::terminal::{self, THREAD, Terminal};
use crate::engine::Control;
use crate::engine::event::Event;
use crate::filter::{Filter, Patterns, Shown};
use crate::format::Colors;
use crate::format::pretty::LineForm;
use crate::signal::{Job, JobControl};
use crate::snapshot::Snapshot;

/// The shortest interval of frames.
const FRAME: Duration = Duration::from_millis(100);
/// The interval of snapshots.
const LOOK: Duration = Duration::from_secs(1);
/// The time limit to finish a frame at the end.
const LAST: Duration = Duration::from_millis(500);
/// The number of events taken before the next check for a due frame.
const AT_ONCE: usize = 32;

/// How the screen was closed; the terminal is restored by then.
#[derive(Clone, Debug)]
pub(crate) enum Closed {
    /// By `q`, or by request.
    Done,
    /// By Ctrl-C, which comes as a key.
    Interrupted,
    /// The terminal failed.
    Failed(Arc<io::Error>),
}

/// The options of the screen.
#[derive(Debug)]
pub(crate) struct Settings {
    /// In colors.
    pub colors: Colors,
    /// The containers were named, instead of all running ones.
    pub named: bool,
    /// The initial form of JSON and logfmt lines.
    pub form: LineForm,
    /// The highlighted patterns.
    pub highlight: Patterns,
    /// The filter of lines; `None` shows all. No line ends the run.
    pub filter: Option<Filter>,
}

/// The open screen. Dropping it restores the terminal.
pub(crate) struct Screen {
    stop: CancellationToken,
    closed: watch::Receiver<Option<Closed>>,
    /// Disconnected after the end of the thread.
    thread: std::sync::mpsc::Receiver<()>,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.stop.cancel();
        // No frame may be drawn on a restored terminal. Do not wait for a stopped terminal.
        match self.thread.recv_timeout(LAST) {
            Err(RecvTimeoutError::Disconnected) => terminal::give_back(),
            Ok(()) | Err(RecvTimeoutError::Timeout) => terminal::give_back_at_once(),
        }
    }
}

impl Screen {
    /// Takes the terminal over and shows events; `look` returns the current snapshot.
    ///
    /// # Errors
    /// The terminal or the thread is not available.
    pub(crate) fn open(
        settings: Settings,
        events: mpsc::Receiver<Event>,
        look: Box<dyn FnMut() -> Snapshot + Send>,
        control: Control,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (closing, closed) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stopped = stop.clone();
        let (alive, thread) = std::sync::mpsc::channel();
        Builder::new().name(THREAD.to_owned()).spawn(move || {
            let _alive: std::sync::mpsc::Sender<()> = alive;
            let end = runtime.block_on(run(settings, events, look, control, stopped));
            closing.send_replace(Some(end.unwrap_or_else(|error| Closed::Failed(error.into()))));
        })?;
        Ok(Self { stop, closed, thread })
    }

    /// Requests the close.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it is closed.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn closed(&mut self) -> Closed {
        match self.closed.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(closed)) => closed.clone(),
            // The thread panicked, and the panic hook has written to stderr.
            _ => Closed::Failed(io::Error::other("the screen panicked").into()),
        }
    }
}

async fn run(
    settings: Settings,
    events: mpsc::Receiver<Event>,
    look: Box<dyn FnMut() -> Snapshot + Send>,
    control: Control,
    stop: CancellationToken,
) -> io::Result<Closed> {
    let jobs = JobControl::new()?;
    let size = Terminal::size()?;
    let terminal = Terminal::take()?;
    let mut model = Model::new(size, settings.colors, TimeZone::system());
    (model.named, model.form) = (settings.named, settings.form);
    model.highlight = Arc::new(settings.highlight);
    let now = Instant::now();
    let mut thread = Thread {
        model,
        terminal,
        look,
        control,
        filter: settings.filter,
        shown: Vec::new(),
        changed: true,
        anew: false,
        drawn: now - FRAME,
        next_look: now,
        looked: now - FRAME,
    };
    thread.go(events, jobs, stop).await
}

struct Thread {
    model: Model,
    terminal: Terminal,
    look: Box<dyn FnMut() -> Snapshot + Send>,
    control: Control,
    /// The filter of lines; `None` shows all.
    filter: Option<Filter>,
    /// The output of the filter; empty between two events.
    shown: Vec<Shown>,
    /// The model has changed since the last frame.
    changed: bool,
    /// The screen's content is unknown.
    anew: bool,
    drawn: Instant,
    looked: Instant,
    next_look: Instant,
}

impl Thread {
    async fn go(
        &mut self,
        mut events: mpsc::Receiver<Event>,
        mut jobs: JobControl,
        stop: CancellationToken,
    ) -> io::Result<Closed> {
        let mut keys = EventStream::new();
        let mut batch = Vec::with_capacity(AT_ONCE);
        loop {
            let now = Instant::now();
            if self.next_look <= now {
                Terminal::is_there()?;
                self.take_a_look(now);
            }
            let frame = self.drawn + FRAME;
            if self.changed && frame <= now {
                self.draw(now)?;
                super::panic_on_purpose("screen");
            }
            let due = if self.changed { self.next_look.min(frame) } else { self.next_look };
            let held = self.filter.as_ref().and_then(Filter::due);
            let due = held.map_or(due, |held| due.min(held));
            let end = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Closed::Done),
                key = keys.next() => match key {
                    Some(event) => terminal::input(&event?).and_then(|input| self.update(input)),
                    // The terminal is gone.
                    None => Some(Closed::Done),
                },
                job = jobs.next() => {
                    if job == Job::Suspend {
                        terminal::give_back();
                        JobControl::stop_here();
                        jobs.resumed().await;
                    }
                    self.resume()?;
                    None
                }
                () = sleep_until(due) => {
                    if let Some(filter) = &mut self.filter {
                        filter.expire(Instant::now(), |_| false, &mut self.shown);
                    }
                    self.show_filtered();
                    None
                }
                count = events.recv_many(&mut batch, AT_ONCE) => {
                    if count == 0 {
                        // The engine has ended. The command that opened the screen decides the next step.
                        stop.cancelled().await;
                        return Ok(Closed::Done);
                    }
                    for event in batch.drain(..) {
                        if !matches!(event, Event::Lines(_)) {
                            self.next_look = self.next_look.min(self.looked + FRAME);
                        }
                        self.take(event);
                    }
                    None
                }
            };
            if let Some(closed) = end {
                return Ok(closed);
            }
        }
    }

    /// Shows an event, if the filter passes it.
    fn take(&mut self, event: Event) {
        let Some(filter) = &mut self.filter else {
            self.update(Input::Event(event));
            return;
        };
        match event {
            Event::Lines(lines) => {
                filter.lines(lines, Instant::now(), &mut self.shown);
                self.show_filtered();
            }
            event => {
                filter.before(&event, &mut self.shown);
                self.show_filtered();
                self.update(Input::Event(event));
            }
        }
    }

    fn show_filtered(&mut self) {
        for Shown { lines, .. } in std::mem::take(&mut self.shown) {
            self.update(Input::Event(Event::Lines(lines)));
        }
    }

    fn take_a_look(&mut self, now: Instant) {
        (self.looked, self.next_look) = (now, now + LOOK);
        let snapshot = Box::new((self.look)());
        self.update(Input::Looked(snapshot));
    }

    fn draw(&mut self, now: Instant) -> io::Result<()> {
        (self.drawn, self.changed) = (now, false);
        if std::mem::take(&mut self.anew) {
            self.terminal.forget()?;
        }
        self.terminal.draw(&self.model)
    }

    /// Passes an input to the model, and carries out its effect; returns an end, if that is one.
    fn update(&mut self, input: Input) -> Option<Closed> {
        let effect = self.model.update(input);
        self.changed |= effect != Effect::Nothing;
        match effect {
            Effect::Nothing | Effect::Draw => {}
            Effect::Redraw => self.anew = true,
            Effect::Rotate(key) => {
                // A held-down key need not count each time.
                let _ = self.control.rotate(&key);
            }
            Effect::Suspend => JobControl::suspend(),
            Effect::Quit => return Some(Closed::Done),
            Effect::Interrupt => return Some(Closed::Interrupted),
        }
        None
    }

    /// Another program may have used the terminal.
    fn resume(&mut self) -> io::Result<()> {
        self.terminal.take_again()?;
        let (columns, rows) = Terminal::size()?;
        self.update(Input::Resized(columns, rows));
        Ok(())
    }
}
