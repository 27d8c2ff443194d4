//! What one container has delivered, and what its next stream has to do: pure.
//!
//! It belongs to the container and survives every stream. A reader opens a stream with the
//! window that [`Resume::open`] asks for and feeds it the frames; out come the lines that were
//! not delivered before. The anchor advances in the same call that yields the lines, and the
//! caller hands them on without waiting in between, so a reader may be cancelled at any wait and
//! loses nothing.
//!
//! ```text
//! Start(lines) ──first view──▶ Anchored ◀────────────────────────────────────────────┐
//!                                │ open: the last K frames, seek                      │
//!                                ├─ anchor found ─▶ live                              │
//!                                └─ missed ─▶ search 4 K, 16 K, 64 K frames, all ─────┤ found
//!                                               └─ in none: gap, Rest ────────────────┘
//! ```

mod follow_safety;
mod holes;
mod saving;
mod seeking;
pub mod survey;

use std::sync::Arc;

use tokio::time::Instant;

use super::anchor::{Anchor, Key, SeekStep};
use super::backlog::{Backlog, FirstView, Outputs, RunState};
use super::event::{Delivery, Extent, Gap, GapCause, Label, Lines};
use super::files::{Files, Proof, Rotation};
use super::lines::Assembler;
use super::pace::{Counted, Pace};
use super::source::{Container, Frame, Frames, ReadMode, Tail};
use super::stale::Quiet;
use super::timestamp::Timestamp;
use super::trail::Use;
pub use holes::{Known, LogAge, Proven, Reach};
use saving::Saving;
use seeking::Seeking;

/// The windows of a search, after a stream's own has failed; then all.
const SEARCH: [u64; 3] = [4096, 16_384, 65_536];

/// Where the container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// Nothing was asked for yet; these last lines are shown first.
    Start(u64),
    /// Nothing was asked for yet; the place of the first wanted time is to be found.
    Since,
    /// Nothing was delivered, and all that there will be is wanted.
    All,
    /// Go on behind the anchor.
    Anchored,
    /// The anchor is lost and the gap was reported: all of the log that is not known as delivered.
    Rest,
}

/// How far a stream has come in the window that it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Through: all that comes is new.
    Over,
    /// The anchor was found; stored frames may still come.
    Found,
    /// The anchor is looked for. Silence means that the window is over.
    Searching,
    /// What comes is held: only the window's end decides whether it is new.
    Unproven,
}

/// What came of feeding frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOutcome {
    /// The stream may go on.
    Continue,
    /// The window has passed without the anchor.
    Missed,
    /// The stream has gone back to what is older than all that is known.
    Disordered,
}

/// What was counted; taken by whoever adds it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames read again and skipped.
    pub replayed: u64,
    /// Frames that the daemon handed over late.
    pub recovered: u64,
    /// Lines that the daemon doubled, skipped.
    pub doubles: u64,
}

/// One container's place in its log.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that came apart and do not exclude each other"
)]
pub struct Resume {
    label: Arc<Label>,
    outputs: Outputs,
    doubles: bool,
    plan: Plan,
    anchor: Anchor,
    assembler: Assembler,
    seek: Option<Seeking>,
    counts: Counts,
    /// Frames delivered since the start.
    counted: Counted,
    /// Lines are missing behind the anchor, and the gap was not reported yet.
    lost: Option<GapCause>,
    /// The run of which the stored log is known to be read past all bad records.
    trusted: Option<Arc<str>>,
    reach: Reach,
    /// The next follow has to prove that it stands at the end of the log, and whether this one did.
    must_prove: bool,
    proof: Proof,
    /// The log was short a moment ago.
    is_short: bool,
    /// The window that was missed held the whole log.
    whole: bool,
    /// The window of the last search, until the next stream.
    found_in: Option<Tail>,
    /// Searches since a stream found its anchor.
    searches: u32,
    /// The output did not keep up with the last read.
    held_back: bool,
    /// Where the log driver begins new files.
    files: Option<Files>,
    /// What comes behind the window is live.
    following: bool,
    quiet: Quiet,
    pace: Pace,
    /// What a later run needs; `None` without a cursor.
    saving: Option<Saving>,
}

impl Resume {
    /// A container of which nothing was read yet.
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
            must_prove: false,
            is_short: false,
            proof: Proof::Given,
            whole: false,
            found_in: None,
            searches: 0,
            held_back: false,
            files: container.file_size.map(|size| {
                // The versions that double lines are those that may skip a file.
                let doubles = container.doubles;
                let rotation = if doubles { Rotation::CutsFollow } else { Rotation::KeepsFollow };
                Files::new(size, rotation)
            }),
            following: false,
            quiet,
            pace: Pace::new(now),
            saving: None,
        }
    }

    /// The name to show, from here on.
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

    /// An empty batch of lines of this container.
    pub fn batch(&self) -> Lines {
        Lines::new(self.label())
    }

    /// The timestamp of the last frame delivered.
    pub fn last(&self) -> Option<Timestamp> {
        self.anchor.last()
    }

    /// Frames taken since the start: it grows exactly when there is progress.
    pub fn progress(&self) -> u64 {
        self.counted.frames
    }

    /// Whether a first view of the last lines is still to come.
    pub fn is_unviewed(&self) -> bool {
        matches!(self.plan, Plan::Start(_) | Plan::Since)
    }

    /// Whether nothing of what is stored was delivered in this run.
    pub fn is_unread(&self) -> bool {
        self.plan == Plan::All || self.progress() == 0
    }

    /// The lines that are to be shown first, when that is still to do.
    pub fn backlog(&self) -> Option<u64> {
        match self.plan {
            Plan::Start(lines) => Some(lines),
            _ => None,
        }
    }

    /// The time of the first line that is wanted, when its place in the log is still to be found.
    pub fn wanted_since(&self) -> Option<Timestamp> {
        self.outputs.range.since.filter(|_| self.plan == Plan::Since)
    }

    /// The time of the last line that is wanted.
    pub fn wanted_until(&self) -> Option<Timestamp> {
        self.outputs.range.until
    }

    /// The wanted lines begin within this window.
    pub fn begins_within(&mut self, window: Tail) {
        self.plan = match window {
            Tail::All => Plan::All,
            Tail::Last(frames) => Plan::Start(frames),
        };
    }

    /// Begins a stream: what to ask for.
    pub fn open(&mut self, now: Instant, mode: ReadMode) -> Tail {
        let frames = self.pace.window(now);
        // A search has just read to the end of the log, so a small window will do, unless one has
        // failed already: equal frames prove nothing in it.
        let found = self.found_in.take().filter(|_| 1 < self.searches);
        let short = std::mem::take(&mut self.is_short);
        let window = self.open_window(match (self.plan, found) {
            // Where a window begins inside a run of equal frames, only the log's beginning proves anything.
            (Plan::Anchored, None) if short => Tail::All,
            (Plan::Anchored, None) => Tail::Last(frames),
            (Plan::Anchored, Some(Tail::Last(found))) => Tail::Last(frames.max(found)),
            _ => Tail::All,
        });
        let window = self.within_reach(window);
        let follow = mode == ReadMode::Follow;
        self.following = follow;
        // A follow of no stored record misses what came since the last one.
        let must_prove =
            follow && (std::mem::take(&mut self.must_prove) || self.reach == Reach::Hole(0));
        self.proof = if must_prove { Proof::Wanted } else { Proof::Given };
        if let Some(files) = self.files.as_mut().filter(|_| follow) {
            files.open(&self.pace);
        }
        window
    }

    /// A search has found the anchor in this window.
    pub fn found_in(&mut self, window: Tail) {
        self.found_in = Some(window);
        self.searches += 1;
    }

    /// A stream has found its anchor.
    pub fn settled(&mut self) {
        self.searches = 0;
    }

    /// Begins a finite read over this window, for a search or a first view.
    pub fn open_window(&mut self, window: Tail) -> Tail {
        self.whole = false;
        let frames = match window {
            Tail::All => None,
            Tail::Last(frames) => Some(frames),
        };
        let seek = match self.plan {
            Plan::Anchored => Some(self.anchor.seek(frames)),
            Plan::Rest => Some(self.anchor.seek_rest()),
            Plan::Start(_) | Plan::Since | Plan::All => None,
        };
        self.seek = seek.map(Seeking::new);
        self.following = false;
        window
    }

    /// The windows to search, after one of `failed` has not shown the anchor.
    pub fn search_after(failed: Tail) -> impl Iterator<Item = Tail> {
        let larger = SEARCH.into_iter().filter(move |frames| match failed {
            Tail::Last(failed) => failed < *frames,
            Tail::All => false,
        });
        larger.map(Tail::Last).chain([Tail::All])
    }

    /// How far the stream has come in its window.
    pub fn window(&self) -> Window {
        match &self.seek {
            None => Window::Over,
            Some(seeking) => seeking.window(),
        }
    }

    /// How long the container's stream may be quiet, and what was found of that.
    pub fn quiet(&mut self) -> &mut Quiet {
        &mut self.quiet
    }

    /// Takes frames of a stream and appends the lines that they complete and that were not
    /// delivered before.
    pub fn feed(&mut self, frames: &Frames, now: Instant, into: &mut Lines) -> FeedOutcome {
        for (frame, payload) in frames.iter() {
            let fed = self.feed_one(frame, payload, into);
            if fed != FeedOutcome::Continue {
                return fed;
            }
        }
        self.pace.fed(now, self.counted);
        if let Some(files) = &mut self.files {
            files.looked(now);
        }
        FeedOutcome::Continue
    }

    fn feed_one(&mut self, frame: Frame, payload: &[u8], into: &mut Lines) -> FeedOutcome {
        let key = Key::of(frame, payload);
        let Some(seeking) = &mut self.seek else {
            if self.is_out_of_place(&key) {
                return FeedOutcome::Disordered;
            }
            self.live(frame, payload, key, into);
            return FeedOutcome::Continue;
        };
        let before = seeking.window();
        match seeking.seek.see(&key) {
            SeekStep::New => self.live(frame, payload, key, into),
            SeekStep::Earlier | SeekStep::Late => seeking.hold(frame, payload),
            SeekStep::Unproven => {
                if seeking.is_full() {
                    return FeedOutcome::Missed;
                }
                seeking.unproven.push(frame.stream, frame.time, [payload, &[]]);
            }
            SeekStep::Delivered { older } => {
                self.counts.replayed += 1;
                if older {
                    seeking.held.clear();
                }
            }
        }
        self.after_seek_step(before, into)
    }

    /// Settles what a sight has changed: the anchor was found, or the window is over.
    fn after_seek_step(&mut self, before: Window, into: &mut Lines) -> FeedOutcome {
        let Some(seeking) = &mut self.seek else {
            return FeedOutcome::Continue;
        };
        let (found, full) = (seeking.seek.is_found(), seeking.seek.is_full());
        if found && before != Window::Found {
            let held = std::mem::take(&mut seeking.held);
            self.recover(&held, into);
        }
        match (found, full) {
            (true, true) => self.seek = None,
            (false, true) => return FeedOutcome::Missed,
            _ => {}
        }
        FeedOutcome::Continue
    }

    /// Nothing more comes of what was stored: the stream has ended, or is silent.
    pub fn window_over(&mut self, into: &mut Lines) -> FeedOutcome {
        let Some(mut seeking) = self.seek.take() else {
            return FeedOutcome::Continue;
        };
        let was_found = seeking.seek.is_found();
        seeking.seek.end();
        if !seeking.seek.is_found() {
            self.whole = seeking.seek.is_whole();
            return FeedOutcome::Missed;
        }
        if !was_found {
            self.recover(&seeking.held, into);
            for (frame, payload) in seeking.unproven.iter() {
                self.live(frame, payload, Key::of(frame, payload), into);
            }
        }
        FeedOutcome::Continue
    }

    /// Whether the window that was missed held the whole log, so that a larger one holds no more.
    pub fn saw_whole_log(&self) -> bool {
        self.whole
    }

    /// The anchor is in no part of the log: all that the daemon holds is wanted, and what comes first
    /// of it shows how far the gap goes.
    pub fn give_up(&mut self, into: &mut Lines) {
        self.assembler.flush(into);
        self.seek = None;
        self.plan = Plan::Rest;
        self.lost = Some(GapCause::LogRotated);
        self.place_changed();
    }

    /// Whether a gap is still to be reported.
    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// The gap that stands before these frames, when one is still to be reported; `None` of frames: the
    /// log holds no more.
    pub fn gap_before(&mut self, frames: Option<&Frames>) -> Option<Gap> {
        let next = frames.and_then(|frames| frames.iter().next());
        self.gap_to(next.map(|(frame, _)| frame.time))
    }

    /// The gap that reaches to this time, when one is still to be reported.
    pub fn gap_to(&mut self, to: Option<Timestamp>) -> Option<Gap> {
        let cause = self.lost.take()?;
        self.place_changed();
        Some(Gap { label: self.label(), from: self.anchor.last(), to, cause })
    }

    /// The container's run is over and its log read to the end: ends lines without a newline.
    pub fn end_run(&mut self, into: &mut Lines) {
        self.assembler.flush(into);
        self.place_changed();
    }

    /// Begins a first view: what is shown first, before the stream goes on behind it.
    pub fn first_view(&self, lines: u64, run: RunState) -> FirstView {
        FirstView::new(self.batch(), self.assembler.clone(), self.outputs, lines, run)
    }

    /// Takes a first view as delivered.
    pub fn view(&mut self, view: FirstView) -> Lines {
        let (mut lines, assembler, keys) = view.finish();
        // The view began before anything was read.
        lines.label = self.label();
        self.anchor.begin_inside();
        keys.iter().for_each(|key| self.anchor.push(*key));
        self.assembler = assembler;
        self.viewed_keys(&keys, &mut lines);
        self.plan = if self.anchor.is_empty() { Plan::All } else { Plan::Anchored };
        lines
    }

    /// The first view was read frame by frame, and is over.
    pub fn viewed(&mut self) {
        self.anchor.begin_inside();
        if matches!(self.plan, Plan::Start(_)) {
            self.plan = Plan::All;
        }
        self.place_changed();
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn live(&mut self, frame: Frame, payload: &[u8], key: Key, into: &mut Lines) {
        if self.is_double(payload, &key) {
            self.counts.doubles += 1;
        } else if self.was_delivered_beyond(&key) {
            self.counts.replayed += 1;
            self.pass(key, Use::Skipped, into);
        } else {
            self.deliver(frame, payload, key, into);
        }
    }

    /// Whether the daemon hands over again, or late, what was delivered. Such daemons double whole
    /// lines only, and their stores stamp each line apart; equal pieces of one long line are legal.
    fn is_double(&self, payload: &[u8], key: &Key) -> bool {
        self.doubles && payload.ends_with(b"\n") && self.anchor.contains(key)
    }

    fn deliver(&mut self, frame: Frame, payload: &[u8], key: Key, into: &mut Lines) {
        let is_wanted = self.outputs.has(frame);
        if is_wanted {
            self.assembler.push(frame, payload, into);
        }
        self.pass(key, if is_wanted { Use::Joined } else { Use::Skipped }, into);
        self.counted.bytes += payload.len() as u64;
    }

    /// Notes a frame as delivered.
    fn pass(&mut self, key: Key, use_: Use, into: &mut Lines) {
        self.anchor.push(key);
        if let Some(files) = &mut self.files {
            files.delivered(&key);
        }
        self.proof.delivered(&key);
        self.reach.delivered();
        self.counted.frames += 1;
        self.plan = Plan::Anchored;
        self.follow_trail(key, use_, into);
    }

    fn recover(&mut self, held: &Frames, into: &mut Lines) {
        for (frame, payload) in held.iter() {
            let key = Key::of(frame, payload);
            if self.is_double(payload, &key) {
                self.counts.replayed += 1;
                continue;
            }
            self.anchor.push_before_last(key);
            self.place_changed();
            self.counted.frames += 1;
            self.counts.recovered += 1;
            if self.outputs.has(frame) {
                into.push(
                    frame.time,
                    frame.stream,
                    [payload, &[]],
                    Extent::Whole,
                    Delivery::Recovered,
                );
            }
        }
    }
}
