//! The followed containers: each has a lifecycle, which decides, and this module carries out its acts.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Supervisor;
use crate::engine::LineOrder;
use crate::engine::backlog::Backlog;
use crate::engine::event::{About, EndReason, Event, Gap, GapCause, Label, Note, Notice};
use crate::engine::lifecycle::{Act, Departure, FollowPhase, Input, Joined, Lifecycle};
use crate::engine::reader::NewName;
use crate::engine::resume::{LogAge, Resume};
use crate::engine::rows::{LastNotice, RowState};
use crate::engine::runs::{RunWindow, Runs};
use crate::engine::source::{Container, ContainerId, ContainerKey, Facts, Listed, Phase, Source};
use crate::engine::stale::Quiet;
use crate::engine::turns::Turns;

/// Notes held while nothing reads the output. Further ones are dropped and counted.
const OUTBOX_MAX_EVENTS: usize = 10_000;

/// One followed container.
pub(super) struct Follower {
    /// The time at which cmon began to follow it.
    pub(super) joined: Instant,
    pub(super) label: Arc<Label>,
    pub(super) lifecycle: Lifecycle,
    pub(super) backlog: Backlog,
    /// The runs to show.
    pub(super) runs: Runs,
    /// Known after the first inspection.
    pub(super) container: Option<Arc<Container>>,
    pub(super) resume: Place,
    pub(super) wake: Option<Instant>,
    /// The open stream's start, and the progress at that time.
    pub(super) opened: (Instant, u64),
    /// Wakes its reader after the end of the run.
    pub(super) died: Arc<Notify>,
    /// Ends its reader as if the stream had reached its age.
    pub(super) rotate: Arc<Notify>,
    /// Brings a new name to its reader.
    pub(super) new_name: Arc<NewName>,
    /// Limits how far it may run ahead of other containers while cmon reads stored lines.
    pub(super) turns: Turns,
    /// The end reason of its last stream.
    pub(super) ended: Option<EndReason>,
    /// Its image and labels, to select again after a rename.
    pub(super) facts: Arc<Facts>,
    /// The row that the screen and the snapshots read.
    pub(super) row_state: Arc<RowState>,
}

/// The owner of a container's [`Resume`]. A reader borrows it, so nothing else can touch it meanwhile.
pub(super) enum Place {
    /// The container is not inspected yet.
    Nowhere,
    Here(Box<Resume>),
    WithReader,
}

impl Place {
    pub(super) fn here(&mut self) -> Option<&mut Resume> {
        match self {
            Self::Here(resume) => Some(resume),
            Self::Nowhere | Self::WithReader => None,
        }
    }

    /// Lends it to a reader, unless another has it.
    pub(super) fn lend(&mut self) -> Option<Box<Resume>> {
        match std::mem::replace(self, Self::WithReader) {
            Self::Here(resume) => Some(resume),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Follower {
    /// The number of messages taken, while no reader takes more.
    pub(super) fn progress(&mut self) -> u64 {
        self.resume.here().map_or(0, |resume| resume.progress())
    }

    /// Takes the loan back from a reader.
    pub(super) fn take_back(&mut self, mut resume: Box<Resume>) {
        // The reader may have ended before it saw a new name.
        if let Some(label) = self.new_name.take() {
            resume.rename(label);
        }
        self.resume = Place::Here(resume);
    }
}

/// The note about the run to show.
fn run_note(window: Option<RunWindow>, backlog: Backlog) -> Option<Notice> {
    match window? {
        RunWindow::UpTo(_) => Some(Notice::PreviousRunUnbounded {
            lines: match backlog {
                Backlog::Last(lines) => Some(lines),
                Backlog::All | Backlog::Since => None,
            },
        }),
        RunWindow::Nothing => Some(Notice::NoPreviousRun),
        RunWindow::From(_) | RunWindow::Between(..) => None,
    }
}

impl<S: Source> Supervisor<S> {
    pub(super) fn join(&mut self, row: &Listed, joined: Joined) {
        let initial = joined == Joined::AtStart;
        let key = &row.key;
        let label = Arc::new(Label::new(key.clone(), Arc::clone(&row.name)));
        let follower = Follower {
            joined: Instant::now(),
            row_state: self.tally.row_state(&label, self.config.stream_timeout),
            label,
            lifecycle: Lifecycle::new(self.config.mode, joined),
            backlog: if initial && !self.is_recreated(row) {
                self.config.backlog
            } else {
                Backlog::All
            },
            runs: if initial { self.config.runs } else { Runs::All },
            container: None,
            resume: Place::Nowhere,
            wake: None,
            opened: (Instant::now(), 0),
            died: Arc::default(),
            rotate: Arc::default(),
            new_name: Arc::default(),
            turns: match initial && self.is_announced(row) {
                true => Turns::few(),
                false => Turns::any(),
            },
            ended: None,
            facts: Arc::clone(&row.facts),
        };
        self.matched(row);
        self.followers.insert(key.clone(), follower);
        self.tally.containers(self.followers.len());
        self.inspect(key);
    }

    /// Announces the containers whose stored lines come first, if lines are ordered by time.
    ///
    /// # Cancel safety
    /// Safe: nothing is announced twice.
    pub(in crate::engine) async fn announce(&self, listed: &[Listed]) {
        if self.config.order == LineOrder::ByTime {
            let rows = listed.iter().filter(|row| self.is_announced(row));
            let keys = rows.map(|row| row.key.clone()).collect();
            // A closed channel ends the run elsewhere.
            let _ = self.events.send(Event::Begins(self.source.daemon(), keys)).await;
        }
    }

    /// Whether the merge orders stored lines of this container. A container that never ran has none.
    fn is_announced(&self, row: &Listed) -> bool {
        self.config.order == LineOrder::ByTime
            && row.phase != Phase::Created
            && self.selection.matches(row)
    }

    /// Records that a container of this name is followed, so that no matching pattern waits. Returns whether
    /// one matched.
    fn matched(&mut self, row: &Listed) -> bool {
        if self.member.awaits() {
            let unmatched = self.selection.unmatched(std::slice::from_ref(row));
            self.member.found(|pattern| unmatched.iter().any(|one| one.pattern == pattern));
        }
        self.selection.still_matches(row)
    }

    /// Takes an inspection, and the wanted part of the log if that is not all of it.
    pub(super) fn learn(
        &mut self,
        key: &ContainerKey,
        container: &Container,
        window: Option<RunWindow>,
    ) {
        let Some(follower) = self.followers.get_mut(key) else {
            return;
        };
        follower.row_state.inspected(container);
        let container = Arc::new(container.clone());
        let mut note = None;
        if matches!(follower.resume, Place::Nowhere) {
            let (outputs, max_line) = (self.config.outputs, self.config.max_line);
            let (outputs, backlog) = match window {
                Some(window) => window.apply(outputs, follower.backlog),
                None => (outputs, follower.backlog),
            };
            note = run_note(window, backlog);
            let quiet = Quiet::new(self.config.stale_after);
            let label = Arc::clone(&follower.label);
            let age = match container.ran_before {
                true => LogAge::Old,
                false => LogAge::New(Arc::clone(&container.started_at)),
            };
            let resume = Resume::new(label, &container, age, backlog, outputs, max_line, quiet);
            let resume = match self.saved.as_mut().map(|saved| saved.take(&key.id)) {
                None => resume,
                Some(None) => resume.saving(),
                Some(Some(position)) => resume.restored(&position),
            };
            follower.resume = Place::Here(Box::new(resume));
        }
        follower.container = Some(container);
        let about = About::Container(Arc::clone(&follower.label));
        if let Some(what) = note {
            self.say(about, what);
        }
        self.hand_on_position(key);
    }

    /// Sends a container's position if it has changed without a line.
    fn hand_on_position(&mut self, key: &ContainerKey) {
        let follower = self.followers.get_mut(key);
        let lines = follower.and_then(|follower| follower.resume.here()).and_then(|resume| {
            let mut lines = resume.batch();
            lines.position = resume.take_position();
            lines.position.is_some().then_some(lines)
        });
        self.outbox.extend(lines.map(Event::Lines));
    }

    /// Whether this container has the name of one that an earlier run followed.
    fn is_recreated(&self, row: &Listed) -> bool {
        self.saved.as_ref().is_some_and(|saved| saved.is_recreated(&row.key.id, &row.name))
    }

    /// Reports the removed containers that an earlier run followed: lines of them may be missing.
    pub(super) fn report_removed(&mut self, listed: &[Listed]) {
        let Some(saved) = &self.saved else {
            return;
        };
        let there: HashSet<&ContainerId> = listed.iter().map(|row| &row.key.id).collect();
        for (id, missing) in saved.missing(&there) {
            let key = ContainerKey { daemon: self.source.daemon(), id };
            let label = Arc::new(Label::new(key, missing.name));
            let (from, cause) = (missing.position.last(), GapCause::Removed);
            let gap = Gap { label, from, to: None, cause };
            self.tally.gap_of_unfollowed(&gap);
            self.outbox.push_back(Event::Gap(gap));
        }
    }

    pub(super) fn rename(&mut self, key: &ContainerKey, name: Arc<str>) {
        let Some(follower) = self.followers.get_mut(key) else {
            return;
        };
        let from = Arc::clone(&follower.label.name);
        let facts = Arc::clone(&follower.facts);
        follower.label = Arc::new(Label::new(key.clone(), name));
        follower.row_state.rename(Arc::clone(&follower.label));
        match &mut follower.resume {
            Place::Nowhere => {}
            Place::Here(resume) => resume.rename(Arc::clone(&follower.label)),
            Place::WithReader => follower.new_name.put(Arc::clone(&follower.label)),
        }
        let label = Arc::clone(&follower.label);
        self.say(About::Container(Arc::clone(&label)), Notice::Renamed { from });
        let name = Arc::clone(&label.name);
        let row = Listed { key: key.clone(), name, phase: Phase::Running, facts, passes: true };
        let selected = self.matched(&row);
        let Some(follower) = self.followers.get(key) else {
            return;
        };
        // Tools that recreate a container rename the old one first. Its last lines still belong to the old name.
        if selected == follower.lifecycle.is_leaving() {
            self.step(key, if selected { &Input::Selected } else { &Input::Deselected });
        }
    }

    pub(super) fn step(&mut self, key: &ContainerKey, input: &Input<'_>) {
        let draw = self.random.f64();
        let Some(follower) = self.followers.get_mut(key) else {
            return;
        };
        let acts = follower.lifecycle.step(input, draw);
        for act in acts {
            self.act(key, act);
        }
        if let Some(follower) = self.followers.get(key) {
            follower.row_state.set_phase(follower.lifecycle.follow_phase(), follower.wake);
        }
    }

    /// Rotates a stream now, whatever its age, or ends the wait before the next try.
    pub(super) fn rotate(&mut self, key: &ContainerKey) {
        let Some(follower) = self.followers.get_mut(key) else {
            return;
        };
        match follower.lifecycle.follow_phase() {
            FollowPhase::Following => follower.rotate.notify_one(),
            FollowPhase::BackingOff => follower.wake = Some(Instant::now()),
            _ => {}
        }
    }

    fn act(&mut self, key: &ContainerKey, act: Act) {
        let Some(follower) = self.followers.get_mut(key) else {
            return;
        };
        tracing::debug!(container = %follower.label.name, ?act, "next");
        match act {
            Act::Follow => self.follow(key),
            Act::Rotate => follower.rotate.notify_one(),
            Act::Drain => self.drain(key),
            Act::Inspect => self.inspect(key),
            Act::Wake(wait) => follower.wake = Some(Instant::now() + wait),
            Act::Say(notice) => {
                let about = About::Container(Arc::clone(&follower.label));
                self.say(about, notice);
            }
            Act::Flush(lost) => self.flush_log(key, lost),
            Act::Forget(departure) => {
                let gone = self.followers.remove(key);
                if departure == Departure::Removed {
                    self.removed.insert(key.clone(), Instant::now());
                }
                if let Some(follower) = gone
                    && let Some(error) = follower.lifecycle.failure()
                {
                    let name = follower.label.title.to_string();
                    self.failed.get_or_insert_with(|| (name, error.clone()));
                }
                self.tally.forget(key);
                self.tally.containers(self.followers.len());
            }
        }
    }

    /// Delivers the rest of a log of which no more can be read.
    fn flush_log(&mut self, key: &ContainerKey, lost: Option<GapCause>) {
        let Some(follower) = self.followers.get_mut(key) else {
            return;
        };
        let mut from = None;
        if let Some(resume) = follower.resume.here() {
            from = resume.last();
            let mut lines = resume.batch();
            resume.end_run(&mut lines);
            lines.position = resume.take_position();
            if !lines.is_empty() || lines.position.is_some() {
                self.tally.delivered(&follower.row_state, &lines);
                self.outbox.push_back(Event::Lines(lines));
            }
        }
        if let Some(cause) = lost {
            let label = Arc::clone(&follower.label);
            let gap = Gap { label, from, to: None, cause };
            self.tally.gap(&follower.row_state, &gap);
            self.outbox.push_back(Event::Gap(gap));
        }
    }

    pub(in crate::engine) fn say(&mut self, about: About, what: Notice) {
        let label = about.container();
        if let Some(follower) = label.and_then(|label| self.followers.get(&label.key)) {
            follower.row_state.noted(LastNotice::Note(what.clone()));
        }
        if OUTBOX_MAX_EVENTS <= self.outbox.len() {
            self.dropped += 1;
            return;
        }
        if 0 < self.dropped {
            let count = std::mem::take(&mut self.dropped);
            let what = Notice::NotesDropped { count };
            self.outbox.push_back(Event::Note(Note { about: About::Run, what }));
        }
        self.outbox.push_back(Event::Note(Note { about, what }));
    }
}
