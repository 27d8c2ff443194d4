//! The thread that prints.
//!
//! It takes events from the bounded channel, writes lines in as few calls as there are batches
//! waiting, and ends when the channel does, when the reader of stdout is gone, or when a write
//! fails. Its own small runtime lets it wait for events, for the closed pipe and for the next
//! status line at once. A write may block for as long as it likes; who started the printer waits for
//! [`Printer::ended`] with a deadline of its own.

use std::io;
use std::sync::Arc;
use std::thread;

use jiff::tz::TimeZone;
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::sink::Sinks;
use super::status::Status;
use super::text::Text;
use super::{Config, Form, json, summary};
use crate::cursor::{Keeper, SaveReport, Update};
use crate::engine::Outcome;
use crate::engine::census::Census;
use crate::engine::event::{About, Event, Gap, GapCause, Lines, Note, Notice};
use crate::format::note;

/// Lines are written when so much has come together, or when nothing more waits.
const FLUSH: usize = 64 * 1024;

/// Why the printer ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// All that was sent is written.
    Done,
    /// The reader of stdout went away.
    Closed,
    /// A write failed.
    Failed(Arc<io::Error>),
    /// The cursor could not be saved, so the next run repeats what was written since it was last.
    Unsaved(Arc<io::Error>),
}

/// A running printer.
#[derive(Debug)]
pub struct Printer {
    config: Config,
    ended: watch::Receiver<Option<Ended>>,
    /// Written to only when the thread has ended.
    sinks: Sinks,
}

impl Printer {
    /// Starts a thread that prints what comes over `events`; `census` is asked for the status
    /// line, and `names` for those of the containers that are followed.
    ///
    /// # Errors
    /// The thread, or what it waits with, cannot be had.
    pub fn spawn(
        config: Config,
        sinks: Sinks,
        events: mpsc::Receiver<Event>,
        census: impl Fn() -> Census + Send + 'static,
        names: impl Fn() -> Vec<Arc<str>> + Send + 'static,
        cursor: Option<Keeper>,
    ) -> io::Result<Self> {
        let own = Sinks { out: sinks.out.duplicate()?, err: sinks.err.duplicate()? };
        let (ending, ended) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("printer".to_owned()).spawn(move || {
            let mut thread = Thread::new(config, own, census, names, cursor);
            let end = runtime.block_on(thread.run(events));
            thread.status.clear();
            let unsaved = thread.cursor.as_mut().and_then(|cursor| cursor.finish().err());
            ending.send_replace(Some(match (end, unsaved) {
                (_, Some(error)) => Ended::Unsaved(error.into()),
                (Ok(end), None) => end,
                (Err(error), None) if error.kind() == io::ErrorKind::BrokenPipe => Ended::Closed,
                (Err(error), None) => Ended::Failed(error.into()),
            }));
        })?;
        Ok(Self { config, ended, sinks })
    }

    /// Waits for the end of the printer.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ended(&mut self) -> Ended {
        match self.ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(ended)) => ended.clone(),
            // The thread panicked: the panic was told on stderr already.
            _ => Ended::Failed(io::Error::other("the printer panicked").into()),
        }
    }

    /// Writes the summary; the thread must have ended.
    ///
    /// # Errors
    /// The write fails.
    pub fn summary(&self, outcome: &Outcome) -> io::Result<()> {
        let mut text = Vec::new();
        if self.config.form == Form::Json {
            json::summary(outcome, &mut text);
            return self.sinks.out.write_all(&self.config.harmless_json(text));
        }
        let text = summary::summary(outcome, self.config.color_err);
        self.sinks.err.write_all(text.as_bytes())
    }
}

/// What the thread owns.
struct Thread<C> {
    config: Config,
    sinks: Sinks,
    census: C,
    status: Status,
    text: Text,
    buffer: Vec<u8>,
    zone: TimeZone,
    cursor: Option<Keeper>,
    /// What the cursor has to know once the buffer is written.
    updates: Vec<Update>,
}

impl<C: Fn() -> Census> Thread<C> {
    fn new(
        config: Config,
        sinks: Sinks,
        census: C,
        names: impl Fn() -> Vec<Arc<str>> + Send + 'static,
        cursor: Option<Keeper>,
    ) -> Self {
        Self {
            config,
            sinks,
            census,
            status: Status::new(config.status),
            text: Text::new(config, names),
            buffer: Vec::with_capacity(2 * FLUSH),
            zone: TimeZone::system(),
            cursor,
            updates: Vec::new(),
        }
    }

    async fn run(&mut self, mut events: mpsc::Receiver<Event>) -> io::Result<Ended> {
        let watched = self.sinks.out.duplicate()?;
        let watch = watched.watch()?;
        loop {
            let event = match events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    self.flush()?;
                    let due = self.status.due();
                    tokio::select! {
                        biased;
                        () = watch.closed() => return Ok(Ended::Closed),
                        event = events.recv() => event,
                        report = save_report(&mut self.cursor) => {
                            self.talk(&note::save_report(&report, self.config.color_err))?;
                            continue;
                        }
                        () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                            self.status.draw(&(self.census)());
                            continue;
                        }
                    }
                }
            };
            match event {
                Some(event) => {
                    self.show(&event)?;
                    self.note_for_cursor(event)?;
                }
                None => break,
            }
            if self.status.due().is_some_and(|due| due <= Instant::now()) {
                self.status.draw(&(self.census)());
            }
        }
        self.flush()?;
        Ok(Ended::Done)
    }

    fn show(&mut self, event: &Event) -> io::Result<()> {
        let json = self.config.form == Form::Json;
        match event {
            Event::Lines(lines) if json => json::lines(lines, &mut self.buffer),
            Event::Lines(lines) => self.text.lines(lines, &mut self.buffer),
            Event::Gap(gap) if json => json::gap(gap, &mut self.buffer),
            Event::Gap(gap) => self.talk(&note::gap(gap, &self.zone, self.config.color_err))?,
            Event::Note(note) if self.config.quiet && !note::is_error(&note.what) => {}
            Event::Note(note) if json => json::note(note, &mut self.buffer),
            Event::Note(note) => self.talk(&note::note(note, self.config.color_err))?,
            Event::Identity(..) => {}
        }
        Ok(())
    }

    /// Notes what the cursor has to know of an event, and writes when much has come together. What stands in
    /// the buffer is not written yet.
    fn note_for_cursor(&mut self, event: Event) -> io::Result<()> {
        if self.cursor.is_some() {
            self.updates.extend(match event {
                Event::Lines(Lines { label, position: Some(position), .. }) => {
                    Some(Update::Position(label, position))
                }
                Event::Gap(Gap { label, cause: GapCause::Removed, .. })
                | Event::Note(Note { about: About::Container(label), what: Notice::Removed }) => {
                    Some(Update::Removed(label.key.clone()))
                }
                Event::Identity(daemon, identity) => Some(Update::Identity(daemon, identity)),
                _ => None,
            });
        }
        if FLUSH <= self.buffer.len() {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes to stderr, behind the lines that came before.
    fn talk(&mut self, text: &str) -> io::Result<()> {
        self.flush()?;
        // Talk is lost when stderr is closed; the data goes on.
        let _ = self.status.aside(|| self.sinks.err.write_all(text.as_bytes()));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            self.accepted();
            return Ok(());
        }
        if self.config.form == Form::Json {
            let json = std::mem::take(&mut self.buffer);
            self.buffer = self.config.harmless_json(json);
        }
        let written = self.status.aside(|| self.sinks.out.write_all(&self.buffer));
        self.buffer.clear();
        self.buffer.shrink_to(4 * FLUSH);
        if written.is_ok() {
            self.accepted();
        }
        written
    }

    /// All that was in the buffer is written.
    fn accepted(&mut self) {
        if let Some(cursor) = self.cursor.as_ref().filter(|_| !self.updates.is_empty()) {
            cursor.accept(self.updates.drain(..));
        }
    }
}

/// The next report about the cursor, where there is one.
async fn save_report(cursor: &mut Option<Keeper>) -> SaveReport {
    match cursor {
        Some(cursor) => cursor.report().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
