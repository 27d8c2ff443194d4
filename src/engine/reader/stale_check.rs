//! The stale check: is a stream quiet because its container is, or because it no longer delivers?

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Reader;
use crate::engine::anchor::Key;
use crate::engine::limits::FINITE_READ_IDLE_TIMEOUT;
use crate::engine::resume::{Opening, Resume};
use crate::engine::rows::Trust;
use crate::engine::source::{Frames, LogStream, Read, ReadMode, Source, Tail};
use crate::engine::stale::STALE_GRACE;

/// The windows that look for messages before bad records at the end of a log.
const HOLE_AT_END: [u64; 6] = [2, 4, 8, 16, 32, 64];

/// The result of a probe for the newest message of a log.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// No answer came.
    Nothing,
    /// The newest message.
    Newest(Key),
    /// The log shows no message at its newest record.
    Empty,
    /// The last message before bad records at the end of the log.
    BeforeHole(Key),
}

type Probe<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Watches a quiet stream and probes whether the daemon has newer lines.
pub(super) struct Watch<'a> {
    /// The time of the next step.
    due: Instant,
    /// Fires at `due` or before. A busy stream moves `due` all the time, and the timer rarely.
    timer: Pin<Box<Sleep>>,
    /// The daemon has newer lines, and the stream has a moment to deliver them.
    suspect: bool,
    /// Whether the probe needs a proof of position, not a test of silence.
    proving: bool,
    probe: Option<Probe<'a>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(resume: &mut Resume) -> Self {
        let wait = if resume.is_unproven() { Duration::ZERO } else { resume.quiet().interval() };
        let due = Instant::now() + wait;
        let timer = Box::pin(sleep_until(due));
        Self { due, timer, suspect: false, proving: false, probe: None }
    }

    /// Records frames. They end a silence, but do not always prove the position.
    pub(super) fn saw_frames(&mut self, resume: &mut Resume) {
        resume.quiet().found_busy();
        if !resume.is_unproven() {
            self.due = Instant::now() + resume.quiet().interval();
            (self.suspect, self.proving, self.probe) = (false, false, None);
        }
    }

    /// Whether the daemon has newer lines than were delivered.
    pub(super) fn trust(&self) -> Trust {
        if self.suspect { Trust::Suspect } else { Trust::Sound }
    }

    /// Takes one step: waits, starts a probe, or takes its answer. Returns whether the stream is stale.
    ///
    /// # Cancel safety
    /// Safe: the next call continues a started probe.
    pub(super) async fn step<S: Source>(
        &mut self,
        reader: &'a Reader<S>,
        resume: &mut Resume,
    ) -> bool {
        if let Some(probe) = &mut self.probe {
            let answer = probe.await;
            self.probe = None;
            self.take_answer(answer, reader, resume);
            return false;
        }
        while Instant::now() < self.due {
            if self.due < self.timer.deadline() || self.timer.is_elapsed() {
                self.timer.as_mut().reset(self.due);
            }
            self.timer.as_mut().await;
        }
        if !self.suspect {
            self.proving = resume.is_unproven();
            let turn = reader.probes.take(Instant::now());
            self.probe = Some(Box::pin(reader.probe(resume.opening(), turn)));
        }
        self.suspect
    }

    fn take_answer<S: Source>(
        &mut self,
        answer: Answer,
        reader: &'a Reader<S>,
        resume: &mut Resume,
    ) {
        match answer {
            Answer::Nothing => {}
            Answer::Newest(key) => {
                if !resume.newest(key) {
                    (self.suspect, self.due) = (true, Instant::now() + STALE_GRACE);
                    return;
                }
            }
            Answer::Empty => {
                if resume.newest_is_unreadable() {
                    self.probe = Some(Box::pin(reader.last_before_hole(resume.opening())));
                    return;
                }
            }
            Answer::BeforeHole(key) => {
                if resume.knows(&key) {
                    resume.hole_at_end(&reader.container);
                }
            }
        }
        if !self.proving {
            resume.quiet().found_quiet();
        }
        self.due = Instant::now() + resume.quiet().interval();
    }
}

impl<S: Source> Reader<S> {
    /// Probes for the newest message of the log in the container's slot.
    async fn probe(&self, opening: Opening, turn: Instant) -> Answer {
        sleep_until(turn).await;
        self.tally.probe();
        let opened = self.open_log(opening, ReadMode::Once, Tail::Last(1)).await;
        let Ok(mut newest) = opened else { return Answer::Nothing };
        let mut frames = Frames::default();
        let end = loop {
            match timeout(FINITE_READ_IDLE_TIMEOUT, newest.read(&mut frames)).await {
                Ok(Ok(Read::Some)) => {}
                end => break end,
            }
        };
        match (frames.iter().last(), end) {
            (Some((frame, payload)), _) => Answer::Newest(Key::of(frame, payload)),
            (None, Ok(Ok(Read::End))) => Answer::Empty,
            (None, _) => Answer::Nothing,
        }
    }

    /// Decides about a log that shows no message at its newest record: the log was truncated, or the record is
    /// bad. It is bad if a larger window ends with the last delivered message.
    async fn last_before_hole(&self, opening: Opening) -> Answer {
        for window in HOLE_AT_END {
            let opened = self.open_log(opening.clone(), ReadMode::Once, Tail::Last(window)).await;
            let Ok(stream) = opened else { return Answer::Nothing };
            let Ok((look, _)) = self.keys_of(stream).await else { return Answer::Nothing };
            if let Some(last) = look.keys.last() {
                return Answer::BeforeHole(*last);
            }
        }
        Answer::Nothing
    }
}
