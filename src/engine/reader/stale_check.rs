//! Is a quiet stream quiet because the container is, or because it no longer delivers?

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Reader;
use crate::engine::limits::FINITE_READ_IDLE_TIMEOUT;
use crate::engine::resume::Resume;
use crate::engine::rows::Trust;
use crate::engine::source::{Frames, LogStream, Read, ReadMode, Source, Tail};
use crate::engine::stale::STALE_GRACE;

/// Windows that show what stands before bad records at the end of a log.
const HOLE_AT_END: [u64; 6] = [2, 4, 8, 16, 32, 64];

/// Watches a quiet stream: is there nothing, or does it no longer deliver?
pub(super) struct Watch<'a> {
    /// When to act next.
    due: Instant,
    /// Rings at `due` or before. A stream that gives lines moves `due` all the time, and this rarely.
    timer: Pin<Box<Sleep>>,
    /// The daemon has more than came, and the stream has a moment to deliver it.
    suspect: bool,
    /// The probe asks for a proof, not because of a silence.
    proving: bool,
    probe: Option<Pin<Box<dyn Future<Output = Option<bool>> + Send + 'a>>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(resume: &mut Resume) -> Self {
        let wait = if resume.is_unproven() { Duration::ZERO } else { resume.quiet().interval() };
        let due = Instant::now() + wait;
        let timer = Box::pin(sleep_until(due));
        Self { due, timer, suspect: false, proving: false, probe: None }
    }

    /// Frames came, which is the end of a silence, but not always a proof.
    pub(super) fn saw_frames(&mut self, resume: &mut Resume) {
        resume.quiet().found_busy();
        if !resume.is_unproven() {
            self.due = Instant::now() + resume.quiet().interval();
            (self.suspect, self.proving, self.probe) = (false, false, None);
        }
    }

    /// Whether the daemon has more than came.
    pub(super) fn trust(&self) -> Trust {
        if self.suspect { Trust::Suspect } else { Trust::Sound }
    }

    /// Goes a step: waits, begins a probe, or takes its answer. Returns whether the stream is stale.
    ///
    /// # Cancel safety
    /// Safe: a probe that was begun goes on with the next call.
    pub(super) async fn step<S: Source>(&mut self, reader: &'a Reader<S>) -> bool {
        if let Some(probe) = &mut self.probe {
            let known = probe.await;
            self.probe = None;
            if known == Some(false) {
                (self.suspect, self.due) = (true, Instant::now() + STALE_GRACE);
                return false;
            }
            let interval = reader.with_resume(|resume| {
                if !self.proving {
                    resume.quiet().found_quiet();
                }
                resume.quiet().interval()
            });
            self.due = Instant::now() + interval;
            return false;
        }
        while Instant::now() < self.due {
            if self.due < self.timer.deadline() || self.timer.is_elapsed() {
                self.timer.as_mut().reset(self.due);
            }
            self.timer.as_mut().await;
        }
        if !self.suspect {
            self.proving = reader.with_resume(|resume| resume.is_unproven());
            let turn = reader.probes.take(Instant::now());
            self.probe = Some(Box::pin(reader.probe(turn)));
        }
        self.suspect
    }
}

impl<S: Source> Reader<S> {
    /// Asks for the newest message of the log, when it is this container's turn: whether it was
    /// delivered. `None` when there is none, or no answer.
    async fn probe(&self, turn: Instant) -> Option<bool> {
        sleep_until(turn).await;
        self.tally.probe();
        let mut newest = self.open(ReadMode::Once, Tail::Last(1)).await.ok()?;
        let mut frames = Frames::default();
        let end = loop {
            match timeout(FINITE_READ_IDLE_TIMEOUT, newest.read(&mut frames)).await {
                Ok(Ok(Read::Some)) => {}
                end => break end,
            }
        };
        let Some((frame, payload)) = frames.iter().last() else {
            if matches!(end, Ok(Ok(Read::End))) && self.with_resume(Resume::newest_is_unreadable) {
                self.find_hole_at_end().await;
            }
            return None;
        };
        Some(self.with_resume(|resume| resume.newest(frame, payload)))
    }

    /// A log that shows nothing where its newest record stands was cut to nothing, or this record is bad. It is bad
    /// where a larger window ends with what was delivered.
    async fn find_hole_at_end(&self) {
        for window in HOLE_AT_END {
            let Ok((look, _)) = self.look(Tail::Last(window)).await else { return };
            if let Some(last) = look.keys.last() {
                self.with_resume(|resume| {
                    if resume.knows(last) {
                        resume.hole_at_end(&self.container);
                    }
                });
                return;
            }
        }
    }
}
