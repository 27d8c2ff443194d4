//! The earlier check that a report is held against, and what all forms of the report say of it.

use serde::Serialize;

use super::Verdict;
use super::figures::{Unit, amount};
use crate::leak::judge::baseline::By;

/// An earlier check (`--baseline`), as far as this one is held against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// When it began: RFC 3339, UTC.
    pub begun: String,
    /// Its own verdict.
    pub verdict: Verdict,
    /// The figures that could be compared; none of them where its load was of another kind.
    pub compared: Vec<By>,
    /// In what it differs from this check, in plain words.
    pub differences: Vec<String>,
    /// What grows and is no leak, because it did before: of the metrics that decide.
    pub as_before: Vec<AsBefore>,
}

/// Growth that was there before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AsBefore {
    /// The metric.
    pub name: String,
    /// What the rates are counted by.
    pub by: By,
    /// The rate now.
    pub now: f64,
    /// The rate of the earlier check.
    pub before: f64,
    /// It is certainly less than before.
    pub less: bool,
}

impl AsBefore {
    /// `daemon.goroutines grows as before: 0.5 per cycle`.
    pub(in crate::leak) fn words(&self) -> String {
        let how = if self.less { "less than before" } else { "as before" };
        format!("{} grows {how}: {}", self.name, self.rate(self.now))
    }

    fn rate(&self, value: f64) -> String {
        let by = match self.by {
            By::Cycle => "per cycle",
            By::Minute => "per minute",
        };
        format!("{} {by}", amount(value, Unit::of(&self.name)))
    }
}

impl Baseline {
    /// All there is to say of it, one line each: what grows all the same, then in what it differs.
    pub(in crate::leak) fn lines(&self) -> Vec<String> {
        let grown = self.as_before.iter();
        let grown = grown.map(|one| format!("{}, and {} then", one.words(), one.rate(one.before)));
        grown.chain(self.differences.iter().cloned()).collect()
    }

    /// The heading of these lines.
    pub(in crate::leak) fn title(&self) -> String {
        format!("compared with the earlier run of {} ({})", self.begun, self.verdict)
    }
}
