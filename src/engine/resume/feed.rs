//! Frames in, new lines out: compares each frame with the delivered ones and advances the anchor.

use tokio::time::Instant;

use super::{Counts, FeedOutcome, Plan, Resume, Searched, Window};
use crate::engine::anchor::{Key, SeekStep};
use crate::engine::event::{Delivery, Extent, Gap, GapCause, Lines};
use crate::engine::source::{Frame, Frames};
use crate::engine::timestamp::Timestamp;
use crate::engine::trail::Use;

impl Resume {
    /// Takes frames of a stream and appends the lines that they complete, except those that were delivered
    /// before.
    pub fn feed(&mut self, frames: &Frames, now: Instant, into: &mut Lines) -> FeedOutcome {
        for (frame, payload) in frames.iter() {
            let outcome = self.feed_one(frame, payload, into);
            if outcome != FeedOutcome::Continue {
                return outcome;
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

    /// Applies a step of the search: the anchor was found, or the window is over.
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

    /// Ends the stored part: the stream has ended, or is silent.
    pub fn window_over(&mut self, into: &mut Lines) -> FeedOutcome {
        let Some(mut seeking) = self.seek.take() else {
            return FeedOutcome::Continue;
        };
        let was_found = seeking.seek.is_found();
        seeking.seek.end();
        if !seeking.seek.is_found() {
            self.searched = match seeking.seek.is_whole() {
                true => Searched::Whole,
                false => Searched::Part,
            };
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

    /// How much of the log the window without the anchor has shown.
    pub fn searched(&self) -> Searched {
        self.searched
    }

    /// Records that the anchor is lost: all that the daemon holds is wanted, and its first message shows how far
    /// the gap reaches.
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

    /// The unreported gap before these frames, if there is one; `None` for frames: the log holds no more.
    pub fn gap_before(&mut self, frames: Option<&Frames>) -> Option<Gap> {
        let next = frames.and_then(|frames| frames.iter().next());
        self.gap_to(next.map(|(frame, _)| frame.time))
    }

    /// The unreported gap up to this time, if there is one.
    pub fn gap_to(&mut self, to: Option<Timestamp>) -> Option<Gap> {
        let cause = self.lost.take()?;
        self.place_changed();
        Some(Gap { label: self.label(), from: self.anchor.last(), to, cause })
    }

    /// Ends lines without a newline: the container's run is over and its log read to the end.
    pub fn end_run(&mut self, into: &mut Lines) {
        self.assembler.flush(into);
        self.place_changed();
    }

    /// The counts since the last call.
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

    /// Whether the daemon sent a delivered message again, or late. Such daemons repeat whole lines only, and
    /// their stores give each line its own timestamp; equal pieces of one long line are legal.
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

    /// Records a frame as delivered.
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
