//! The name of a shape, from the fit and from the readings themselves.

use super::super::shape::{Shape, sawtooth, staircase};
use super::super::stats::{median, spread, t_quantile};
use super::super::{Reading, Verdict};
use super::fit::{self, Fit};
use super::{Floor, Passive};

/// A rise before the part that is judged is named from here on.
const ROSE: f64 = 5.0;

/// A run too short for a floor.
pub(super) fn short(readings: &[Reading]) -> Shape {
    if readings.len() < 3 {
        return Shape::Unknown;
    }
    let first = readings[0].value;
    if readings.iter().all(|reading| (reading.value - first).abs() < 0.5) {
        return Shape::Level;
    }
    staircase(readings).or_else(|| sawtooth(readings)).unwrap_or(Shape::Unknown)
}

/// The name, before the verdict.
pub(super) fn name(readings: &[Reading], floor: &Floor, judged: &Passive) -> Shape {
    if let Some(stairs) = staircase(readings)
        && !matches!(&stairs, Shape::Steps { at, .. } if at.iter().any(|at| *at < judged.window.0))
    {
        return stairs;
    }
    let gain = judged.gain.unwrap_or(0.0);
    let slope = judged.unexplained.map_or(0.0, |slope| slope.low);
    if gain >= 6.0 && slope > 0.0 {
        let per_minute = judged.per_minute.map_or(0.0, |slope| slope.estimate);
        return Shape::Line { per_minute, until: None };
    }
    if let Some(teeth) = sawtooth(readings) {
        return teeth;
    }
    match of_fit(floor, judged) {
        Shape::Level => before(readings, judged.window.0).unwrap_or(Shape::Level),
        shape => shape,
    }
}

/// What is level has risen to that level before it was judged.
fn before(readings: &[Reading], judged_from: f64) -> Option<Shape> {
    let begin = readings.partition_point(|reading| reading.seconds < judged_from);
    let (early, late) = readings.split_at(begin);
    let of = |part: &[Reading]| part.iter().map(|reading| reading.value).collect::<Vec<f64>>();
    let (first, late) = (of(early.get(..3)?), of(late));
    let (level, scatter) = (median(&late), spread(&late));
    let size = level - median(&first);
    if size < ROSE.max(6.0 * scatter) {
        return None;
    }
    let near = level - (0.1 * size).max(2.0 * scatter);
    let below = early.iter().rposition(|reading| reading.value < near)?;
    let since = readings.get(below + 1)?;
    // All of it at once is no pool that fills.
    Some(match since.value - early[below].value {
        jump if 0.8 * size <= jump => Shape::Step { size, at: since.seconds },
        _ => Shape::WarmUp { size, level_since: since.seconds, step: None },
    })
}

/// The name of the best shape that ends.
fn of_fit(floor: &Floor, judged: &Passive) -> Shape {
    let points = &floor.points;
    let Fit { tau, step, .. } = floor.ends;
    let window = judged.window.1 - judged.window.0;
    let step = step.map(|at| {
        let between = f64::midpoint(points[at - 1].0, points[at].0);
        (fit::step_size(points, &floor.ends), judged.window.0 + between)
    });
    match (tau, step) {
        (None, None) => Shape::Level,
        (None, Some((size, at))) => Shape::Step { size, at },
        (Some(tau), step) => {
            let size = fit::pool_size(points, &floor.ends);
            let level = 3.0 * tau;
            if level > window {
                return if size > 0.0 { Shape::Rising } else { Shape::Falling };
            }
            Shape::WarmUp { size, level_since: judged.window.0 + level, step }
        }
    }
}

/// Where growth stopped although the whole looks like a line, and how fast it was before, per
/// minute: a line that ends fits clearly better, and what came after it rises far slower.
pub(super) fn stopped(floor: &Floor, judged: &Passive) -> Option<(f64, f64)> {
    let points = &floor.points;
    let whole = judged.unexplained?.estimate / 60.0;
    let n = points.len();
    let (at, rss) = (3..n - 2)
        .filter_map(|at| Some((at, fit::hinge(points, points[at].0)?.0)))
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    let bic = |rss: f64, parameters: f64| {
        n as f64 * (rss / n as f64 + 0.25).ln() + parameters * (n as f64).ln()
    };
    // What was taken for a warm-up must fit clearly worse.
    let margin = if judged.verdict == Verdict::Leak { 0.0 } else { 4.0 };
    if bic(rss, 4.0) > floor.line.bic || bic(rss, 4.0) > floor.ends.bic - margin {
        return None;
    }
    let late = &points[at..];
    let line = Fit { tau: None, step: None, line: true, rss: 0.0, bic: 0.0 };
    let slope = fit::slope(late, &line)?;
    let high = slope.estimate + t_quantile(0.99, slope.freedom) * slope.error;
    let (_, before) = fit::hinge(points, points[at].0)?;
    let rises = before * (points[at].0 - points[0].0) >= 10.0;
    let ended = rises && high < 0.25 * before.max(whole) && late.len() >= 4;
    ended.then(|| (judged.window.0 + points[at].0, before * 60.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading a second, judged from the 60th on.
    fn shape(value: impl Fn(f64) -> f64) -> Option<Shape> {
        let reading = |n: u32| {
            let seconds = f64::from(n);
            Reading { seconds, cycles: 0.0, value: value(seconds) }
        };
        before(&(0..200).map(reading).collect::<Vec<_>>(), 60.0)
    }

    #[test]
    fn what_fills_before_it_is_judged_is_a_warm_up_and_at_once_a_step() {
        let filled = shape(|seconds| 100.0 + 2.0 * seconds.min(40.0));
        let Some(Shape::WarmUp { size, level_since, step: None }) = filled else {
            panic!("{filled:?}");
        };
        assert!(
            (77.0..=80.0).contains(&size) && (35.0..=40.0).contains(&level_since),
            "{filled:?}"
        );
        let stepped = shape(|seconds| if seconds < 20.0 { 7.0 } else { 19.0 });
        assert_eq!(stepped, Some(Shape::Step { size: 12.0, at: 20.0 }));
    }

    #[test]
    fn what_falls_or_scatters_as_far_is_neither() {
        assert_eq!(shape(|_| 100.0), None);
        assert_eq!(shape(|seconds| 100.0 - seconds.min(40.0)), None);
        assert_eq!(shape(|seconds| (seconds / 20.0).floor().min(2.0) * 2.0), None);
        let restless = |seconds: f64| 10.0 * (seconds * 7.0).sin() + 0.3 * seconds.min(50.0);
        assert_eq!(shape(restless), None);
    }
}
