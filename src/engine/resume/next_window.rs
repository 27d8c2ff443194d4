//! The size of the next stream's window, and the steps of a search further back.

use tokio::time::Instant;

use super::holes::{Proven, Reach};
use super::seeking::Seeking;
use super::{Plan, Resume, Searched, Window};
use crate::engine::files::Proof;
use crate::engine::source::{ReadMode, Tail};
use crate::engine::stale::Quiet;

/// The windows of a search after a stream's own window has failed; then all.
const SEARCH_WINDOWS: [u64; 3] = [4096, 16_384, 65_536];

impl Resume {
    /// The wanted lines begin within this window.
    pub fn begins_within(&mut self, window: Tail) {
        self.plan = match window {
            Tail::All => Plan::All,
            Tail::Last(frames) => Plan::Start(frames),
        };
    }

    /// Begins a stream: returns the request.
    pub fn open(&mut self, now: Instant, mode: ReadMode) -> Tail {
        let frames = self.pace.window(now);
        // A search has just read to the end of the log, so a small window will do, unless one has failed already:
        // equal frames prove nothing in it.
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
        self.mode = mode;
        // A follow without stored records misses the messages since the last one.
        let must_prove = follow
            && (std::mem::replace(&mut self.next_proof, Proven::Yes) == Proven::No
                || self.reach == Reach::Hole(0));
        self.proof = if must_prove { Proof::Wanted } else { Proof::Given };
        if let Some(files) = self.files.as_mut().filter(|_| follow) {
            files.open(&self.pace);
        }
        window
    }

    /// Records that a search has found the anchor in this window.
    pub fn found_in(&mut self, window: Tail) {
        self.found_in = Some(window);
        self.searches += 1;
    }

    /// Records that a stream has found its anchor.
    pub fn settled(&mut self) {
        self.searches = 0;
    }

    /// Begins a finite read over this window, for a search or a first view.
    pub fn open_window(&mut self, window: Tail) -> Tail {
        self.searched = Searched::Part;
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
        self.mode = ReadMode::Once;
        window
    }

    /// The windows to search after `failed` missed the anchor.
    pub fn search_after(failed: Tail) -> impl Iterator<Item = Tail> {
        let larger = SEARCH_WINDOWS.into_iter().filter(move |frames| match failed {
            Tail::Last(failed) => failed < *frames,
            Tail::All => false,
        });
        larger.map(Tail::Last).chain([Tail::All])
    }

    /// The stream's progress in its window.
    pub fn window(&self) -> Window {
        match &self.seek {
            None => Window::Over,
            Some(seeking) => seeking.window(),
        }
    }

    /// How long the container's stream may be quiet, and the results of its probes.
    pub fn quiet(&mut self) -> &mut Quiet {
        &mut self.quiet
    }
}
