//! From readings to a verdict: pure functions over values, without a clock, a thread or a file.
//!
//! The same readings and options give the same verdict, today and from a recording. Each way to
//! know has a module: [`exact`] counts survivors of what cmon itself opened; [`driven`] compares
//! phases in which streams were opened and closed with phases in which nothing was done; [`passive`]
//! looks at a target on its own load; [`cohort`] follows ids; [`compare`] and [`baseline`] hold two
//! runs against each other. [`combine`] makes one verdict of them all.
//!
//! No judge panics, whatever it is given: values that are not finite or larger than 10^15 are
//! taken as missing.

use std::fmt;

use serde::{Serialize, Serializer};

pub(crate) mod cohort;
pub(crate) mod combine;
mod cycle_growth;
pub(crate) mod dependence;
pub(crate) mod design;
mod despike;
pub(crate) mod driven;
pub(crate) mod exact;
pub(crate) mod new_growth;
pub(crate) mod pairs;
pub(crate) mod passive;
pub(crate) mod plan;
pub(crate) mod power;
pub(crate) mod required_duration;
pub(crate) mod sequential;
pub(crate) mod shape;
mod sign_flip;
mod stats;
mod trend;
pub(crate) mod work;

/// The verdict of a judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// It grows, and not by warming up, by a step or by chance.
    Leak,
    /// It does not grow, or by less than is allowed.
    Clean,
    /// The run cannot decide.
    Inconclusive,
    /// Nothing could be measured.
    Invalid,
}

impl Verdict {
    /// The word for it, as printed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Leak => "LEAK",
            Self::Clean => "CLEAN",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Invalid => "INVALID",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One reading of one metric. A failed reading is left out, never written as 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Reading {
    /// Seconds since the start of the run.
    pub(crate) seconds: f64,
    /// Cycles (streams opened and closed) since the start; 0 when nobody counts them.
    pub(crate) cycles: f64,
    pub(crate) value: f64,
}

/// An estimate and the bounds around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    fn scaled(self, by: f64) -> Self {
        Self { estimate: self.estimate * by, low: self.low * by, high: self.high * by }
    }
}

/// The options of the judges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Options {
    /// The accepted probability of a false LEAK, over all gated metrics together.
    pub(crate) alpha: f64,
    /// Growth per cycle that is tolerated.
    pub(crate) max_per_cycle: f64,
    /// Growth per minute that is tolerated.
    pub(crate) max_per_minute: f64,
    /// Growth over a whole run below this is ignored; never less than 3.
    pub(crate) ignore_below: f64,
    /// Whether a driven run may stop early. `alpha` is then split between the checks during the run and the test
    /// at the end.
    pub(crate) early_stop: bool,
    /// Whether it was stopped early: it has no end to test at.
    pub(crate) stopped: bool,
    /// How many tests of gated metrics share `alpha`.
    pub(crate) metrics: usize,
    /// Cycles of the warm-up.
    pub(crate) warmup_cycles: f64,
    /// The seed of Monte Carlo tests.
    pub(crate) seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            max_per_cycle: 0.03,
            max_per_minute: 1.0,
            ignore_below: 0.0,
            early_stop: true,
            stopped: false,
            metrics: 1,
            warmup_cycles: design::WARMUP_CYCLES,
            seed: 1,
        }
    }
}

impl Options {
    /// `alpha`, clamped to a probability that has quantiles.
    fn chance(&self) -> f64 {
        if self.alpha.is_finite() { self.alpha.clamp(1e-6, 0.25) } else { 0.01 }
    }

    /// How many tests share `alpha`, at least one.
    fn tests(&self) -> f64 {
        self.metrics.max(1) as f64
    }

    /// The smallest growth over a run that counts.
    fn least(&self) -> f64 {
        if self.ignore_below.is_finite() { self.ignore_below.max(3.0) } else { 3.0 }
    }
}

/// Values above this are no counts.
const COUNT_MAX: f64 = 1e15;

fn sound(value: f64) -> bool {
    value.is_finite() && value.abs() <= COUNT_MAX
}

/// The readings that can be used, in the order of time.
fn usable(readings: &[Reading]) -> Vec<Reading> {
    let mut kept: Vec<Reading> = readings
        .iter()
        .copied()
        .filter(|reading| sound(reading.seconds) && sound(reading.cycles) && sound(reading.value))
        .collect();
    kept.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    kept
}

#[cfg(test)]
mod tests;
