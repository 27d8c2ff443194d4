//! The thread that writes snapshots where there is no screen.
//!
//! It takes the engine's events and drops the lines: what `watch` shows of them is their count. Gaps and
//! what is wrong go to stderr beside the plain lines. A write may block; who started the teller waits for
//! [`Teller::ended`] with a deadline of its own.

use std::io;
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::printer::Ended;
use super::super::sink::Sinks;
use super::super::{Config, note};
use super::{json, table};
use crate::engine::event::Event;
use crate::engine::rows::StreamState;
use crate::snapshot::Snapshot;

/// Until all streams have found their place it is looked again this often.
const LOOK: Duration = Duration::from_millis(100);
/// The first snapshot waits this long for its rates.
const LEAST: Duration = Duration::from_millis(1100);
/// It waits no longer than this for streams that do not open.
const MOST: Duration = Duration::from_secs(5);

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One table.
    Table,
    /// A line of totals, this far apart.
    Lines(Duration),
    /// One JSON object.
    JsonOnce,
    /// JSON objects, this far apart.
    Json(Duration),
}

/// A running teller.
#[derive(Debug)]
pub struct Teller {
    finish: CancellationToken,
    ended: watch::Receiver<Option<Ended>>,
}

impl Teller {
    /// Starts the thread; it ends with the events, with the reader of stdout, or after one snapshot
    /// where one is wanted.
    ///
    /// # Errors
    /// The thread, or what it waits with, cannot be had.
    pub fn spawn(
        form: Form,
        config: Config,
        sinks: Sinks,
        events: mpsc::Receiver<Event>,
        snapshot: impl FnMut() -> Snapshot + Send + 'static,
    ) -> io::Result<Self> {
        let (ending, ended) = watch::channel(None);
        let finish = CancellationToken::new();
        let finishing = finish.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("teller".to_owned()).spawn(move || {
            let zone = TimeZone::system();
            let mut thread = Thread { form, config, sinks, snapshot, zone, finish: finishing };
            let end = runtime.block_on(thread.run(events));
            ending.send_replace(Some(match end {
                Ok(end) => end,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ended::Closed,
                Err(error) => Ended::Failed(error.into()),
            }));
        })?;
        Ok(Self { finish, ended })
    }

    /// Asks it to end with a last snapshot, where the last one is not of this moment.
    pub fn finish(&self) {
        self.finish.cancel();
    }

    /// Waits for the end of the teller.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ended(&mut self) -> Ended {
        match self.ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(ended)) => ended.clone(),
            // The thread panicked: the panic was told on stderr already.
            _ => Ended::Failed(io::Error::other("the teller panicked").into()),
        }
    }
}

struct Thread<F> {
    form: Form,
    config: Config,
    sinks: Sinks,
    snapshot: F,
    zone: TimeZone,
    finish: CancellationToken,
}

impl<F: FnMut() -> Snapshot> Thread<F> {
    async fn run(&mut self, mut events: mpsc::Receiver<Event>) -> io::Result<Ended> {
        let watched = self.sinks.out.duplicate()?;
        let watch = watched.watch()?;
        let mut begun = Instant::now();
        let (mut due, mut written) = (begun + LEAST, None::<Instant>);
        loop {
            tokio::select! {
                biased;
                () = watch.closed() => return Ok(Ended::Closed),
                () = sleep_until(due) => {
                    let snapshot = (self.snapshot)();
                    let once = matches!(self.form, Form::Table | Form::JsonOnce);
                    let awaited = is_awaited(&snapshot);
                    if once && awaited {
                        // The only one is of a daemon that answers.
                        begun = Instant::now();
                    }
                    let settling = is_settling(&snapshot) && (once || !awaited);
                    if written.is_none() && settling && begun.elapsed() < MOST {
                        due += LOOK;
                        continue;
                    }
                    written = Some(Instant::now());
                    match self.write(&snapshot)? {
                        Some(interval) => due += interval,
                        None => return Ok(Ended::Done),
                    }
                    // After a stopped terminal there is nothing to catch up with.
                    due = due.max(Instant::now());
                }
                () = self.finish.cancelled() => {
                    if written.is_none_or(|at| LOOK < at.elapsed()) {
                        let snapshot = (self.snapshot)();
                        self.write(&snapshot)?;
                    }
                    return Ok(Ended::Done);
                }
                event = events.recv() => match event {
                    Some(event) => self.tell(&event),
                    None => return Ok(Ended::Done),
                },
            }
        }
    }

    /// Writes a snapshot, and tells when the next one is due.
    fn write(&mut self, snapshot: &Snapshot) -> io::Result<Option<Duration>> {
        let mut into = Vec::new();
        let next = match self.form {
            Form::Table => {
                into.extend_from_slice(table::table(snapshot, &self.zone).as_bytes());
                None
            }
            Form::Lines(interval) => {
                into.extend_from_slice(table::totals(snapshot, &self.zone).as_bytes());
                Some(interval)
            }
            Form::JsonOnce => {
                json::snapshot(snapshot, &mut into);
                None
            }
            Form::Json(interval) => {
                json::snapshot(snapshot, &mut into);
                Some(interval)
            }
        };
        self.sinks.out.write_all(&into)?;
        Ok(next)
    }

    fn tell(&self, event: &Event) {
        let color = self.config.color_err;
        let text = match event {
            // In the objects they are already.
            _ if !matches!(self.form, Form::Lines(_)) => return,
            Event::Lines(_) => return,
            Event::Gap(gap) => note::gap(gap, &self.zone, color),
            Event::Note(note) if self.config.quiet && !note::is_error(&note.what) => return,
            Event::Note(note) => note::note(note, color),
        };
        // Talk is lost when stderr is closed; the data goes on.
        let _ = self.sinks.err.write_all(text.as_bytes());
    }
}

/// Whether nothing was heard of the daemon yet, and it is tried again.
fn is_awaited(snapshot: &Snapshot) -> bool {
    snapshot.daemon.version.is_empty() && snapshot.census.away.is_some()
}

/// Whether a stream is still on its way to its place.
fn is_settling(snapshot: &Snapshot) -> bool {
    snapshot.rows.iter().any(|row| row.stream == StreamState::Opening)
        || snapshot.daemon.version.is_empty()
}
