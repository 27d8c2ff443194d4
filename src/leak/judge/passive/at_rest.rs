//! Judges the readings at rest of a driven run: growth by time, without growth by cycles.

use super::detection_limit::MIN_SECONDS_AT_REST;
use super::window::{Warmup, agree, judge_window};
use super::{Passive, Undecided};
use crate::leak::judge::design::{CYCLES_PER_SECOND, WARMUP_CYCLES, WARMUP_EXTENSION};
use crate::leak::judge::stats::{t_quantile, t_sf};
use crate::leak::judge::{Interval, Options, Reading, Verdict, usable};

/// Judges the readings at rest of a driven run, after its warm-up: growth by time. Subtracts the growth `per_cycle`,
/// and widens the bounds by its uncertainty.
pub(in crate::leak::judge) fn judge_at_rest(
    readings: &[Reading],
    per_cycle: Option<Interval>,
    options: &Options,
) -> Passive {
    let readings = usable(readings);
    let mut judged = judge_usable_at_rest(&readings, per_cycle, options);
    // A longer run also needs a longer warm-up.
    if let (None, Some(first), Some(last)) = (judged.p, readings.first(), readings.last()) {
        let interval = (last.seconds - first.seconds) / (readings.len() - 1).max(1) as f64;
        let min_seconds = required_seconds(first.seconds, interval, options);
        (judged.run_at_least, judged.undecided) =
            (Some(min_seconds), Some(Undecided::TooShort { min_seconds }));
    }
    if judged.verdict == Verdict::Inconclusive {
        agree(&mut judged, options);
    }
    judged
}

/// The required length of a run in seconds, from the length of this one's warm-up and the interval of its readings.
fn required_seconds(warmup: f64, interval: f64, options: &Options) -> f64 {
    let cycles = options.warmup_cycles;
    let full = if cycles >= 1.0 { warmup * (WARMUP_CYCLES / cycles).max(1.0) } else { warmup };
    // With cycles slower than planned, the warm-up ends before it is full.
    let longest = (1.0 + WARMUP_EXTENSION) * WARMUP_CYCLES / CYCLES_PER_SECOND;
    if full <= longest.max(warmup) {
        // The warm-up takes at least a fifth of the run.
        return MIN_SECONDS_AT_REST + full.max(0.25 * MIN_SECONDS_AT_REST);
    }
    // A floor needs eight readings, and the last pair may not fit.
    let window = MIN_SECONDS_AT_REST.max(8.0 * interval) + 2.0 * interval;
    (window + warmup.max(longest)).max(window / (1.0 - 0.2 * (1.0 + WARMUP_EXTENSION)))
}

fn judge_usable_at_rest(
    readings: &[Reading],
    per_cycle: Option<Interval>,
    options: &Options,
) -> Passive {
    let total = judge_window(readings, MIN_SECONDS_AT_REST, Warmup::Over, options);
    let Some((per_cycle, pace)) = per_cycle.zip(pace(readings)) else { return total };
    // A significantly negative rate per cycle is chance, and must not increase the rate per minute.
    let left = match per_cycle.high < 0.0 {
        true => Interval { estimate: 0.0, high: 0.0, ..per_cycle },
        false => per_cycle,
    }
    .scaled(pace);
    let subtracted = |slope: Interval| {
        let estimate = slope.estimate - left.estimate;
        let half_width = |slope: f64, left: f64| slope.hypot(left);
        Interval {
            estimate,
            low: estimate - half_width(slope.estimate - slope.low, left.high - left.estimate),
            high: estimate + half_width(slope.high - slope.estimate, left.estimate - left.low),
        }
    };
    // A rate per cycle that may be chance widens the bounds, but does not shift the estimate.
    let known = per_cycle.low > 0.0;
    let shown = |slope: Interval| {
        let subtracted = subtracted(slope);
        let estimate = if known { subtracted.estimate } else { slope.estimate };
        Interval { estimate: estimate.clamp(subtracted.low, subtracted.high), ..subtracted }
    };
    let unexplained = total.unexplained.map(subtracted);
    let per_minute = total.per_minute.map(shown);
    let grows =
        unexplained.is_some_and(|slope| slope.low > 0.0 && slope.estimate > options.max_per_minute);
    let allowed = unexplained.is_some_and(|slope| slope.high < options.max_per_minute);
    let mut judged = total.clone();
    if known {
        let residual = |reading: &Reading| reading.value - per_cycle.estimate * reading.cycles;
        let residuals: Vec<Reading> = readings
            .iter()
            .map(|reading| Reading { value: residual(reading), ..*reading })
            .collect();
        judged = judge_window(&residuals, MIN_SECONDS_AT_REST, Warmup::Over, options);
    }
    // Growth above both tolerances together is a leak, by time or by cycles.
    let both = options.max_per_minute + options.max_per_cycle * pace;
    let certain = !known
        && total.verdict == Verdict::Leak
        && total.unexplained.is_some_and(|slope| slope.low > both);
    judged.verdict = match (total.verdict, judged.verdict) {
        (Verdict::Clean, _) => Verdict::Clean,
        (_, Verdict::Leak) if certain => Verdict::Leak,
        (_, Verdict::Leak) if grows => Verdict::Leak,
        (_, Verdict::Clean) if allowed => Verdict::Clean,
        _ => Verdict::Inconclusive,
    };
    if let (Some(p), Some(slope), false) = (judged.p, unexplained, certain) {
        let error = (slope.estimate - slope.low) / t_quantile(1.0 - options.clamped_alpha(), 10.0);
        judged.p = Some(p.max(t_sf(slope.estimate / error.max(1e-9), 10.0)));
    }
    let wider = left.high - left.estimate;
    judged.smallest = total.smallest.map(|smallest| smallest.hypot(wider));
    judged.cycles_may_add = per_minute.is_some_and(|slope| slope.low <= 0.0);
    (judged.unexplained, judged.per_minute) = (unexplained, per_minute);
    judged
}

/// Cycles per minute over the readings.
fn pace(readings: &[Reading]) -> Option<f64> {
    let (first, last) = (readings.first()?, readings.last()?);
    let seconds = last.seconds - first.seconds;
    (seconds > 0.0).then(|| (last.cycles - first.cycles) * 60.0 / seconds)
}
