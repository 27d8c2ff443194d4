//! Whether the target still worked: lines or cycles per minute beside the counts.
//!
//! A collector that stopped collecting stops leaking, and looks cured. So the work that was done
//! stands beside each slope, and what was read after the work had stopped proves nothing.

use serde::Serialize;

use super::words::{count, span};
use super::{Reading, usable};

/// The work done during a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Work {
    /// Lines (or cycles) in all.
    pub total: f64,
    /// Per minute, from the start to where it stopped.
    pub per_minute: f64,
    /// When it stopped, if it did.
    pub stopped_at: Option<f64>,
    /// The rate of the last third against that of the first, when both had readings.
    pub last_to_first: Option<f64>,
}

/// Looks at a running total of lines or cycles. Nothing when there are fewer than two readings.
///
/// A total that falls has been reset, and goes on from there.
pub fn judge(totals: &[Reading]) -> Option<Work> {
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
    let mut longest = 0.0_f64;
    let mut worked = first.seconds;
    for two in done.windows(2) {
        if two[1].1 > two[0].1 {
            longest = longest.max(two[1].0 - worked);
            worked = two[1].0;
        }
    }
    let length = last.seconds - first.seconds;
    let quiet = last.seconds - worked;
    let stopped = sum <= 0.0 || quiet > (3.0 * longest).max(0.05 * length).max(20.0);
    let stopped_at = stopped.then_some(if sum > 0.0 { worked } else { first.seconds });
    let minutes = (stopped_at.unwrap_or(last.seconds) - first.seconds) / 60.0;
    let at = |share: f64| {
        let moment = first.seconds + share * length;
        done.iter().take_while(|(at, _)| *at <= moment).last().map_or(0.0, |(_, sum)| *sum)
    };
    let early = at(1.0 / 3.0);
    Some(Work {
        total: sum,
        per_minute: if minutes > 0.0 { sum / minutes } else { 0.0 },
        stopped_at,
        last_to_first: (early > 0.0).then(|| (sum - at(2.0 / 3.0)) / early),
    })
}

impl Work {
    /// It in words: "480 per minute", "collecting stopped at 6m".
    pub fn words(&self) -> String {
        match self.stopped_at {
            Some(_) if self.total <= 0.0 => "nothing was collected".to_owned(),
            Some(at) => format!(
                "collecting stopped at {}, after {} per minute: what was read since proves nothing",
                span(at),
                count(self.per_minute)
            ),
            None => match self.last_to_first {
                Some(ratio) if ratio < 0.5 => format!(
                    "{} per minute, but the last third did only {} % of the first",
                    count(self.per_minute),
                    count((100.0 * ratio).round())
                ),
                _ => format!("{} per minute", count(self.per_minute)),
            },
        }
    }
}
