//! The keeper: saves the printer's progress once a second on its own thread, so that no line waits for the disk.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc;

use super::file::CursorFile;
use super::format::Contents;
use crate::directory::{Checkpoint, CheckpointId, FileKey, FileRecord, LocalDisk};
use crate::engine::event::Label;
use crate::engine::position::{Position, Presence, Saved, SavedContainer, SavedDaemon};
use crate::engine::source::{ContainerKey, DaemonId};
use crate::engine::timestamp::Timestamp;

/// The interval of saves while lines are delivered.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// The maximum of removed containers per daemon, since a run of months may see any number of them.
const REMOVED_CONTAINERS_MAX: usize = 1000;
/// The queue length for reports to the printer.
const REPORTS_MAX: usize = 8;

/// A fact that the next run needs.
#[derive(Clone, Debug)]
pub enum Update {
    /// All lines up to this position are written.
    Position(Arc<Label>, Box<Position>),
    /// The container was removed, and that was reported.
    Removed(ContainerKey),
    /// The daemon's own id.
    Identity(DaemonId, Arc<str>),
}

/// A change in the outcome of saves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveReport {
    /// A save failed; cmon tries again.
    Failed(String),
    /// Saves succeed again.
    Works,
    /// This checkpoint of an output directory is on disk.
    Saved(CheckpointId),
    /// No more saves are possible, because lines may be missing on disk.
    Broken(String),
}

/// Keeps a cursor up to date.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    reports: mpsc::Receiver<SaveReport>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    places: Places,
    files: Vec<(FileKey, FileRecord)>,
    /// The checkpoint that must be on disk before the cursor.
    checkpoint: Option<Checkpoint<LocalDisk>>,
    is_saved: bool,
    ends: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Starts to keep this cursor with its saved content. Drops containers that were removed longer ago than
    /// `keep`.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn spawn(file: CursorFile, contents: Contents, keep: Duration) -> io::Result<Self> {
        let Contents { saved, files } = contents;
        let places = Places::new(saved, Timestamp::now(), keep);
        let state = State { places, files, checkpoint: None, is_saved: true, ends: false };
        let state = Mutex::new(state);
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        let (reporter, reports) = mpsc::channel(REPORTS_MAX);
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("cursor".to_owned())
            .spawn(move || keep_saving(&of_thread, &file, &reporter))?;
        Ok(Self { shared, reports, thread: Some(thread) })
    }

    /// Takes progress of the output.
    pub fn accept(&self, updates: impl IntoIterator<Item = Update>) {
        let mut state = self.shared.state();
        for update in updates {
            state.places.take(update, Timestamp::now());
            state.is_saved = false;
        }
        self.shared.changed.notify_one();
    }

    /// Takes progress of an output directory up to a checkpoint. Answers with the report [`SaveReport::Saved`];
    /// the next checkpoint must wait for that.
    pub fn submit(
        &self,
        updates: impl IntoIterator<Item = Update>,
        checkpoint: Checkpoint<LocalDisk>,
    ) {
        self.shared.state().checkpoint = Some(checkpoint);
        self.accept(updates);
        self.shared.state().is_saved = false;
        self.shared.changed.notify_one();
    }

    /// The next report, if one has arrived.
    pub fn try_report(&mut self) -> Option<SaveReport> {
        self.reports.try_recv().ok()
    }

    /// Waits for a report, outside of a runtime.
    pub fn wait_for_report(&mut self) -> Option<SaveReport> {
        self.reports.blocking_recv()
    }

    /// Waits for a report.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn report(&mut self) -> SaveReport {
        match self.reports.recv().await {
            Some(report) => report,
            None => std::future::pending().await,
        }
    }

    /// Saves the latest progress, and ends. Blocks until it is on disk.
    ///
    /// # Errors
    /// The save failed.
    pub fn finish(&mut self) -> io::Result<()> {
        self.shared.state().ends = true;
        self.shared.changed.notify_one();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(saved)) => saved,
            Some(Err(_)) => Err(io::Error::other("the thread of the cursor panicked")),
            None => Ok(()),
        }
    }
}

fn keep_saving(
    shared: &Shared,
    file: &CursorFile,
    reporter: &mpsc::Sender<SaveReport>,
) -> io::Result<()> {
    let mut failing = false;
    let mut synced = None;
    let mut state = shared.state();
    loop {
        while state.is_saved && !state.ends {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (ends, is_saved) = (state.ends, std::mem::replace(&mut state.is_saved, true));
        if is_saved {
            return Ok(());
        }
        if let Some(checkpoint) = state.checkpoint.take() {
            drop(state);
            if let Err(error) = checkpoint.sync() {
                let _ = reporter.try_send(SaveReport::Broken(error.to_string()));
                return Err(io::Error::other(error));
            }
            state = shared.state();
            state.files = checkpoint.records().to_vec();
            synced = Some(checkpoint.id());
        }
        let contents = Contents { saved: state.places.saved.clone(), files: state.files.clone() };
        drop(state);
        let result = file.save(&contents);
        if result.is_ok()
            && let Some(id) = synced.take()
        {
            let _ = reporter.try_send(SaveReport::Saved(id));
        }
        if ends {
            return result;
        }
        match &result {
            Err(error) if !failing => {
                let _ = reporter.try_send(SaveReport::Failed(error.to_string()));
            }
            Ok(()) if failing => {
                let _ = reporter.try_send(SaveReport::Works);
            }
            _ => {}
        }
        failing = result.is_err();
        state = shared.state();
        state.is_saved &= !failing;
        // A checkpoint is saved at once: files wait for it.
        let waits = |state: &mut State| !state.ends && (failing || state.checkpoint.is_none());
        let wait = shared.changed.wait_timeout_while(state, SAVE_INTERVAL, waits);
        state = wait.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// The content by daemon.
#[derive(Debug)]
struct Places {
    saved: Saved,
    /// How long removed containers are kept.
    keep: Duration,
    sections: HashMap<DaemonId, usize>,
}

impl Places {
    fn new(mut saved: Saved, now: Timestamp, keep: Duration) -> Self {
        saved.0.iter_mut().for_each(|daemon| daemon.forget_removed(now, keep));
        Self { saved, keep, sections: HashMap::new() }
    }

    fn take(&mut self, update: Update, now: Timestamp) {
        match update {
            Update::Identity(daemon, identity) => {
                let section = self.find(&daemon, Some(&identity));
                section.daemon_is(&daemon, identity);
            }
            Update::Position(label, position) => {
                let ContainerKey { daemon, id } = &label.key;
                let (name, presence) = (Arc::clone(&label.name), Presence::There);
                let container = SavedContainer { name, presence, position: *position };
                self.find(daemon, None).containers.insert(id.clone(), container);
            }
            Update::Removed(ContainerKey { daemon, id }) => {
                let keep = self.keep;
                let section = self.find(&daemon, None);
                if let Some(container) = section.containers.get_mut(&id) {
                    container.presence = Presence::Removed(now);
                    section.forget_removed(now, keep);
                }
            }
        }
    }

    fn find(&mut self, daemon: &DaemonId, identity: Option<&Arc<str>>) -> &mut SavedDaemon {
        let at = match self.sections.get(daemon) {
            Some(at) => *at,
            None => {
                let section = self.saved.section(daemon.as_str(), identity);
                // The engine has refused another daemon at this address. Two daemons may have the same id.
                let is_free = |at: &usize| self.sections.values().all(|taken| taken != at);
                let at = section.ok().flatten().filter(is_free).unwrap_or_else(|| {
                    let address = daemon.as_str().to_owned();
                    self.saved.0.push(SavedDaemon { address, ..SavedDaemon::default() });
                    self.saved.0.len() - 1
                });
                self.sections.insert(daemon.clone(), at);
                at
            }
        };
        &mut self.saved.0[at]
    }
}

impl SavedDaemon {
    /// Drops the containers that were removed longer ago, and the oldest above the maximum.
    fn forget_removed(&mut self, now: Timestamp, keep: Duration) {
        let keep = i64::try_from(keep.as_nanos()).unwrap_or(i64::MAX);
        let mut oldest = now.saturating_nanos().saturating_sub(keep);
        let removed = |container: &SavedContainer| match container.presence {
            Presence::There => None,
            Presence::Removed(time) => Some(time.saturating_nanos()),
        };
        let mut times: Vec<i64> = self.containers.values().filter_map(removed).collect();
        if REMOVED_CONTAINERS_MAX < times.len() {
            let first = times.len() - REMOVED_CONTAINERS_MAX;
            oldest = oldest.max(*times.select_nth_unstable(first).1);
        }
        let is_kept =
            |container: &SavedContainer| removed(container).is_none_or(|time| oldest <= time);
        self.containers.retain(|_, container| is_kept(container));
    }

    fn daemon_is(&mut self, daemon: &DaemonId, identity: Arc<str>) {
        daemon.as_str().clone_into(&mut self.address);
        self.identity = Some(identity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::anchor::Key;
    use crate::engine::position::Place;
    use crate::engine::source::{ContainerId, StdStream};

    fn position(number: i64) -> Position {
        let key = Key::from_parts(Timestamp::from_nanos(number), 7, 3, StdStream::Stdout);
        Position { place: Place::Behind, keys: vec![key], ..Position::beginning() }
    }

    fn delivered(daemon: &DaemonId, id: &str, number: i64) -> Update {
        let key = ContainerKey { daemon: daemon.clone(), id: ContainerId::new(id) };
        Update::Position(Arc::new(Label::new(key, "web".into())), Box::new(position(number)))
    }

    #[test]
    fn two_daemons_with_one_id_have_a_section_each() {
        let daemons = ["a", "b"].map(DaemonId::new);
        let mut places = Places::new(Saved::default(), Timestamp::from_nanos(0), Duration::ZERO);
        for run in 0..2 {
            for daemon in &daemons {
                places.take(Update::Identity(daemon.clone(), "X".into()), Timestamp::from_nanos(0));
                let id = format!("in {}", daemon.as_str());
                places.take(delivered(daemon, &id, run), Timestamp::from_nanos(0));
            }
            let sections = places.saved.0.iter();
            let of = |section: &SavedDaemon| (section.address.clone(), section.containers.len());
            let sections: Vec<(String, usize)> = sections.map(of).collect();
            assert_eq!(sections, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
            places = Places::new(places.saved, Timestamp::from_nanos(0), Duration::ZERO);
        }
    }

    #[test]
    fn a_removed_container_is_kept_for_the_configured_time() {
        let daemon = DaemonId::new("a");
        let mut places = Places::new(Saved::default(), Timestamp::from_nanos(0), Duration::ZERO);
        places.take(delivered(&daemon, "gone", 1), Timestamp::from_nanos(1));
        places.take(delivered(&daemon, "there", 1), Timestamp::from_nanos(1));
        let key = ContainerKey { daemon: daemon.clone(), id: ContainerId::new("gone") };
        places.take(Update::Removed(key), Timestamp::from_nanos(10));
        for (now, left) in [(15, 2), (16, 1)] {
            let now = Timestamp::from_nanos(now);
            let later = Places::new(places.saved.clone(), now, Duration::from_nanos(5));
            assert_eq!(later.saved.0[0].containers.len(), left);
        }
    }

    #[test]
    fn the_cursor_keeps_the_last_thousand_removed_containers() {
        let daemon = DaemonId::new("a");
        let week = Duration::from_secs(7 * 86_400);
        let mut places = Places::new(Saved::default(), Timestamp::from_nanos(0), week);
        places.take(delivered(&daemon, "there", 1), Timestamp::from_nanos(1));
        for number in 0..3000 {
            let now = Timestamp::from_nanos(number);
            let id = number.to_string();
            places.take(delivered(&daemon, &id, number), now);
            let key = ContainerKey { daemon: daemon.clone(), id: ContainerId::new(&id) };
            places.take(Update::Removed(key), now);
            assert!(places.saved.0[0].containers.len() <= REMOVED_CONTAINERS_MAX + 1);
        }
        let left = &places.saved.0[0].containers;
        let has = |id: &str| left.contains_key(&ContainerId::new(id));
        assert!(has("there") && has("2999") && has("2000") && !has("1999"));
    }

    #[test]
    fn accepted_positions_are_saved_at_the_end_and_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let (file, saved) = CursorFile::open(&path, crate::cursor::Start::Continue).unwrap();
        let mut keeper = Keeper::spawn(file, saved, Duration::ZERO).unwrap();
        let daemon = DaemonId::new("a");
        let read = || {
            let text = std::fs::read(&path).unwrap();
            crate::cursor::format::decode(&text).unwrap().saved
        };
        keeper.accept([delivered(&daemon, "x", 1)]);
        while read().0.is_empty() {
            std::thread::yield_now();
        }
        keeper.accept([delivered(&daemon, "x", 2)]);
        keeper.finish().unwrap();
        let container = &read().0[0].containers[&ContainerId::new("x")];
        assert_eq!(container.position, position(2));
    }
}
