//! What is shown of a container.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::event::{Gap, Notice};
use crate::engine::source::{ContainerKey, ErrorKind, Exit, Phase};
use crate::engine::timestamp::Timestamp;

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
    /// It could not be opened, or it broke: cmon tries again after this time.
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
