//! The state of a container's row, written by the supervisor and the reader.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::rates::{Closings, Traffic};
use super::row::{LastNotice, Row, StreamState};
use crate::engine::event::{EndReason, Label, Lines};
use crate::engine::lag::Lag;
use crate::engine::lifecycle::FollowPhase;
use crate::engine::source::{Container, Exit, Phase};
use crate::engine::timestamp::Timestamp;

/// A stream that delivers, but has not found its anchor after this long, is catching up.
const CATCHING_UP_MIN_AGE: Duration = Duration::from_secs(2);

/// Whether an open stream delivers all that the daemon has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Trust {
    /// No sign of a problem.
    Sound,
    /// The daemon has newer lines than it delivered.
    Suspect,
}

/// The facts about one container.
#[derive(Debug)]
pub struct RowState {
    pub(in crate::engine) lag: Lag,
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
pub(super) struct Facts {
    pub(super) label: Arc<Label>,
    joined: Instant,
    pub(super) phase: Option<Phase>,
    pub(super) exit: Option<Exit>,
    oom: bool,
    follow_phase: FollowPhase,
    wake: Option<Instant>,
    opened: Option<Instant>,
    settled: bool,
    /// The open stream has delivered a frame.
    delivers: bool,
    suspect: bool,
    last_end: Option<&'static str>,
    cycles: u64,
    pub(super) closings: Closings,
    pub(super) lines: u64,
    bytes: u64,
    pub(super) traffic: Traffic,
    gaps: BTreeMap<&'static str, u64>,
    reopens: BTreeMap<&'static str, u64>,
    last_notice: Option<(Timestamp, LastNotice)>,
}

impl RowState {
    pub(in crate::engine) fn new(label: Arc<Label>, timeout: Duration) -> Self {
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

    pub(in crate::engine) fn rename(&self, label: Arc<Label>) {
        self.facts().label = label;
    }

    /// The container's name as it is shown.
    pub(in crate::engine) fn title(&self) -> Arc<str> {
        Arc::clone(&self.facts().label.title)
    }

    /// The number of closed streams.
    pub(in crate::engine) fn cycles(&self) -> u64 {
        self.facts().cycles
    }

    /// Takes the facts of an inspection.
    pub(in crate::engine) fn inspected(&self, container: &Container) {
        let mut facts = self.facts();
        facts.phase = Some(container.phase);
        facts.exit = container.exit;
    }

    /// Takes its state from the daemon's list; only an inspection has the exit code.
    pub(in crate::engine) fn listed(&self, phase: Phase) {
        let mut facts = self.facts();
        if phase.is_live() && facts.phase.is_some_and(Phase::is_live) {
            facts.phase = Some(phase);
        }
    }

    /// Records a start event.
    pub(in crate::engine) fn started(&self) {
        let mut facts = self.facts();
        (facts.phase, facts.exit, facts.oom) = (Some(Phase::Running), None, false);
    }

    /// Records that one of its processes was killed because memory ran out.
    pub(in crate::engine) fn out_of_memory(&self) {
        self.facts().oom = true;
    }

    /// Records a die event.
    pub(in crate::engine) fn died(&self, code: i64) {
        let mut facts = self.facts();
        let oom = std::mem::take(&mut facts.oom);
        (facts.phase, facts.exit) = (Some(Phase::Exited), Some(Exit { code, oom }));
    }

    /// Records the phase of its lifecycle, and the time of its next wake.
    pub(in crate::engine) fn set_phase(&self, follow_phase: FollowPhase, wake: Option<Instant>) {
        let mut facts = self.facts();
        (facts.follow_phase, facts.wake) = (follow_phase, wake);
    }

    /// Records that a stream is opened.
    pub(in crate::engine) fn opened(&self, after: Option<&EndReason>) {
        let mut facts = self.facts();
        (facts.opened, facts.settled, facts.suspect) = (Some(Instant::now()), false, false);
        facts.delivers = false;
        if let Some(before) = after {
            *facts.reopens.entry(before.word()).or_default() += 1;
        }
    }

    /// Records that the open stream has found its anchor.
    pub(in crate::engine) fn settled(&self, trust: Trust) {
        let mut facts = self.facts();
        (facts.settled, facts.suspect) = (true, trust == Trust::Suspect);
    }

    /// Records that the open stream was closed.
    pub(in crate::engine) fn closed(&self, reason: &EndReason) {
        let mut facts = self.facts();
        (facts.opened, facts.last_end) = (None, Some(reason.word()));
        facts.cycles += 1;
        facts.closings.add(Instant::now());
    }

    /// Records that a batch was sent.
    pub(in crate::engine) fn delivered(&self, lines: &Lines) {
        let (count, bytes) = (lines.whole() as u64, lines.raw().len() as u64);
        // A batch may begin with lines from before the start, and end with new ones.
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

    /// Records a notice about it.
    pub(in crate::engine) fn noted(&self, notice: LastNotice) {
        let mut facts = self.facts();
        if let LastNotice::Gap(gap) = &notice {
            *facts.gaps.entry(gap.cause.word()).or_default() += 1;
        }
        facts.last_notice = Some((Timestamp::now(), notice));
    }

    /// The current row.
    pub(in crate::engine) fn row(&self, now: Instant, clock: Timestamp) -> Row {
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

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    pub(super) fn stream(&self, now: Instant) -> StreamState {
        match self.follow_phase {
            FollowPhase::Asking if self.cycles == 0 => StreamState::Opening,
            FollowPhase::Asking | FollowPhase::Waiting => StreamState::Waiting,
            FollowPhase::Following if self.suspect => StreamState::Stale,
            FollowPhase::Following if self.settled => StreamState::Streaming,
            FollowPhase::Following
                if self.delivers
                    && self.opened.is_some_and(|at| CATCHING_UP_MIN_AGE < now - at) =>
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
