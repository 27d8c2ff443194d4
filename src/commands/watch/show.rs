//! The screen or the snapshot writer, behind one type.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::{Watch, WatchForm};
use crate::docker::Docker;
use crate::engine::Control;
use crate::engine::event::Event;
use crate::filter::Filter;
use crate::output::watch::{Form, SnapshotWriter};
use crate::output::{self, Ended, Sinks};
use crate::snapshot::Recorder;
use crate::ui::{Closed, Screen, Settings};

/// The output of the engine's state.
pub(super) enum Show {
    Screen(Screen),
    Snapshots(SnapshotWriter),
}

/// How the output ended.
pub(super) enum Over {
    /// By request, or after everything was written.
    Done,
    /// By Ctrl-C, which a terminal in raw mode sends as a key.
    Interrupted,
    /// A write failed.
    Failed(Arc<io::Error>),
}

impl Show {
    pub(super) fn begin(
        (watch, named): (&Watch, bool),
        config: output::Config,
        sinks: Sinks,
        events: mpsc::Receiver<Event>,
        mut recorder: Recorder<Docker>,
        control: Control,
    ) -> io::Result<Self> {
        let form = match watch.form {
            WatchForm::Screen { colors, lines: form } => {
                let look = Box::new(move || recorder.take());
                let mut rules = watch.rules.clone();
                // The screen highlights matches itself, in the form that it shows.
                let highlight = std::mem::take(&mut rules.highlight);
                let filter = (!rules.is_empty()).then(|| Filter::new(rules));
                let settings = Settings { colors, named, form, highlight, filter };
                return Screen::open(settings, events, look, control).map(Show::Screen);
            }
            WatchForm::Lines => Form::Lines(watch.interval),
            WatchForm::Table => Form::Table,
            WatchForm::Json { once: true } => Form::JsonOnce,
            WatchForm::Json { once: false } => Form::Json(watch.interval),
        };
        SnapshotWriter::spawn(form, config, sinks, events, move || recorder.take())
            .map(Show::Snapshots)
    }

    /// Requests an end after the last output, if the output stays visible. Returns whether it does.
    pub(super) fn finish(&self) -> bool {
        if let Show::Snapshots(writer) = self {
            writer.finish();
            return true;
        }
        false
    }

    /// Requests the end. The writer ends with the engine's events.
    pub(super) fn stop(&self) {
        if let Show::Screen(screen) = self {
            screen.stop();
        }
    }
}

/// Waits for the end of the output; without one it never returns.
///
/// # Cancel safety
/// Safe.
pub(super) async fn over(show: &mut Option<Show>) -> Over {
    match show {
        Some(Show::Screen(screen)) => match screen.closed().await {
            Closed::Done => Over::Done,
            Closed::Interrupted => Over::Interrupted,
            Closed::Failed(error) => Over::Failed(error),
        },
        Some(Show::Snapshots(writer)) => match writer.ended().await {
            Ended::Done | Ended::Closed | Ended::Matched(_) => Over::Done,
            Ended::Failed(error) | Ended::Unsaved(error) => Over::Failed(error),
        },
        None => std::future::pending().await,
    }
}
