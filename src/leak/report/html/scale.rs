//! Scales readings to a chart: ranges, round ticks, and a limited number of points.

use crate::probe::metric::Unit;
use crate::sort::sort_by;

/// A point: seconds and value.
pub(super) type Point = (f64, f64);

/// The number of time intervals of a chart. Each keeps at most four points.
const INTERVALS_MAX: usize = 240;

/// The range and the ticks of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// The position of `value` on the axis, from 0 to 1.
    pub(super) fn part(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// A time axis from 0, with ticks at round minutes or seconds.
    pub(super) fn time(end: f64) -> Self {
        const STEPS: [f64; 22] = [
            0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0,
            3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
        ];
        let end = if end.is_finite() && 0.0 < end { end } else { 1.0 };
        let step = STEPS.into_iter().find(|step| end / step <= 5.0).unwrap_or(end);
        Self { low: 0.0, high: end, ticks: ticks(0.0, end, step) }
    }

    /// A value axis with a margin. The minimum range keeps small changes of large values small.
    pub(super) fn values(values: impl Iterator<Item = f64>, unit: Unit) -> Self {
        // Differences must stay finite.
        let clamped = |value: f64| value.clamp(-1e300, 1e300);
        let (low, high) = values
            .filter(|value| value.is_finite())
            .map(clamped)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if high < low {
            return Self { low: 0.0, high: 1.0, ticks: vec![0.0, 1.0] };
        }
        let min_range = (0.1 * low.abs().max(high.abs())).max(4.0);
        let missing = (min_range - (high - low)).max(0.0);
        let margin = 0.08 * (high - low) + missing / 2.0;
        let (mut bottom, top) = (low - margin, high + margin);
        if 0.0 <= low && bottom < 0.0 {
            bottom = 0.0;
        }
        // Ticks are round in the printed unit: 12.5 MiB, not 13,000,000 bytes.
        let (size, _) = unit.scale(top.abs());
        let step = round_step((top - bottom) / 5.0 / size) * size;
        Self { low: bottom, high: top, ticks: ticks(bottom, top, step) }
    }
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10.0_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|round| step <= *round)
        .unwrap_or(step)
}

fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step).ceil();
    let all = (0..12).map(|at| (first + f64::from(at)) * step);
    all.filter(|tick| low <= *tick && *tick <= high).collect()
}

/// Sorts the points by time, and keeps the first, lowest, highest and last of each time interval. The chart looks the
/// same. Leaves out NaN and infinity.
pub(super) fn thinned(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut points: Vec<Point> =
        points.filter(|(at, value)| at.is_finite() && value.is_finite()).collect();
    sort_by(&mut points, |a, b| a.0.total_cmp(&b.0));
    if points.len() <= 4 * INTERVALS_MAX {
        return points;
    }
    let mut kept = Vec::with_capacity(4 * INTERVALS_MAX);
    for stretch in points.chunks(points.len().div_ceil(INTERVALS_MAX)) {
        let by_value = |a: &&Point, b: &&Point| a.1.total_cmp(&b.1);
        let mut few: Vec<Point> = [
            stretch.first(),
            stretch.iter().min_by(by_value),
            stretch.iter().max_by(by_value),
            stretch.last(),
        ]
        .into_iter()
        .flatten()
        .copied()
        .collect();
        sort_by(&mut few, |a, b| a.0.total_cmp(&b.0));
        few.dedup();
        kept.extend(few);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Axis::time(184.0).ticks, [0.0, 60.0, 120.0, 180.0]);
        assert_eq!(Axis::time(600.0).ticks, [0.0, 120.0, 240.0, 360.0, 480.0, 600.0]);
        let values = Axis::values([72.0, 228.0].into_iter(), Unit::Count);
        assert_eq!(values.ticks, [100.0, 150.0, 200.0]);
        let mib = |count: f64| count * 1_048_576.0;
        let sizes = Axis::values([mib(12.2), mib(15.3)].into_iter(), Unit::Bytes);
        assert_eq!(sizes.ticks, [12.0, 13.0, 14.0, 15.0].map(mib));
    }

    #[test]
    fn a_constant_series_is_in_the_middle() {
        let axis = Axis::values([72.0, 72.0].into_iter(), Unit::Count);
        assert!((axis.part(72.0) - 0.5).abs() < 0.01);
        let jitter = Axis::values([1000.0, 1001.0].into_iter(), Unit::Count);
        assert!(jitter.part(1001.0) - jitter.part(1000.0) < 0.02);
        let few = Axis::values([3.0, 4.0].into_iter(), Unit::Count);
        assert!(few.part(4.0) - few.part(3.0) < 0.3);
        let wide = Axis::values([-f64::MAX, f64::MAX].into_iter(), Unit::Count);
        assert!(wide.part(f64::MAX) - wide.part(-f64::MAX) > 0.8);
        assert_eq!(Axis::values(std::iter::empty(), Unit::Count).ticks, [0.0, 1.0]);
    }

    #[test]
    fn thinning_keeps_the_ends_and_the_extremes() {
        let value = |at: u32| if at == 54_321 { 1e6 } else { f64::from(at % 7) };
        let kept = thinned((0..100_000).map(|at| (f64::from(at), value(at))));
        assert!(kept.len() <= 4 * INTERVALS_MAX);
        assert_eq!((kept[0].0, kept[kept.len() - 1].0), (0.0, 99_999.0));
        assert!(kept.contains(&(54_321.0, 1e6)));
    }

    proptest! {
        #[test]
        fn every_value_is_on_the_axis(values in prop::collection::vec(any::<f64>(), 0..50), end in any::<f64>()) {
            let axis = Axis::values(values.iter().copied(), Unit::Bytes);
            for value in values.iter().chain(&axis.ticks).filter(|value| value.is_finite()) {
                prop_assert!((0.0..=1.0).contains(&axis.part(*value)));
            }
            let time = Axis::time(end);
            prop_assert!(time.ticks.iter().all(|tick| (0.0..=1.0).contains(&time.part(*tick))));
            let points = values.iter().map(|value| (*value, *value));
            prop_assert!(thinned(points).iter().all(|(at, value)| at.is_finite() && value.is_finite()));
        }
    }
}
