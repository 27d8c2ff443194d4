//! Two runs held against each other: another stream timeout, or an earlier day.
//!
//! The same load under two stream timeouts tells what a leak hangs on: growth per minute that stays
//! while cycles are ten times fewer is a timer's; growth per cycle that stays is the streams'.

use serde::Serialize;

use super::Interval;
use super::stats::{Z995, normal_quantile};
use super::words::count;

/// How a metric grew in one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Growth {
    /// Growth per minute, all of it, with its interval (99 %).
    pub per_minute: Interval,
    /// Cycles per minute in that run.
    pub cycles_per_minute: f64,
}

impl Growth {
    /// Growth per cycle, with its interval; nothing without cycles.
    pub fn per_cycle(&self) -> Option<Interval> {
        let cycles = self.cycles_per_minute;
        (cycles.is_finite() && cycles > 0.0).then(|| self.per_minute.scaled(1.0 / cycles))
    }
}

/// What growth hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It grows in neither run.
    None,
    /// As much per minute under both timeouts: not the streams.
    Time,
    /// As much per cycle under both: the streams.
    Cycles,
    /// It depends on the timeout, but not in proportion to the cycles.
    Both,
    /// The runs cannot tell: intervals too wide, or cycles too much alike.
    Unclear,
}

/// What is said where nothing can be.
pub const CANNOT_TELL: &str = "cannot tell whether growth depends on the stream timeout: run longer, or with \
                               timeouts farther apart";

/// The comparison of two runs under different stream timeouts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dependence {
    /// What growth hangs on.
    pub cause: Cause,
    /// Standard deviations between the growths per minute.
    pub z_per_minute: f64,
    /// Standard deviations between the growths per cycle.
    pub z_per_cycle: Option<f64>,
    /// How many times more cycles the one run had.
    pub ratio: Option<f64>,
}

/// Standard error from an interval of this confidence, and never finer than a thousandth of the
/// estimate or `least`.
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

/// Whether growth depends on the stream timeout, from two runs under different ones; `allowed` is
/// what may grow per minute.
pub fn depends(one: &Growth, other: &Growth, allowed: f64) -> Dependence {
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
        // That none is proven is not that there is none.
        (false, ..) => Cause::Unclear,
        (_, true, Some(false)) if apart => Cause::Time,
        (_, false, Some(true)) if apart => Cause::Cycles,
        (_, false, Some(false)) if apart => Cause::Both,
        _ => Cause::Unclear,
    };
    Dependence { cause, z_per_minute, z_per_cycle, ratio }
}

impl Dependence {
    /// It in words.
    pub fn words(&self) -> String {
        let ratio = self.ratio.map_or_else(|| "other".to_owned(), |r| format!("{}x the", count(r)));
        match self.cause {
            Cause::None => "no growth under either stream timeout".to_owned(),
            Cause::Time => format!(
                "does not depend on the stream timeout: with {ratio} cycles the growth per minute \
                 is the same (z {:.1})",
                self.z_per_minute.abs()
            ),
            Cause::Cycles => format!(
                "depends on the stream timeout: with {ratio} cycles the growth per cycle is the \
                 same (z {:.1})",
                self.z_per_cycle.unwrap_or(0.0).abs()
            ),
            Cause::Both => "depends on the stream timeout, but not in proportion to the cycles: \
                            part of it grows by time alone"
                .to_owned(),
            Cause::Unclear => CANNOT_TELL.to_owned(),
        }
    }
}
