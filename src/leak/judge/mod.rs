//! From readings to a verdict: pure functions over values, without a clock, a thread or a file.
//!
//! The same readings and options give the same verdict, today and from a recording. Each way to
//! know has a module: [`exact`] counts survivors of what cmon itself opened; [`driven`] compares
//! phases in which streams were opened and closed with phases in which nothing was done; [`passive`]
//! looks at a target on its own load; [`cohort`] follows ids; [`dependence`] and [`new_growth`] hold
//! two runs against each other. [`combine`] makes one verdict of them all.
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
use values::{sound, usable};

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
