//! The patterns that are known from programs that leaked.

use serde::Serialize;

use crate::leak::judge::new_growth::By;
use crate::leak::metric::{MetricId, Source};
use crate::leak::record::Drive;

/// A pattern that the growth fits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Signature {
    /// Something of cmon's own outlived the check.
    Survivors {
        /// What it is: `reader`.
        task: String,
        count: f64,
    },
    /// More tasks of one kind in cmon itself.
    OwnTasks { title: String, count: f64 },
    /// HTTP connections of a client.
    Connections {
        /// What they wait for.
        are: Connections,
        count: f64,
        /// Each holds one descriptor, as far as that is known.
        descriptor: bool,
        source: Source,
    },
    /// The daemon still serves log streams whose clients have gone on.
    Followers {
        /// Of them per cycle or per minute.
        rate: f64,
        /// What the rate is counted by.
        by: By,
        /// How they were recognized.
        seen: Seen,
    },
    /// Sockets that the other side has closed.
    ForgottenSockets { count: f64, source: Source },
    /// The daemon's part of connections that somebody else opens.
    OtherSide {
        /// The metrics of the daemon.
        metrics: Vec<String>,
        /// Whose connections they are.
        of: Source,
    },
    /// It grows by even steps.
    Steps {
        /// Seconds between two steps.
        #[serde(rename = "period_seconds")]
        period: f64,
        metrics: Vec<StepSize>,
        cause: Steps,
    },
    /// It grew, and something stopped that.
    Stopped {
        metrics: Vec<String>,
        /// When, in seconds.
        #[serde(rename = "at_seconds")]
        at: f64,
        /// How long each would have lived, were the end the balance of what comes and what something else ends.
        #[serde(rename = "lifetime_seconds")]
        lifetime: f64,
        /// They are idle HTTP connections.
        idle_connections: bool,
    },
    /// What makes these metrics grow, and what does not.
    Course {
        metrics: Vec<String>,
        /// What it depends on.
        on: Course,
        /// How the load was made.
        drive: Drive,
    },
}

/// A metric with the size of its step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StepSize {
    pub(crate) metric: String,
    /// The size of its step.
    pub(crate) size: f64,
}

/// What HTTP connections wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Connections {
    /// The next request of a client that nobody uses any more.
    Idle,
    /// That the body of a response is read to its end or closed.
    Unclosed,
    /// More of a response.
    Read,
    /// More of a container's log.
    LogsRead,
}

/// How followers in the daemon were recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Seen {
    /// By their stacks alone.
    Stacks,
    /// By their stacks, and each takes what a follower takes.
    StacksAndNumbers,
    /// By what a follower takes, without stacks.
    Numbers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Steps {
    /// A timer: they come while nothing is driven.
    Timer(Drive),
    /// A timer, or cycles that nobody counts.
    TimerOrCycles,
    /// The cycles, or both.
    Open,
}

/// What growth depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Course {
    /// The target's own cycles or time: both go on together.
    OwnCycles,
    Time,
    /// Time; of cycles it is not known.
    TimeAtLeast,
    Cycles,
    /// Cycles; of time it is not known.
    CyclesAtLeast,
}

/// Growth of the daemon that is the other side of somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OtherSide {
    pub(crate) metric: String,
    /// The metric that it follows.
    pub(crate) of: MetricId,
}
