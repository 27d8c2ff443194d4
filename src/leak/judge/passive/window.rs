//! Judges the readings of one window: floor, shape, verdict, then the start or end of growth within it.

use super::decide::decide;
use super::detection_limit::{MIN_SECONDS, growth_needed, warmup_seconds};
use super::floor::{Floor, finest, floor, kendall, thin, widen_short};
use super::{Late, Passive, Undecided, naming};
use crate::leak::judge::shape::Shape;
use crate::leak::judge::stats::{Z80, Z995, t_quantile, t_sf};
use crate::leak::judge::trend::theil_sen;
use crate::leak::judge::work::Work;
use crate::leak::judge::{Interval, Options, Reading, Verdict, usable};

/// Judges the readings of a metric until the work stopped.
pub(crate) fn judge(readings: &[Reading], work: Option<&Work>, options: &Options) -> Passive {
    let readings = usable(readings);
    let stopped = work.and_then(|work| work.stopped_at);
    let end = stopped.unwrap_or(f64::INFINITY);
    let kept: Vec<Reading> = readings.into_iter().filter(|r| r.seconds <= end).collect();
    let mut judged = judge_window(&kept, MIN_SECONDS, Warmup::Skip, options);
    agree(&mut judged, options);
    if stopped.is_some() && judged.verdict != Verdict::Leak {
        judged.verdict = Verdict::Invalid;
    }
    judged.work = work.cloned();
    judged
}

/// Makes the reported rate consistent with the verdict. The Theil-Sen slope includes steps, pools and ties, but the
/// verdict excludes them.
pub(super) fn agree(judged: &mut Passive, options: &Options) {
    let (Some(shown), Some(decided)) = (judged.per_minute, judged.unexplained) else { return };
    if judged.late.is_some() || matches!(judged.shape, Shape::ChangePoint { .. }) {
        return;
    }
    let allowed = options.max_per_minute;
    judged.per_minute = Some(match judged.verdict {
        Verdict::Leak if shown.low <= 0.0 => decided,
        Verdict::Clean if allowed <= shown.high => decided,
        Verdict::Inconclusive if shown.high < allowed => Interval {
            low: shown.low.min(decided.low),
            high: shown.high.max(decided.high),
            ..shown
        },
        _ => shown,
    });
}

/// Whether the readings start with a warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warmup {
    /// Yes: skip it.
    Skip,
    /// No: it was over before.
    Over,
}

pub(super) fn judge_window(
    readings: &[Reading],
    min_seconds: f64,
    warmup: Warmup,
    options: &Options,
) -> Passive {
    let (Some(start), Some(end)) = (readings.first(), readings.last()) else {
        return Passive::unknown();
    };
    let length = end.seconds - start.seconds;
    let warmup = match warmup {
        Warmup::Skip => warmup_seconds(length),
        Warmup::Over => 0.0,
    };
    let window = (start.seconds + warmup, end.seconds);
    let kept: Vec<Reading> =
        readings.iter().copied().filter(|reading| reading.seconds >= window.0).collect();
    // Relative to the first value, small changes of large values stay exact.
    let zero = kept.first().map_or(0.0, |reading| reading.value);
    let points: Vec<(f64, f64)> =
        kept.iter().map(|reading| (reading.seconds - window.0, reading.value - zero)).collect();
    let Some(floor) = floor(&points, window.1 - window.0) else {
        let shape = naming::short_run(readings);
        let mut judged = Passive::undecided(shape, window);
        judged.per_minute = theil_sen(&thin(&points), Z995)
            .map(|slope| widen_short(slope.scaled(60.0), &points, window.1 - window.0));
        judged.run_at_least = Some(min_seconds);
        judged.undecided = Some(Undecided::TooShort { min_seconds });
        return judged;
    };
    let mut judged = estimates(&floor, window, options);
    judged.shape = naming::name(readings, &floor, &judged);
    if length + 1.0 < min_seconds {
        judged.p = None;
        judged.verdict = Verdict::Inconclusive;
        judged.run_at_least = Some(min_seconds);
        judged.undecided = Some(Undecided::TooShort { min_seconds });
        return judged;
    }
    decide(&mut judged, &floor, &points, length, options);
    let fine = finest(&floor, &points, window.1 - window.0);
    let floors: Vec<&Floor> = std::iter::once(&floor).chain(&fine).collect();
    apply_start(&mut judged, readings, &floors);
    apply_stop(&mut judged, readings, &floors, min_seconds, options);
    judged
}

/// The estimates, without a verdict.
fn estimates(floor: &Floor, window: (f64, f64), options: &Options) -> Passive {
    let slope = floor.slope;
    let half_width = t_quantile(1.0 - options.clamped_alpha(), slope.df) * slope.error;
    let estimate = slope.estimate;
    let unexplained =
        Interval { estimate, low: estimate - half_width, high: estimate + half_width };
    let trend = kendall(floor);
    let slope_p = t_sf(slope.estimate / slope.error, slope.df);
    let minutes = (window.1 - window.0) / 60.0;
    let residual = (floor.line.rss / floor.points.len() as f64).sqrt();
    let needed = growth_needed(residual, minutes, options);
    // The strictest level of Holm's procedure.
    let alpha = options.clamped_alpha() / options.tests();
    let strict = (t_quantile(1.0 - alpha, slope.df) + Z80) * slope.error * 60.0;
    let mut judged = Passive::undecided(Shape::Unknown, window);
    judged.p = Some(slope_p.max(trend.p));
    judged.per_minute = theil_sen(&floor.points, Z995).map(|slope| slope.scaled(60.0));
    judged.unexplained = Some(unexplained.scaled(60.0));
    judged.gain = Some(floor.ends.bic - floor.line.bic);
    judged.rise = Some(trend.z);
    judged.smallest = Some(needed.max(strict));
    judged
}

/// If growth began within the run, reports its rate since then.
fn apply_start(judged: &mut Passive, readings: &[Reading], floors: &[&Floor]) {
    let mut started =
        floors.iter().filter_map(|floor| naming::start_of_growth(readings, floor, judged));
    let Some((level_until, growth)) = started.next() else { return };
    judged.per_minute = Some(growth.per_minute);
    if judged.verdict == Verdict::Leak && growth.per_minute.low <= 0.0 {
        judged.verdict = Verdict::Inconclusive;
    }
    if judged.verdict == Verdict::Inconclusive {
        judged.undecided = Some(Undecided::NearEnd);
    }
    judged.shape = Shape::ChangePoint { level_until, growth };
}

/// If growth stopped, judges the part after it separately.
fn apply_stop(
    judged: &mut Passive,
    readings: &[Reading],
    floors: &[&Floor],
    min_seconds: f64,
    options: &Options,
) {
    if matches!(judged.shape, Shape::Sawtooth { .. } | Shape::ChangePoint { .. }) {
        return;
    }
    let mut stopped = floors.iter().filter_map(|floor| naming::stopped(readings, floor, judged));
    let Some(stopped) = stopped.next() else { return };
    let Shape::Stopped { at, growth, .. } = stopped else { return };
    let late: Vec<Reading> = readings.iter().copied().filter(|r| r.seconds > at).collect();
    let alone = judge_window(&late, min_seconds, Warmup::Over, options);
    judged.late = Some(Late { since: at, verdict: alone.verdict, per_minute: alone.per_minute });
    (judged.shape, judged.per_minute) = (stopped, Some(growth.per_minute));
    judged.verdict = match alone.verdict {
        Verdict::Leak => Verdict::Leak,
        // A bounded leak is neither clean nor growing.
        _ => Verdict::Inconclusive,
    };
    judged.undecided = (judged.verdict == Verdict::Inconclusive).then_some(Undecided::Bounded);
    judged.run_at_least = None;
}
