//! Readings, and estimates with their intervals.

use crate::sort::sort_by;
use serde::Serialize;

/// One reading of one metric. A failed reading is left out, never 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Seconds since the start of the run.
    pub(crate) seconds: f64,
    /// Cycles since the start; 0 if they are not counted.
    pub(crate) cycles: f64,
    pub(crate) value: f64,
}

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    pub(super) fn scaled(self, by: f64) -> Self {
        Self { estimate: self.estimate * by, low: self.low * by, high: self.high * by }
    }
}

/// Larger values are invalid.
const COUNT_MAX: f64 = 1e15;

pub(super) fn is_usable(value: f64) -> bool {
    value.is_finite() && value.abs() <= COUNT_MAX
}

/// The valid readings, sorted by time.
pub(super) fn usable(readings: &[Reading]) -> Vec<Reading> {
    let mut kept: Vec<Reading> = readings
        .iter()
        .copied()
        .filter(|reading| {
            is_usable(reading.seconds) && is_usable(reading.cycles) && is_usable(reading.value)
        })
        .collect();
    sort_by(&mut kept, |a, b| a.seconds.total_cmp(&b.seconds));
    kept
}
