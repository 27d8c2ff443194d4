//! The way of events to stdout: filter, merge, format, and large writes.

use std::io;

use tokio::time::Instant;

use super::Thread;
use crate::engine::census::Census;
use crate::engine::event::Event;
use crate::filter::{Match, Shown};
use crate::format::{clean, note};
use crate::merge::Ready;
use crate::output::{Form, json};

/// Lines are written at this size of the buffer, or when no event waits.
pub(super) const FLUSH: usize = 64 * 1024;

impl<C: Fn() -> Census> Thread<C> {
    /// Passes the filter's output to the merge, or shows it if lines need no order.
    pub(super) fn show_filtered(&mut self) -> io::Result<()> {
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

    /// Shows the items that the merge releases.
    pub(super) fn show_merged(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while let Some(ready) = self.merge.as_mut().and_then(|merge| merge.next(now)) {
            self.show_ready(ready)?;
        }
        Ok(())
    }

    /// Shows all held items; the event that ends the run comes last.
    pub(super) fn show_all(&mut self, matched: Option<&Match>) -> io::Result<()> {
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

    pub(super) fn show(&mut self, event: &Event) -> io::Result<()> {
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
            // Lines come from the filter.
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

    /// Writes to stderr, after the lines that came before.
    pub(super) fn talk(&mut self, text: &str) -> io::Result<()> {
        self.flush()?;
        // Messages are lost if stderr is closed; the data continues.
        let _ = self.status.aside(|| self.sinks.err.write_all(text.as_bytes()));
        if let Some(merge) = &mut self.merge {
            merge.written(Instant::now());
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
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
