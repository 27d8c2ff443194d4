//! The handle of the printer: start, wait, summary.

use std::sync::Arc;
use std::{io, thread};

use tokio::sync::{mpsc, watch};

use super::{Ended, Passes, Thread};
use crate::engine::Outcome;
use crate::engine::census::Census;
use crate::engine::event::Event;
use crate::output::sink::Sinks;
use crate::output::{Config, Destination, Form, json, summary};

/// A running printer.
#[derive(Debug)]
pub(crate) struct Printer {
    pub(super) config: Config,
    ended: watch::Receiver<Option<Ended>>,
    /// Written to only after the end of the thread.
    pub(super) sinks: Sinks,
}

impl Printer {
    /// Starts a thread that prints the events that pass `filter`. It calls `census` for the status line, and
    /// `names` for the names of the followed containers.
    ///
    /// # Errors
    /// The system cannot create the thread or its timer.
    pub(crate) fn spawn(
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
    pub(crate) async fn ended(&mut self) -> Ended {
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
    pub(crate) fn summary(&self, outcome: &Outcome) -> io::Result<()> {
        let mut text = Vec::new();
        if self.config.form == Form::Json && self.config.destination == Destination::Stdout {
            json::summary(outcome, &mut text);
            return self.sinks.out.write_all(&self.config.harmless_json(text));
        }
        let text = summary::summary(outcome, self.config.color_err);
        self.sinks.err.write_all(text.as_bytes())
    }

    /// Writes an error to stderr while the thread is blocked, unless that would block too.
    pub(crate) fn last_error(&self, error: &anyhow::Error) {
        if self.sinks.err.is_ready() {
            self.error(error);
        }
    }

    /// Writes an error to stderr; the thread must have ended.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        crate::output::error(&self.sinks.err, error, None, self.config.color_err);
    }
}
