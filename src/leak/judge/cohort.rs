//! Who was born when and still lives: goroutines, threads and descriptors by their ids.
//!
//! At the end of each block of time the ids are listed. A pool keeps the ones of its beginning, a
//! service that works forgets all of them soon, a leak keeps some of every block. So the question
//! is whether the younger blocks left as many behind as the older ones. A sawtooth or a jitter of
//! the count is not seen at all.

use std::collections::BTreeSet;

use serde::Serialize;

use super::stats::{binomial_at_least, chi2_quantile, median, poisson_at_least};
use super::words::count;
use super::{Interval, Options, Verdict, sound};

/// The ids at the end of a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Block {
    /// Seconds since the start, at its end.
    pub seconds: f64,
    /// Who is alive. An id that comes back after having been away is another one.
    pub ids: BTreeSet<u64>,
}

/// What the cohorts say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cohorts {
    /// LEAK, CLEAN or INCONCLUSIVE.
    pub verdict: Verdict,
    /// Of each block that is old enough: seconds at its end, and how many born in it live on.
    pub survivors: Vec<(f64, u32)>,
    /// Survivors per minute of birth, with Poisson bounds (`1 - alpha` to each side).
    pub per_minute: Option<Interval>,
    /// The chance of so many without a leak.
    pub p: Option<f64>,
    /// Survivors of the older and of the newer half of the blocks.
    pub halves: (u32, u32),
    /// Why the verdict is what it is.
    pub why: String,
}

/// Blocks younger than this, or than 15 % of the run, still have their ordinary members.
const AGE: f64 = 120.0;
/// A leak of fewer per minute than this is not looked for.
const FAINT: f64 = 0.02;

/// Judges lists of ids, in the order of time. `options.max_per_minute` is all that is allowed: ids do not
/// tell what came by time from what came with cycles.
pub fn judge(blocks: &[Block], options: &Options) -> Cohorts {
    let mut blocks: Vec<&Block> = blocks.iter().filter(|block| sound(block.seconds)).collect();
    blocks.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    blocks.dedup_by(|a, b| a.seconds <= b.seconds);
    let mut judged = Cohorts {
        verdict: Verdict::Inconclusive,
        survivors: survivors(&blocks),
        per_minute: None,
        p: None,
        halves: (0, 0),
        why: "too few blocks that are old enough".to_owned(),
    };
    if judged.survivors.len() < 4 {
        return judged;
    }
    let starts = blocks[0].seconds;
    let minutes = (judged.survivors.last().map_or(starts, |last| last.0) - starts) / 60.0;
    let mut numbers: Vec<u32> = judged.survivors.iter().map(|(_, number)| *number).collect();
    tame(&mut numbers);
    let m = numbers.len();
    let (older, newer) = numbers.split_at(m / 2);
    // With an odd number of blocks the halves have different lengths.
    let share = newer.len() as f64 / older.len() as f64;
    let (older, newer): (u32, u32) = (older.iter().sum(), newer.iter().sum());
    judged.halves = (older, newer);
    let sum = older + newer;
    let (chance, events) = (options.chance(), f64::from(sum));
    let low = if sum == 0 { 0.0 } else { chi2_quantile(chance, 2.0 * events) / 2.0 };
    let high = chi2_quantile(1.0 - chance, 2.0 * events + 2.0) / 2.0;
    let rate = Interval { estimate: events, low, high }.scaled(1.0 / minutes);
    judged.per_minute = Some(rate);
    judged.p = Some(poisson_at_least(sum, FAINT * minutes));
    let kept = numbers.iter().filter(|number| **number > 0).count();
    let spread = kept >= 4.max(m.div_ceil(3));
    let lasts = f64::from(newer) >= 0.6 * f64::from(older) * share;
    // A pool that fills leaves about a quarter in the newer half.
    let no_pool = binomial_at_least(newer, sum, 0.27) < 0.05;
    let found = format!(
        "{sum} survivors of {kept} of {m} blocks, {} per minute ({} .. {})",
        count(rate.estimate),
        count(rate.low),
        count(rate.high)
    );
    (judged.verdict, judged.why) = if rate.high < options.max_per_minute {
        (Verdict::Clean, found)
    } else if sum >= 4 && spread && lasts && no_pool && rate.estimate <= options.max_per_minute {
        let allowed = count(options.max_per_minute);
        (Verdict::Inconclusive, format!("{found}: too near to what is allowed, {allowed}"))
    } else if sum >= 4 && spread && lasts && no_pool && rate.low > FAINT {
        (Verdict::Leak, format!("{found}, the newer half {newer} of them"))
    } else if sum >= 4 && !lasts {
        (Verdict::Inconclusive, format!("{found}, {older} of them old: a pool that filled"))
    } else {
        (Verdict::Inconclusive, found)
    };
    judged
}

/// Of each block that is old enough, how many born in it live to the end.
fn survivors(blocks: &[&Block]) -> Vec<(f64, u32)> {
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Vec::new() };
    let age = AGE.max(0.15 * (last.seconds - first.seconds));
    blocks
        .windows(2)
        .enumerate()
        .filter(|(_, two)| two[1].seconds + age <= last.seconds)
        .map(|(n, two)| {
            let born = two[1].ids.difference(&two[0].ids);
            let lives = |id: &&u64| blocks[n + 2..].iter().all(|block| block.ids.contains(*id));
            (two[1].seconds, u32::try_from(born.filter(lives).count()).unwrap_or(u32::MAX / 64))
        })
        .collect()
}

/// One block far above all others is a step: it counts as much as the usual block.
fn tame(numbers: &mut [u32]) {
    let values: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
    let middle = median(&values);
    let Some(top) = (0..numbers.len()).max_by_key(|n| numbers[*n]) else { return };
    let next = numbers.iter().enumerate().filter(|(n, _)| *n != top).map(|(_, v)| *v).max();
    if numbers[top] > 3 * next.unwrap_or(0).max(1) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let usual = middle.round() as u32;
        numbers[top] = usual;
    }
}
