//! A search for the anchor, with the frames that wait for its result.

use super::Window;
use crate::engine::anchor::Seek;
use crate::engine::source::{Frame, Frames};

/// Frames are held until the anchor is found, up to this many bytes.
const HELD_MAX_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Seeking {
    pub(super) seek: Seek,
    /// Frames that may have been missed, until the anchor is found.
    pub(super) held: Frames,
    /// Frames that are new if the window turns out to hold the whole log.
    pub(super) unproven: Frames,
}

impl Seeking {
    pub(super) fn new(seek: Seek) -> Self {
        Self { seek, held: Frames::default(), unproven: Frames::default() }
    }

    /// How far the stream has come in its window.
    pub(super) fn window(&self) -> Window {
        match &self.seek {
            seek if seek.is_found() => Window::Found,
            seek if seek.is_unproven() => Window::Unproven,
            _ => Window::Searching,
        }
    }

    /// Holds a frame that may be late. Beyond the limit it drops the oldest: the farther a frame stands from the
    /// anchor, the likelier it was delivered long before.
    pub(super) fn hold(&mut self, frame: Frame, payload: &[u8]) {
        if HELD_MAX_BYTES < self.held.bytes() + payload.len() {
            self.held.clear();
        }
        self.held.push(frame.stream, frame.time, [payload, &[]]);
    }

    /// Whether no more unproven frames fit.
    pub(super) fn is_full(&self) -> bool {
        HELD_MAX_BYTES < self.unproven.bytes()
    }
}
