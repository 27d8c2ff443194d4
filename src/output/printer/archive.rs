//! Lines into the files of an output directory. The printer's thread appends; the keeper of the cursor syncs and
//! saves; another thread compresses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::Instant;

use crate::directory::{
    Checkpoint, CheckpointId, CompressionEnd, Directory, Error, FileKey, Finding, LocalDisk,
};
use crate::engine::event::Label;

/// Files and cursor are synced this often while lines come.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_secs(1);

/// An output directory while it is written to.
#[derive(Debug)]
pub(super) struct Archive {
    directory: Directory<LocalDisk>,
    phase: Phase,
    /// The last checkpoint was taken then.
    last: Instant,
    compressing: Option<JoinHandle<CompressionEnd>>,
    stops: Arc<AtomicBool>,
}

/// What the last checkpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It covers all that there is.
    Saved,
    /// There is more than it covers.
    Changed,
    /// It is being saved.
    InFlight { changed: bool },
}

impl Archive {
    pub(super) fn new(directory: Directory<LocalDisk>) -> Self {
        let (phase, last) = (Phase::Saved, Instant::now());
        Self { directory, phase, last, compressing: None, stops: Arc::default() }
    }

    /// Appends lines of a container.
    ///
    /// # Errors
    /// None of them counts as written. Where the error is temporary, they can be tried again.
    pub(super) fn append(&mut self, label: &Label, lines: &[u8]) -> Result<(), Error> {
        let host = label.key.daemon.host().map(ToString::to_string);
        self.directory.append(&FileKey { host, name: label.name.to_string() }, lines)?;
        self.changed();
        Ok(())
    }

    /// There is something that the last checkpoint does not cover.
    pub(super) fn changed(&mut self) {
        self.phase = match self.phase {
            Phase::InFlight { .. } => Phase::InFlight { changed: true },
            Phase::Saved | Phase::Changed => Phase::Changed,
        };
    }

    /// When the next checkpoint is due.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.phase == Phase::Changed).then(|| self.last + BETWEEN_CHECKPOINTS)
    }

    /// Whether a checkpoint is being saved.
    pub(super) fn is_in_flight(&self) -> bool {
        matches!(self.phase, Phase::InFlight { .. })
    }

    /// All that is written up to now; none where nothing is new, or the last one is being saved.
    ///
    /// # Errors
    /// A file cannot be looked at.
    pub(super) fn checkpoint(&mut self) -> Result<Option<Checkpoint<LocalDisk>>, Error> {
        if self.phase != Phase::Changed {
            return Ok(None);
        }
        self.last = Instant::now();
        let checkpoint = self.directory.checkpoint()?;
        if checkpoint.is_some() {
            self.phase = Phase::InFlight { changed: false };
        }
        Ok(checkpoint)
    }

    /// A checkpoint is on disk: rotates and compresses what waited for it.
    ///
    /// # Errors
    /// Something of that failed, and is tried again later.
    pub(super) fn saved(&mut self, id: CheckpointId) -> Result<(), Error> {
        self.phase = match self.phase {
            Phase::InFlight { changed: false } => Phase::Saved,
            _ => Phase::Changed,
        };
        let rotated = self.directory.committed(id);
        if self.directory.awaits_commit() {
            self.changed();
        }
        rotated.and(self.compress())
    }

    /// Takes what was compressed, and begins with the next file.
    fn compress(&mut self) -> Result<(), Error> {
        let ended = self.compressing.take_if(|job| job.is_finished());
        if let Some(Ok(end)) = ended.map(JoinHandle::join) {
            self.directory.finish_compression(end)?;
        }
        if self.compressing.is_none()
            && let Some(job) = self.directory.next_compression()?
        {
            let stops = Arc::clone(&self.stops);
            let run = move || job.run(|| stops.load(Ordering::Relaxed));
            self.compressing = thread::Builder::new().name("compress".to_owned()).spawn(run).ok();
        }
        Ok(())
    }

    /// Ends what is being compressed; the next run begins it again.
    ///
    /// # Errors
    /// A file that was just compressed could not be put in its place.
    pub(super) fn stop(&mut self) -> Result<(), Error> {
        self.stops.store(true, Ordering::Relaxed);
        match self.compressing.take().map(JoinHandle::join) {
            Some(Ok(end)) => self.directory.finish_compression(end),
            _ => Ok(()),
        }
    }

    /// What others did to the files since the last call.
    pub(super) fn findings(&mut self) -> Vec<Finding> {
        self.directory.take_findings()
    }
}
