//! The shapes that a series can have, found in its readings, and the words for them.
//!
//! Counts of leaking programs are rarely lines: a timer that leaks makes a staircase, a garbage
//! collector a sawtooth, a pool a rise that ends. What is named here is what a reader of the chart
//! would say; the passive judge decides by its own measure and asks for the name.

use std::fmt;

use serde::Serialize;

use super::Reading;
use super::stats::{deviation, mean, median, spread};
use super::words::{count, signed, span};

/// What a series looks like. Times are seconds since the start of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Shape {
    /// Too few readings to look at.
    Unknown,
    /// It stays where it is.
    Level,
    /// One step.
    Step {
        /// By how much.
        size: f64,
        /// When.
        at: f64,
    },
    /// A few steps, too few to call them a staircase.
    Steps {
        /// The usual step.
        size: f64,
        /// When they came.
        at: Vec<f64>,
    },
    /// It rose, ever slower, and is level now.
    WarmUp {
        /// By how much, within the readings judged.
        size: f64,
        /// Since when nine tenths of it are done and more.
        level_since: f64,
        /// A step beside it, and when.
        step: Option<(f64, f64)>,
    },
    /// It rises evenly.
    Line {
        /// By how much per minute.
        per_minute: f64,
        /// When it ended and was level, if it did.
        until: Option<f64>,
    },
    /// It rises by even steps at an even pace.
    Staircase {
        /// The step.
        size: f64,
        /// Seconds from one to the next.
        period: f64,
        /// Steps seen.
        steps: usize,
        /// When the last step was, if several ought to have followed it.
        until: Option<f64>,
    },
    /// It rises and falls back, again and again.
    Sawtooth {
        /// Where it falls to.
        low: f64,
        /// Where it rises to.
        high: f64,
        /// Seconds from one fall to the next.
        period: f64,
    },
    /// It still rises, and a slow warm-up would look the same.
    Rising,
    /// Falling to the end.
    Falling,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "too few readings to see a shape"),
            Self::Level => write!(f, "level"),
            Self::Step { size, at } => write!(f, "one step of {} at {}", signed(*size), span(*at)),
            Self::Steps { size, at } => {
                let at: Vec<String> = at.iter().map(|at| span(*at)).collect();
                write!(f, "{} steps of {}, at {}", at.len(), signed(*size), at.join(" and "))
            }
            Self::WarmUp { level_since, step, .. } => {
                write!(f, "warm-up, level since {}", span(*level_since))?;
                match step {
                    Some((size, at)) => {
                        write!(f, ", and one step of {} at {}", signed(*size), span(*at))
                    }
                    None => Ok(()),
                }
            }
            Self::Line { per_minute, until: None } => {
                write!(f, "a line of {} per minute", signed(*per_minute))
            }
            Self::Line { per_minute, until: Some(until) } => write!(
                f,
                "{} per minute until {}, level since then: growth that stopped",
                signed(*per_minute),
                span(*until)
            ),
            Self::Staircase { size, period, until: None, .. } => {
                write!(f, "{} every {}: a staircase", signed(*size), span(*period))
            }
            Self::Staircase { size, period, until: Some(until), .. } => write!(
                f,
                "{} every {} until {}, level since then: a staircase that stopped",
                signed(*size),
                span(*period),
                span(*until)
            ),
            Self::Sawtooth { low, high, period } => write!(
                f,
                "sawtooth between {} and {} every {}",
                count(*low),
                count(*high),
                span(*period)
            ),
            Self::Falling => write!(f, "falling"),
            Self::Rising => write!(f, "still rising, may be a slow warm-up"),
        }
    }
}

/// A rise from one reading to one of the next.
#[derive(Clone, Copy, Debug)]
struct Jump {
    at: f64,
    size: f64,
}

/// The rises that stand out of the scatter and last.
fn jumps(readings: &[Reading]) -> Vec<Jump> {
    let changes: Vec<f64> = readings.windows(2).map(|two| two[1].value - two[0].value).collect();
    // Large changes are no scatter, however many they are.
    let half = changes.iter().fold(0.0_f64, |top, change| top.max(*change)) / 2.0;
    let small: Vec<f64> = changes.iter().copied().filter(|change| change.abs() <= half).collect();
    let noise = spread(&small).max(0.25);
    let mut jumps: Vec<Jump> = Vec::new();
    let mut last = usize::MAX - 1;
    for (n, change) in changes.iter().enumerate() {
        if *change <= 4.0 * noise {
            continue;
        }
        let at = readings[n + 1].seconds;
        match jumps.last_mut() {
            // A step may fall into two or three readings.
            Some(jump) if n <= last + 1 => {
                jump.size += change;
            }
            _ => jumps.push(Jump { at, size: *change }),
        }
        last = n;
    }
    jumps
}

/// Steps of a count, where they are even in size and make up what it grew.
pub(super) fn staircase(readings: &[Reading]) -> Option<Shape> {
    let (first, last) = (readings.first()?, readings.last()?);
    let jumps = jumps(readings);
    let sizes: Vec<f64> = jumps.iter().map(|jump| jump.size).collect();
    let total: f64 = sizes.iter().sum();
    let edge = |part: &[Reading]| median(&part.iter().map(|r| r.value).collect::<Vec<_>>());
    let few = readings.len().min(3);
    let grown = edge(&readings[readings.len() - few..]) - edge(&readings[..few]);
    let size = median(&sizes);
    let even = deviation(&sizes) <= 0.35 * size;
    // What rises must stay: a sawtooth gives back what it took.
    if jumps.len() < 2 || !even || grown < 0.6 * total - size || grown > 1.5 * total {
        return None;
    }
    let gaps: Vec<f64> = jumps.windows(2).map(|two| two[1].at - two[0].at).collect();
    let period = median(&gaps);
    if jumps.len() == 2 {
        let whole = grown >= 0.8 * total && period > 0.1 * (last.seconds - first.seconds);
        return whole
            .then(|| Shape::Steps { size, at: jumps.iter().map(|jump| jump.at).collect() });
    }
    let paced = gaps.iter().filter(|gap| (*gap / period - 1.0).abs() <= 0.3).count();
    if paced * 4 < gaps.len() * 3 {
        return None;
    }
    let quiet = last.seconds - jumps.last()?.at;
    let until = (quiet > 2.5 * period).then_some(jumps.last()?.at);
    Some(Shape::Staircase { size, period, steps: jumps.len(), until })
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
    let steady = spread(&gaps) <= 0.25 * period && deviation(&gaps) <= 0.5 * mean(&gaps);
    let values = |turns: &[Reading]| turns.iter().map(|turn| turn.value).collect::<Vec<f64>>();
    let (low, high) = (values(&bottoms), values(&tops));
    // Random walks turn as well, but neither at the same heights nor with a sudden side.
    let level = spread(&low).max(spread(&high)) <= 0.25 * range;
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
