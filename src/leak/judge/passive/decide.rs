//! The verdict on a floor, or the reason why there is none.

use super::detection_limit::{COUNT_SD_MIN, LINE_MIN_DEVIATIONS, MIN_SECONDS_AT_REST};
use super::floor::{BLOCK_SECONDS, Floor, interval, kendall, lowest};
use super::{Passive, Undecided, envelope_fit as fit};
use crate::leak::judge::shape::Shape;
use crate::leak::judge::stats::{Z99, std_dev, t_sf};
use crate::leak::judge::{Interval, Options, Verdict};

/// LEAK requires that a line improves BIC by this much.
const LINE_MIN_BIC_GAIN: f64 = 10.0;
/// The same for runs below five minutes.
const LINE_MIN_BIC_GAIN_SHORT: f64 = 16.0;

/// A step followed by fewer blocks may be the start of growth.
const STEP_MIN_BLOCKS_AFTER: usize = 4;

/// Whether a step near the end may be the start of growth.
fn may_be_start(floor: &Floor, minutes: f64, options: &Options) -> bool {
    let (points, ends) = (&floor.points, &floor.ends);
    ends.step.is_some_and(|at| points.len() < at + STEP_MIN_BLOCKS_AFTER)
        && options.max_per_minute.max(0.1) * minutes < fit::step_size(points, ends)
}

pub(super) fn decide(
    judged: &mut Passive,
    floor: &Floor,
    points: &[(f64, f64)],
    length: f64,
    options: &Options,
) {
    let (trend, window) = (kendall(floor), judged.window.1 - judged.window.0);
    let min_gain =
        if length < MIN_SECONDS_AT_REST { LINE_MIN_BIC_GAIN_SHORT } else { LINE_MIN_BIC_GAIN };
    let (Some(slope), Some(gain)) = (judged.unexplained, judged.gain) else { return };
    let minutes = (judged.window.1 - judged.window.0) / 60.0;
    let rises = |slope: Interval| {
        slope.low > 0.0
            && slope.estimate > options.max_per_minute
            && trend.z > Z99
            && slope.estimate * minutes >= options.min_growth()
    };
    let started = may_be_start(floor, minutes, options);
    let level = level(floor, options).filter(|level| {
        level.high < options.max_per_minute
            && judged.per_minute.is_some_and(|slope| slope.high < options.max_per_minute)
    });
    if (slope.high < options.max_per_minute || level.is_some()) && !started {
        judged.verdict = Verdict::Clean;
        if let (Some(level), true) = (level, options.max_per_minute <= slope.high) {
            judged.unexplained = Some(level);
        }
        return;
    }
    // A count that falls back as far as it rose does not grow.
    let back = matches!(judged.shape, Shape::FellBack { .. });
    if gain >= min_gain && rises(slope) && !back {
        judged.verdict = Verdict::Leak;
        return;
    }
    let thirds = equal_thirds(points, window, options).filter(|(slope, _)| rises(*slope) && !back);
    if let Some((slope, p)) = thirds {
        judged.verdict = Verdict::Leak;
        (judged.unexplained, judged.p) = (Some(slope), Some(p.max(trend.p)));
        if matches!(judged.shape, Shape::Rising | Shape::WarmUp { .. } | Shape::Level) {
            let per_minute = judged.per_minute.map_or(slope.estimate, |slope| slope.estimate);
            judged.shape = Shape::Line { per_minute };
        }
        return;
    }
    let (undecided, longer) = undecided(judged, floor, slope, options);
    judged.undecided = Some(undecided);
    judged.run_at_least = Some((length * longer.clamp(1.5, 20.0) / 60.0).ceil() * 60.0);
}

/// Why there is no verdict, and the factor by which a longer run would decide.
fn undecided(
    judged: &Passive,
    floor: &Floor,
    slope: Interval,
    options: &Options,
) -> (Undecided, f64) {
    let allowed = options.max_per_minute;
    let minutes = (judged.window.1 - judged.window.0) / 60.0;
    let values: Vec<f64> = floor.points.iter().map(|point| point.1).collect();
    let scatter = (floor.line.rss / values.len() as f64).sqrt().max(COUNT_SD_MIN);
    let growth = slope.estimate.max(allowed.max(0.1)) * minutes;
    let longer_for_line =
        if std_dev(&values) > 0.0 { LINE_MIN_DEVIATIONS * scatter / growth } else { 2.0 };
    let shown = judged.per_minute.unwrap_or(slope);
    let started = may_be_start(floor, minutes, options);
    if started && matches!(judged.shape, Shape::Step { .. } | Shape::Steps { .. }) {
        return (Undecided::NearEnd, longer_for_line);
    }
    let turns = matches!(judged.shape, Shape::FellBack { .. } | Shape::Sawtooth { .. });
    let steps = matches!(judged.shape, Shape::Steps { .. }) && shown.estimate > allowed;
    if !turns && (shown.low > 0.0 || slope.low > allowed || steps) {
        let near = shown.estimate <= allowed || shown.estimate * minutes < options.min_growth();
        let undecided =
            if near { Undecided::NearTolerance { tolerance: allowed } } else { Undecided::WarmUp };
        return (undecided, longer_for_line);
    }
    // The standard error of a slope is proportional to length^-1.5.
    let room = allowed - slope.estimate.max(0.0);
    let longer = match room > 0.1 * allowed {
        true => 1.1 * ((slope.high - slope.estimate) / room).max(1.0).powf(2.0 / 3.0),
        false => longer_for_line,
    };
    // A sawtooth needs several falls to be recognized.
    let longer =
        if matches!(judged.shape, Shape::FellBack { .. }) { longer.max(3.0) } else { longer };
    (Undecided::DetectionLimit { up_to: shown.high.max(slope.high), tolerance: allowed }, longer)
}

/// The slope of a floor that the fit calls level. Without other shapes in the fit its error is smaller.
fn level(floor: &Floor, options: &Options) -> Option<Interval> {
    let is_level = floor.ends.tau.is_none() && floor.ends.step.is_none();
    let slope = fit::slope(&floor.points, &fit::LINE).filter(|_| is_level)?;
    Some(interval(slope, options))
}

/// The minimum ratio of the smallest to the largest rise of a third. A pool with a time constant of up to three
/// windows is below it.
const THIRD_MIN_RATIO: f64 = 0.8;

/// The maximum error of such a rise, relative to the smallest one.
const THIRD_MAX_ERROR_RATIO: f64 = 0.1;

/// Fewer blocks cannot be split into thirds.
const THIRDS_MIN_BLOCKS: usize = 6;

/// The slope per minute and the p-value of a floor that rises equally in its first, middle and last third. A pool that
/// fills rises less and less, and a step rises once. Uses the block length with the least scatter, because blocks of
/// the period of a sawtooth show its floor best.
pub(in crate::leak::judge) fn equal_thirds(
    points: &[(f64, f64)],
    window: f64,
    options: &Options,
) -> Option<(Interval, f64)> {
    // A partial last block may not contain the floor.
    let complete = |length: f64| {
        let blocks = (window / length + 0.1).floor() * length;
        points.partition_point(|point| point.0 < blocks)
    };
    let floors =
        BLOCK_SECONDS.into_iter().map(|length| lowest(&points[..complete(length)], length));
    let floors = floors.filter(|floor| (THIRDS_MIN_BLOCKS..=32).contains(&floor.len()));
    let scatter = |floor: &[(f64, f64)]| (fit::line_rss(floor) / floor.len() as f64).sqrt();
    let floor = floors.min_by(|a, b| scatter(a).total_cmp(&scatter(b)))?;
    let (first, last) = (floor.first()?, floor.last()?);
    let at = |share: f64| {
        let time = first.0 + share * (last.0 - first.0);
        let next = floor.partition_point(|point| point.0 < time).clamp(1, floor.len() - 1);
        let (a, b) = (floor[next - 1], floor[next]);
        a.1 + (b.1 - a.1) * (time - a.0) / (b.0 - a.0).max(1e-9)
    };
    let marks = [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0].map(at);
    let rises = [marks[1] - marks[0], marks[2] - marks[1], marks[3] - marks[2]];
    let smallest = rises.into_iter().fold(f64::MAX, f64::min);
    let largest = rises.into_iter().fold(f64::MIN, f64::max);
    let covered = last.0 - first.0 >= 0.75 * window;
    let known = scatter(&floor).max(ROUNDING_SD) * std::f64::consts::SQRT_2
        <= THIRD_MAX_ERROR_RATIO * smallest;
    if !covered || !known || smallest < THIRD_MIN_RATIO * largest {
        return None;
    }
    let slope = fit::slope(&floor, &fit::LINE)?;
    Some((interval(slope, options), t_sf(slope.estimate / slope.error, slope.df)))
}

/// The standard deviation from rounding to whole numbers.
const ROUNDING_SD: f64 = 0.29;
