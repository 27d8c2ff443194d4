//! The delivered frames of a container, the wanted ones, and the first view.

use std::sync::Arc;

use tokio::time::Instant;

use super::holes::{LogAge, Proven, Reach};
use super::{Counts, Plan, Resume, Searched};
use crate::engine::anchor::Anchor;
use crate::engine::backlog::{Backlog, FirstView, Outputs, RunState};
use crate::engine::event::{Label, Lines};
use crate::engine::files::{Files, Proof, Rotation};
use crate::engine::lines::Assembler;
use crate::engine::pace::{Counted, Pace};
use crate::engine::source::{Container, Frames, ReadMode, Stored};
use crate::engine::stale::Quiet;
use crate::engine::timestamp::Timestamp;

/// The facts about delivered frames that a request for the log needs.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The name to show.
    pub label: Arc<Label>,
    /// Whether the log holds a message.
    pub stored: Stored,
}

impl Resume {
    /// A container before the first read.
    pub fn new(
        label: Arc<Label>,
        container: &Container,
        age: LogAge,
        backlog: Backlog,
        outputs: Outputs,
        max_line: usize,
        quiet: Quiet,
    ) -> Self {
        let now = Instant::now();
        Self {
            label,
            outputs,
            doubles: container.doubles,
            plan: match backlog {
                Backlog::All => Plan::All,
                Backlog::Last(lines) => Plan::Start(lines),
                Backlog::Since => Plan::Since,
            },
            anchor: if container.doubles { Anchor::for_doubles() } else { Anchor::new() },
            assembler: Assembler::new(container.pieces, max_line),
            seek: None,
            counts: Counts::default(),
            counted: Counted::default(),
            lost: None,
            trusted: match age {
                LogAge::New(run) => Some(run),
                LogAge::Old => None,
            },
            reach: Reach::All,
            next_proof: Proven::Yes,
            is_short: false,
            proof: Proof::Given,
            searched: Searched::Part,
            found_in: None,
            searches: 0,
            held_back: false,
            files: container.file_size.map(|size| {
                // The versions that repeat lines are those that may skip a file.
                let doubles = container.doubles;
                let rotation = if doubles { Rotation::CutsFollow } else { Rotation::KeepsFollow };
                Files::new(size, rotation)
            }),
            mode: ReadMode::Once,
            quiet,
            pace: Pace::new(now),
            saving: None,
        }
    }

    /// Changes the shown name.
    pub fn rename(&mut self, label: Arc<Label>) {
        let details = self.label.details.clone();
        self.label = match details {
            None => label,
            Some(_) => Arc::new(Label { details, ..Label::clone(&label) }),
        };
    }

    /// Takes over the details that came with these frames.
    pub fn take_details(&mut self, frames: &Frames) {
        if let Some(details) = frames.details()
            && self.label.details.as_ref() != Some(details)
        {
            let details = Some(Arc::clone(details));
            self.label = Arc::new(Label { details, ..Label::clone(&self.label) });
        }
    }

    /// The name to show.
    pub fn label(&self) -> Arc<Label> {
        Arc::clone(&self.label)
    }

    /// The facts for the next request.
    pub fn opening(&self) -> Opening {
        let stored = match self.last() {
            Some(_) => Stored::Something,
            None => Stored::MaybeNothing,
        };
        Opening { label: self.label(), stored }
    }

    /// An empty batch of lines of this container.
    pub fn batch(&self) -> Lines {
        Lines::new(self.label())
    }

    /// The timestamp of the last frame delivered.
    pub fn last(&self) -> Option<Timestamp> {
        self.anchor.last()
    }

    /// The number of frames since the start: it grows if and only if there is progress.
    pub fn progress(&self) -> u64 {
        self.counted.frames
    }

    /// Whether a first view of the last lines is due.
    pub fn is_unviewed(&self) -> bool {
        matches!(self.plan, Plan::Start(_) | Plan::Since)
    }

    /// Whether no stored message was delivered in this run.
    pub fn is_unread(&self) -> bool {
        self.plan == Plan::All || self.progress() == 0
    }

    /// The lines of the first view, if it is due.
    pub fn backlog(&self) -> Option<u64> {
        match self.plan {
            Plan::Start(lines) => Some(lines),
            _ => None,
        }
    }

    /// The time of the first wanted line, if its place in the log is not found yet.
    pub fn wanted_since(&self) -> Option<Timestamp> {
        self.outputs.range.since.filter(|_| self.plan == Plan::Since)
    }

    /// The time of the last wanted line.
    pub fn wanted_until(&self) -> Option<Timestamp> {
        self.outputs.range.until
    }

    /// Begins a first view, before the stream continues behind it.
    pub fn first_view(&self, lines: u64, run: RunState) -> FirstView {
        FirstView::new(self.batch(), self.assembler.clone(), self.outputs, lines, run)
    }

    /// Records a first view as delivered.
    pub fn view(&mut self, view: FirstView) -> Lines {
        let (mut lines, assembler, keys) = view.finish();
        // The view began before the first read.
        lines.label = self.label();
        self.anchor.begin_inside();
        keys.iter().for_each(|key| self.anchor.push(*key));
        self.assembler = assembler;
        self.viewed_keys(&keys, &mut lines);
        self.plan = if self.anchor.is_empty() { Plan::All } else { Plan::Anchored };
        lines
    }

    /// Ends a first view that was read frame by frame.
    pub fn viewed(&mut self) {
        self.anchor.begin_inside();
        if matches!(self.plan, Plan::Start(_)) {
            self.plan = Plan::All;
        }
        self.place_changed();
    }
}
