//! The result of one reading of the sources.

use std::collections::BTreeMap;

use crate::probe::observed::{Cut, Unavailable};
use crate::probe::reasons::{CutReason, SeveralProcesses, UnavailableReason};

/// A source that did not answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// The prefix of the metrics' names.
    pub(crate) source: String,
    pub(crate) reason: UnavailableReason,
}

/// The result of one reading of all sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Values by metric. A metric that could not be read is absent.
    pub(crate) values: BTreeMap<String, f64>,
    /// Cycles since the start of the check, if a target counts them.
    pub(crate) cycles: Option<f64>,
    /// Series that start again with this sample.
    pub(crate) cuts: Vec<Cut>,
    /// Unavailable metrics. Each occurs in one sample only.
    pub(crate) unavailable: Vec<Unavailable>,
    /// Sources that did not answer. They occur in each sample until they answer.
    pub(crate) failures: Vec<Failure>,
    /// Why the check is invalid, whatever comes later.
    pub(crate) invalid: Option<SeveralProcesses>,
}

impl Sample {
    /// Adds the sample of one source.
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
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a check takes days at most"
        )]
        let at_ms = (at * 1000.0) as u64;
        self.cuts.push(Cut { at_ms, source: source.to_owned(), reason: reason.into() });
    }

    pub(super) fn failed(&mut self, source: &str, reason: impl Into<UnavailableReason>) {
        self.failures.push(Failure { source: source.to_owned(), reason: reason.into() });
    }
}
