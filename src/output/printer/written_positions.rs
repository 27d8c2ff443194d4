//! How far the logs are written: what the cursor may save.
//!
//! A position counts when all lines up to it were decided by the filter, and what is shown of them is written.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use crate::cursor::{Keeper, SaveReport, Update};
use crate::directory::{Checkpoint, LocalDisk};
use crate::engine::event::{About, Event, Gap, GapCause, Note, Notice};
use crate::engine::source::ContainerKey;

/// What the cursor has to know, until it may.
#[derive(Debug)]
pub(super) struct Progress {
    cursor: Option<Keeper>,
    /// What waits for lines that are not decided.
    taken: HashMap<ContainerKey, Taken>,
    /// What may be saved after the next write.
    decided: Vec<Update>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Lines of the container that were taken so far.
    lines: u64,
    /// What the cursor has to know in this order, each with the number of lines before it.
    updates: VecDeque<(u64, Update)>,
}

impl Progress {
    pub(super) fn new(cursor: Option<Keeper>) -> Self {
        Self { cursor, taken: HashMap::new(), decided: Vec::new() }
    }

    /// Notes what an event that comes now says of how far the logs are read.
    pub(super) fn take(&mut self, event: &mut Event) {
        if self.cursor.is_none() {
            return;
        }
        match event {
            Event::Lines(lines) => {
                let taken = self.taken.entry(lines.label.key.clone()).or_default();
                taken.lines += lines.len() as u64;
                if let Some(position) = lines.position.take() {
                    let label = Arc::clone(&lines.label);
                    taken.updates.push_back((taken.lines, Update::Position(label, position)));
                }
            }
            Event::Gap(Gap { label, cause: GapCause::Removed, .. })
            | Event::Note(Note { about: About::Container(label), what: Notice::Removed }) => {
                // Behind the positions of lines that the filter still holds.
                let taken = self.taken.entry(label.key.clone()).or_default();
                taken.updates.push_back((taken.lines, Update::Removed(label.key.clone())));
            }
            Event::Identity(daemon, identity) => {
                self.decided.push(Update::Identity(daemon.clone(), Arc::clone(identity)));
            }
            Event::Gap(_)
            | Event::Note(_)
            | Event::Begins(..)
            | Event::Reading(_)
            | Event::CaughtUp(_) => {}
        }
    }

    /// Of each container, all lines are decided but for as many as `held` says.
    pub(super) fn decided(&mut self, held: impl Fn(&ContainerKey) -> usize) {
        let decided = &mut self.decided;
        self.taken.retain(|key, taken| {
            let held = held(key) as u64;
            let end = taken.lines.saturating_sub(held);
            let count = taken.updates.partition_point(|(lines, _)| *lines <= end);
            decided.extend(taken.updates.drain(..count).map(|(_, update)| update));
            !taken.updates.is_empty() || 0 < held
        });
    }

    /// Whether there is something to save.
    pub(super) fn has_decided(&self) -> bool {
        !self.decided.is_empty()
    }

    /// What was decided is in the files of this checkpoint.
    pub(super) fn submit(&mut self, checkpoint: Checkpoint<LocalDisk>) {
        if let Some(cursor) = &self.cursor {
            cursor.submit(self.decided.drain(..), checkpoint);
        }
    }

    /// The report about saving that has arrived, if there is one.
    pub(super) fn try_report(&mut self) -> Option<SaveReport> {
        self.cursor.as_mut()?.try_report()
    }

    /// Waits for a report about saving, outside of any runtime.
    pub(super) fn wait_for_report(&mut self) -> Option<SaveReport> {
        self.cursor.as_mut()?.wait_for_report()
    }

    /// All that was in the buffer is written.
    pub(super) fn written(&mut self) {
        if let Some(cursor) = self.cursor.as_ref().filter(|_| !self.decided.is_empty()) {
            cursor.accept(self.decided.drain(..));
        }
    }

    /// Waits for a report about saving.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn report(&mut self) -> SaveReport {
        match &mut self.cursor {
            Some(cursor) => cursor.report().await,
            None => std::future::pending().await,
        }
    }

    /// Saves what is written. Blocks until it is on disk.
    ///
    /// # Errors
    /// It could not be saved.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.cursor.as_mut().map_or(Ok(()), Keeper::finish)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cursor::{CursorFile, Start};
    use crate::engine::event::{Delivery, Extent, Label, Lines};
    use crate::engine::position::Position;
    use crate::engine::source::{ContainerId, DaemonId, StdStream};
    use crate::engine::timestamp::Timestamp;

    fn batch(label: &Arc<Label>, lines: usize) -> Event {
        let mut batch = Lines::new(Arc::clone(label));
        for _ in 0..lines {
            batch.push(
                Timestamp::from_nanos(1),
                StdStream::Stdout,
                [b"x\n", b""],
                Extent::Whole,
                Delivery::InOrder,
            );
        }
        batch.position = Some(Box::new(Position::beginning()));
        Event::Lines(batch)
    }

    #[test]
    fn a_position_counts_when_all_lines_before_it_are_decided() {
        let dir = tempfile::tempdir().unwrap();
        let (file, saved) = CursorFile::open(&dir.path().join("c"), Start::Continue).unwrap();
        let keeper = Keeper::spawn(file, saved, Duration::ZERO).unwrap();
        let mut progress = Progress::new(Some(keeper));
        let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("c") };
        let label = Arc::new(Label::new(key, "web".into()));
        // Of six lines in three batches, this many are held: as many positions count.
        for (held, count) in [(6, 0), (5, 0), (4, 1), (3, 1), (1, 2), (0, 3)] {
            progress.taken.clear();
            progress.decided.clear();
            for lines in [2, 3, 1] {
                progress.take(&mut batch(&label, lines));
            }
            progress.decided(|_| held);
            assert_eq!(progress.decided.len(), count, "{held} are held");
        }
        assert!(progress.taken.is_empty(), "nothing is left of a container that is written");
        // A position that is decided later must not make a removed container one that is there.
        progress.decided.clear();
        let what = Notice::Removed;
        progress.take(&mut batch(&label, 1));
        progress.take(&mut Event::Note(Note { about: About::Container(Arc::clone(&label)), what }));
        progress.decided(|_| 1);
        assert!(progress.decided.is_empty());
        progress.decided(|_| 0);
        assert!(matches!(progress.decided[..], [Update::Position(..), Update::Removed(_)]));
        progress.finish().unwrap();
    }
}
