//! The thread that prints.
//!
//! It takes events from the bounded channel, writes lines in as few calls as there are batches
//! waiting, and ends when the channel does, when the reader of stdout is gone, or when a write
//! fails. Its own small runtime lets it wait for events, for the closed pipe and for the next
//! status line at once. A write may block for as long as it likes; who started the printer waits for
//! [`Printer::ended`] with a deadline of its own.

mod archive;
mod progress;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use archive::Archive;
use progress::Progress;

use super::sink::{Sinks, Watch};
use super::status::Status;
use super::text::Text;
use super::{Config, Destination, Form, json, summary};
use crate::cursor::{Keeper, SaveReport};
use crate::directory::{self, Directory, LocalDisk};
use crate::engine::Outcome;
use crate::engine::census::Census;
use crate::engine::event::{Event, Label};
use crate::engine::source::ContainerKey;
use crate::filter::{Filter, Match, Shown};
use crate::format::{clean, note};
use crate::merge::{Merge, Ready};

/// Lines are written when so much has come together, or when nothing more waits.
const FLUSH: usize = 64 * 1024;
/// A file that cannot be written is tried again this often.
const RETRY: Duration = Duration::from_secs(1);

/// Why the printer ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// All that was sent is written.
    Done,
    /// An event matched that ends the run; it is written, and nothing behind it.
    Matched(Match),
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
    /// Starts a thread that prints what comes over `events` and passes `filter`; `census` is asked for the
    /// status line, and `names` for those of the containers that are followed.
    ///
    /// # Errors
    /// The thread, or what it waits with, cannot be had.
    pub fn spawn(
        config: Config,
        sinks: Sinks,
        events: mpsc::Receiver<Event>,
        passes: Passes,
        census: impl Fn() -> Census + Send + 'static,
        names: impl Fn() -> Vec<Arc<str>> + Send + 'static,
    ) -> io::Result<Self> {
        let own = Sinks { out: sinks.out.duplicate()?, err: sinks.err.duplicate()? };
        let thread_config = config.clone();
        let (ending, ended) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("printer".to_owned()).spawn(move || {
            let mut thread = Thread::new(thread_config, own, passes, census, names);
            let end = runtime.block_on(thread.run(events));
            thread.status.clear();
            let unsaved = thread.finish().err();
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
            // The thread panicked, and the panic hook has written to stderr.
            _ => Ended::Failed(io::Error::other("the printer panicked").into()),
        }
    }

    /// Writes the summary; the thread must have ended.
    ///
    /// # Errors
    /// The write fails.
    pub fn summary(&self, outcome: &Outcome) -> io::Result<()> {
        let mut text = Vec::new();
        if self.config.form == Form::Json && self.config.destination == Destination::Stdout {
            json::summary(outcome, &mut text);
            return self.sinks.out.write_all(&self.config.harmless_json(text));
        }
        let text = summary::summary(outcome, self.config.color_err);
        self.sinks.err.write_all(text.as_bytes())
    }

    /// Writes an error to stderr; the thread must have ended.
    pub fn error(&self, error: &anyhow::Error) {
        super::error(&self.sinks.err, error, None, self.config.color_err);
    }
}

/// What lines pass on their way, and where they go.
#[derive(Debug, Default)]
pub struct Passes {
    /// Nothing where all lines are shown as they come.
    pub filter: Option<Filter>,
    /// Puts the lines of several containers in order. Nothing where they are shown as they come.
    pub merge: Option<Merge>,
    /// What the next run has to know.
    pub cursor: Option<Keeper>,
    /// Where lines go instead of stdout. It needs a cursor.
    pub directory: Option<Directory<LocalDisk>>,
}

/// What the thread owns.
struct Thread<C> {
    config: Config,
    sinks: Sinks,
    /// Nothing where all lines are shown as they come.
    filter: Option<Filter>,
    /// What the filter lets pass; empty between two events.
    shown: Vec<Shown>,
    /// Nothing where lines of several containers need no order.
    merge: Option<Merge>,
    census: C,
    status: Status,
    text: Text,
    buffer: Vec<u8>,
    progress: Progress,
    /// Where lines go instead of stdout.
    archive: Option<Archive>,
}

impl<C: Fn() -> Census> Thread<C> {
    fn new(
        config: Config,
        sinks: Sinks,
        Passes { filter, merge, cursor, directory }: Passes,
        census: C,
        names: impl Fn() -> Vec<Arc<str>> + Send + 'static,
    ) -> Self {
        Self {
            sinks,
            filter,
            shown: Vec::new(),
            merge,
            census,
            status: if config.status { Status::drawn() } else { Status::hidden() },
            text: Text::new(config.clone(), names),
            config,
            buffer: Vec::with_capacity(2 * FLUSH),
            progress: Progress::new(cursor),
            archive: directory.map(Archive::new),
        }
    }

    async fn run(&mut self, mut events: mpsc::Receiver<Event>) -> io::Result<Ended> {
        let watched = self.sinks.out.duplicate()?;
        // Nothing is written to stdout, so its reader may go away.
        let watch = match self.archive {
            Some(_) => Watch::default(),
            None => watched.watch()?,
        };
        self.report_findings()?;
        loop {
            let event = match events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    self.flush()?;
                    let dues = [
                        self.status.due(),
                        self.filter.as_ref().and_then(Filter::due),
                        self.merge.as_ref().and_then(Merge::due),
                        self.archive.as_ref().and_then(Archive::due),
                    ];
                    let due = dues.into_iter().flatten().min();
                    tokio::select! {
                        biased;
                        () = watch.closed() => return Ok(Ended::Closed),
                        event = events.recv() => event,
                        report = self.progress.report() => {
                            self.on_report(report)?;
                            continue;
                        }
                        () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                            // Only here: what others wait for may be in the channel.
                            if let Some(merge) = &mut self.merge {
                                merge.expire(Instant::now());
                            }
                            if let Some(matched) = self.on_time()? {
                                return Ok(Ended::Matched(matched));
                            }
                            continue;
                        }
                    }
                }
            };
            let Some(event) = event else { break };
            let matched = match self.take(event)? {
                None => self.on_time()?,
                matched => matched,
            };
            if let Some(matched) = matched {
                return Ok(Ended::Matched(matched));
            }
        }
        let matched = self.filter.as_mut().and_then(|filter| filter.finish(&mut self.shown));
        self.show_filtered()?;
        self.show_all(matched.as_ref())?;
        Ok(matched.map_or(Ended::Done, Ended::Matched))
    }

    /// Does what is due. Returns the event that ends the run, if one is decided now.
    fn on_time(&mut self) -> io::Result<Option<Match>> {
        let now = Instant::now();
        let due = self.filter.as_ref().and_then(Filter::due);
        if let (Some(_), Some(filter)) = (due, &mut self.filter) {
            let merge = self.merge.as_ref();
            let is_behind = |key: &ContainerKey| merge.is_some_and(|merge| merge.is_behind(key));
            let matched = filter.expire(now, is_behind, &mut self.shown);
            self.show_filtered()?;
            if matched.is_some() {
                self.show_all(matched.as_ref())?;
                return Ok(matched);
            }
        }
        if let Some(merge) = &mut self.merge {
            if due.is_some_and(|due| due <= now) {
                merge.filtered_all(self.filter.as_ref());
            }
            self.show_merged()?;
        }
        self.decided();
        if self.status.due().is_some_and(|due| due <= Instant::now()) {
            self.status.draw(&(self.census)());
        }
        self.keep_archive()?;
        Ok(None)
    }

    /// Shows what of an event passes the filter, and what its place in the order allows. Returns the event that ends
    /// the run, if it is there.
    fn take(&mut self, mut event: Event) -> io::Result<Option<Match>> {
        let now = Instant::now();
        let key = event.container().cloned();
        self.progress.take(&mut event);
        if let Some(merge) = &mut self.merge {
            merge.hear(&mut event, now);
        }
        let (filter, shown) = (self.filter.as_mut(), &mut self.shown);
        let (matched, other) = match (event, filter) {
            (Event::Lines(lines), None) => {
                shown.push(Shown::plain(lines));
                (None, None)
            }
            (Event::Lines(lines), Some(filter)) => (filter.lines(lines, now, shown), None),
            (other, filter) => {
                (filter.and_then(|filter| filter.before(&other, shown)), Some(other))
            }
        };
        self.show_filtered()?;
        if matched.is_some() {
            self.show_all(matched.as_ref())?;
            return Ok(matched);
        }
        if let (Some(merge), Some(key)) = (&mut self.merge, key) {
            merge.filtered(&key, self.filter.as_ref());
        }
        let now_or_later = match (&mut self.merge, other) {
            (Some(merge), Some(other)) => merge.event(other, now),
            (_, other) => other,
        };
        if let Some(event) = now_or_later {
            self.show(&event)?;
        }
        self.show_merged()?;
        self.decided();
        Ok(None)
    }

    /// The lines that are no longer held are in the buffer, or are not to be shown.
    fn decided(&mut self) {
        let (filter, merge) = (self.filter.as_ref(), self.merge.as_ref());
        self.progress.decided(|key| {
            let held = filter.map_or(0, |filter| filter.held(key));
            merge.map_or(held, |merge| merge.held(key, held))
        });
    }

    /// Hands what passed the filter to the merge, or shows it where lines need no order.
    fn show_filtered(&mut self) -> io::Result<()> {
        let Some(merge) = &mut self.merge else {
            for shown in std::mem::take(&mut self.shown) {
                self.show_lines(&shown)?;
                self.flush_if_full()?;
            }
            return Ok(());
        };
        let now = Instant::now();
        for shown in self.shown.drain(..) {
            merge.lines(shown, now);
        }
        Ok(())
    }

    /// Shows what has its place in the order.
    fn show_merged(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while let Some(ready) = self.merge.as_mut().and_then(|merge| merge.next(now)) {
            self.show_ready(ready)?;
        }
        Ok(())
    }

    /// Shows all that is held; the event that ends the run comes last.
    fn show_all(&mut self, matched: Option<&Match>) -> io::Result<()> {
        let last = self
            .merge
            .as_mut()
            .and_then(|merge| merge.finish(matched.map(|matched| &matched.label.key)));
        self.show_merged()?;
        if let Some(last) = last {
            self.show_ready(last)?;
        }
        self.decided();
        self.flush()
    }

    fn show_ready(&mut self, ready: Ready) -> io::Result<()> {
        match ready {
            Ready::Lines(shown) => {
                self.show_lines(&shown)?;
                self.flush_if_full()
            }
            Ready::Event(event) => self.show(&event),
        }
    }

    fn show_lines(&mut self, Shown { lines, marks, .. }: &Shown) -> io::Result<()> {
        if self.config.form == Form::Json {
            let strip = self.config.strip_escapes;
            let escapes = if strip { json::Escapes::Stripped } else { json::Escapes::Kept };
            json::lines(lines, escapes, &mut self.buffer);
        } else {
            self.text.marked(lines, marks, &mut self.buffer);
        }
        self.archive(&lines.label)?;
        if let Some(error) = self.text.take_failure() {
            let error = clean(&error);
            self.talk(&format!(
                "! the template failed for a line ({error}); such lines are shown as they are\n"
            ))?;
        }
        Ok(())
    }

    /// Moves what is in the buffer to the file of this container. A disk that is full is waited for.
    #[expect(
        clippy::disallowed_methods,
        reason = "the printer's own thread may block, as it does in a write to stdout"
    )]
    fn archive(&mut self, label: &Label) -> io::Result<()> {
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        let mut failed = false;
        while let Err(error) = archive.append(label, &self.buffer) {
            if !error.is_temporary() {
                return Err(io::Error::other(error));
            }
            if !failed {
                self.status.clear();
                // Talk is lost when stderr is closed; the data goes on.
                let text = note::unwritten(&error, self.config.color_err);
                let _ = self.sinks.err.write_all(text.as_bytes());
            }
            failed = true;
            thread::sleep(RETRY);
        }
        self.buffer.clear();
        self.buffer.shrink_to(4 * FLUSH);
        if failed {
            self.talk(&note::written_again(self.config.color_err))?;
        }
        Ok(())
    }

    /// Takes the next checkpoint of the files when it is due.
    fn keep_archive(&mut self) -> io::Result<()> {
        while let Some(report) = self.progress.try_report() {
            self.on_report(report)?;
        }
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        if self.progress.has_decided() {
            archive.changed();
        }
        if archive.due().is_some_and(|due| due <= Instant::now()) {
            self.submit()?;
        }
        Ok(())
    }

    /// Lets all that is written be saved, unless the last checkpoint is being saved.
    fn submit(&mut self) -> io::Result<()> {
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        match archive.checkpoint() {
            Ok(Some(checkpoint)) => self.progress.submit(checkpoint),
            Ok(None) => {}
            Err(error) => self.on_trouble(&error)?,
        }
        self.report_findings()
    }

    fn on_report(&mut self, report: SaveReport) -> io::Result<()> {
        match report {
            SaveReport::Saved(id) => {
                let done = self.archive.as_mut().map_or(Ok(()), |archive| archive.saved(id));
                if let Err(error) = done {
                    self.on_trouble(&error)?;
                }
                self.report_findings()
            }
            SaveReport::Broken(error) => Err(io::Error::other(error)),
            report => self.talk(&note::save_report(&report, self.config.color_err)),
        }
    }

    fn on_trouble(&mut self, error: &directory::Error) -> io::Result<()> {
        if !error.is_temporary() {
            return Err(io::Error::other(error.to_string()));
        }
        self.talk(&note::unwritten(error, self.config.color_err))
    }

    fn report_findings(&mut self) -> io::Result<()> {
        for finding in self.archive.as_mut().map(Archive::findings).unwrap_or_default() {
            self.talk(&note::finding(&finding, self.config.color_err))?;
        }
        Ok(())
    }

    /// Saves all that was written. Blocks until it is on disk.
    fn finish(&mut self) -> io::Result<()> {
        for _ in 0..2 {
            while self.archive.as_ref().is_some_and(Archive::is_in_flight) {
                match self.progress.wait_for_report() {
                    Some(SaveReport::Failed(error)) => return Err(io::Error::other(error)),
                    Some(report) => self.on_report(report)?,
                    None => break,
                }
            }
            self.keep_all()?;
        }
        let stopped = self.archive.as_mut().map_or(Ok(()), Archive::stop);
        self.progress.finish()?;
        stopped.map_err(io::Error::other)
    }

    fn keep_all(&mut self) -> io::Result<()> {
        if let Some(archive) = self.archive.as_mut().filter(|_| self.progress.has_decided()) {
            archive.changed();
        }
        self.submit()
    }

    fn show(&mut self, event: &Event) -> io::Result<()> {
        let json = self.config.form == Form::Json;
        match event {
            Event::Gap(gap) if json && self.archive.is_none() => json::gap(gap, &mut self.buffer),
            Event::Gap(gap) => {
                self.talk(&note::gap(gap, &self.config.zone, self.config.color_err))?;
                if json {
                    json::gap(gap, &mut self.buffer);
                    self.archive(&gap.label)?;
                }
            }
            Event::Note(note) if self.config.quiet && !note::is_error(&note.what) => {}
            Event::Note(note) if json && self.archive.is_none() => {
                json::note(note, &mut self.buffer);
            }
            Event::Note(note) => self.talk(&note::note(note, self.config.color_err))?,
            // Lines come as what passed the filter.
            Event::Lines(_)
            | Event::Identity(..)
            | Event::Begins(..)
            | Event::Reading(_)
            | Event::CaughtUp(_) => {}
        }
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
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
        if let Some(merge) = &mut self.merge {
            merge.written(Instant::now());
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.archive.is_some() {
            return Ok(());
        }
        if self.buffer.is_empty() {
            self.progress.written();
            return Ok(());
        }
        if self.config.form == Form::Json {
            let json = std::mem::take(&mut self.buffer);
            self.buffer = self.config.harmless_json(json);
        }
        let written = self.status.aside(|| self.sinks.out.write_all(&self.buffer));
        if let Some(merge) = &mut self.merge {
            merge.written(Instant::now());
        }
        self.buffer.clear();
        self.buffer.shrink_to(4 * FLUSH);
        if written.is_ok() {
            self.progress.written();
        }
        written
    }
}

#[cfg(test)]
mod tests;
