//! Turns readings into verdicts: pure functions, without a clock, a thread or a file.
//!
//! The same readings and options give the same verdict, live or from a recording.
//!
//! - [`exact`] counts cmon's own survivors.
//! - [`driven`] compares drive phases with idle phases.
//! - [`passive`] judges a target with its own load.
//! - [`cohort`] follows ids.
//! - [`dependence`] and [`new_growth`] compare two runs.
//! - [`combine`] combines all findings into one verdict.
//!
//! No judge panics on any input: values that are not finite, or above 10^15, count as missing.

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
mod options;
pub(crate) mod pairs;
pub(crate) mod passive;
pub(crate) mod plan;
pub(crate) mod power;
pub(crate) mod required_duration;
pub(crate) mod sequential;
pub(crate) mod shape;
mod sign_flip;
mod stats;
#[cfg(test)]
mod tests;
mod trend;
mod values;
pub(crate) mod work;

pub(crate) use options::Options;
pub(crate) use values::{Interval, Reading};
use values::{is_usable, usable};

/// The verdict of a judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// It grows, and a warm-up, a step or chance do not explain that.
    Leak,
    /// It does not grow by more than the tolerance.
    Clean,
    /// The run cannot decide.
    Inconclusive,
    /// The measurement is not valid.
    Invalid,
}

impl Verdict {
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
