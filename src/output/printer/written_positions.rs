//! The positions up to which logs are written, which the cursor may save.
//!
//! A position counts when the filter has decided all lines up to it, and the shown ones are written.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use crate::cursor::{Keeper, SaveReport, Update};
use crate::directory::{Checkpoint, LocalDisk};
use crate::engine::event::{About, Event, Gap, GapCause, Note, Notice};
use crate::engine::source::ContainerKey;

/// Progress for the cursor, until it may be saved.
#[derive(Debug)]
pub(super) struct Progress {
    cursor: Option<Keeper>,
    /// Progress that waits for undecided lines.
    taken: HashMap<ContainerKey, Taken>,
    /// Progress that may be saved after the next write.
    decided: Vec<Update>,
}

#[derive(Debug, Default)]
struct Taken {
    /// The number of lines of the container.
    lines: u64,
    /// Progress in order, each with the number of lines before it.
    updates: VecDeque<(u64, Update)>,
}

impl Progress {
    pub(super) fn new(cursor: Option<Keeper>) -> Self {
        Self { cursor, taken: HashMap::new(), decided: Vec::new() }
    }

    /// Records the progress in an incoming event.
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

    /// Records that all lines of each container are decided, except the last `held`.
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

    /// Whether there is progress to save.
    pub(super) fn has_decided(&self) -> bool {
        !self.decided.is_empty()
    }

    /// Records that the files of this checkpoint contain the decided lines.
    pub(super) fn submit(&mut self, checkpoint: Checkpoint<LocalDisk>) {
        if let Some(cursor) = &self.cursor {
            cursor.submit(self.decided.drain(..), checkpoint);
        }
    }

    /// The next report of the keeper, if one has arrived.
    pub(super) fn try_report(&mut self) -> Option<SaveReport> {
        self.cursor.as_mut()?.try_report()
    }

    /// Waits for a report of the keeper, outside of a runtime.
    pub(super) fn wait_for_report(&mut self) -> Option<SaveReport> {
        self.cursor.as_mut()?.wait_for_report()
    }

    /// Records that the buffer is written.
    pub(super) fn written(&mut self) {
        if let Some(cursor) = self.cursor.as_ref().filter(|_| !self.decided.is_empty()) {
            cursor.accept(self.decided.drain(..));
        }
    }

    /// Waits for a report of the keeper.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn report(&mut self) -> SaveReport {
        match &mut self.cursor {
            Some(cursor) => cursor.report().await,
            None => std::future::pending().await,
        }
    }

    /// Saves the written positions. Blocks until they are on disk.
    ///
    /// # Errors
    /// The save failed.
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
        // The number of held lines, out of six in three batches, and the number of positions that count.
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
        // A position that is decided later must not revive a removed container.
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
