//! Tests of the judges: golden values, simulated targets, series of real programs, and arbitrary input.

mod cohorts;
mod courses;
mod family;
mod golden;
mod lumps;
mod measured;
mod planned;
mod properties;
mod rules;
mod simulator;
mod table;
mod timed;

use crate::format::figures::{Unit, count, signed};
use crate::leak::facts::TimeReason;
use crate::leak::judge::driven::Driven;
use crate::leak::judge::new_growth::{Against, Part};
use crate::leak::judge::passive::Passive;
use crate::leak::report::explain;

/// A result in one line.
trait Summary {
    fn summary(&self) -> String;
}

impl Summary for Driven {
    fn summary(&self) -> String {
        let (rate, reason) = (self.per_cycle, self.reason);
        format!("{rate:?} per cycle: {reason:?}; by time: {}", self.idle.summary())
    }
}

impl Summary for Passive {
    fn summary(&self) -> String {
        let rate = self.per_minute.map_or_else(String::new, |rate| {
            let (low, high) = (count(rate.low), count(rate.high));
            format!("{} per minute ({low} .. {high})", signed(rate.estimate))
        });
        let (shape, reason) = (self.shape.summary(Unit::Count), TimeReason::of(self));
        format!("{shape}; {rate}; {}", reason.summary(Unit::Count))
    }
}

impl Summary for Against {
    fn summary(&self) -> String {
        explain::all(&self.parts, Part::summary)
    }
}
