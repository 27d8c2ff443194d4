//! Detects the shape of a series in its readings.
//!
//! A leaking program rarely makes a line. A timer that leaks makes a staircase, garbage collection makes a sawtooth,
//! and a pool makes a rise that ends. A shape describes the chart; the verdict of the passive judge does not depend on
//! it alone.

use serde::Serialize;

use super::stats::{Z995, mad, mean, median, std_dev};
use super::trend::theil_sen;
use super::{Interval, Reading};

/// The shape of a series. Times are seconds since the start of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Shape {
    /// Too few readings.
    Unknown,
    Level,
    Step {
        size: f64,
        #[serde(rename = "at_seconds")]
        at: f64,
    },
    /// A few steps, too few to call them a staircase.
    Steps {
        size: f64,
        #[serde(rename = "at_seconds")]
        at: Vec<f64>,
    },
    /// It rose more and more slowly, and is level now.
    WarmUp {
        /// The rise within the judged readings.
        size: f64,
        /// When 90 % of the rise was over.
        #[serde(rename = "level_since_seconds")]
        level_since: f64,
        /// The size and time of an additional step.
        step: Option<(f64, f64)>,
    },
    Line {
        per_minute: f64,
    },
    /// It rises by equal steps at equal intervals.
    Staircase(Stairs),
    /// It was level, and has risen at a constant rate since then.
    ChangePoint {
        #[serde(rename = "level_until_seconds")]
        level_until: f64,
        growth: Growth,
    },
    /// It rose at a constant rate, and was level afterwards.
    Stopped {
        /// The start of the rise, if it was level before.
        #[serde(rename = "since_seconds")]
        since: Option<f64>,
        /// The end of the rise.
        #[serde(rename = "at_seconds")]
        at: f64,
        growth: Growth,
        /// The lifetime of each member, if the rise ended because as many end as begin.
        #[serde(rename = "lifetime_seconds")]
        lifetime: f64,
    },
    /// It rises and falls back periodically.
    Sawtooth {
        low: f64,
        high: f64,
        #[serde(rename = "period_seconds")]
        period: f64,
    },
    /// It rose, fell back at once, and rose again. The run is too short to show whether that repeats.
    FellBack {
        size: f64,
        #[serde(rename = "at_seconds")]
        at: Vec<f64>,
    },
    /// It still rises, but a slow warm-up would look the same.
    Rising,
    Falling,
}

/// Equal steps at equal intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Stairs {
    #[serde(rename = "step")]
    pub(crate) size: f64,
    #[serde(rename = "period_seconds")]
    pub(crate) period: f64,
    pub(crate) steps: usize,
}

impl Stairs {
    pub(crate) fn per_minute(self) -> f64 {
        60.0 * self.size / self.period
    }
}

/// A rise that does not cover the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Growth {
    /// The rate while it rose, with a 99 % interval.
    pub(crate) per_minute: Interval,
    /// `None` for a rise without steps.
    pub(crate) stairs: Option<Stairs>,
}

/// A rise over one or a few readings.
#[derive(Clone, Copy, Debug)]
struct Jump {
    /// Index of the last reading before it, and of the first one after it.
    from: usize,
    to: usize,
    size: f64,
}

/// The maximum of intervals between readings that one step covers.
const JUMP_MAX_READINGS: usize = 3;

/// The rises above the noise. `None` if one of them takes longer than a step.
fn jumps(changes: &[f64], noise: f64) -> Option<Vec<Jump>> {
    let mut jumps: Vec<Jump> = Vec::new();
    for (n, change) in changes.iter().enumerate() {
        if *change <= 4.0 * noise {
            continue;
        }
        match jumps.last_mut() {
            Some(jump) if n == jump.to => {
                (jump.to, jump.size) = (n + 1, jump.size + change);
                if JUMP_MAX_READINGS < jump.to - jump.from {
                    return None;
                }
            }
            _ => jumps.push(Jump { from: n, to: n + 1, size: *change }),
        }
    }
    Some(jumps)
}

/// The steps of a series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stepped {
    /// Two steps, which have no period.
    Twice { size: f64, at: Vec<f64> },
    /// Steps at equal intervals.
    Paced {
        stairs: Stairs,
        /// Time of the first step in seconds.
        first: f64,
        /// Time of the last step in seconds.
        last: f64,
    },
}

/// Detects steps: equal in size, each followed by level readings, and together the total growth. A line with uneven
/// readings has smaller and larger rises, but no steps.
pub(super) fn stepped(readings: &[Reading]) -> Option<Stepped> {
    let (first, last) = (readings.first()?, readings.last()?);
    let changes: Vec<f64> = readings.windows(2).map(|two| two[1].value - two[0].value).collect();
    // Large changes are not noise, even if they are many.
    let half = changes.iter().fold(0.0_f64, |top, change| top.max(*change)) / 2.0;
    let small: Vec<f64> = changes.iter().copied().filter(|change| change.abs() <= half).collect();
    let noise = mad(&small).max(0.25);
    let jumps = jumps(&changes, noise)?;
    let sizes: Vec<f64> = jumps.iter().map(|jump| jump.size).collect();
    let total: f64 = sizes.iter().sum();
    let edge = |part: &[Reading]| median(&part.iter().map(|r| r.value).collect::<Vec<_>>());
    let few = readings.len().min(3);
    let grown = edge(&readings[readings.len() - few..]) - edge(&readings[..few]);
    let size = median(&sizes);
    let even = std_dev(&sizes) <= 0.35 * size;
    // The rise must stay; a sawtooth falls back.
    if jumps.len() < 2 || !even || grown < 0.6 * total - size || grown > 1.5 * total {
        return None;
    }
    // Nothing else may rise.
    let falls: f64 = changes.iter().filter(|change| **change < -4.0 * noise).sum();
    let between = changes.iter().sum::<f64>() - total - falls;
    if between.abs() > 0.15 * (total + falls).abs() + 4.0 * noise {
        return None;
    }
    let at = |jump: &Jump| readings[jump.to].seconds;
    if jumps.len() == 2 {
        let at: Vec<f64> = jumps.iter().map(at).collect();
        let apart = at[1] - at[0] > 0.1 * (last.seconds - first.seconds);
        return (grown >= 0.8 * total && apart).then_some(Stepped::Twice { size, at });
    }
    let treads = jumps.windows(2).map(|two| two[1].from + 1 - two[0].to);
    let min_readings = if size < 4.0 { 3 } else { 2 };
    let resolved = treads.filter(|readings| min_readings <= *readings).count();
    if resolved * 4 < (jumps.len() - 1) * 3 {
        return None;
    }
    let period = pace(readings, &jumps, size)?;
    let stairs = Stairs { size, period, steps: jumps.len() };
    let (first, last) = (jumps.first().map(at)?, jumps.last().map(at)?);
    Some(Stepped::Paced { stairs, first, last })
}

/// The period in seconds: the slope of the times of the steps over their heights. Each reading sees its step late by
/// another time, which would bias the median of the gaps.
fn pace(readings: &[Reading], jumps: &[Jump], size: f64) -> Option<f64> {
    let level = |part: &[Reading]| median(&part.iter().map(|r| r.value).collect::<Vec<_>>());
    let ends = jumps[1..].iter().map(|next| next.from + 1).chain([readings.len()]);
    let treads = jumps.iter().zip(ends).map(|(jump, end)| (jump.to, &readings[jump.to..end]));
    let base = level(&readings[..=jumps[0].from]);
    let steps: Vec<(f64, f64)> = treads
        .map(|(at, tread)| (((level(tread) - base) / size).round(), readings[at].seconds))
        .collect();
    let period = theil_sen(&steps, Z995)?.estimate;
    let begin = median(&steps.iter().map(|(n, at)| at - period * n).collect::<Vec<_>>());
    let interval =
        median(&readings.windows(2).map(|r| r[1].seconds - r[0].seconds).collect::<Vec<_>>());
    let slack = (0.25 * period).max(1.2 * interval);
    let fit = steps.iter().filter(|(n, at)| (begin + period * n - at).abs() <= slack).count();
    let gap = |two: &[(f64, f64)]| (two[1].1 - two[0].1) / (two[1].0 - two[0].0).max(1.0) - period;
    let slack = (0.3 * period).max(1.2 * interval);
    let regular = steps.windows(2).filter(|two| gap(two).abs() <= slack).count();
    (period > 0.0 && fit * 4 >= steps.len() * 3 && regular * 4 >= (steps.len() - 1) * 3)
        .then_some(period)
}

/// Detects sudden falls by more than half of the range, between slow rises of at least half their size.
pub(super) fn fell_back(readings: &[Reading]) -> Option<Shape> {
    let values = || readings.iter().map(|reading| reading.value);
    let range = values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min);
    let changes = readings.windows(2).map(|two| (two[1].seconds, two[0].value - two[1].value));
    let falls: Vec<(f64, f64)> =
        changes.filter(|(_, fall)| 5.0 <= *fall && 0.5 * range < *fall).collect();
    let rises = readings.windows(2).map(|two| two[1].value - two[0].value);
    let largest = rises.fold(0.0, f64::max);
    let size = median(&falls.iter().map(|fall| fall.1).collect::<Vec<_>>());
    let (first, last) = (falls.first()?.0, falls.last()?.0);
    let rise = |part: &[Reading]| Some(part.last()?.value - part.first()?.value);
    let before = rise(&readings[..readings.partition_point(|r| r.seconds < first)])?;
    let after = rise(&readings[readings.partition_point(|r| r.seconds < last)..])?;
    // A fall alone is a step down.
    (largest < 0.3 * size && 0.5 * size <= before + after)
        .then(|| Shape::FellBack { size, at: falls.iter().map(|fall| fall.0).collect() })
}

/// Detects periodic slow rises and sudden falls, or the reverse.
pub(super) fn sawtooth(readings: &[Reading]) -> Option<Shape> {
    let mut sorted: Vec<f64> = readings.iter().map(|reading| reading.value).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let share = |part: usize| sorted.get(sorted.len() * part / 100).copied();
    let range = share(95)? - share(5)?;
    let (tops, bottoms) = turns(readings, 0.5 * range);
    if range < 3.0 || tops.len() < 3 || bottoms.len() < 2 {
        return None;
    }
    let times = |turns: &[Reading]| -> Vec<f64> {
        turns.windows(2).map(|two| two[1].seconds - two[0].seconds).collect()
    };
    let gaps = [times(&tops), times(&bottoms)].concat();
    let period = median(&gaps);
    let steady = mad(&gaps) <= 0.25 * period && std_dev(&gaps) <= 0.5 * mean(&gaps);
    let values = |turns: &[Reading]| turns.iter().map(|turn| turn.value).collect::<Vec<f64>>();
    let (low, high) = (values(&bottoms), values(&tops));
    // Random walks also turn, but at different heights and without a sudden side.
    let level = mad(&low).max(mad(&high)) <= 0.25 * range;
    let falls: Vec<f64> = tops
        .iter()
        .filter_map(|top| {
            let bottom = bottoms.iter().find(|bottom| bottom.seconds > top.seconds)?;
            Some(bottom.seconds - top.seconds)
        })
        .collect();
    let fall_share = median(&falls) / period;
    let sudden = !(0.3..=0.7).contains(&fall_share);
    (steady && level && sudden).then(|| Shape::Sawtooth {
        low: median(&low),
        high: median(&high),
        period,
    })
}

/// The local maxima and minima between changes of more than `min_change`.
fn turns(readings: &[Reading], min_change: f64) -> (Vec<Reading>, Vec<Reading>) {
    let (mut tops, mut bottoms) = (Vec::new(), Vec::new());
    let Some(first) = readings.first().copied() else { return (tops, bottoms) };
    let (mut high, mut low, mut rising) = (first, first, None);
    for reading in readings {
        if reading.value > high.value {
            high = *reading;
        }
        if reading.value < low.value {
            low = *reading;
        }
        if rising != Some(false) && high.value - reading.value > min_change {
            // The start is no turn.
            if rising.is_some() {
                tops.push(high);
            }
            (rising, low) = (Some(false), *reading);
        } else if rising != Some(true) && reading.value - low.value > min_change {
            if rising.is_some() {
                bottoms.push(low);
            }
            (rising, high) = (Some(true), *reading);
        }
    }
    (tops, bottoms)
}
