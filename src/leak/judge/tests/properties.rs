//! Properties that hold for any input.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::simulator::{self, Noise};
use crate::leak::judge::cohort::{self, Block};
use crate::leak::judge::combine::{Conditions, Finding, combine};
use crate::leak::judge::dependence::{Growth, depends};
use crate::leak::judge::driven::{self, is_sure};
use crate::leak::judge::new_growth::{By, Earlier, Figure, OwnFigure, against};
use crate::leak::judge::pairs::Phase;
use crate::leak::judge::plan::Plan;
use crate::leak::judge::sequential::EProcess;
use crate::leak::judge::sign_flip::{PValueMethod, sign_flip};
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Interval, Options, Reading, Verdict, passive, work};

/// Any number, special values included.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -100.0..1000.0_f64,
        2 => (0..50_i32).prop_map(f64::from),
        1 => proptest::num::f64::ANY,
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::MAX, 1e15, -1e15]),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    (number(), number(), number()).prop_map(|(seconds, cycles, value)| Reading {
        seconds,
        cycles,
        value,
    })
}

fn phase() -> impl Strategy<Value = Phase> {
    let numbers = [number(), number(), number(), number(), number()];
    (any::<bool>(), numbers).prop_map(|(driven, [at, cycles, seconds, before, after])| Phase {
        driven,
        at,
        cycles,
        seconds,
        before,
        after,
    })
}

fn options() -> impl Strategy<Value = Options> {
    let numbers = [number(), number(), number(), number(), number()];
    (numbers, any::<bool>(), 0..9_usize).prop_map(|(n, early_stop, metrics)| Options {
        alpha: n[0],
        max_per_cycle: n[1],
        max_per_minute: n[2],
        ignore_below: n[3],
        warmup_cycles: n[4],
        early_stop,
        stopped: early_stop && metrics % 2 == 1,
        metrics,
        seed: 3,
    })
}

/// Evenly spaced readings of any values.
fn paced() -> impl Strategy<Value = Vec<Reading>> {
    (prop::collection::vec(number(), 0..120), 1..30_u32).prop_map(|(values, every)| {
        let times = (0_u32..).map(|n| f64::from(n * every));
        let readings = values.into_iter().zip(times);
        readings.map(|(value, seconds)| Reading { seconds, cycles: seconds, value }).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_passive_judge_never_panics(
        wild in prop::collection::vec(reading(), 0..60), paced in paced(), options in options(),
    ) {
        for readings in [&wild, &paced] {
            let done = work::judge(&wild, work::Unit::Lines);
            let judged = passive::judge(readings, done.as_ref(), &options);
            prop_assert!(!judged.summary().is_empty());
            let done = work::judge(readings, work::Unit::Cycles);
            passive::judge(readings, done.as_ref(), &options);
            combine(
                &[Finding::passive("m", &judged, &options)], &Conditions::default(), &options,
            );
        }
    }

    #[test]
    fn the_driven_judge_never_panics(
        phases in prop::collection::vec(phase(), 0..60), options in options(),
    ) {
        let judged = driven::judge(&phases, &options);
        prop_assert!(!judged.summary().is_empty());
        prop_assert!(judged.p.is_none_or(|p| p > 0.0 && p <= 1.0));
        let found = Finding::driven("m", &judged, &options);
        combine(&found, &Conditions::default(), &options);
        prop_assert!(!is_sure(&phases, &options) || judged.verdict == Verdict::Leak);
        let mut process = EProcess::new(&options);
        phases.iter().for_each(|phase| process.add(phase.after));
    }

    #[test]
    fn the_other_judges_never_panic(n in [number(), number(), number(), number()], ids in
        prop::collection::vec((number(), prop::collection::btree_set(0..40_u64, 0..9)), 0..20),
        options in options(),
    ) {
        let blocks: Vec<Block> =
            ids.into_iter().map(|(seconds, ids)| Block { seconds, ids }).collect();
        cohort::judge(&blocks, &options);
        let interval = Interval { estimate: n[0], low: n[1], high: n[2] };
        let growth = Growth { per_minute: interval, cycles_per_minute: n[3] };
        prop_assert!(!depends(&growth, &growth, options.max_per_minute).summary().is_empty());
        let figure = Some(Figure::new(interval, n[3]));
        let own = |by, verdict| OwnFigure { by, verdict, p: Some(n[3]), doubt: false, figure };
        let now = [own(By::Cycle, Verdict::Leak), own(By::Minute, Verdict::Inconclusive)];
        let before = Earlier { per_cycle: figure, per_minute: None };
        prop_assert!(!against(&now, &before, &options).summary().is_empty());
    }

    #[test]
    fn the_bound_of_a_p_value_is_not_below_the_exact_one(
        terms in prop::collection::vec((-20..40_i32, 1..9_u32), 1..=16),
    ) {
        let (values, weights): (Vec<f64>, Vec<f64>) =
            terms.into_iter().map(|(value, weight)| (f64::from(value), f64::from(weight))).unzip();
        let p_value = |method| sign_flip(&values, &weights, method, 1);
        let [exact, bound] = [PValueMethod::Exact, PValueMethod::Bound].map(p_value);
        prop_assert!(bound >= exact * (1.0 - 1e-9) && bound <= 1.0, "{bound} {exact}");
    }

    #[test]
    fn adding_a_constant_changes_no_verdict(seed in any::<u64>(), rate in 0..40_u8, shift in -5000..100_000_i32) {
        let shift = f64::from(shift);
        let options = Options::default();
        let readings = simulator::watched(Noise::Mixed, f64::from(rate), 10.0, seed);
        let moved: Vec<Reading> =
            readings.iter().map(|r| Reading { value: r.value + shift, ..*r }).collect();
        let (first, second) =
            (passive::judge(&readings, None, &options), passive::judge(&moved, None, &options));
        prop_assert_eq!((first.verdict, first.p, first.per_minute), (second.verdict, second.p, second.per_minute));
        let (phases, own) = simulator::driven(Noise::Mixed, [2.0, 1.0], 10.0, seed, &options);
        let moved: Vec<Phase> = phases
            .iter()
            .map(|r| Phase { before: r.before + shift, after: r.after + shift, ..*r })
            .collect();
        let (first, second) = (driven::judge(&phases, &own), driven::judge(&moved, &own));
        prop_assert_eq!((first.verdict, first.p, first.per_cycle), (second.verdict, second.p, second.per_cycle));
    }

    #[test]
    fn scaling_time_changes_the_rate_per_minute_alone(seed in any::<u64>()) {
        let options = Options { early_stop: false, ..Options::default() };
        let (phases, own) = simulator::driven(Noise::Flat, [8.0, 8.0], 60.0, seed, &options);
        let slow: Vec<Phase> = phases
            .iter()
            .map(|r| Phase { at: r.at * 2.0, seconds: r.seconds * 2.0, ..*r })
            .collect();
        let (first, second) = (driven::judge(&phases, &own), driven::judge(&slow, &own));
        prop_assert_eq!((first.verdict, first.per_cycle, first.p), (second.verdict, second.per_cycle, second.p));
        let minutes = |judged: &driven::Driven| judged.idle.per_minute.map_or(0.0, |m| m.estimate);
        // Block lengths are in seconds, so the floor differs slightly.
        let ratio = minutes(&first) / minutes(&second);
        prop_assert!((ratio - 2.0).abs() < 0.7, "{} {}", minutes(&first), minutes(&second));
    }

    #[test]
    fn a_plan_fits_its_duration_for_any_input(seconds in number(), pace in number(), seed in any::<u64>()) {
        let seconds = if seconds.abs() < 1e5 { seconds } else { 0.0 };
        let plan = Plan::new(seconds, pace, seed);
        prop_assert!(plan.seconds() <= seconds.max(0.0) + 1e-6);
        prop_assert_eq!(plan.steps.len(), 2 * plan.pairs());
        plan.smallest_leak(pace, &Options { alpha: seconds, metrics: 3, ..Options::default() });
    }
}

#[test]
fn almost_no_readings_are_inconclusive() {
    let options = Options::default();
    let one = [Reading { seconds: 1.0, cycles: 0.0, value: 5.0 }];
    for readings in [&one[..0], &one[..]] {
        let judged = passive::judge(readings, None, &options);
        assert_eq!((judged.verdict, judged.p), (Verdict::Inconclusive, None));
    }
    // All readings at the same time.
    assert_eq!(passive::judge(&[one[0]; 300], None, &options).verdict, Verdict::Inconclusive);
    let blocks = vec![Block { seconds: 1.0, ids: BTreeSet::new() }; 30];
    assert_eq!(cohort::judge(&blocks, &options), None);
}
