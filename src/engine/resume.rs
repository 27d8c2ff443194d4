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

use std::sync::Arc;

use tokio::time::Instant;

use super::anchor::{Anchor, Key, Seek, Sight};
use super::backlog::{Backlog, FirstView, Outputs};
use super::event::{Gap, GapCause, Label, Lines};
use super::lines::Assembler;
use super::pace::Pace;
use super::source::{Container, Frame, Frames, Tail};
use super::stale::Quiet;
use super::timestamp::Timestamp;

/// The windows of a search, after a stream's own has failed; then all.
const SEARCH: [u64; 3] = [4096, 16_384, 65_536];
/// Frames that may be late are held until the anchor is found, up to so many bytes.
const HELD: usize = 1 << 20;

/// Where the container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// Nothing was asked for yet; so many lines are to be shown first.
    Start(u64),
    /// Nothing was delivered, and all that there will be is wanted.
    All,
    /// Go on behind the anchor.
    Anchored,
    /// The anchor is lost and the gap was told: all of the log that is not known as delivered.
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
    /// What comes is held: only the window's end tells whether it is new.
    Unproven,
}

/// What came of feeding frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// The stream may go on.
    Going,
    /// The window has passed without the anchor.
    Missed,
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
pub struct Resume {
    label: Arc<Label>,
    outputs: Outputs,
    doubles: bool,
    plan: Plan,
    anchor: Anchor,
    assembler: Assembler,
    seek: Option<Seeking>,
    counts: Counts,
    /// Frames delivered or skipped as wanted, since the start.
    frames: u64,
    /// Timestamp of the first frame of the window that is being searched.
    first_seen: Option<Timestamp>,
    /// The window that was missed held the whole log.
    whole: bool,
    /// The window of the last search, until the next stream.
    found_in: Option<Tail>,
    quiet: Quiet,
    pace: Pace,
}

#[derive(Debug)]
struct Seeking {
    seek: Seek,
    /// Frames that may have been missed, until the anchor is found.
    held: Frames,
    /// Frames that are new when the window turns out to hold the whole log.
    unproven: Frames,
}

impl Resume {
    /// A container of which nothing was read yet.
    pub fn new(
        label: Arc<Label>,
        container: &Container,
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
            },
            anchor: Anchor::new(container.doubles),
            assembler: Assembler::new(container.pieces, max_line),
            seek: None,
            counts: Counts::default(),
            frames: 0,
            first_seen: None,
            whole: false,
            found_in: None,
            quiet,
            pace: Pace::new(now),
        }
    }

    /// The name to show, from here on.
    pub fn rename(&mut self, label: Arc<Label>) {
        self.label = label;
    }

    /// The name to show.
    pub fn label(&self) -> Arc<Label> {
        Arc::clone(&self.label)
    }

    /// An empty batch of lines of this container.
    pub fn batch(&self) -> Lines {
        Lines::new(self.label())
    }

    /// Frames taken since the start: it grows exactly when there is progress.
    pub fn progress(&self) -> u64 {
        self.frames
    }

    /// The lines that are to be shown first, when that is still to do.
    pub fn backlog(&self) -> Option<u64> {
        match self.plan {
            Plan::Start(lines) => Some(lines),
            _ => None,
        }
    }

    /// Begins a stream: what to ask for.
    pub fn open(&mut self, now: Instant) -> Tail {
        let frames = self.pace.window(now);
        self.pace.opened(now, self.frames);
        let found = self.found_in.take();
        self.open_window(match (self.plan, found) {
            (Plan::Anchored, None) => Tail::Last(frames),
            (Plan::Anchored, Some(Tail::Last(found))) => Tail::Last(frames.max(found)),
            _ => Tail::All,
        })
    }

    /// A search has found the anchor in this window: the next stream asks for no smaller one.
    pub fn found_in(&mut self, window: Tail) {
        self.found_in = Some(window);
    }

    /// Begins a finite read over this window, for a search or a first view.
    pub fn open_window(&mut self, window: Tail) -> Tail {
        self.first_seen = None;
        self.whole = false;
        let frames = match window {
            Tail::All => None,
            Tail::Last(frames) => Some(frames),
        };
        let seek = match self.plan {
            Plan::Anchored => Some(self.anchor.seek(frames)),
            Plan::Rest => Some(self.anchor.seek_rest()),
            Plan::Start(_) | Plan::All => None,
        };
        self.seek =
            seek.map(|seek| Seeking { seek, held: Frames::default(), unproven: Frames::default() });
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
            Some(seeking) if seeking.seek.is_found() => Window::Found,
            Some(seeking) if seeking.seek.is_unproven() => Window::Unproven,
            Some(_) => Window::Searching,
        }
    }

    /// Whether this message was delivered, as far back as the anchor goes.
    pub fn knows(&self, frame: Frame, payload: &[u8]) -> bool {
        self.anchor.contains(&Key::of(frame, payload))
    }

    /// How long the container's stream may be quiet, and what was found of that.
    pub fn quiet(&mut self) -> &mut Quiet {
        &mut self.quiet
    }

    /// Takes frames of a stream and appends the lines that they complete and that were not
    /// delivered before.
    pub fn feed(&mut self, frames: &Frames, now: Instant, into: &mut Lines) -> Fed {
        for (frame, payload) in frames.iter() {
            if self.feed_one(frame, payload, into) == Fed::Missed {
                return Fed::Missed;
            }
        }
        self.pace.fed(now, self.frames);
        Fed::Going
    }

    fn feed_one(&mut self, frame: Frame, payload: &[u8], into: &mut Lines) -> Fed {
        let key = Key::of(frame, payload);
        self.first_seen.get_or_insert(frame.time);
        let Some(seeking) = &mut self.seek else {
            self.live(frame, payload, key, into);
            return Fed::Going;
        };
        let was_found = seeking.seek.is_found();
        match seeking.seek.see(&key) {
            Sight::New => self.live(frame, payload, key, into),
            Sight::Earlier | Sight::Late => seeking.hold(frame, payload),
            Sight::Unproven => {
                if seeking.is_full() {
                    return Fed::Missed;
                }
                seeking.unproven.push(frame.stream, frame.time, [payload, &[]]);
            }
            Sight::Delivered { older } => {
                self.counts.replayed += 1;
                if older {
                    seeking.held.clear();
                }
            }
        }
        self.after_sight(was_found, into)
    }

    /// Settles what a sight has changed: the anchor was found, or the window is over.
    fn after_sight(&mut self, was_found: bool, into: &mut Lines) -> Fed {
        let Some(seeking) = &mut self.seek else {
            return Fed::Going;
        };
        let (found, full) = (seeking.seek.is_found(), seeking.seek.is_full());
        if found && !was_found {
            let held = std::mem::take(&mut seeking.held);
            self.recover(&held, into);
        }
        match (found, full) {
            (true, true) => self.seek = None,
            (false, true) => return Fed::Missed,
            _ => {}
        }
        Fed::Going
    }

    /// Nothing more comes of what was stored: the stream has ended, or is silent.
    pub fn window_over(&mut self, into: &mut Lines) -> Fed {
        let Some(mut seeking) = self.seek.take() else {
            return Fed::Going;
        };
        let was_found = seeking.seek.is_found();
        seeking.seek.end();
        if !seeking.seek.is_found() {
            self.whole = seeking.seek.is_whole();
            return Fed::Missed;
        }
        if !was_found {
            self.recover(&seeking.held, into);
            for (frame, payload) in seeking.unproven.iter() {
                self.live(frame, payload, Key::of(frame, payload), into);
            }
        }
        Fed::Going
    }

    /// Whether the window that was missed held the whole log, so that a larger one holds no more.
    pub fn saw_whole_log(&self) -> bool {
        self.whole
    }

    /// The anchor is in no part of the log: tells the gap, and that all the daemon holds is wanted.
    pub fn give_up(&mut self, into: &mut Lines) -> Gap {
        self.assembler.flush(into);
        self.seek = None;
        self.plan = Plan::Rest;
        Gap {
            label: self.label(),
            from: self.anchor.last(),
            to: self.first_seen,
            cause: GapCause::LogRotated,
        }
    }

    /// The container's run is over and its log read to the end: ends lines without a newline.
    pub fn end_run(&mut self, into: &mut Lines) {
        self.assembler.flush(into);
    }

    /// Begins a first view: what is shown first, before the stream goes on behind it.
    pub fn first_view(&self, lines: u64, run_is_over: bool) -> FirstView {
        FirstView::new(self.batch(), self.assembler.clone(), self.outputs, lines, run_is_over)
    }

    /// Takes a first view as delivered.
    pub fn view(&mut self, view: FirstView) -> Lines {
        let (lines, assembler, keys) = view.finish();
        self.anchor.begin_inside();
        keys.into_iter().for_each(|key| self.anchor.push(key));
        self.assembler = assembler;
        self.plan = if self.anchor.is_empty() { Plan::All } else { Plan::Anchored };
        lines
    }

    /// The first view was read frame by frame, and is over.
    pub fn viewed(&mut self) {
        self.anchor.begin_inside();
        if matches!(self.plan, Plan::Start(_)) {
            self.plan = Plan::All;
        }
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn live(&mut self, frame: Frame, payload: &[u8], key: Key, into: &mut Lines) {
        if self.is_double(payload, &key) {
            self.counts.doubles += 1;
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
        self.anchor.push(key);
        self.frames += 1;
        self.plan = Plan::Anchored;
        if self.outputs.has(frame.stream) {
            self.assembler.push(frame, payload, into);
        }
    }

    fn recover(&mut self, held: &Frames, into: &mut Lines) {
        for (frame, payload) in held.iter() {
            let key = Key::of(frame, payload);
            if self.is_double(payload, &key) {
                self.counts.replayed += 1;
                continue;
            }
            self.anchor.push_before_last(key);
            self.frames += 1;
            self.counts.recovered += 1;
            if self.outputs.has(frame.stream) {
                into.push(frame.time, frame.stream, [payload, &[]], true, true);
            }
        }
    }
}

impl Seeking {
    fn hold(&mut self, frame: Frame, payload: &[u8]) {
        if self.held.bytes() + payload.len() <= HELD {
            self.held.push(frame.stream, frame.time, [payload, &[]]);
        }
    }

    /// Whether no more unproven frames fit.
    fn is_full(&self) -> bool {
        HELD < self.unproven.bytes()
    }
}
