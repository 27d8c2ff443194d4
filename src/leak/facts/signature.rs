//! Growth patterns of known leaks.

use serde::Serialize;

use crate::leak::judge::new_growth::By;
use crate::leak::record::Drive;
use crate::probe::metric::{MetricId, Source};

/// A pattern that the growth fits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Signature {
    /// A task or connection of cmon outlived the check.
    Survivors {
        /// Its kind: `reader`.
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
        /// Whether each seems to hold one descriptor.
        descriptor: bool,
        source: Source,
    },
    /// The daemon still serves log streams that their clients have closed.
    Followers {
        /// Followers per cycle or per minute.
        rate: f64,
        /// The unit of the rate.
        by: By,
        /// How they were recognized.
        seen: Seen,
    },
    /// Sockets that the peer has closed.
    ForgottenSockets { count: f64, source: Source },
    /// The daemon's end of connections that another source opens.
    OtherSide {
        /// The metrics of the daemon.
        metrics: Vec<String>,
        /// The source that opens the connections.
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
        /// The lifetime of each member, if the growth stopped because as many end as begin.
        #[serde(rename = "lifetime_seconds")]
        lifetime: f64,
        /// They are idle HTTP connections.
        idle_connections: bool,
    },
    /// Whether these metrics grow by cycles or by time.
    Course { metrics: Vec<String>, on: Course, drive: Drive },
}

/// A metric with the size of its step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StepSize {
    pub(crate) metric: String,
    pub(crate) size: f64,
}

/// What HTTP connections wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Connections {
    /// The next request of a client that is no longer used.
    Idle,
    /// A reader that consumes the response body or closes it.
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
    /// By their stacks, and by the goroutines and descriptors of each.
    StacksAndNumbers,
    /// By the goroutines and descriptors of each alone.
    Numbers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Steps {
    /// A timer: the steps occur in idle phases too.
    Timer(Drive),
    /// A timer, or cycles that are not counted.
    TimerOrCycles,
    /// The cycles, a timer, or both.
    Open,
}

/// What growth depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Course {
    /// The target's own cycles or time: both go on together.
    OwnCycles,
    Time,
    /// Time. Whether cycles add to it is unknown.
    TimeAtLeast,
    Cycles,
    /// Cycles. Whether time adds to it is unknown.
    CyclesAtLeast,
}

/// Growth of the daemon that mirrors another source's growth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OtherSide {
    pub(crate) metric: String,
    /// The metric that causes it.
    pub(crate) of: MetricId,
}
