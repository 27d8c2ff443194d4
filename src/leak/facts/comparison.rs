//! Several checks of the same load under different stream timeouts.

use serde::Serialize;

use super::{Report, Verdict};
use crate::leak::judge::dependence::Dependence;

/// Runs that differ in the stream timeout only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    /// For each gated metric of the first and the last run, whether its growth depends on the stream timeout.
    pub(crate) metrics: Vec<Compared>,
    /// Containers of the first run that a later run did not have.
    pub(crate) containers_gone: Vec<Gone>,
    /// One report for each stream timeout, in the order of the command line.
    pub(crate) runs: Vec<Report>,
}

/// A metric that two runs share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Compared {
    pub(crate) name: String,
    /// What its growth depends on.
    #[serde(flatten)]
    pub(crate) dependence: Dependence,
}

/// Containers that a later run did not have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Gone {
    /// The stream timeout of that run.
    pub(crate) stream_timeout_seconds: f64,
    /// How many containers the first run had.
    pub(crate) of: usize,
    /// The missing ones.
    pub(crate) containers: Vec<String>,
}

impl Comparison {
    /// The worst verdict of all runs: LEAK, then INVALID, then INCONCLUSIVE.
    pub(crate) fn verdict(&self) -> Verdict {
        let order = [Verdict::Leak, Verdict::Invalid, Verdict::Inconclusive];
        let any = |verdict: &Verdict| self.runs.iter().any(|run| run.verdict == *verdict);
        let worst = order.into_iter().find(any);
        worst.unwrap_or(if self.runs.is_empty() { Verdict::Invalid } else { Verdict::Clean })
    }
}
