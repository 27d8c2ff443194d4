//! Rules of the judges, on simple cases.

use std::slice::from_ref;

use crate::format::figures::count;
use crate::leak::judge::combine::{Conditions, Finding, Missing, Mode, combine, holm};
use crate::leak::judge::driven::{self, CycleReason, is_sure};
use crate::leak::judge::exact::{self, Survivor};
use crate::leak::judge::pairs::Phase;
use crate::leak::judge::plan::Plan;
use crate::leak::judge::sequential::EProcess;
use crate::leak::judge::sign_flip::PValueMethod;
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Options, Verdict};

/// Phases with 20 cycles each, and these growths while driven and idle.
pub(super) fn phases(growths: &[(f64, f64)]) -> Vec<Phase> {
    let (mut at, mut value) = (100.0, 50.0);
    let mut phases = Vec::new();
    for (n, (driven, idle)) in growths.iter().enumerate() {
        let first = n % 3 != 1;
        for is_driven in [first, !first] {
            let before = value;
            value += if is_driven { *driven } else { *idle };
            at += 3.0;
            let cycles = if is_driven { 20.0 } else { 0.0 };
            phases.push(Phase {
                driven: is_driven,
                at,
                cycles,
                seconds: 3.0,
                before,
                after: value,
            });
        }
    }
    phases
}

fn judge(growths: &[(f64, f64)], options: &Options) -> driven::Driven {
    driven::judge(&phases(growths), options)
}

fn at_the_end() -> Options {
    Options { early_stop: false, ..Options::default() }
}

#[test]
fn growth_of_one_per_cycle_is_a_leak_with_that_rate() {
    let judged = judge(&[(20.0, 0.0); 12], &Options::default());
    assert_eq!(judged.verdict, Verdict::Leak, "{}", judged.summary());
    let rate = judged.per_cycle.unwrap();
    assert!((rate.estimate - 1.0).abs() < 1e-9 && rate.low > 0.9 && rate.high < 1.1, "{rate:?}");
    assert_eq!((count(rate.estimate), count(rate.low)), ("1".to_owned(), "0.98".to_owned()));
    // The e-process stops after 11 pairs, and has a third of alpha.
    let p = judged.p.unwrap();
    assert!((p * 1.7_f64.powi(11) / 3.0 - 1.0).abs() < 1e-9, "{p}");
    // Only one of 2^12 choices of signs reaches the sum.
    let judged = judge(&[(20.0, 0.0); 12], &at_the_end());
    assert_eq!(judged.p, Some(1.0 / 4096.0));
    // The tests during the run take a third of alpha, even if they stop nothing.
    let judged = judge(&[(20.0, 0.0); 9], &Options::default());
    let p = judged.p.unwrap();
    assert!(judged.stopped.is_none() && (p * 512.0 - 1.5).abs() < 1e-9, "{p}");
}

#[test]
fn each_missing_condition_alone_prevents_a_leak() {
    let judge_differences = |differences: &[f64], options: &Options| {
        judge(&differences.iter().map(|d| (*d, 0.0)).collect::<Vec<_>>(), options)
    };
    // All signs agree, but the sizes scatter.
    let judged = judge_differences(&[1.0, 30.0, 2.0, 28.0, 1.0, 35.0, 3.0], &at_the_end());
    assert!(
        judged.p.unwrap() < 0.01 && judged.per_cycle.unwrap().low < 0.0,
        "{}",
        judged.summary()
    );
    assert_eq!(judged.verdict, Verdict::Inconclusive, "{}", judged.summary());
    // 240 in total.
    let ignoring = |ignore_below| Options { ignore_below, ..at_the_end() };
    assert_eq!(judge_differences(&[20.0; 12], &ignoring(300.0)).verdict, Verdict::Inconclusive);
    assert_eq!(judge_differences(&[20.0; 12], &ignoring(200.0)).verdict, Verdict::Leak);
    // No growth in too few pairs.
    let allowing = Options { max_per_cycle: 2.0, ..Options::default() };
    let judged = judge_differences(&[0.0; 4], &allowing);
    assert!(judged.per_cycle.unwrap().high < 2.0, "{}", judged.summary());
    assert_eq!(judged.verdict, Verdict::Inconclusive, "{}", judged.summary());
}

#[test]
fn level_readings_are_clean_with_a_detection_limit() {
    let judged = judge(&[(0.0, 0.0); 13], &Options::default());
    assert_eq!(judged.verdict, Verdict::Clean, "{}", judged.summary());
    // Eight signs must agree, which takes more than eight leaked members.
    let leaks = judged.smallest.unwrap() * 13.0 * 20.0;
    assert!((8.0..25.0).contains(&leaks), "{leaks}");
    assert_eq!(judged.per_cycle.unwrap().estimate.to_bits(), 0.0_f64.to_bits());
}

#[test]
fn equal_growth_in_both_phases_is_clean_per_cycle() {
    let judged = judge(&[(16.0, 16.0); 13], &Options::default());
    assert_eq!(judged.verdict, Verdict::Clean, "{}", judged.summary());
}

#[test]
fn decelerating_growth_is_inconclusive() {
    let growths: Vec<(f64, f64)> =
        (0..14).map(|n| (30.0 * 0.7_f64.powi(n), 0.0)).map(|(d, i)| (d.round(), i)).collect();
    let judged = judge(&growths, &at_the_end());
    assert!(judged.decelerating && judged.verdict == Verdict::Inconclusive, "{}", judged.summary());
}

#[test]
fn one_outlier_pair_neither_hides_a_leak_nor_biases_its_rate() {
    let with = |outlier: (f64, f64), growth: f64| {
        let mut growths = [(growth, 0.0); 13];
        growths[6] = outlier;
        judge(&growths, &at_the_end())
    };
    // A step in the idle phase and a fall in the drive phase.
    let judged = with((-4.0, 8.0), 4.0);
    assert_eq!((judged.pairs, judged.verdict), (13, Verdict::Leak), "{}", judged.summary());
    // A pair without growth.
    let rate = with((0.0, 0.0), 20.0).per_cycle.unwrap();
    assert!(rate.estimate > 0.98 && rate.low > 0.9, "{rate:?}");
}

#[test]
fn bursts_do_not_hide_a_leak() {
    let jitter = |n: usize| [0.0, 1.0, -1.0, 2.0, -1.0, -1.0, 1.0][n % 7];
    let growths: Vec<(f64, f64)> = (0..30).map(|n| (2.0 + jitter(n), jitter(n + 3))).collect();
    let mut all = phases(&growths);
    let level = driven::judge(&all, &at_the_end());
    // Bursts in two of five pairs, too many to leave out.
    for pair in (0..30).filter(|pair| pair % 5 < 2) {
        all[2 * pair].after += 40.0;
        all[2 * pair + 1].before += 40.0;
    }
    let judged = driven::judge(&all, &at_the_end());
    assert_eq!((judged.verdict, judged.pairs), (Verdict::Leak, 30), "{}", judged.summary());
    let [with, without] = [&judged, &level].map(|judged| judged.per_cycle.unwrap());
    assert!((with.estimate - without.estimate).abs() < 0.03, "{with:?} {without:?}");
    assert!(judged.smallest.unwrap() < 2.0 * level.smallest.unwrap(), "{:?}", judged.smallest);
}

#[test]
fn falls_of_a_sawtooth_do_not_change_the_rate_per_cycle() {
    // It rises slightly with scatter, and falls far in one of ten phases.
    let mut growths = [(2.0, -1.0), (-1.0, 2.0), (1.0, 1.0)].repeat(10);
    for (n, growth) in growths.iter_mut().enumerate().skip(4).step_by(5) {
        *(if n % 2 == 0 { &mut growth.0 } else { &mut growth.1 }) = -30.0;
    }
    let judged = judge(&growths, &Options { max_per_cycle: 0.07, ..at_the_end() });
    assert_eq!((judged.pairs, judged.verdict), (30, Verdict::Clean), "{}", judged.summary());
}

#[test]
fn too_few_pairs_and_a_short_warm_up_are_the_reason() {
    let judged = judge(&[(20.0, 0.0); 4], &Options::default());
    assert_eq!((judged.verdict, judged.smallest), (Verdict::Inconclusive, None));
    assert_eq!(judged.reason, CycleReason::FewPairs);
    let cold = Options { warmup_cycles: 200.0, ..Options::default() };
    let judged = judge(&[(3.0, 0.0), (4.0, 0.0)].repeat(6), &cold);
    assert_eq!(judged.verdict, Verdict::Inconclusive);
    assert_eq!(judged.reason, CycleReason::ShortWarmUp);
    assert_eq!(judge(&[(20.0, 0.0); 12], &cold).verdict, Verdict::Leak, "faster than any pool");
    let level =
        [cold, Options::default()].map(|options| judge(&[(0.0, 0.0); 12], &options).smallest);
    assert!(level[0].unwrap() > 0.25 && level[1].unwrap() < 0.12, "{level:?}");
    let empty = driven::judge(&[], &Options::default());
    let single = judge(&[(20.0, 0.0)], &Options::default());
    for judged in [empty, single] {
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert_eq!((judged.reason, judged.per_cycle), (CycleReason::FewPairs, None));
    }
    let still = [true, false].map(|driven| Phase {
        driven,
        at: 3.0,
        cycles: 0.0,
        seconds: 3.0,
        before: 72.0,
        after: 72.0,
    });
    assert_eq!(driven::judge(&still, &Options::default()).verdict, Verdict::Invalid, "no cycles");
    let nearly = Options { warmup_cycles: 950.0, ..Options::default() };
    let judged = judge(&[(3.0, 0.0), (4.0, 0.0)].repeat(6), &nearly);
    assert_eq!(judged.verdict, Verdict::Leak, "as good as a thousand: {}", judged.summary());
}

#[test]
fn growth_below_the_tolerance_is_clean() {
    let allowing = Options { max_per_cycle: 2.0, ..Options::default() };
    let judged = judge(&[(20.0, 0.0); 12], &allowing);
    assert_eq!(judged.verdict, Verdict::Clean);
    assert_eq!(judged.reason, CycleReason::BelowTolerance { tolerance: 2.0 });
}

#[test]
fn growth_near_the_tolerance_is_no_leak() {
    // 1.94 per cycle, with a scatter of about 0.1.
    let growths: Vec<(f64, f64)> =
        (0..13).map(|n| (38.8 + [2.0, -2.0, 3.0, -3.0][n % 4], 0.0)).collect();
    let verdict = |max_per_cycle: f64| {
        let judged = judge(&growths, &Options { max_per_cycle, ..at_the_end() });
        (judged.verdict, judged.reason)
    };
    let near = CycleReason::NearTolerance { tolerance: 2.0 };
    assert_eq!(verdict(2.0), (Verdict::Inconclusive, near));
    assert_eq!(verdict(1.0).0, Verdict::Leak);
    assert_eq!(verdict(3.0).0, Verdict::Clean);
}

#[test]
fn a_missing_reading_excludes_its_pair() {
    let mut all = phases(&[(20.0, 0.0); 13]);
    all[5].after = f64::NAN;
    all[6].before = f64::NAN;
    let judged = driven::judge(&all, &Options::default());
    assert_eq!((judged.pairs, judged.verdict), (11, Verdict::Leak));
}

#[test]
fn the_e_process_stops_after_eleven_equal_signs() {
    let process = |options: &Options, difference: fn(i32) -> f64| {
        let mut process = EProcess::new(options);
        (0..100).for_each(|n| process.add(difference(n)));
        process
    };
    let equal = process(&Options::default(), |_| 2.0);
    assert_eq!(equal.stopped(), Some(11));
    assert!((equal.wealth() - 1.7_f64.powi(11)).abs() < 1e-6, "{}", equal.wealth());
    let every_other = process(&Options::default(), |n| f64::from(1 - n % 2));
    assert_eq!(every_other.stopped(), Some(21), "ties have no sign");
    let lax = process(&Options { alpha: 0.25, ..Options::default() }, |_| 2.0);
    assert_eq!(lax.stopped(), Some(10), "too few pairs prove nothing");
    let pool = process(&Options::default(), |n| 20.0 * 0.6_f64.powi(n));
    assert_eq!(pool.stopped(), None, "a pool");
    let six = Options { metrics: 6, ..Options::default() };
    assert_eq!(process(&six, |_| 2.0).stopped(), Some(15), "six metrics share alpha");
}

#[test]
fn only_a_leak_with_a_precise_rate_stops_a_run() {
    // All signs agree; 1.94 per cycle, with a scatter of about 0.1, and later 2.4.
    let grown = |n: usize| if n < 20 { 38.8 + [2.0, -2.0, 3.0, -3.0][n % 4] } else { 48.0 };
    let all = phases(&(0..60).map(|n| (grown(n), 0.0)).collect::<Vec<_>>());
    let sure_after = |max_per_cycle: f64| {
        let options = Options { max_per_cycle, ..Options::default() };
        let pairs = (1..=60).find(|pairs| is_sure(&all[..2 * pairs], &options));
        (pairs, pairs.map(|pairs| driven::judge(&all[..2 * pairs], &options).verdict))
    };
    assert_eq!(sure_after(0.03), (Some(11), Some(Verdict::Leak)));
    let (pairs, verdict) = sure_after(2.0);
    assert!(pairs.is_some_and(|pairs| pairs > 20) && verdict == Some(Verdict::Leak), "{pairs:?}");
    assert_eq!(sure_after(3.0), (None, None), "growth below the tolerance");
    assert!(!is_sure(&all, &at_the_end()), "without early stop");
    // Between 5 and 40: a leak with an imprecise rate.
    let wild = phases(&[(5.0, 0.0), (40.0, 0.0)].repeat(6));
    assert_eq!(driven::judge(&wild, &Options::default()).verdict, Verdict::Leak);
    assert!(!is_sure(&wild, &Options::default()), "its rate is imprecise");
}

#[test]
fn a_plan_is_random_but_reproducible_from_its_seed() {
    let plan = Plan::new(600.0, 10.0, 7);
    assert_eq!(plan, Plan::new(600.0, 10.0, 7));
    assert_ne!(plan.steps, Plan::new(600.0, 10.0, 8).steps);
    assert!(plan.seconds() <= 600.0 && plan.warmup_cycles >= 1000.0);
    assert!(plan.steps.chunks(2).all(|pair| pair[0].driven != pair[1].driven));
    let first = plan.steps.iter().step_by(2).filter(|step| step.driven).count();
    assert!((5..plan.pairs() - 5).contains(&first), "{first} of {}", plan.pairs());
    let pairs = [30.0, 60.0, 180.0, 600.0, 3600.0].map(|s| Plan::new(s, 10.0, 1).pairs());
    assert_eq!(pairs, [4, 8, 13, 31, 80]);
    let smallest = |s: f64| Plan::new(s, 10.0, 1).smallest_leak(1.0, &Options::default());
    assert_eq!(smallest(30.0), None, "too few pairs");
    assert!(smallest(3600.0).unwrap() < 0.01 && smallest(180.0).unwrap() > 0.08);
}

#[test]
fn survivors_are_a_leak_sorted_by_count() {
    assert_eq!(exact::judge(8600, &[]).verdict, Verdict::Clean);
    assert_eq!(exact::judge(0, &[]).verdict, Verdict::Invalid);
    let survivor = |kind: &str, age| Survivor { kind: kind.to_owned(), age };
    let survivors = [survivor("task", 3.0), survivor("stream", 90.0), survivor("stream", 12.0)];
    let judged = exact::judge(860, &survivors);
    assert_eq!(judged.verdict, Verdict::Leak);
    let kinds: Vec<_> = judged.kinds.iter().map(|kind| (kind.kind.as_str(), kind.count)).collect();
    assert_eq!(kinds, [("stream", 2), ("task", 1)]);
    let oldest = judged.kinds.iter().map(|kind| kind.oldest_seconds.to_bits());
    assert!(oldest.eq([90.0_f64.to_bits(), 3.0_f64.to_bits()]));
}

#[test]
fn holm_corrects_for_the_number_of_metrics() {
    assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
    assert_eq!(holm(&[0.02, 0.03], 0.05), [true, true]);
    assert_eq!(holm(&[f64::NAN, 0.001], 0.05), [false, true]);
    assert_eq!(holm(&[], 0.05), [false; 0]);
}

#[test]
fn a_leak_is_found_among_very_many_metrics() {
    for (metrics, alpha) in [(40, 0.01), (1, 1e-4), (12, 0.001), (100, 1e-4), (50, 1e-6)] {
        let options = Options { alpha, metrics, ..at_the_end() };
        let judged = judge(&[(20.0, 0.0); 31], &options);
        let p = judged.p.unwrap();
        assert!(judged.verdict == Verdict::Leak && p * metrics as f64 <= alpha, "{p}");
    }
}

#[test]
fn the_p_value_method_depends_on_terms_alpha_and_tests_alone() {
    let method = |terms, metrics, alpha| {
        PValueMethod::of(terms, &Options { alpha, metrics, ..at_the_end() })
    };
    assert_eq!([method(16, 1, 0.01), method(16, 900, 1e-6)], [PValueMethod::Exact; 2]);
    assert_eq!(
        [method(17, 1, 0.01), method(80, 40, 0.01)],
        [PValueMethod::MonteCarlo(4000), PValueMethod::MonteCarlo(40_000)]
    );
    assert_eq!([method(17, 30, 1e-4), method(80, 1, 1e-6)], [PValueMethod::Bound; 2]);
    // The bound allows p-values that draws cannot reach.
    assert!(method(80, 19, 1e-4).min_p_value(80) * 19.0 < 1e-4 / 9.0);
    assert!(method(80, 900, 1e-6).min_p_value(80) * 900.0 < 1e-6);
    assert!(method(17, 900, 1e-6).min_p_value(17) * 900.0 > 1e-6, "too few pairs for that");
}

#[test]
fn the_smallest_leak_is_larger_with_a_bounded_p_value() {
    // 20 tests need the maximum of draws.
    let options = |metrics| Options { alpha: 1e-4, metrics, ..Options::default() };
    let judged =
        |metrics| judge(&[(3.0, 0.0), (4.0, 1.0)].repeat(100), &options(metrics)).smallest.unwrap();
    let plan = Plan::new(3600.0, 10.0, 7);
    let planned = |metrics| plan.smallest_leak(1.0, &options(metrics)).unwrap();
    for ratio in [judged(21) / judged(20), planned(21) / planned(20)] {
        assert!((1.02..1.15).contains(&ratio), "{ratio}");
    }
    assert!(judged(20) / judged(19) < 1.01 && planned(20) / planned(19) < 1.01);
}

#[test]
fn the_smallest_leak_is_larger_with_more_metrics() {
    let smallest = |metrics, pairs: usize| {
        let options = Options { metrics, max_per_cycle: 2.0, ..Options::default() };
        judge(&[(3.0, 0.0), (4.0, 1.0)].repeat(pairs)[..pairs], &options).smallest
    };
    assert!(smallest(40, 31).unwrap() > 1.1 * smallest(1, 31).unwrap());
    assert_eq!((smallest(1, 9).is_some(), smallest(12, 9)), (true, None), "2^-9 is too large");
    let plan = Plan::new(600.0, 10.0, 7);
    let planned =
        |metrics| plan.smallest_leak(1.0, &Options { metrics, ..Options::default() }).unwrap();
    assert!(planned(12) > 1.2 * planned(1));
}

fn finding(metric: &str, verdict: Verdict, p: Option<f64>) -> Finding {
    Finding { p, ..Finding::new(metric, Mode::Driven, verdict) }
}

#[test]
fn findings_combine_into_one_verdict() {
    use Verdict::{Clean, Inconclusive, Invalid, Leak};
    let fine = Conditions { lines: Some(9), cycles: Some(9), ..Conditions::default() };
    let options = Options::default();
    let verdict = |findings: &[Finding], conditions: &Conditions| {
        combine(findings, conditions, &options).verdict
    };
    let clean = finding("tasks", Clean, Some(0.7));
    let leak = finding("daemon.goroutines", Leak, Some(0.0005));
    let open = finding("streams", Inconclusive, None);
    assert_eq!(verdict(from_ref(&clean), &fine), Clean);
    assert_eq!(verdict(&[clean.clone(), leak.clone()], &fine), Leak);
    assert_eq!(verdict(&[clean.clone(), open.clone()], &fine), Inconclusive);
    assert_eq!(verdict(&[], &fine), Invalid, "nothing was judged");
    // Not gated: reported without effect on the verdict.
    let shown = Finding { gated: false, ..leak.clone() };
    let all = combine(&[clean.clone(), shown], &fine, &options);
    assert_eq!((all.verdict, all.metrics[0].verdict), (Clean, Leak));
    // A p-value of 0.004 is not significant among six metrics.
    let six: Vec<Finding> = (0..5)
        .map(|n| finding(&n.to_string(), Clean, Some(0.5)))
        .chain([finding("weak", Leak, Some(0.004))])
        .collect();
    let all = combine(&six, &fine, &options);
    assert_eq!(all.verdict, Inconclusive);
    assert!(all.metrics.iter().any(|metric| metric.name == "weak" && metric.held_back));
    // Survivors need no statistics.
    let survivors = Finding::new("tasks", Mode::Exact, Leak);
    assert_eq!(verdict(&[survivors], &Conditions { lines: Some(0), ..fine.clone() }), Leak);
    for (conditions, missing) in [
        (Conditions { lines: Some(0), ..fine.clone() }, Missing::NoLines),
        (Conditions { cycles: Some(0), ..fine.clone() }, Missing::NoCycles),
        (Conditions { gone_at: Some(130.0), ..fine.clone() }, Missing::TargetGone { at: 130.0 }),
        (Conditions { daemon_gone_at: Some(9.0), ..fine.clone() }, Missing::DaemonGone { at: 9.0 }),
    ] {
        let all = combine(from_ref(&clean), &conditions, &options);
        assert_eq!((all.verdict, all.missing), (Invalid, vec![missing]));
        assert_eq!(verdict(from_ref(&leak), &conditions), Leak, "it had leaked before");
    }
    // Growth in idle phases forbids CLEAN even without proof.
    let doubt = Finding { doubt: true, ..finding("tasks", Inconclusive, Some(0.2)) };
    assert_eq!(verdict(&[clean, doubt], &fine), Inconclusive);
}

#[test]
fn verdicts_are_strings_in_json() {
    let judged = judge(&[(20.0, 0.0); 12], &Options::default());
    let json = serde_json::to_value([judged.verdict, judged.idle.verdict]).unwrap();
    assert_eq!(json, serde_json::json!(["LEAK", "INCONCLUSIVE"]));
    assert_eq!(format!("{:>7}|{}", Verdict::Leak, Verdict::Invalid), "   LEAK|INVALID");
}
