//! Judges the readings at rest of a driven run: growth by time alone, without that of the cycles.

use super::detection_limit::MIN_SECONDS_AT_REST;
use super::window::{Warmup, agree, judge_window};
use super::{Passive, Undecided};
use crate::leak::judge::design::{CYCLES_PER_SECOND, WARMUP_CYCLES, WARMUP_EXTENSION};
use crate::leak::judge::stats::{t_quantile, t_sf};
use crate::leak::judge::{Interval, Options, Reading, Verdict, usable};

/// Judges readings at rest of a driven run, after its warm-up: what grows by time alone. What the
/// cycles left, `per_cycle` of them, is taken out, and what is not known of it makes the bounds
/// wider.
pub(in crate::leak::judge) fn judge_at_rest(
    readings: &[Reading],
    per_cycle: Option<Interval>,
    options: &Options,
) -> Passive {
    let readings = usable(readings);
    let mut judged = judge_usable_at_rest(&readings, per_cycle, options);
    // Where it was too short, a longer run has to warm up as well.
    if let (None, Some(first), Some(last)) = (judged.p, readings.first(), readings.last()) {
        let apart = (last.seconds - first.seconds) / (readings.len() - 1).max(1) as f64;
        let least = long_enough(first.seconds, apart, options);
        (judged.run_at_least, judged.undecided) =
            (Some(least), Some(Undecided::TooShort { least }));
    }
    // Where cycles are, CLEAN goes by the whole, and LEAK by what they may not have made.
    if judged.verdict == Verdict::Inconclusive {
        agree(&mut judged, options);
    }
    judged
}

/// Seconds of a run that is long enough, by those of warm-up that this one had, and by how far its readings are
/// apart.
fn long_enough(had: f64, apart: f64, options: &Options) -> f64 {
    let cycles = options.warmup_cycles;
    let full = if cycles >= 1.0 { had * (WARMUP_CYCLES / cycles).max(1.0) } else { had };
    // A longer run of cycles that are slower than planned has not all of that.
    let most = (1.0 + WARMUP_EXTENSION) * WARMUP_CYCLES / CYCLES_PER_SECOND;
    if full <= most.max(had) {
        // Of the whole it is a fifth at least.
        return MIN_SECONDS_AT_REST + full.max(0.25 * MIN_SECONDS_AT_REST);
    }
    // Readings enough for a floor; and the last pair may not fit.
    let window = MIN_SECONDS_AT_REST.max(8.0 * apart) + 2.0 * apart;
    (window + had.max(most)).max(window / (1.0 - 0.2 * (1.0 + WARMUP_EXTENSION)))
}

fn judge_usable_at_rest(
    readings: &[Reading],
    per_cycle: Option<Interval>,
    options: &Options,
) -> Passive {
    let whole = judge_window(readings, MIN_SECONDS_AT_REST, Warmup::Over, options);
    let Some((per_cycle, pace)) = per_cycle.zip(pace(readings)) else { return whole };
    // Cycles take nothing away: what seems so is chance, and no reason to make more of the time.
    let left = match per_cycle.high < 0.0 {
        true => Interval { estimate: 0.0, high: 0.0, ..per_cycle },
        false => per_cycle,
    }
    .scaled(pace);
    let widened = |slope: Interval| {
        let estimate = slope.estimate - left.estimate;
        let half_width = |slope: f64, left: f64| slope.hypot(left);
        Interval {
            estimate,
            low: estimate - half_width(slope.estimate - slope.low, left.high - left.estimate),
            high: estimate + half_width(slope.high - slope.estimate, left.estimate - left.low),
        }
    };
    // A rate per cycle that may be chance makes the bounds wider, and is no reason to shift the guess.
    let known = per_cycle.low > 0.0;
    let guess = |slope: Interval| {
        let widened = widened(slope);
        let estimate = if known { widened.estimate } else { slope.estimate };
        Interval { estimate: estimate.clamp(widened.low, widened.high), ..widened }
    };
    let unexplained = whole.unexplained.map(widened);
    let per_minute = whole.per_minute.map(guess);
    let grows =
        unexplained.is_some_and(|slope| slope.low > 0.0 && slope.estimate > options.max_per_minute);
    let allowed = unexplained.is_some_and(|slope| slope.high < options.max_per_minute);
    let mut judged = whole.clone();
    if known {
        let rest = |reading: &Reading| reading.value - per_cycle.estimate * reading.cycles;
        let rests: Vec<Reading> =
            readings.iter().map(|reading| Reading { value: rest(reading), ..*reading }).collect();
        judged = judge_window(&rests, MIN_SECONDS_AT_REST, Warmup::Over, options);
    }
    // More than time and cycles may leave together: it grows, whichever of them it was.
    let both = options.max_per_minute + options.max_per_cycle * pace;
    let certain = !known
        && whole.verdict == Verdict::Leak
        && whole.unexplained.is_some_and(|slope| slope.low > both);
    judged.verdict = match (whole.verdict, judged.verdict) {
        // Nothing grew, with all the cycles.
        (Verdict::Clean, _) => Verdict::Clean,
        (_, Verdict::Leak) if certain => Verdict::Leak,
        (_, Verdict::Leak) if grows => Verdict::Leak,
        (_, Verdict::Clean) if allowed => Verdict::Clean,
        _ => Verdict::Inconclusive,
    };
    if let (Some(p), Some(slope), false) = (judged.p, unexplained, certain) {
        let error = (slope.estimate - slope.low) / t_quantile(1.0 - options.chance(), 10.0);
        judged.p = Some(p.max(t_sf(slope.estimate / error.max(1e-9), 10.0)));
    }
    let wider = left.high - left.estimate;
    judged.smallest = whole.smallest.map(|smallest| smallest.hypot(wider));
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
