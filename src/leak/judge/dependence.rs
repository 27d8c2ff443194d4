//! Compares two runs with the same load but different stream timeouts: does growth depend on the timeout?
//!
//! If growth per minute stays the same with ten times fewer cycles, a timer causes it. If growth per cycle stays the
//! same, the streams cause it.

use serde::Serialize;

use super::Interval;
use super::stats::{Z995, normal_quantile};

/// The growth of a metric in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    /// Total growth per minute, with a 99 % interval.
    pub(crate) per_minute: Interval,
    /// Cycles per minute in that run.
    pub(crate) cycles_per_minute: f64,
}

impl Growth {
    /// `None` without cycles.
    pub(crate) fn per_cycle(&self) -> Option<Interval> {
        let cycles = self.cycles_per_minute;
        (cycles.is_finite() && cycles > 0.0).then(|| self.per_minute.scaled(1.0 / cycles))
    }
}

/// What growth depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// It grows in neither run.
    None,
    /// The same growth per minute with both timeouts: time causes it.
    Time,
    /// The same growth per cycle with both timeouts: the streams cause it.
    Cycles,
    /// It depends on the timeout, but not in proportion to the cycles.
    Both,
    /// The intervals are too wide, or the numbers of cycles too similar.
    Unclear,
}

/// The comparison of two runs under different stream timeouts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Dependence {
    pub(crate) cause: Cause,
    /// The z-value of the difference per minute.
    pub(crate) z_per_minute: f64,
    /// The z-value of the difference per cycle.
    pub(crate) z_per_cycle: Option<f64>,
    /// The larger number of cycles per minute, divided by the smaller.
    pub(crate) ratio: Option<f64>,
}

/// The standard error of a rate, from its interval. The minimum is a thousandth of the estimate, or `min_error`.
pub(super) fn error(rate: Interval, confidence: f64, min_error: f64) -> f64 {
    let z = if confidence.to_bits() == 0.99_f64.to_bits() {
        Z995
    } else {
        normal_quantile(f64::midpoint(1.0, confidence.clamp(0.5, 1.0 - 1e-9)))
    };
    ((rate.high - rate.low).abs() / (2.0 * z)).max(rate.estimate.abs() / 1000.0).max(min_error)
}

fn z(a: Interval, b: Interval, min_error: f64) -> f64 {
    (a.estimate - b.estimate) / error(a, 0.99, min_error).hypot(error(b, 0.99, min_error))
}

/// Whether growth depends on the stream timeout; `allowed` is the tolerance per minute.
pub(crate) fn depends(one: &Growth, other: &Growth, allowed: f64) -> Dependence {
    let grows = |growth: &Growth| growth.per_minute.low > 0.0;
    let below = |growth: &Growth| growth.per_minute.high < allowed;
    let z_per_minute = z(one.per_minute, other.per_minute, 0.05);
    let cycles = (one.cycles_per_minute, other.cycles_per_minute);
    let ratio = (cycles.0 > 0.0 && cycles.1 > 0.0)
        .then(|| (cycles.0 / cycles.1).max(cycles.1 / cycles.0))
        .filter(|ratio| ratio.is_finite());
    let z_per_cycle = one.per_cycle().zip(other.per_cycle()).map(|(a, b)| {
        // The minimum error per minute, converted to cycles of each run.
        let (ea, eb) = (error(a, 0.99, 0.05 / cycles.0), error(b, 0.99, 0.05 / cycles.1));
        (a.estimate - b.estimate) / ea.hypot(eb)
    });
    let apart = ratio.is_some_and(|ratio| ratio >= 1.5);
    let same_minute = z_per_minute.abs() <= Z995;
    let same_cycle = z_per_cycle.map(|z| z.abs() <= Z995);
    let cause = match (grows(one) || grows(other), same_minute, same_cycle) {
        _ if !z_per_minute.is_finite() => Cause::Unclear,
        (false, true, _) if below(one) && below(other) => Cause::None,
        // Growth that is not significant may still be there.
        (false, ..) => Cause::Unclear,
        (_, true, Some(false)) if apart => Cause::Time,
        (_, false, Some(true)) if apart => Cause::Cycles,
        (_, false, Some(false)) if apart => Cause::Both,
        _ => Cause::Unclear,
    };
    Dependence { cause, z_per_minute, z_per_cycle, ratio }
}
