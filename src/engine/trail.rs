//! The trail: frames since the oldest open line. A later run reads them again and joins the line from its first piece.

use std::collections::VecDeque;

use super::anchor::Key;
use super::source::StdStream;

/// The maximum of frames in the trail. A line that needs more is delivered in pieces.
const TRAIL_MAX_FRAMES: usize = 256;

/// The frames from the oldest open line on.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail(VecDeque<Step>);

#[derive(Clone, Copy, Debug)]
struct Step {
    key: Key,
    use_: Use,
}

/// The result of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It was joined to its line.
    Joined,
    /// It was not wanted, or an earlier run delivered it.
    Skipped,
}

/// The beginning of the open lines.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenFrames {
    /// The first frame that is part of an open line.
    pub(super) first: Option<Key>,
    /// All frames that belong to an open line.
    pub(super) keys: Vec<Key>,
    /// The delivered bytes of each output's first such frame.
    pub(super) skip: [u32; 2],
}

impl Trail {
    /// Adds a frame. `open`: undelivered bytes of each output's open line after this frame.
    pub(super) fn push(&mut self, key: Key, use_: Use, open: [usize; 2]) {
        self.0.push_back(Step { key, use_ });
        self.trim(open);
    }

    /// Drops the frames before the oldest open line.
    pub(super) fn trim(&mut self, open: [usize; 2]) {
        let first = [StdStream::Stdout, StdStream::Stderr]
            .into_iter()
            .filter_map(|stream| self.begin(stream, open[stream as usize]))
            .map(|(at, _)| at)
            .min();
        self.0.drain(..first.unwrap_or(self.0.len()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the trail has reached its maximum.
    pub(super) fn is_full(&self) -> bool {
        TRAIL_MAX_FRAMES <= self.0.len()
    }

    /// Replaces the trail with these last frames of the log.
    pub(super) fn replace(&mut self, steps: impl Iterator<Item = (Key, Use)>, open: [usize; 2]) {
        self.0 = steps.map(|(key, use_)| Step { key, use_ }).collect();
        self.trim(open);
    }

    /// The index of the first frame of an output's open line, and the delivered bytes of it.
    fn begin(&self, stream: StdStream, open: usize) -> Option<(usize, u32)> {
        let mut left = open;
        for (at, step) in self.0.iter().enumerate().rev() {
            if left == 0 {
                break;
            }
            if step.key.stream() != stream || step.use_ == Use::Skipped {
                continue;
            }
            let len = step.key.length() as usize;
            if left <= len {
                return Some((at, u32::try_from(len - left).unwrap_or(u32::MAX)));
            }
            left -= len;
        }
        None
    }

    /// The frames of the open lines.
    pub(super) fn open_frames(&self, open: [usize; 2]) -> OpenFrames {
        let mut frames = OpenFrames::default();
        let begins = [StdStream::Stdout, StdStream::Stderr]
            .map(|stream| self.begin(stream, open[stream as usize]));
        for (at, step) in self.0.iter().enumerate() {
            let slot = step.key.stream() as usize;
            if step.use_ == Use::Joined && begins[slot].is_some_and(|(begin, _)| begin <= at) {
                frames.first.get_or_insert(step.key);
                frames.keys.push(step.key);
            }
        }
        frames.skip = begins.map(|begin| begin.map_or(0, |(_, skip)| skip));
        frames
    }
}
