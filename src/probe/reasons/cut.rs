//! Why a series starts again.

use serde::Serialize;

use crate::format::units::span;

/// Why a series starts again.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum CutReason {
    #[error("{sign}")]
    TargetRestarted { sign: RestartSign },
    #[error("the container was started again (pid {old_pid} is now {new_pid})")]
    ContainerRestarted { old_pid: u32, new_pid: u32 },
    /// Nothing shows whether it is the same process.
    #[error("the target did not answer for a while, and answers again")]
    TargetBack,
    #[error("the daemon closed its connection, and its counts fell: it was started again")]
    DaemonRestarted,
    #[error("the daemon did not answer for a while, and answers again")]
    DaemonBack,
}

/// The evidence that a target restarted.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum RestartSign {
    #[error("the target was started again (pid {old} is now {new})")]
    PidChanged { old: u64, new: u64 },
    /// A figure fell at the same time, or the connection broke.
    #[error(
        "the target was started again (its start time moved forward by {}, and {})",
        span(*seconds),
        fell.as_ref().map_or("its connection broke".to_owned(), Fall::to_string)
    )]
    StartTimeMoved { seconds: f64, fell: Option<Fall> },
    #[error("the target was started again ({0})")]
    TotalFell(Fall),
    #[error(
        "the target closed its connection and accepted no other for a while: it was started again"
    )]
    ConnectionRefused,
    #[error(
        "the target closed its connection, and its goroutines fell below half: it was started again"
    )]
    GoroutinesHalved,
}

/// A figure that fell.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize)]
#[error("`{name}` fell from {from} to {to}")]
pub(crate) struct Fall {
    pub(crate) name: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
}
