//! Why a target is not one process.

use serde::Serialize;

/// Several processes answer at the address of one target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error(
    "{target}: several processes answer here ({sign}): name one of them, by the address of one replica or worker, or \
     as pid:N"
)]
pub(crate) struct SeveralProcesses {
    pub(crate) target: String,
    pub(crate) sign: SeveralSign,
}

/// The evidence that several processes answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum SeveralSign {
    #[error("{count} start times come back in turn")]
    StartTimes { count: usize },
    #[error("{count} process numbers come back in turn")]
    ProcessNumbers { count: usize },
    #[error("its totals fall and come back in turn")]
    Totals,
}
