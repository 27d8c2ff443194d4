//! What each container's follower is doing, as a row that the screen, the JSON and the metrics share.
//!
//! The supervisor and the container's reader write on a [`RowState`]; anybody may ask it for a [`Row`].
//! Nothing here takes part in a decision, so a row state may be read at any time and from any thread.

mod rates;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::event::{EndReason, Gap, Label, Lines, Notice};
use super::lag::Lag;
use super::lifecycle::FollowPhase;
use super::source::{Container, ContainerKey, ErrorKind, Exit, Phase};
use super::timestamp::Timestamp;
use rates::{Closings, Traffic};

/// A stream that has not found its place after this long, but delivers, is catching up.
const SOON: Duration = Duration::from_secs(2);

/// What a container's stream is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Its first stream is being opened, or the first after a run's end.
    Opening,
    /// It is open, and what is new is handed on.
    Streaming,
    /// The one before was closed because of its age, and the next is being opened.
    Rotating,
    /// What is stored is read and handed on, for a while already: the log is longer than the output is fast.
    CatchingUp,
    /// The daemon has more than the stream delivered; it is being opened again.
    Stale,
    /// It could not be opened, or it broke: it is tried again when so much time has passed.
    BackingOff {
        /// The time left.
        left: Duration,
    },
    /// The run has ended, and the rest of its log is read.
    Draining,
    /// There is no stream: the daemon is asked, or the restart policy waits.
    Waiting,
    /// There is no stream: the log is read to its end, or cannot be read.
    Ended {
        /// Why it cannot be read, where it cannot.
        failure: Option<ErrorKind>,
    },
}

impl StreamState {
    /// The word for it: `streaming`, `backing_off`, and so on.
    pub fn word(self) -> &'static str {
        match self {
            StreamState::Opening => "opening",
            StreamState::Streaming => "streaming",
            StreamState::Rotating => "rotating",
            StreamState::CatchingUp => "catching_up",
            StreamState::Stale => "stale",
            StreamState::BackingOff { .. } => "backing_off",
            StreamState::Draining => "draining",
            StreamState::Waiting => "waiting",
            StreamState::Ended { .. } => "ended",
        }
    }
}

/// The last notice about a container.
#[derive(Clone, Debug)]
pub enum LastNotice {
    /// A note.
    Note(Notice),
    /// A gap.
    Gap(Gap),
}

/// One container at one moment.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which container.
    pub key: ContainerKey,
    /// Its name.
    pub name: Arc<str>,
    /// What the container is doing; `None` until the daemon has answered.
    pub phase: Option<Phase>,
    /// How its last run ended; `None` while it runs.
    pub exit: Option<Exit>,
    /// What its stream is doing.
    pub stream: StreamState,
    /// How its last stream ended: `rotated`, `cut`, and so on.
    pub last_end: Option<&'static str>,
    /// The age of its open stream.
    pub age: Option<Duration>,
    /// The age at which a stream is rotated, give or take a tenth.
    pub timeout: Duration,
    /// Streams closed.
    pub cycles: u64,
    /// The same per minute, of late.
    pub cycles_per_minute: f64,
    /// Lines delivered.
    pub lines: u64,
    /// Bytes of lines delivered.
    pub bytes: u64,
    /// Lines a second over the last seconds; what was stored before the start does not count.
    pub lines_per_second: f64,
    /// Bytes a second.
    pub bytes_per_second: f64,
    /// How far what was delivered is behind what the daemon has stored.
    pub lag: Duration,
    /// Gaps by cause.
    pub gaps_by_cause: BTreeMap<&'static str, u64>,
    /// Streams opened after an earlier one, by how that one ended.
    pub reopens: BTreeMap<&'static str, u64>,
    /// The last notice about it, and when.
    pub last_notice: Option<(Timestamp, LastNotice)>,
}

impl Row {
    /// Gaps of all causes.
    pub fn gaps(&self) -> u64 {
        self.gaps_by_cause.values().sum()
    }

    /// Streams opened again for another reason than the age of the one before.
    pub fn irregular_reopens(&self) -> u64 {
        let irregular = self.reopens.iter().filter(|(reason, _)| **reason != "rotated");
        irregular.map(|(_, count)| count).sum()
    }
}

/// Whether an open stream delivers all that the daemon has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing speaks against it.
    Sound,
    /// The daemon has more than it delivered.
    Suspect,
}

/// Where the facts about one container are written down.
#[derive(Debug)]
pub struct RowState {
    pub(super) lag: Lag,
    /// Lines from before do not count as traffic.
    started: Timestamp,
    timeout: Duration,
    facts: Mutex<Facts>,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that came apart and do not exclude each other"
)]
struct Facts {
    label: Arc<Label>,
    joined: Instant,
    phase: Option<Phase>,
    exit: Option<Exit>,
    oom: bool,
    follow_phase: FollowPhase,
    wake: Option<Instant>,
    opened: Option<Instant>,
    settled: bool,
    /// The open stream has delivered something.
    delivers: bool,
    suspect: bool,
    last_end: Option<&'static str>,
    cycles: u64,
    closings: Closings,
    lines: u64,
    bytes: u64,
    traffic: Traffic,
    gaps: BTreeMap<&'static str, u64>,
    reopens: BTreeMap<&'static str, u64>,
    last_notice: Option<(Timestamp, LastNotice)>,
}

impl RowState {
    pub(super) fn new(label: Arc<Label>, timeout: Duration) -> Self {
        let started = Timestamp::now();
        let facts = Facts {
            label,
            joined: Instant::now(),
            phase: None,
            exit: None,
            oom: false,
            follow_phase: FollowPhase::Asking,
            wake: None,
            opened: None,
            settled: false,
            delivers: false,
            suspect: false,
            last_end: None,
            cycles: 0,
            closings: Closings::default(),
            lines: 0,
            bytes: 0,
            traffic: Traffic::default(),
            gaps: BTreeMap::new(),
            reopens: BTreeMap::new(),
            last_notice: None,
        };
        Self { lag: Lag::new(started), started, timeout, facts: Mutex::new(facts) }
    }

    pub(super) fn rename(&self, label: Arc<Label>) {
        self.facts().label = label;
    }

    /// The container's name as it is shown.
    pub(super) fn title(&self) -> Arc<str> {
        Arc::clone(&self.facts().label.title)
    }

    /// Streams closed.
    pub(super) fn cycles(&self) -> u64 {
        self.facts().cycles
    }

    /// Takes the facts of an inspection.
    pub(super) fn inspected(&self, container: &Container) {
        let mut facts = self.facts();
        facts.phase = Some(container.phase);
        facts.exit = container.exit;
    }

    /// Takes its state from the daemon's list; how it ended is left to an inspection.
    pub(super) fn listed(&self, phase: Phase) {
        let mut facts = self.facts();
        if phase.is_live() && facts.phase.is_some_and(Phase::is_live) {
            facts.phase = Some(phase);
        }
    }

    /// The daemon says that it started.
    pub(super) fn started(&self) {
        let mut facts = self.facts();
        (facts.phase, facts.exit, facts.oom) = (Some(Phase::Running), None, false);
    }

    /// The daemon says that one of its processes was killed for want of memory.
    pub(super) fn out_of_memory(&self) {
        self.facts().oom = true;
    }

    /// The daemon says that its run ended.
    pub(super) fn died(&self, code: i64) {
        let mut facts = self.facts();
        let oom = std::mem::take(&mut facts.oom);
        (facts.phase, facts.exit) = (Some(Phase::Exited), Some(Exit { code, oom }));
    }

    /// What its lifecycle does now, and when it wakes.
    pub(super) fn set_phase(&self, follow_phase: FollowPhase, wake: Option<Instant>) {
        let mut facts = self.facts();
        (facts.follow_phase, facts.wake) = (follow_phase, wake);
    }

    /// A stream is opened.
    pub(super) fn opened(&self, after: Option<&EndReason>) {
        let mut facts = self.facts();
        (facts.opened, facts.settled, facts.suspect) = (Some(Instant::now()), false, false);
        facts.delivers = false;
        if let Some(before) = after {
            *facts.reopens.entry(before.word()).or_default() += 1;
        }
    }

    /// The open stream has found its place.
    pub(super) fn settled(&self, trust: Trust) {
        let mut facts = self.facts();
        (facts.settled, facts.suspect) = (true, trust == Trust::Suspect);
    }

    /// The open stream was closed.
    pub(super) fn closed(&self, reason: &EndReason) {
        let mut facts = self.facts();
        (facts.opened, facts.last_end) = (None, Some(reason.word()));
        facts.cycles += 1;
        facts.closings.add(Instant::now());
    }

    /// A batch was handed on.
    pub(super) fn delivered(&self, lines: &Lines) {
        let (count, bytes) = (lines.whole() as u64, lines.raw().len() as u64);
        // A batch may begin with what was stored before the start, and end with what is new.
        let (new, new_bytes) = lines.since(self.started);
        let mut facts = self.facts();
        facts.delivers = true;
        facts.lines += count;
        facts.bytes += bytes;
        if 0 < new_bytes {
            let second = facts.joined.elapsed().as_secs();
            facts.traffic.add(second, new as u64, new_bytes as u64);
        }
    }

    /// A notice about it was sent.
    pub(super) fn noted(&self, notice: LastNotice) {
        let mut facts = self.facts();
        if let LastNotice::Gap(gap) = &notice {
            *facts.gaps.entry(gap.cause.word()).or_default() += 1;
        }
        facts.last_notice = Some((Timestamp::now(), notice));
    }

    /// The row of this moment.
    pub(super) fn row(&self, now: Instant, clock: Timestamp) -> Row {
        let facts = self.facts();
        let (lines_per_second, bytes_per_second) = facts.traffic.rates(now - facts.joined);
        Row {
            key: facts.label.key.clone(),
            name: Arc::clone(&facts.label.name),
            phase: facts.phase,
            exit: facts.exit,
            stream: facts.stream(now),
            last_end: facts.last_end,
            age: facts.opened.map(|opened| now - opened),
            timeout: self.timeout,
            cycles: facts.cycles,
            cycles_per_minute: facts.closings.per_minute(now, facts.joined, self.timeout),
            lines: facts.lines,
            bytes: facts.bytes,
            lines_per_second,
            bytes_per_second,
            lag: self.lag.get(clock),
            gaps_by_cause: facts.gaps.clone(),
            reopens: facts.reopens.clone(),
            last_notice: facts.last_notice.clone(),
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    fn stream(&self, now: Instant) -> StreamState {
        match self.follow_phase {
            FollowPhase::Asking if self.cycles == 0 => StreamState::Opening,
            FollowPhase::Asking | FollowPhase::Waiting => StreamState::Waiting,
            FollowPhase::Following if self.suspect => StreamState::Stale,
            FollowPhase::Following if self.settled => StreamState::Streaming,
            FollowPhase::Following
                if self.delivers && self.opened.is_some_and(|at| SOON < now - at) =>
            {
                StreamState::CatchingUp
            }
            FollowPhase::Following => match self.last_end {
                Some("rotated" | "held_back" | "disordered") => StreamState::Rotating,
                Some("stale") => StreamState::Stale,
                _ => StreamState::Opening,
            },
            FollowPhase::Draining => StreamState::Draining,
            FollowPhase::BackingOff => {
                let left = self.wake.map_or(Duration::ZERO, |wake| wake - now.min(wake));
                StreamState::BackingOff { left }
            }
            FollowPhase::Ended(failure) => StreamState::Ended { failure },
        }
    }
}

#[cfg(test)]
mod tests;
