//! The backlog: which stored lines are shown first, all or the last N.
//!
//! The daemon counts messages, and a long line is several messages. So the first read asks for more than N,
//! joins the pieces, and keeps the last N lines. The frames read are the anchor for the stream that follows.
//! Above [`EXACT_MAX_LINES`] lines, cmon uses the daemon's count, so that it need not hold the lines.

use super::anchor::Key;
use super::event::Lines;
use super::lines::Assembler;
use super::source::{Frame, Frames, StdStream, Tail};
use super::timestamp::Timestamp;

/// Up to this number of lines, cmon holds and counts them.
pub const EXACT_MAX_LINES: u64 = 100;

/// How much of the log is shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// All that the daemon holds.
    All,
    /// The last N lines.
    Last(u64),
    /// The lines since the beginning of this range.
    Since,
}

/// The range of wanted times, by the daemon's timestamps, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub since: Option<Timestamp>,
    /// The last.
    pub until: Option<Timestamp>,
}

impl Range {
    fn contains(self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time <= until)
    }
}

/// The wanted outputs and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// The wanted times.
    pub range: Range,
}

impl Outputs {
    /// Both.
    pub const BOTH: Self =
        Self { stdout: true, stderr: true, range: Range { since: None, until: None } };

    /// Whether this frame is wanted.
    pub fn has(self, frame: Frame) -> bool {
        self.has_at(frame.stream, frame.time)
    }

    /// Whether a frame of this output and time is wanted.
    pub fn has_at(self, stream: StdStream, time: Timestamp) -> bool {
        let is_wanted = match stream {
            StdStream::Stdout => self.stdout,
            StdStream::Stderr => self.stderr,
        };
        is_wanted && self.range.contains(time)
    }
}

/// Whether a run may still write to its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It may: an open line can continue.
    GoesOn,
    /// It has ended: an open line ends here.
    Over,
}

/// A first view under construction.
#[derive(Debug)]
pub struct FirstView {
    lines: Lines,
    assembler: Assembler,
    outputs: Outputs,
    wanted: usize,
    run: RunState,
    /// The number of lines in this window.
    seen: usize,
    keys: Vec<Key>,
}

impl FirstView {
    /// A view of the last `wanted` lines. `run_is_over`: an open line at the end counts.
    pub fn new(
        lines: Lines,
        assembler: Assembler,
        outputs: Outputs,
        wanted: u64,
        run: RunState,
    ) -> Self {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        Self { lines, assembler, outputs, wanted, run, seen: 0, keys: Vec::new() }
    }

    /// The windows to read, one after the other, until [`is_enough`](Self::is_enough). The first is as
    /// large as the window of the stream that follows, so it shows whether that window is sound.
    pub fn windows(wanted: u64) -> [Tail; 2] {
        [Tail::Last((wanted + 16).max(64)), Tail::Last(16 * wanted + 1024)]
    }

    /// The windows after those, if the wanted lines are not the last of the log.
    pub fn larger_windows(wanted: u64) -> impl Iterator<Item = Tail> {
        let first = 16 * wanted + 1024;
        (1..7).map(move |step| Tail::Last(first << (3 * step))).chain([Tail::All])
    }

    /// The keys of all that was read.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The number of lines in the view.
    pub fn lines(&self) -> u64 {
        self.lines.len().min(self.wanted) as u64
    }

    /// Adds frames of the window.
    pub fn feed(&mut self, frames: &Frames) {
        for (frame, payload) in frames.iter() {
            self.keys.push(Key::of(frame, payload));
            if self.outputs.has(frame) {
                self.assembler.push(frame, payload, &mut self.lines);
            }
        }
        self.trim();
    }

    /// Whether the view has all wanted lines, the first one complete, or the log holds no more.
    pub fn is_enough(&self, window: Tail) -> bool {
        let whole_log = match window {
            Tail::All => true,
            Tail::Last(frames) => (self.keys.len() as u64) < frames,
        };
        whole_log || self.wanted < self.seen || self.wanted == 0
    }

    /// The last lines, the open pieces, and the keys of all frames read.
    pub fn finish(mut self) -> (Lines, Assembler, Vec<Key>) {
        if self.run == RunState::Over {
            self.assembler.flush(&mut self.lines);
        }
        self.lines.keep_last(self.wanted);
        (self.lines, self.assembler, self.keys)
    }

    fn trim(&mut self) {
        let before = self.lines.len();
        self.seen = self.seen.max(before);
        // Compacting only at twice the size keeps the cost linear in the lines read.
        if 2 * self.wanted + 64 < before {
            self.lines.keep_last(self.wanted + 1);
        }
    }
}
