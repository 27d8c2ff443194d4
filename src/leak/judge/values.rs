//! Readings, and estimates with their bounds.

use crate::sort::sort_by;
use serde::Serialize;

/// One reading of one metric. A failed reading is left out, never written as 0.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    pub(super) fn scaled(self, by: f64) -> Self {
        Self { estimate: self.estimate * by, low: self.low * by, high: self.high * by }
    }
}

/// Values above this are no counts.
const COUNT_MAX: f64 = 1e15;

pub(super) fn sound(value: f64) -> bool {
    value.is_finite() && value.abs() <= COUNT_MAX
}

/// The readings that can be used, in the order of time.
pub(super) fn usable(readings: &[Reading]) -> Vec<Reading> {
    let mut kept: Vec<Reading> = readings
        .iter()
        .copied()
        .filter(|reading| sound(reading.seconds) && sound(reading.cycles) && sound(reading.value))
        .collect();
    sort_by(&mut kept, |a, b| a.seconds.total_cmp(&b.seconds));
    kept
}
