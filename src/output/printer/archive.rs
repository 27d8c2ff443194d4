//! Writes lines to the files of an output directory. The printer's thread appends, the cursor's keeper syncs and saves,
//! and another thread compresses.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::directory::{
    Checkpoint, CheckpointId, CompressionEnd, Directory, Error, FileKey, Finding, LocalDisk,
};
use crate::engine::event::Label;

/// The interval of syncs of files and cursor while lines come.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_secs(1);

/// An open output directory.
#[derive(Debug)]
pub(super) struct Archive {
    directory: Directory<LocalDisk>,
    phase: Phase,
    /// The time of the last checkpoint.
    last: Instant,
    compressing: Option<JoinHandle<CompressionEnd>>,
    /// Ends a compression early.
    stop: CancellationToken,
    pub(super) saves: Saves,
    /// The time of the next rotation that the run may wait for.
    next_rotation: Option<Instant>,
}

/// Whether the last save of the cursor succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saves {
    Work,
    Fail,
}

/// The state of the last checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It covers everything written.
    Saved,
    /// More was written since.
    Changed,
    /// It is being saved.
    InFlight { changed: bool },
}

impl Archive {
    pub(super) fn new(directory: Directory<LocalDisk>, stop: CancellationToken) -> Self {
        let (phase, last) = (Phase::Saved, Instant::now());
        let (saves, next_rotation) = (Saves::Work, None);
        Self { directory, phase, last, compressing: None, stop, saves, next_rotation }
    }

    /// Appends lines of a container.
    ///
    /// # Errors
    /// No line counts as written. If the error is temporary, the call can be repeated.
    pub(super) fn append(&mut self, label: &Label, lines: &[u8]) -> Result<(), Error> {
        let host = label.key.daemon.host().map(ToString::to_string);
        self.directory.append(&FileKey { host, name: label.name.to_string() }, lines)?;
        self.changed();
        Ok(())
    }

    /// Records a write that the last checkpoint does not cover.
    pub(super) fn changed(&mut self) {
        self.phase = match self.phase {
            Phase::InFlight { .. } => Phase::InFlight { changed: true },
            Phase::Saved | Phase::Changed => Phase::Changed,
        };
    }

    /// The time of the next checkpoint.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.phase == Phase::Changed).then(|| self.last + BETWEEN_CHECKPOINTS)
    }

    /// Whether a file is too large, and a save can rotate it now.
    pub(super) fn awaits_rotation(&self) -> bool {
        self.saves == Saves::Work
            && self.directory.awaits_rotation()
            && self.next_rotation.is_none_or(|next| next <= Instant::now())
    }

    /// Does not wait for the rotation that has just failed again before the next save is due.
    pub(super) fn delay_rotation(&mut self) {
        let failed = self.directory.awaits_rotation();
        self.next_rotation = failed.then(|| Instant::now() + BETWEEN_CHECKPOINTS);
    }

    /// Whether a checkpoint is being saved.
    pub(super) fn is_in_flight(&self) -> bool {
        matches!(self.phase, Phase::InFlight { .. })
    }

    /// A checkpoint of everything written; `None` if nothing is new, or the last one is being saved.
    ///
    /// # Errors
    /// The metadata of a file cannot be read.
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

    /// Records that a checkpoint is on disk: rotates and compresses files that waited for it.
    ///
    /// # Errors
    /// A step failed; a later call repeats it.
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

    /// Takes a finished compression, and starts the next.
    fn compress(&mut self) -> Result<(), Error> {
        let ended = self.compressing.take_if(|job| job.is_finished());
        if let Some(Ok(end)) = ended.map(JoinHandle::join) {
            self.directory.finish_compression(end)?;
        }
        if self.compressing.is_none()
            && let Some(job) = self.directory.next_compression()?
        {
            let stop = self.stop.clone();
            let run = move || job.run(|| stop.is_cancelled());
            self.compressing = thread::Builder::new().name("compress".to_owned()).spawn(run).ok();
        }
        Ok(())
    }

    /// Compresses the old files that wait for it, unless the run was stopped: then the next run does.
    ///
    /// # Errors
    /// The last one of the files that could not be compressed, or could not replace their originals.
    pub(super) fn compress_all(&mut self) -> Result<(), Error> {
        let mut result = Ok(());
        loop {
            if let Some(Ok(end)) = self.compressing.take().map(JoinHandle::join) {
                result = self.directory.finish_compression(end).and(result);
            }
            if !self.stop.is_cancelled() {
                result = self.compress().and(result);
            }
            if self.compressing.is_none() {
                return result;
            }
        }
    }

    /// Changes by other programs since the last call.
    pub(super) fn findings(&mut self) -> Vec<Finding> {
        self.directory.take_findings()
    }
}
