//! Cohorts: goroutines, threads and descriptors by time of birth, and how many of each cohort survive.
//!
//! A check lists the ids at the end of each block of time. A pool keeps its first members, a busy service keeps none
//! for long, and a leak keeps some of every block. So a leak has as many survivors in newer blocks as in older ones.
//! A sawtooth or jitter of the count does not matter.
//!
//! Cohorts explain growth. They do not change the verdict.

use std::collections::BTreeSet;

use serde::Serialize;

use super::stats::{binomial_at_least, chi2_quantile, median};
use super::{Interval, Options, is_usable};
use crate::sort::sort_by;

/// The ids at the end of a block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    /// Seconds since the start, at its end.
    pub(crate) seconds: f64,
    /// The ids that are alive. A reused id counts as a new member.
    pub(crate) ids: BTreeSet<u64>,
}

/// The cohorts of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Cohorts {
    /// Members born during the check that are alive at its end.
    pub(crate) survivors: u32,
    /// Blocks that are old enough to count.
    pub(crate) blocks: usize,
    /// Blocks with survivors.
    pub(crate) blocks_with_survivors: usize,
    /// Survivors of the newer half of the blocks.
    pub(crate) newer: u32,
    /// Survivors per minute of birth, with a Poisson interval.
    pub(crate) per_minute: Interval,
    pub(crate) pattern: CohortPattern,
}

/// How survivors are spread over the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CohortPattern {
    /// Some of every block survive.
    Accumulating,
    /// Mostly members of older blocks survive: a pool that filled.
    FilledPool,
    /// Few survive, or there is no pattern.
    Unclear,
}

/// Blocks younger than this, or than 15 % of the run, still have short-lived members.
const BLOCK_MIN_AGE_SECONDS: f64 = 120.0;
/// Fewer survivors per minute than this are no pattern.
const RATE_MIN_PER_MINUTE: f64 = 0.02;
/// Fewer old blocks show no pattern.
const BLOCKS_MIN: usize = 4;
/// Fewer survivors show no pattern.
const SURVIVORS_MIN: u32 = 4;

/// Judges blocks in any order. `None` if too few blocks are old enough.
pub(crate) fn judge(blocks: &[Block], options: &Options) -> Option<Cohorts> {
    let mut blocks: Vec<&Block> = blocks.iter().filter(|block| is_usable(block.seconds)).collect();
    sort_by(&mut blocks, |a, b| a.seconds.total_cmp(&b.seconds));
    blocks.dedup_by(|a, b| a.seconds <= b.seconds);
    let alive = survivors(&blocks);
    if alive.len() < BLOCKS_MIN {
        return None;
    }
    let starts = blocks[0].seconds;
    let minutes = (alive.last().map_or(starts, |last| last.0) - starts) / 60.0;
    let mut numbers: Vec<u32> = alive.iter().map(|(_, number)| *number).collect();
    limit_largest(&mut numbers);
    let (older, newer) = numbers.split_at(numbers.len() / 2);
    let share = newer.len() as f64 / older.len() as f64;
    let (older, newer): (u32, u32) = (older.iter().sum(), newer.iter().sum());
    let sum = older + newer;
    let (chance, events) = (options.clamped_alpha(), f64::from(sum));
    let low = if sum == 0 { 0.0 } else { chi2_quantile(chance, 2.0 * events) / 2.0 };
    let high = chi2_quantile(1.0 - chance, 2.0 * events + 2.0) / 2.0;
    let per_minute = Interval { estimate: events, low, high }.scaled(1.0 / minutes);
    let kept = numbers.iter().filter(|number| **number > 0).count();
    let spread = kept >= BLOCKS_MIN.max(numbers.len().div_ceil(3));
    let lasts = f64::from(newer) >= 0.6 * f64::from(older) * share;
    // A pool that fills leaves about a quarter in the newer half.
    let no_pool = binomial_at_least(newer, sum, 0.27) < 0.05;
    let pattern = if sum < SURVIVORS_MIN {
        CohortPattern::Unclear
    } else if spread && lasts && no_pool && per_minute.low > RATE_MIN_PER_MINUTE {
        CohortPattern::Accumulating
    } else if !lasts {
        CohortPattern::FilledPool
    } else {
        CohortPattern::Unclear
    };
    Some(Cohorts {
        survivors: sum,
        blocks: numbers.len(),
        blocks_with_survivors: kept,
        newer,
        per_minute,
        pattern,
    })
}

/// For each block that is old enough: its end in seconds, and the number of its members that survive.
fn survivors(blocks: &[&Block]) -> Vec<(f64, u32)> {
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Vec::new() };
    let age = BLOCK_MIN_AGE_SECONDS.max(0.15 * (last.seconds - first.seconds));
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

/// Winsorizes one block far above all others, which is a step, to the median.
fn limit_largest(numbers: &mut [u32]) {
    let values: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
    let middle = median(&values);
    let Some(top) = (0..numbers.len()).max_by_key(|n| numbers[*n]) else { return };
    let next = numbers.iter().enumerate().filter(|(n, _)| *n != top).map(|(_, v)| *v).max();
    if numbers[top] > 3 * next.unwrap_or(0).max(1) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let middle = middle.round() as u32;
        numbers[top] = middle;
    }
}
