//! Judges the readings of one window: floor, shape, verdict; then where growth started or stopped within it.

use super::decide::decide;
use super::detection_limit::{MIN_SECONDS, growth_needed, warmup_seconds};
use super::floor::{Floor, coarse, finest, floor, kendall, thin};
use super::{Late, Passive, Undecided, naming};
use crate::leak::judge::shape::Shape;
use crate::leak::judge::stats::{Z80, Z995, t_quantile, t_sf};
use crate::leak::judge::trend::theil_sen;
use crate::leak::judge::work::Work;
use crate::leak::judge::{Interval, Options, Reading, Verdict, usable};

/// Judges the readings of a metric up to where the work stopped that was done meanwhile.
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

/// Makes the rate that is shown hold what the verdict was made by. The slope by Theil and Sen has steps, pools and
/// ties in it; the verdict goes by what is left without them.
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
    /// They do: it is not judged.
    Skip,
    /// The warm-up was over before.
    Over,
}

pub(super) fn judge_window(
    readings: &[Reading],
    least: f64,
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
    // Large values would lose their small changes.
    let zero = kept.first().map_or(0.0, |reading| reading.value);
    let points: Vec<(f64, f64)> =
        kept.iter().map(|reading| (reading.seconds - window.0, reading.value - zero)).collect();
    let Some(floor) = floor(&points, window.1 - window.0) else {
        let shape = naming::short(readings);
        let mut judged = Passive::undecided(shape, window);
        judged.per_minute = theil_sen(&thin(&points), Z995)
            .map(|slope| coarse(slope.scaled(60.0), &points, window.1 - window.0));
        judged.run_at_least = Some(least);
        judged.undecided = Some(Undecided::TooShort { least });
        return judged;
    };
    let mut judged = weigh(&floor, window, options);
    judged.shape = naming::name(readings, &floor, &judged);
    if length + 1.0 < least {
        judged.p = None;
        judged.verdict = Verdict::Inconclusive;
        judged.run_at_least = Some(least);
        judged.undecided = Some(Undecided::TooShort { least });
        return judged;
    }
    decide(&mut judged, &floor, &points, length, options);
    let fine = finest(&floor, &points, window.1 - window.0);
    let floors: Vec<&Floor> = std::iter::once(&floor).chain(&fine).collect();
    begin(&mut judged, readings, &floors);
    stop(&mut judged, readings, &floors, least, options);
    judged
}

/// The figures, without a verdict.
fn weigh(floor: &Floor, window: (f64, f64), options: &Options) -> Passive {
    let slope = floor.slope;
    let half_width = t_quantile(1.0 - options.chance(), slope.df) * slope.error;
    let estimate = slope.estimate;
    let unexplained =
        Interval { estimate, low: estimate - half_width, high: estimate + half_width };
    let order = kendall(floor);
    let by_slope = t_sf(slope.estimate / slope.error, slope.df);
    let minutes = (window.1 - window.0) / 60.0;
    let residual = (floor.line.rss / floor.points.len() as f64).sqrt();
    let wanted = growth_needed(residual, minutes, options);
    // Holm's procedure may demand this level.
    let alpha = options.chance() / options.tests();
    let strict = (t_quantile(1.0 - alpha, slope.df) + Z80) * slope.error * 60.0;
    let mut judged = Passive::undecided(Shape::Unknown, window);
    judged.p = Some(by_slope.max(order.p));
    judged.per_minute = theil_sen(&floor.points, Z995).map(|slope| slope.scaled(60.0));
    judged.unexplained = Some(unexplained.scaled(60.0));
    judged.gain = Some(floor.ends.bic - floor.line.bic);
    judged.rise = Some(order.z);
    judged.smallest = Some(wanted.max(strict));
    judged
}

/// Where growth began within the run: the rate is that since then.
fn begin(judged: &mut Passive, readings: &[Reading], floors: &[&Floor]) {
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

/// Growth that stopped is judged apart from what came after.
fn stop(
    judged: &mut Passive,
    readings: &[Reading],
    floors: &[&Floor],
    least: f64,
    options: &Options,
) {
    if matches!(judged.shape, Shape::Sawtooth { .. } | Shape::ChangePoint { .. }) {
        return;
    }
    let mut stopped = floors.iter().filter_map(|floor| naming::stopped(readings, floor, judged));
    let Some(stopped) = stopped.next() else { return };
    let Shape::Stopped { at, growth, .. } = stopped else { return };
    let late: Vec<Reading> = readings.iter().copied().filter(|r| r.seconds > at).collect();
    let alone = judge_window(&late, least, Warmup::Over, options);
    judged.late = Some(Late { since: at, verdict: alone.verdict, per_minute: alone.per_minute });
    (judged.shape, judged.per_minute) = (stopped, Some(growth.per_minute));
    judged.verdict = match alone.verdict {
        Verdict::Leak => Verdict::Leak,
        // A leak that something else bounds: neither clean nor growing.
        _ => Verdict::Inconclusive,
    };
    judged.undecided = (judged.verdict == Verdict::Inconclusive).then_some(Undecided::Bounded);
    judged.run_at_least = None;
}
