//! The shapes that a series can have, found in its readings.
//!
//! Counts of leaking programs are rarely lines: a timer that leaks makes a staircase, a garbage
//! collector a sawtooth, a pool a rise that ends. What is named here is what a reader of the chart
//! would say; the passive judge decides by its own measure and asks for the name.

use serde::Serialize;

use super::stats::{Z995, mad, mean, median, std_dev};
use super::trend::theil_sen;
use super::{Interval, Reading};

/// The shape of a series. Times are seconds since the start of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Shape {
    /// Too few readings to look at.
    Unknown,
    /// It stays where it is.
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
    /// It rose, ever slower, and is level now.
    WarmUp {
        /// By how much, within the readings judged.
        size: f64,
        /// Since when nine tenths of it are done and more.
        #[serde(rename = "level_since_seconds")]
        level_since: f64,
        /// A step beside it, and when.
        step: Option<(f64, f64)>,
    },
    Line {
        /// By how much per minute.
        per_minute: f64,
    },
    /// It rises by even steps at an even pace.
    Staircase(Stairs),
    /// It was level, and has risen evenly since then.
    ChangePoint {
        /// When it began to rise.
        #[serde(rename = "level_until_seconds")]
        level_until: f64,
        /// How it has risen since.
        growth: Growth,
    },
    /// It rose evenly, and was level afterwards.
    Stopped {
        /// When the rise began, where it was level before.
        #[serde(rename = "since_seconds")]
        since: Option<f64>,
        /// When the rise ended.
        #[serde(rename = "at_seconds")]
        at: f64,
        /// How it rose until then.
        growth: Growth,
        /// How long each of what it counts would have lived, were the end of the rise the balance of what comes
        /// and what something else ends.
        #[serde(rename = "lifetime_seconds")]
        lifetime: f64,
    },
    /// It rises and falls back, again and again.
    Sawtooth {
        /// Where it falls to.
        low: f64,
        /// Where it rises to.
        high: f64,
        /// Seconds from one fall to the next.
        #[serde(rename = "period_seconds")]
        period: f64,
    },
    /// It rose, fell back at once, and rose again: the run is too short to see whether that repeats.
    FellBack {
        size: f64,
        #[serde(rename = "at_seconds")]
        at: Vec<f64>,
    },
    /// It still rises, and a slow warm-up would look the same.
    Rising,
    /// Falling to the end.
    Falling,
}

/// Even steps at an even pace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Stairs {
    #[serde(rename = "step")]
    pub(crate) size: f64,
    /// Seconds from one to the next.
    #[serde(rename = "period_seconds")]
    pub(crate) period: f64,
    pub(crate) steps: usize,
}

impl Stairs {
    /// The rate that steps of this size at this pace make.
    pub(crate) fn per_minute(self) -> f64 {
        60.0 * self.size / self.period
    }
}

/// A rise that does not cover the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Growth {
    /// The rate while it rose (99 %).
    pub(crate) per_minute: Interval,
    /// Its steps, where it came in steps.
    pub(crate) stairs: Option<Stairs>,
}

/// A rise from one reading to one of the next.
#[derive(Clone, Copy, Debug)]
struct Jump {
    /// The last reading before it, and the first after it.
    from: usize,
    to: usize,
    size: f64,
}

/// A step falls into as many intervals between readings at most.
const JUMP_MAX_READINGS: usize = 3;

/// The rises that stand out of the scatter and last; nothing where one of them takes longer than a step does.
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

/// Steps of a series, with the moments of the first and the last of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stepped {
    /// Two: too few for a pace.
    Twice { size: f64, at: Vec<f64> },
    /// At an even pace.
    Paced {
        stairs: Stairs,
        /// When the first came.
        first: f64,
        /// When the last came.
        last: f64,
    },
}

/// Steps of a count: even in size, each followed by readings that stay, and together all that it grew by. A line
/// that is read at an odd pace has larger and smaller rises too, and they are none of these.
pub(super) fn stepped(readings: &[Reading]) -> Option<Stepped> {
    let (first, last) = (readings.first()?, readings.last()?);
    let changes: Vec<f64> = readings.windows(2).map(|two| two[1].value - two[0].value).collect();
    // Large changes are no scatter, however many they are.
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
    // What rises must stay: a sawtooth gives back what it took.
    if jumps.len() < 2 || !even || grown < 0.6 * total - size || grown > 1.5 * total {
        return None;
    }
    // And nothing else rises.
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
    let wanted = if size < 4.0 { 3 } else { 2 };
    let resolved = treads.filter(|readings| wanted <= *readings).count();
    if resolved * 4 < (jumps.len() - 1) * 3 {
        return None;
    }
    let period = pace(readings, &jumps, size)?;
    let stairs = Stairs { size, period, steps: jumps.len() };
    let (first, last) = (jumps.first().map(at)?, jumps.last().map(at)?);
    Some(Stepped::Paced { stairs, first, last })
}

/// Seconds from step to step, by the line through their moments over the heights that they reach: readings at an
/// odd pace see each step late by another time, and the median of the gaps would be off by as much.
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
    let spacing =
        median(&readings.windows(2).map(|r| r[1].seconds - r[0].seconds).collect::<Vec<_>>());
    let slack = (0.25 * period).max(1.2 * spacing);
    let fit = steps.iter().filter(|(n, at)| (begin + period * n - at).abs() <= slack).count();
    let gap = |two: &[(f64, f64)]| (two[1].1 - two[0].1) / (two[1].0 - two[0].0).max(1.0) - period;
    let slack = (0.3 * period).max(1.2 * spacing);
    let paced = steps.windows(2).filter(|two| gap(two).abs() <= slack).count();
    (period > 0.0 && fit * 4 >= steps.len() * 3 && paced * 4 >= (steps.len() - 1) * 3)
        .then_some(period)
}

/// Falls by more than half of the range, each at once and to where it had been before, and rises that took their time:
/// too few for a pace.
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
    let of = |part: &[Reading]| Some(part.last()?.value - part.first()?.value);
    let before = of(&readings[..readings.partition_point(|r| r.seconds < first)])?;
    let after = of(&readings[readings.partition_point(|r| r.seconds < last)..])?;
    // A fall alone is a step down.
    (largest < 0.3 * size && 0.5 * size <= before + after)
        .then(|| Shape::FellBack { size, at: falls.iter().map(|fall| fall.0).collect() })
}

/// A rise and a sudden fall, or the other way round, again and again.
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
    // Random walks turn as well, but neither at the same heights nor with a sudden side.
    let level = mad(&low).max(mad(&high)) <= 0.25 * range;
    let falls: Vec<f64> = tops
        .iter()
        .filter_map(|top| {
            let bottom = bottoms.iter().find(|bottom| bottom.seconds > top.seconds)?;
            Some(bottom.seconds - top.seconds)
        })
        .collect();
    let part = median(&falls) / period;
    let sudden = !(0.3..=0.7).contains(&part);
    (steady && level && sudden).then(|| Shape::Sawtooth {
        low: median(&low),
        high: median(&high),
        period,
    })
}

/// The highest and lowest readings between turns of more than `least`.
fn turns(readings: &[Reading], least: f64) -> (Vec<Reading>, Vec<Reading>) {
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
        if rising != Some(false) && high.value - reading.value > least {
            // Where it began is no turn.
            if rising.is_some() {
                tops.push(high);
            }
            (rising, low) = (Some(false), *reading);
        } else if rising != Some(true) && reading.value - low.value > least {
            if rising.is_some() {
                bottoms.push(low);
            }
            (rising, high) = (Some(true), *reading);
        }
    }
    (tops, bottoms)
}
