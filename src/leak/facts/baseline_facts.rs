//! The earlier check that a check is compared with (`--baseline`).

use serde::Serialize;

use super::Verdict;
use crate::leak::judge::new_growth::By;
use crate::leak::record::Drive;

/// The earlier check, and the result of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Baseline {
    /// When it started: RFC 3339, UTC.
    pub(crate) started: String,
    pub(crate) verdict: Verdict,
    /// The rates that could be compared; empty when its load was of another kind.
    pub(crate) compared: Vec<By>,
    /// How it differs from this check.
    pub(crate) differences: Vec<Difference>,
    /// Growth of gated metrics that is no leak because the earlier check had it too.
    pub(crate) as_before: Vec<AsBefore>,
}

/// How two checks differ. `then` is of the earlier one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Difference {
    /// The kind of load: no rate is compared.
    Load {
        /// Of the earlier check.
        then: Load,
        now: Load,
    },
    /// Cycles per minute on the target's own load: growth per minute is not compared.
    Pace {
        /// Of the earlier check.
        then: f64,
        now: f64,
    },
    Length {
        /// Of the earlier check.
        then_seconds: f64,
        now_seconds: f64,
        /// Growth per minute is not compared, because the shorter one has more of the warm-up in it.
        excludes_per_minute: bool,
    },
    /// The containers whose streams were driven.
    Containers {
        /// Only in the earlier check.
        gone: Vec<String>,
        /// Only in this one.
        new: Vec<String>,
    },
    StreamTimeout {
        /// Of the earlier check.
        then_seconds: f64,
        now_seconds: f64,
    },
    Targets {
        /// Only in the earlier check.
        gone: Vec<String>,
        /// Only in this one.
        new: Vec<String>,
    },
    /// The version of the daemon.
    DaemonVersion {
        /// In the earlier check.
        then: String,
        now: String,
    },
}

/// How a check made its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Load {
    pub(crate) drive: Drive,
    /// On this many containers.
    pub(crate) containers: usize,
}

/// Growth that the earlier check had too.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct AsBefore {
    pub(crate) name: String,
    /// The unit of the rates: per cycle or per minute.
    pub(crate) by: By,
    pub(crate) now: f64,
    /// The rate of the earlier check.
    pub(crate) before: f64,
    /// It is significantly less than before.
    pub(crate) less: bool,
}
