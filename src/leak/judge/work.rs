//! Whether the target still worked: lines or cycles per minute beside the counts.
//!
//! A collector that stopped collecting stops leaking, and looks cured. So the work that was done
//! stands beside each slope, and what was read after the work had stopped proves nothing.

use serde::Serialize;

use super::{Reading, usable};

/// What work is counted in.
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
    /// The word for several of them.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Lines => "lines",
            Self::Followers => "followers",
        }
    }
}

/// Work has stopped after this many times the longest pause.
const STOP_MIN_PAUSES: f64 = 3.0;
/// As much more, divided by the number of pauses that were seen.
const FEW_PAUSES_PENALTY: f64 = 10.0;

/// The work done during a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Work {
    pub(crate) unit: Unit,
    /// How many in all.
    pub(crate) total: f64,
    /// Per minute, from the start to where it stopped.
    pub(crate) per_minute: f64,
    /// When it stopped, if it did.
    #[serde(rename = "stopped_at_seconds")]
    pub(crate) stopped_at: Option<f64>,
    /// The rate of the last third against that of the first, when both had readings.
    pub(crate) last_to_first: Option<f64>,
}

/// Looks at a running total of them. Nothing when there are fewer than two readings.
///
/// A total that falls has been reset, and goes on from there.
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
    // The longest of a few pauses is not yet the longest that there are.
    let pause = (STOP_MIN_PAUSES + FEW_PAUSES_PENALTY / f64::max(times, 1.0)) * longest;
    let stopped = sum <= 0.0 || quiet > pause.max(0.05 * length).max(20.0);
    let stopped_at = stopped.then_some(if sum > 0.0 { worked } else { first.seconds });
    let minutes = (stopped_at.unwrap_or(last.seconds) - first.seconds) / 60.0;
    let at = |share: f64| {
        let moment = first.seconds + share * length;
        done.iter().take_while(|(at, _)| *at <= moment).last().map_or(0.0, |(_, sum)| *sum)
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
