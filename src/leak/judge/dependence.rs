//! Whether growth depends on the stream timeout, from two runs with the same load under different timeouts.
//!
//! When growth per minute stays the same with ten times fewer cycles, a timer causes it. When growth per cycle
//! stays the same, the streams cause it.

use serde::Serialize;

use super::Interval;
use super::stats::{Z995, normal_quantile};

/// How a metric grew in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    /// Growth per minute, all of it, with its interval (99 %).
    pub(crate) per_minute: Interval,
    /// Cycles per minute in that run.
    pub(crate) cycles_per_minute: f64,
}

impl Growth {
    /// Growth per cycle, with its interval; nothing without cycles.
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
    /// As much per minute under both timeouts: time, not the streams.
    Time,
    /// As much per cycle under both timeouts: the streams.
    Cycles,
    /// It depends on the timeout, but not in proportion to the cycles.
    Both,
    /// Unknown: the intervals are too wide, or the cycles too much alike.
    Unclear,
}

/// The comparison of two runs under different stream timeouts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Dependence {
    /// What growth depends on.
    pub(crate) cause: Cause,
    /// Standard deviations between the growths per minute.
    pub(crate) z_per_minute: f64,
    /// Standard deviations between the growths per cycle.
    pub(crate) z_per_cycle: Option<f64>,
    /// How many times more cycles the one run had.
    pub(crate) ratio: Option<f64>,
}

/// The standard error of an interval with this confidence. It is never below a thousandth of the estimate or `least`.
pub(super) fn error(of: Interval, confidence: f64, least: f64) -> f64 {
    let z = if confidence.to_bits() == 0.99_f64.to_bits() {
        Z995
    } else {
        normal_quantile(f64::midpoint(1.0, confidence.clamp(0.5, 1.0 - 1e-9)))
    };
    ((of.high - of.low).abs() / (2.0 * z)).max(of.estimate.abs() / 1000.0).max(least)
}

fn z(one: Interval, other: Interval, least: f64) -> f64 {
    (one.estimate - other.estimate) / error(one, 0.99, least).hypot(error(other, 0.99, least))
}

/// Whether growth depends on the stream timeout, from two runs; `allowed` is the tolerance per minute.
pub(crate) fn depends(one: &Growth, other: &Growth, allowed: f64) -> Dependence {
    let grows = |growth: &Growth| growth.per_minute.low > 0.0;
    let below = |growth: &Growth| growth.per_minute.high < allowed;
    let z_per_minute = z(one.per_minute, other.per_minute, 0.05);
    let cycles = (one.cycles_per_minute, other.cycles_per_minute);
    let ratio = (cycles.0 > 0.0 && cycles.1 > 0.0)
        .then(|| (cycles.0 / cycles.1).max(cycles.1 / cycles.0))
        .filter(|ratio| ratio.is_finite());
    let z_per_cycle = one.per_cycle().zip(other.per_cycle()).map(|(a, b)| {
        // The least error per minute, in units of a cycle, belongs to each run alone.
        let (ea, eb) = (error(a, 0.99, 0.05 / cycles.0), error(b, 0.99, 0.05 / cycles.1));
        (a.estimate - b.estimate) / ea.hypot(eb)
    });
    let apart = ratio.is_some_and(|ratio| ratio >= 1.5);
    let same_minute = z_per_minute.abs() <= Z995;
    let same_cycle = z_per_cycle.map(|z| z.abs() <= Z995);
    let cause = match (grows(one) || grows(other), same_minute, same_cycle) {
        _ if !z_per_minute.is_finite() => Cause::Unclear,
        (false, true, _) if below(one) && below(other) => Cause::None,
        // No proof of growth is no proof of rest.
        (false, ..) => Cause::Unclear,
        (_, true, Some(false)) if apart => Cause::Time,
        (_, false, Some(true)) if apart => Cause::Cycles,
        (_, false, Some(false)) if apart => Cause::Both,
        _ => Cause::Unclear,
    };
    Dependence { cause, z_per_minute, z_per_cycle, ratio }
}
