//! Names the shape of a series, from the fit and from the readings.

use super::Passive;
use super::envelope_fit::{self as fit, Fit, Side};
use super::floor::{Floor, floor, thin, widen_short};
use crate::leak::judge::shape::{Growth, Shape, Stairs, Stepped, fell_back, sawtooth, stepped};
use crate::leak::judge::stats::{Z995, mad, median, t_quantile};
use crate::leak::judge::trend::theil_sen;
use crate::leak::judge::{Interval, Reading, Verdict};

/// The minimum rise before the judged window that is worth a name.
const EARLY_RISE_MIN: f64 = 5.0;

/// A pool that is not full after this share of the window still fills.
const POOL_FULL_MAX_SHARE: f64 = 0.85;
/// After this many periods without a step, the steps have stopped or not started.
const ABSENT_PERIODS: f64 = 2.5;
/// The minimum rise of a part of a run.
const PART_RISE_MIN: f64 = 10.0;
/// How much a bend must improve BIC over the shapes that stop growing.
const BEND_MIN_BIC_GAIN: f64 = 6.0;

/// The shape of a run that is too short for a floor.
pub(super) fn short_run(readings: &[Reading]) -> Shape {
    if readings.len() < 3 {
        return Shape::Unknown;
    }
    let first = readings[0].value;
    if readings.iter().all(|reading| (reading.value - first).abs() < 0.5) {
        return Shape::Level;
    }
    match stepped(readings) {
        Some(Stepped::Paced { stairs, .. }) => Shape::Staircase(stairs),
        Some(Stepped::Twice { size, at }) => Shape::Steps { size, at },
        None => sawtooth(readings).unwrap_or(Shape::Unknown),
    }
}

/// The shape, before the verdict.
pub(super) fn name(readings: &[Reading], floor: &Floor, judged: &Passive) -> Shape {
    match stepped(readings) {
        Some(Stepped::Paced { stairs, .. }) => return Shape::Staircase(stairs),
        Some(Stepped::Twice { size, at }) if at.iter().all(|at| judged.window.0 <= *at) => {
            return Shape::Steps { size, at };
        }
        _ => {}
    }
    let gain = judged.gain.unwrap_or(0.0);
    let slope = judged.unexplained.map_or(0.0, |slope| slope.low);
    let shown = judged.per_minute.map_or(0.0, |slope| slope.estimate);
    if let Some(teeth) = sawtooth(readings).filter(|_| gain < 6.0 || slope <= 0.0) {
        return teeth;
    }
    if let Some(fell) = fell_back(readings) {
        return fell;
    }
    if gain >= 6.0 && slope > 0.0 && shown > 0.0 {
        return Shape::Line { per_minute: shown };
    }
    match fitted(floor, judged) {
        Shape::Level => early_rise(readings, judged.window.0).unwrap_or(Shape::Level),
        shape => shape,
    }
}

/// The rise to the level before the judged window; `None` without one.
fn early_rise(readings: &[Reading], judged_from: f64) -> Option<Shape> {
    let begin = readings.partition_point(|reading| reading.seconds < judged_from);
    let (early, late) = readings.split_at(begin);
    let values = |part: &[Reading]| part.iter().map(|reading| reading.value).collect::<Vec<f64>>();
    let (first, late) = (values(early.get(..3)?), values(late));
    let (level, scatter) = (median(&late), mad(&late));
    let size = level - median(&first);
    if size < EARLY_RISE_MIN.max(6.0 * scatter) {
        return None;
    }
    let near = level - (0.1 * size).max(2.0 * scatter);
    let below = early.iter().rposition(|reading| reading.value < near)?;
    let since = readings.get(below + 1)?;
    // A rise at once is a step, not a pool.
    Some(match since.value - early[below].value {
        jump if 0.8 * size <= jump => Shape::Step { size, at: since.seconds },
        _ => Shape::WarmUp { size, level_since: since.seconds, step: None },
    })
}

/// The best shape that stops growing.
fn fitted(floor: &Floor, judged: &Passive) -> Shape {
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
            // A pool that is just full may still rise.
            if level > POOL_FULL_MAX_SHARE * window {
                return if size > 0.0 { Shape::Rising } else { Shape::Falling };
            }
            Shape::WarmUp { size, level_since: judged.window.0 + level, step }
        }
    }
}

/// The start of late growth, and its rate since: steps that began late, or a floor that is level and then rises.
pub(super) fn start_of_growth(
    readings: &[Reading],
    floor: &Floor,
    judged: &Passive,
) -> Option<(f64, Growth)> {
    let begin = readings.first()?.seconds;
    if let Some(Stepped::Paced { stairs, first, last }) = stepped(readings) {
        let level_until = first - stairs.period;
        let absent = ABSENT_PERIODS * stairs.period;
        let late = absent < first - begin && judged.window.0 < level_until;
        let on = readings.last()?.seconds - last <= absent;
        return (late && on).then(|| (level_until, growth(readings, level_until, Some(stairs))));
    }
    if matches!(judged.shape, Shape::Sawtooth { .. } | Shape::FellBack { .. } | Shape::Falling) {
        return None;
    }
    let points = &floor.points;
    let (at, near, rss) = bend(points, Side::After)?;
    let bic = bic(points.len(), rss, 4.0);
    let line = self::bic(points.len(), fit::line_rss(points), 3.0);
    if line < bic + BEND_MIN_BIC_GAIN
        || floor.ends.bic < bic + BEND_MIN_BIC_GAIN
        || floor.line.bic < bic
    {
        return None;
    }
    let (early, late) = points.split_at(at);
    let before = fit::slope(early, &fit::LINE)?;
    let high = before.estimate + t_quantile(0.99, before.df) * before.error;
    let (_, since) = fit::hinge(points, near, Side::After)?;
    let rose = since * (late.last()?.0 - near);
    if rose < PART_RISE_MIN || 0.25 * since < high {
        return None;
    }
    let level_until = bend_time(readings, judged.window.0, (points, at, near), Side::After);
    Some((level_until, growth(readings, level_until, None)))
}

/// The end of growth, and its rate until then: steps that stopped, or a line that ends. The line must fit clearly
/// better than a pool, and the rise after it must be far slower.
pub(super) fn stopped(readings: &[Reading], floor: &Floor, judged: &Passive) -> Option<Shape> {
    let (begin, end) = (readings.first()?.seconds, readings.last()?.seconds);
    if let Some(Stepped::Paced { stairs, first, last }) = stepped(readings) {
        let absent = ABSENT_PERIODS * stairs.period;
        if end - last <= absent || last <= judged.window.0 {
            return None;
        }
        let since = (absent < first - begin).then_some(first - stairs.period);
        let part: Vec<Reading> = until(readings, last);
        let growth = growth(&part, since.unwrap_or(begin), Some(stairs));
        let lifetime = stairs.steps as f64 * stairs.period;
        return Some(Shape::Stopped { since, at: last, growth, lifetime });
    }
    let points = &floor.points;
    let whole = judged.unexplained?.estimate / 60.0;
    let n = points.len();
    let (at, near, rss) = bend(points, Side::Before)?;
    // A warm-up must fit clearly worse.
    let margin = if judged.verdict == Verdict::Leak { 0.0 } else { 4.0 };
    let bic = bic(n, rss, 4.0);
    if bic > floor.line.bic || bic > floor.ends.bic - margin {
        return None;
    }
    let late = &points[at..];
    let slope = fit::slope(late, &fit::LINE)?;
    let high = slope.estimate + t_quantile(0.99, slope.df) * slope.error;
    let (_, before) = fit::hinge(points, near, Side::Before)?;
    let rises = before * (near - points[0].0) >= PART_RISE_MIN;
    let ended = rises && high < 0.25 * before.max(whole) && late.len() >= 4;
    if !ended {
        return None;
    }
    let at = bend_time(readings, judged.window.0, (points, at, near), Side::Before);
    let part = until(readings, at);
    // The growth includes the warm-up before the judged window.
    let growth = growth(&part, judged.window.0, None);
    Some(Shape::Stopped { since: None, at, growth, lifetime: at - begin })
}

fn until(readings: &[Reading], end: f64) -> Vec<Reading> {
    readings.iter().copied().filter(|reading| reading.seconds <= end).collect()
}

fn bic(n: usize, rss: f64, parameters: f64) -> f64 {
    let n = n as f64;
    n * (rss.max(0.0) / n + 0.25).ln() + parameters * n.ln()
}

/// The best bend of a floor: the first point after it, its time, and the residual sum of squares.
fn bend(points: &[(f64, f64)], side: Side) -> Option<(usize, f64, f64)> {
    const BEND_GRID: u32 = 8;
    let at = |time: f64| Some((time, fit::hinge(points, time, side)?.0));
    let better = |a: &(f64, f64), b: &(f64, f64)| a.1.total_cmp(&b.1);
    let coarse = 3..points.len().checked_sub(2)?;
    let (near, _) = coarse.filter_map(|n| at(points[n].0)).min_by(better)?;
    // Refines the position between two points.
    let n = points.partition_point(|point| point.0 < near);
    let (from, to) = (points[n - 1].0, points[n + 1].0);
    let fine =
        (0..=2 * BEND_GRID).map(|k| from + (to - from) * f64::from(k) / f64::from(2 * BEND_GRID));
    let (time, rss) = fine.chain([near]).filter_map(at).min_by(better)?;
    let after = points.partition_point(|point| point.0 < time).clamp(3, points.len() - 3);
    Some((after, time, rss))
}

/// The time of a bend, refined from a block to a reading.
fn bend_time(
    readings: &[Reading],
    from: f64,
    (points, at, near): (&[(f64, f64)], usize, f64),
    side: Side,
) -> f64 {
    let around = (points[at - 1].0, points[(at + 1).min(points.len() - 1)].0);
    let window = |seconds: f64| seconds - from;
    let kept = readings.iter().filter(|reading| from <= reading.seconds);
    let raw: Vec<(f64, f64)> = kept.map(|r| (window(r.seconds), r.value)).collect();
    let zero = raw.first().map_or(0.0, |point| point.1);
    let raw: Vec<(f64, f64)> = raw.into_iter().map(|(at, value)| (at, value - zero)).collect();
    let tried = raw.iter().map(|point| point.0).filter(|t| around.0 <= *t && *t <= around.1);
    tried
        .filter_map(|at| Some((at, fit::hinge(&raw, at, side)?.0)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(from + near, |(at, _)| from + at)
}

/// The growth of the readings from `since` on.
fn growth(readings: &[Reading], since: f64, stairs: Option<Stairs>) -> Growth {
    let part: Vec<(f64, f64)> = readings
        .iter()
        .filter(|reading| since <= reading.seconds)
        .map(|reading| (reading.seconds - since, reading.value))
        .collect();
    let length = part.last().map_or(0.0, |point| point.0);
    let none = Interval { estimate: 0.0, low: 0.0, high: 0.0 };
    let rate = match floor(&part, length) {
        Some(floor) => theil_sen(&floor.points, Z995).map(|slope| slope.scaled(60.0)),
        None => theil_sen(&thin(&part), Z995)
            .map(|slope| widen_short(slope.scaled(60.0), &part, length)),
    }
    .unwrap_or(none);
    let per_minute = match stairs.map(Stairs::per_minute) {
        Some(by_steps) => Interval {
            estimate: by_steps,
            low: rate.low.min(by_steps),
            high: rate.high.max(by_steps),
        },
        None => rate,
    };
    Growth { per_minute, stairs }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The early rise of a series with one reading per second, judged from 60 s on.
    fn shape(value: impl Fn(f64) -> f64) -> Option<Shape> {
        let reading = |n: u32| {
            let seconds = f64::from(n);
            Reading { seconds, cycles: 0.0, value: value(seconds) }
        };
        early_rise(&(0..200).map(reading).collect::<Vec<_>>(), 60.0)
    }

    #[test]
    fn an_early_rise_is_a_warm_up_or_a_step() {
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
    fn falling_and_scattered_series_have_no_early_rise() {
        assert_eq!(shape(|_| 100.0), None);
        assert_eq!(shape(|seconds| 100.0 - seconds.min(40.0)), None);
        assert_eq!(shape(|seconds| (seconds / 20.0).floor().min(2.0) * 2.0), None);
        let scattered = |seconds: f64| 10.0 * (seconds * 7.0).sin() + 0.3 * seconds.min(50.0);
        assert_eq!(shape(scattered), None);
    }
}
