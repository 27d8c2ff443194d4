//! Cohort patterns of a leak, a pool, a steady service and a step.

use std::collections::BTreeSet;

use crate::leak::judge::Options;
use crate::leak::judge::cohort::{self, Block, CohortPattern};

fn blocks(born: impl Fn(u64) -> u64, minutes: u64) -> Vec<Block> {
    let mut kept: BTreeSet<u64> = (0..20).collect();
    (0..=minutes)
        .map(|minute| {
            kept.extend((0..born(minute)).map(|n| 1000 * (minute + 1) + n));
            // Short-lived members, absent from the next block.
            let passing = (0..5).map(|n| 1_000_000 + 10 * minute + n);
            Block {
                seconds: 60.0 * minute as f64,
                ids: kept.iter().copied().chain(passing).collect(),
            }
        })
        .collect()
}

#[test]
fn cohorts_distinguish_accumulation_from_a_pool_and_from_short_lived_members() {
    let judge = |born: fn(u64) -> u64| {
        cohort::judge(&blocks(born, 20), &Options::default()).expect("blocks enough")
    };
    let leak = judge(|_| 4);
    assert_eq!(leak.pattern, CohortPattern::Accumulating, "{leak:?}");
    let rate = leak.per_minute;
    assert!(rate.low < 4.0 && 4.0 < rate.high && (rate.estimate - 4.0).abs() < 0.3, "{rate:?}");
    let pool = judge(|minute| 16 >> minute.min(10));
    assert_eq!(pool.pattern, CohortPattern::FilledPool, "{pool:?}");
    let slow = judge(|minute| {
        [9, 8, 7, 6, 5, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0][minute.min(17) as usize]
    });
    assert_eq!(slow.pattern, CohortPattern::FilledPool, "{slow:?}");
    let steady = judge(|_| 0);
    assert_eq!((steady.pattern, steady.survivors), (CohortPattern::Unclear, 0));
    let step = judge(|minute| if minute == 7 { 40 } else { 0 });
    assert_eq!(step.pattern, CohortPattern::Unclear, "{step:?}");
    assert_eq!(cohort::judge(&[], &Options::default()), None);
}
