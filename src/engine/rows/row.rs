//! The row of a container.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::event::{Gap, Notice};
use crate::engine::source::{ContainerKey, ErrorKind, Exit, Phase};
use crate::engine::timestamp::Timestamp;

/// The state of a container's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Its first stream is being opened, or the first after a run's end.
    Opening,
    /// It is open and delivers new lines.
    Streaming,
    /// The one before reached its age, and the next is being opened.
    Rotating,
    /// It has been delivering stored lines for a while: the log is longer than the output is fast.
    CatchingUp,
    /// The daemon has newer lines than the stream delivered; the stream is being reopened.
    Stale,
    /// It could not be opened, or it broke: cmon tries again after this time.
    BackingOff {
        /// The time left.
        left: Duration,
    },
    /// The run has ended, and the rest of its log is read.
    Draining,
    /// There is no stream: cmon inspects the container, or waits for its restart policy.
    Waiting,
    /// There is no stream: the log is read to its end, or cannot be read.
    Ended {
        /// Why it cannot be read, if it cannot.
        failure: Option<ErrorKind>,
    },
}

impl StreamState {
    /// The state in JSON: `streaming`, `backing_off`, and so on.
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
    /// The container's state; `None` until the daemon has answered.
    pub phase: Option<Phase>,
    /// How its last run ended; `None` while it runs.
    pub exit: Option<Exit>,
    /// The state of its stream.
    pub stream: StreamState,
    /// The end reason of its last stream: `rotated`, `cut`, and so on.
    pub last_end: Option<&'static str>,
    /// The age of its open stream.
    pub age: Option<Duration>,
    /// The age at which a stream is rotated, with a jitter of 10 %.
    pub timeout: Duration,
    /// The number of closed streams.
    pub cycles: u64,
    /// Recently closed streams per minute.
    pub cycles_per_minute: f64,
    /// Lines delivered.
    pub lines: u64,
    /// Bytes of lines delivered.
    pub bytes: u64,
    /// Lines per second over the last seconds, without lines stored before the start.
    pub lines_per_second: f64,
    /// Bytes per second.
    pub bytes_per_second: f64,
    /// The lag: how far the last delivered line is behind the daemon's newest.
    pub lag: Duration,
    /// Gaps by cause.
    pub gaps_by_cause: BTreeMap<&'static str, u64>,
    /// Reopened streams, by the end reason of the one before.
    pub reopens: BTreeMap<&'static str, u64>,
    /// The last notice about it, and its time.
    pub last_notice: Option<(Timestamp, LastNotice)>,
}

impl Row {
    /// The number of gaps.
    pub fn gaps(&self) -> u64 {
        self.gaps_by_cause.values().sum()
    }

    /// Streams reopened for another reason than the age of the one before.
    pub fn irregular_reopens(&self) -> u64 {
        let irregular = self.reopens.iter().filter(|(reason, _)| **reason != "rotated");
        irregular.map(|(_, count)| count).sum()
    }
}
