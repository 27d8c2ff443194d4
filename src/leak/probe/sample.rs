//! What one look at the sources gives.

use std::collections::BTreeMap;

use crate::leak::reasons::{CutReason, FailureReason, UnavailableReason};
use crate::leak::record::{Cut, Unavailable};

/// A source that did not answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// The beginning of the metrics' names.
    pub(crate) source: String,
    pub(crate) reason: UnavailableReason,
}

/// What one look at everything gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Figures by metric; what could not be read is absent.
    pub(crate) values: BTreeMap<String, f64>,
    /// Cycles that the target counted since the check began, when one of its metrics does.
    pub(crate) cycles: Option<f64>,
    /// Series that start anew with this sample.
    pub(crate) cuts: Vec<Cut>,
    /// What cannot be had; each metric is named in one sample only.
    pub(crate) unavailable: Vec<Unavailable>,
    /// Sources that did not answer this time, in each sample for as long as they do not.
    pub(crate) failures: Vec<Failure>,
    /// Why no verdict can be made of the figures of a target, whatever comes later.
    pub(crate) invalid: Option<FailureReason>,
}

impl Sample {
    /// Takes in what one source gave.
    pub(super) fn absorb(&mut self, part: Sample) {
        let Sample { values, cycles, cuts, unavailable, failures, invalid } = part;
        self.values.extend(values);
        self.cycles = cycles.or(self.cycles);
        self.cuts.extend(cuts);
        self.unavailable.extend(unavailable);
        self.failures.extend(failures);
        self.invalid = self.invalid.take().or(invalid);
    }

    pub(super) fn value(&mut self, metric: &str, count: u64) {
        self.figure(metric, count as f64);
    }

    pub(super) fn figure(&mut self, metric: &str, figure: f64) {
        self.values.insert(metric.to_owned(), figure);
    }

    pub(super) fn value_or(
        &mut self,
        metric: &str,
        count: Result<u64, impl Into<UnavailableReason>>,
    ) {
        self.figure_or(metric, count.map(|count| count as f64));
    }

    pub(super) fn figure_or(
        &mut self,
        metric: &str,
        figure: Result<f64, impl Into<UnavailableReason>>,
    ) {
        match figure {
            Ok(figure) => self.figure(metric, figure),
            Err(reason) => self.unavailable(metric, reason),
        }
    }

    pub(super) fn unavailable(&mut self, metric: &str, reason: impl Into<UnavailableReason>) {
        let reason: UnavailableReason = reason.into();
        self.unavailable.push(Unavailable { metric: metric.to_owned(), reason: reason.into() });
    }

    pub(super) fn cut(&mut self, at: f64, source: &str, reason: CutReason) {
        // A check takes days at most.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as said")]
        let at_ms = (at * 1000.0) as u64;
        self.cuts.push(Cut { at_ms, source: source.to_owned(), reason: reason.into() });
    }

    pub(super) fn failed(&mut self, source: &str, reason: impl Into<UnavailableReason>) {
        self.failures.push(Failure { source: source.to_owned(), reason: reason.into() });
    }
}
