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

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::sink::Sinks;
use super::status::Status;
use super::text::Text;
use super::{Config, Form, json, summary};
use crate::engine::Outcome;
use crate::engine::census::Census;
use crate::engine::event::Event;
use crate::format::{clean, note};

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
    ) -> io::Result<Self> {
        let own = Sinks { out: sinks.out.duplicate()?, err: sinks.err.duplicate()? };
        let thread_config = config.clone();
        let (ending, ended) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("printer".to_owned()).spawn(move || {
            let mut thread = Thread::new(thread_config, own, census, names);
            let end = runtime.block_on(thread.run(events));
            thread.status.clear();
            ending.send_replace(Some(match end {
                Ok(end) => end,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ended::Closed,
                Err(error) => Ended::Failed(error.into()),
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
}

impl<C: Fn() -> Census> Thread<C> {
    fn new(
        config: Config,
        sinks: Sinks,
        census: C,
        names: impl Fn() -> Vec<Arc<str>> + Send + 'static,
    ) -> Self {
        Self {
            sinks,
            census,
            status: Status::new(config.status),
            text: Text::new(config.clone(), names),
            config,
            buffer: Vec::with_capacity(2 * FLUSH),
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
                        () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                            self.status.draw(&(self.census)());
                            continue;
                        }
                    }
                }
            };
            match event {
                Some(event) => self.show(&event)?,
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
            Event::Lines(lines) if json => {
                json::lines(lines, self.config.strip_escapes, &mut self.buffer);
            }
            Event::Lines(lines) => {
                self.text.lines(lines, &mut self.buffer);
                if let Some(error) = self.text.take_failure() {
                    let error = clean(&error);
                    self.talk(&format!(
                        "! the template failed for a line ({error}); such lines are shown as they are\n"
                    ))?;
                }
            }
            Event::Gap(gap) if json => json::gap(gap, &mut self.buffer),
            Event::Gap(gap) => {
                self.talk(&note::gap(gap, &self.config.zone, self.config.color_err))?;
            }
            Event::Note(note) if self.config.quiet && !note::is_error(&note.what) => {}
            Event::Note(note) if json => json::note(note, &mut self.buffer),
            Event::Note(note) => self.talk(&note::note(note, self.config.color_err))?,
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
            return Ok(());
        }
        if self.config.form == Form::Json {
            let json = std::mem::take(&mut self.buffer);
            self.buffer = self.config.harmless_json(json);
        }
        let written = self.status.aside(|| self.sinks.out.write_all(&self.buffer));
        self.buffer.clear();
        self.buffer.shrink_to(4 * FLUSH);
        written
    }
}

#[cfg(test)]
mod tests;
