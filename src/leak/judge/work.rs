//! The work of a target (cycles, lines or followers), and when it stopped.
//!
//! A collector that stops collecting also stops leaking. So readings after the work stopped prove nothing.

use serde::Serialize;

use super::{Reading, usable};

/// The unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Cycles, of cmon or of the target.
    Cycles,
    /// Lines that cmon read.
    Lines,
    /// Log streams that the daemon serves.
    Followers,
}

impl Unit {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Lines => "lines",
            Self::Followers => "followers",
        }
    }
}

/// Work has stopped after this many times its longest pause.
const STOP_MIN_PAUSES: f64 = 3.0;
/// Added to that factor, divided by the number of pauses.
const FEW_PAUSES_PENALTY: f64 = 10.0;

/// The work done during a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Work {
    pub(crate) unit: Unit,
    pub(crate) total: f64,
    /// The rate until it stopped.
    pub(crate) per_minute: f64,
    #[serde(rename = "stopped_at_seconds")]
    pub(crate) stopped_at: Option<f64>,
    /// The work of the last third divided by that of the first; `None` without work in the first.
    pub(crate) last_to_first: Option<f64>,
}

/// Judges a running total. A total that falls was reset. `None` with fewer than two readings.
pub(crate) fn judge(totals: &[Reading], unit: Unit) -> Option<Work> {
    let totals = usable(totals);
    let (first, last) = (totals.first()?, totals.last()?);
    if last.seconds <= first.seconds {
        return None;
    }
    let mut done = vec![(first.seconds, 0.0)];
    let mut sum = 0.0;
    for two in totals.windows(2) {
        let more = two[1].value - two[0].value;
        sum += if more < 0.0 { two[1].value.max(0.0) } else { more };
        done.push((two[1].seconds, sum));
    }
    let (mut longest, mut worked, mut times) = (0.0_f64, first.seconds, 0.0);
    for two in done.windows(2) {
        if two[1].1 > two[0].1 {
            longest = longest.max(two[1].0 - worked);
            (worked, times) = (two[1].0, times + 1.0);
        }
    }
    let length = last.seconds - first.seconds;
    let quiet = last.seconds - worked;
    // A longer pause than the longest of only a few pauses is likely.
    let pause = (STOP_MIN_PAUSES + FEW_PAUSES_PENALTY / f64::max(times, 1.0)) * longest;
    let stopped = sum <= 0.0 || quiet > pause.max(0.05 * length).max(20.0);
    let stopped_at = stopped.then_some(if sum > 0.0 { worked } else { first.seconds });
    let minutes = (stopped_at.unwrap_or(last.seconds) - first.seconds) / 60.0;
    let at = |share: f64| {
        let end = first.seconds + share * length;
        done.iter().take_while(|(at, _)| *at <= end).last().map_or(0.0, |(_, sum)| *sum)
    };
    let early = at(1.0 / 3.0);
    Some(Work {
        unit,
        total: sum,
        per_minute: if minutes > 0.0 { sum / minutes } else { 0.0 },
        stopped_at,
        last_to_first: (early > 0.0).then(|| (sum - at(2.0 / 3.0)) / early),
    })
}
