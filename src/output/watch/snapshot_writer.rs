//! The thread that writes snapshots without a screen.
//!
//! It takes the engine's events and drops the lines, since `watch` shows only their count. Gaps and problems go to
//! stderr. A write may block, so the thread that started the writer waits for [`SnapshotWriter::ended`] with its own
//! deadline.

use std::io;
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{json, table};
use crate::engine::event::{Event, Notice};
use crate::engine::rows::StreamState;
use crate::format::note;
use crate::output::Config;
use crate::output::printer::Ended;
use crate::output::sink::Sinks;
use crate::snapshot::Snapshot;

/// The interval of looks until all streams have found their anchor.
const LOOK: Duration = Duration::from_millis(100);
/// The delay of the first snapshot, for its rates.
const FIRST_SNAPSHOT_DELAY: Duration = Duration::from_millis(1100);
/// The maximum delay of the first snapshot for streams that do not open.
const MOST: Duration = Duration::from_secs(5);

/// The kind of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One table.
    Table,
    /// A line of totals at this interval.
    Lines(Duration),
    /// One JSON object.
    JsonOnce,
    /// JSON objects at this interval.
    Json(Duration),
}

/// A running writer.
#[derive(Debug)]
pub(crate) struct SnapshotWriter {
    finish: CancellationToken,
    ended: watch::Receiver<Option<Ended>>,
}

impl SnapshotWriter {
    /// Starts the thread. It ends with the events, with the reader of stdout, or after a single snapshot.
    ///
    /// # Errors
    /// The system cannot create the thread or its timer.
    pub(crate) fn spawn(
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
        thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
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

    /// Requests the end with a final snapshot, unless the last one is current.
    pub(crate) fn finish(&self) {
        self.finish.cancel();
    }

    /// Waits for the end of the writer.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn ended(&mut self) -> Ended {
        match self.ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(ended)) => ended.clone(),
            // The thread panicked, and the panic hook has written to stderr.
            _ => Ended::Failed(io::Error::other("the snapshot writer panicked").into()),
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
        let (mut due, mut written) = (begun + FIRST_SNAPSHOT_DELAY, None::<Instant>);
        loop {
            tokio::select! {
                biased;
                () = watch.closed() => return Ok(Ended::Closed),
                () = sleep_until(due) => {
                    let snapshot = (self.snapshot)();
                    let once = matches!(self.form, Form::Table | Form::JsonOnce);
                    let awaited = is_awaited(&snapshot);
                    if once && awaited {
                        // The daemon of the only snapshot has answered.
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
                    // After a stopped terminal there is no backlog to write.
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
                    Some(event) => self.emit(&event),
                    None => return Ok(Ended::Done),
                },
            }
        }
    }

    /// Writes a snapshot, and returns the time of the next one.
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
                into = self.config.harmless_json(into);
                None
            }
            Form::Json(interval) => {
                json::snapshot(snapshot, &mut into);
                into = self.config.harmless_json(into);
                Some(interval)
            }
        };
        self.sinks.out.write_all(&into)?;
        Ok(next)
    }

    fn emit(&self, event: &Event) {
        let color = self.config.color_err;
        let text = match event {
            // Left-out daemons are in no object and in no table.
            Event::Note(note) if matches!(note.what, Notice::Own) && !self.config.quiet => {
                note::note(note, color)
            }
            // Objects contain them already.
            _ if !matches!(self.form, Form::Lines(_)) => return,
            Event::Lines(_)
            | Event::Identity(..)
            | Event::Begins(..)
            | Event::Reading(_)
            | Event::CaughtUp(_) => {
                return;
            }
            Event::Gap(gap) => note::gap(gap, &self.zone, color),
            Event::Note(note) if self.config.quiet && !note::is_error(&note.what) => return,
            Event::Note(note) => note::note(note, color),
        };
        // Messages are lost if stderr is closed; the data continues.
        let _ = self.sinks.err.write_all(text.as_bytes());
    }
}

/// Whether the daemon has not answered yet, and cmon retries.
fn is_awaited(snapshot: &Snapshot) -> bool {
    is_unheard(snapshot) && !snapshot.census.away.is_empty()
}

/// Whether a stream has not found its anchor yet.
fn is_settling(snapshot: &Snapshot) -> bool {
    snapshot.rows.iter().any(|row| row.stream == StreamState::Opening) || is_unheard(snapshot)
}

/// Whether no daemon's version is known yet.
fn is_unheard(snapshot: &Snapshot) -> bool {
    snapshot.daemons.iter().all(|daemon| daemon.version.is_empty())
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::output::Sink;
    use crate::snapshot::tests::sample;

    const SECOND: Duration = Duration::from_secs(1);
    const JSON: Form = Form::Json(Duration::from_secs(10));

    /// Runs a writer that is stopped after a time. Returns the times of its snapshots in milliseconds since the
    /// start (each snapshot counts them as its lines), and the duration.
    async fn written(
        form: Form,
        after: Duration,
        look: impl Fn(Duration) -> Snapshot,
    ) -> (Vec<u64>, Duration) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let file = std::fs::File::create(&path).unwrap();
        let sinks = Sinks { out: Sink::of(&file).unwrap(), err: Sink::of(&file).unwrap() };
        let begun = Instant::now();
        let snapshot = || {
            let mut snapshot = look(begun.elapsed());
            snapshot.census.lines = u64::try_from(begun.elapsed().as_millis()).unwrap();
            snapshot
        };
        let config = Config::plain(crate::output::Form::Json);
        let finish = CancellationToken::new();
        let zone = TimeZone::UTC;
        let mut thread = Thread { form, config, sinks, snapshot, zone, finish: finish.clone() };
        let (events, received) = mpsc::channel(1);
        let asked = async {
            sleep(after).await;
            finish.cancel();
        };
        let (ended, ()) = tokio::join!(
            async {
                assert!(matches!(thread.run(received).await, Ok(Ended::Done)));
                begun.elapsed()
            },
            asked
        );
        drop(events);
        let lines = |text: &str| -> u64 {
            let object: serde_json::Value = serde_json::from_str(text).unwrap();
            object["lines"].as_u64().unwrap()
        };
        (std::fs::read_to_string(path).unwrap().lines().map(lines).collect(), ended)
    }

    fn steady(_: Duration) -> Snapshot {
        sample::many(2)
    }

    /// The daemon has not answered yet, and cmon retries.
    fn awaited() -> Snapshot {
        let mut snapshot = sample::away();
        (snapshot.rows, snapshot.daemons[0].version) = (Vec::new(), String::new());
        snapshot
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_snapshot_is_written_unless_one_is_current() {
        let (moments, _) = written(JSON, 25 * SECOND, steady).await;
        assert_eq!(moments, [1100, 11_100, 21_100, 25_000]);
        let (moments, _) = written(JSON, Duration::from_millis(21_150), steady).await;
        assert_eq!(moments, [1100, 11_100, 21_100], "the last one is of this moment");
        for form in [JSON, Form::JsonOnce] {
            let (moments, ended) = written(form, Duration::from_millis(300), steady).await;
            assert_eq!(
                (moments, ended.as_millis()),
                (vec![300], 300),
                "nothing was written before"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_awaited_daemon_is_shown_at_once_except_with_once() {
        let look = |now: Duration| if now < 60 * SECOND { awaited() } else { sample::many(2) };
        let (moments, _) = written(JSON, 15 * SECOND, look).await;
        assert_eq!(moments, [1100, 11_100, 15_000]);
        let (moments, ended) = written(Form::JsonOnce, 100 * SECOND, look).await;
        assert_eq!((moments, ended.as_secs()), (vec![60_000], 60));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_snapshot_waits_for_anchors_for_a_limited_time() {
        let opening = |until: Duration| {
            move |now: Duration| {
                let mut snapshot = sample::many(2);
                if now < until {
                    snapshot.rows[0].stream = StreamState::Opening;
                }
                snapshot
            }
        };
        for form in [JSON, Form::JsonOnce] {
            let (moments, _) = written(form, 9 * SECOND, opening(3 * SECOND)).await;
            assert_eq!(moments[0], 3000, "{form:?}");
            let (moments, _) = written(form, 9 * SECOND, opening(60 * SECOND)).await;
            assert_eq!(moments[0], 5000, "{form:?}");
        }
        // Later snapshots do not wait: one opening stream must not delay them.
        let late = |now: Duration| opening(if now < 2 * SECOND { now } else { 9 * SECOND })(now);
        let (moments, _) = written(Form::Json(SECOND), 4 * SECOND, late).await;
        assert_eq!(moments, [1100, 2100, 3100, 4000]);
    }
}
