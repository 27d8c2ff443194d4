//! What lists of ids must say.

use std::collections::BTreeSet;

use crate::leak::judge::cohort::{self, Block};
use crate::leak::judge::combine::{Conditions, Finding, Mode, combine};
use crate::leak::judge::{Options, Verdict};

fn blocks(born: impl Fn(u64) -> u64, minutes: u64) -> Vec<Block> {
    let mut kept: BTreeSet<u64> = (0..20).collect();
    (0..=minutes)
        .map(|minute| {
            kept.extend((0..born(minute)).map(|n| 1000 * (minute + 1) + n));
            // Those of the moment are gone with the next block.
            let passing = (0..5).map(|n| 1_000_000 + 10 * minute + n);
            Block {
                seconds: 60.0 * minute as f64,
                ids: kept.iter().copied().chain(passing).collect(),
            }
        })
        .collect()
}

#[test]
fn cohorts_tell_a_leak_from_a_pool_and_from_passers_by() {
    let judge = |born: fn(u64) -> u64| cohort::judge(&blocks(born, 20), &Options::default());
    let leak = judge(|_| 4);
    assert_eq!(leak.verdict, Verdict::Leak, "{}", leak.why);
    let rate = leak.per_minute.unwrap();
    assert!(rate.low < 4.0 && 4.0 < rate.high && (rate.estimate - 4.0).abs() < 0.3, "{rate:?}");
    let pool = judge(|minute| 16 >> minute.min(10));
    assert_ne!(pool.verdict, Verdict::Leak, "{}", pool.why);
    let slow = judge(|minute| {
        [9, 8, 7, 6, 5, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0][minute.min(17) as usize]
    });
    assert_eq!(slow.verdict, Verdict::Inconclusive, "{}", slow.why);
    assert!(slow.why.ends_with("a pool that filled"), "{}", slow.why);
    let steady = judge(|_| 0);
    assert_eq!(steady.verdict, Verdict::Clean, "{}", steady.why);
    let step = judge(|minute| if minute == 7 { 40 } else { 0 });
    assert_eq!(step.verdict, Verdict::Clean, "{}", step.why);
    assert_eq!(cohort::judge(&[], &Options::default()).verdict, Verdict::Inconclusive);
}

#[test]
fn cohorts_at_or_below_what_is_allowed_are_no_leak() {
    let allow = |max_per_minute| {
        let options = Options { max_per_minute, ..Options::default() };
        cohort::judge(&blocks(|_| 3, 60), &options)
    };
    let leak = allow(2.9);
    assert_eq!(leak.verdict, Verdict::Leak, "{}", leak.why);
    for near in [leak.per_minute.unwrap().estimate, 3.5] {
        let judged = allow(near);
        assert_eq!(judged.verdict, Verdict::Inconclusive, "{near}: {}", judged.why);
        assert!(judged.why.contains("too near to what is allowed"), "{}", judged.why);
    }
    assert_eq!(allow(4.0).verdict, Verdict::Clean);
}

#[test]
fn cohorts_that_are_no_leak_say_nothing() {
    let options = Options::default();
    let of = |verdict| Finding::new("fds", true, Mode::Driven, verdict, "may be chance");
    let quiet = Finding::cohorts("fds", true, &cohort::judge(&blocks(|_| 0, 60), &options));
    assert_eq!((quiet.verdict, quiet.p.is_some()), (Verdict::Inconclusive, true));
    for other in [Verdict::Inconclusive, Verdict::Clean] {
        let all = combine(&[of(other), quiet.clone()], &Conditions::default(), &options);
        assert_eq!((all.verdict, all.why), (other, vec!["fds: may be chance".to_owned()]));
    }
}
