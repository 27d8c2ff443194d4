//! Driven runs of counts that depend on the time alone: the verdict is about the time, and not about cycles.

use super::measured::stairs;
use crate::leak::judge::combine::{Conditions, Finding, combine};
use crate::leak::judge::design::{CYCLES_PER_SECOND, WARMUP_EXTENSION};
use crate::leak::judge::driven;
use crate::leak::judge::pairs::Phase;
use crate::leak::judge::passive;
use crate::leak::judge::passive::Undecided;
use crate::leak::judge::plan::Plan;
use crate::leak::judge::required_duration::AchievedRate;
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Options, Verdict};

#[test]
fn growth_that_may_be_allowed_is_no_leak() {
    let readings = stairs(52.0, 16.0, 30.0, 1e9, 600.0);
    let verdict = |max_per_minute: f64| {
        passive::judge(&readings, None, &Options { max_per_minute, ..Options::default() }).verdict
    };
    assert_eq!(
        [20.0, 32.0, 50.0].map(verdict),
        [Verdict::Leak, Verdict::Inconclusive, Verdict::Clean]
    );
    // Beside cycles the same.
    let (phases, options) = by_time(10.0, 10.0, every_half_minute);
    let idle = |max_per_minute: f64| {
        driven::judge(&phases, &Options { max_per_minute, ..options.clone() }).idle.verdict
    };
    let found = driven::judge(&phases, &options).idle.unexplained.unwrap();
    assert_eq!([20.0, found.high + 1.0].map(idle), [Verdict::Leak, Verdict::Clean]);
}

#[test]
fn what_the_cycles_left_is_no_shape_of_the_time() {
    let (mut phases, options) = by_time(10.0, 10.0, |_| 52.0);
    let mut left = 0.0;
    for phase in &mut phases {
        phase.before += left;
        left += 0.5 * phase.cycles;
        phase.after += left;
    }
    let judged = driven::judge(&phases, &options);
    assert_eq!(judged.verdict, Verdict::Leak);
    assert!(judged.idle.summary().starts_with("level"), "{}", judged.summary());
}

/// The phases of a driven run of `minutes` in which the count depends on the time alone.
fn by_time(minutes: f64, pace: f64, count: impl Fn(f64) -> f64) -> (Vec<Phase>, Options) {
    by_time_with(3, minutes, pace, count)
}

fn by_time_with(
    seed: u64,
    minutes: f64,
    pace: f64,
    count: impl Fn(f64) -> f64,
) -> (Vec<Phase>, Options) {
    let plan = Plan::new(60.0 * minutes, pace, seed);
    let mut at = plan.warmup;
    let phases = plan
        .steps
        .iter()
        .map(|step| {
            let seconds = step.drive + step.settle;
            let before = count(at);
            at += seconds;
            let cycles = if step.driven { pace * step.drive } else { 0.0 };
            Phase { driven: step.driven, at, cycles, seconds, before, after: count(at) }
        })
        .collect();
    (phases, Options { warmup_cycles: plan.warmup_cycles, ..Options::default() })
}

fn every_half_minute(at: f64) -> f64 {
    52.0 + 16.0 * (at / 30.0).floor()
}

/// Whatever phases its steps come in, and where eight tests share alpha.
#[test]
fn a_timer_that_leaks_is_found_whatever_the_coin_says() {
    for seed in 0..40 {
        let (phases, options) = by_time_with(seed, 10.0, 10.0, every_half_minute);
        let options = Options { metrics: 8, ..options };
        let judged = driven::judge(&phases, &options);
        assert_ne!(judged.verdict, Verdict::Leak, "{seed}: {}", judged.summary());
        assert_eq!(judged.idle.verdict, Verdict::Leak, "{seed}: {}", judged.summary());
        // Holm's procedure asks that of the first of eight.
        let p = judged.idle.p.unwrap();
        assert!(p < options.alpha / 8.0, "{seed}: {p}: {}", judged.summary());
        let rate = judged.idle.per_minute.unwrap();
        assert!(rate.low - 1.0 < 32.0 && 32.0 < rate.high + 1.0, "{seed}: {}", judged.summary());
        let shown = judged.idle.summary().contains("by time or by cycles");
        assert_eq!(shown, rate.low <= 0.0, "{seed}: {}", judged.idle.summary());
    }
}

#[test]
fn a_timer_that_leaks_is_not_blamed_on_the_cycles() {
    let (phases, options) = by_time(10.0, 10.0, every_half_minute);
    let judged = driven::judge(&phases, &options);
    assert_ne!(judged.verdict, Verdict::Leak, "{}", judged.summary());
    assert_eq!(judged.idle.verdict, Verdict::Leak, "{}", judged.summary());
    assert!(judged.idle.summary().contains("every 30s"), "{}", judged.idle.summary());
    let rate = judged.idle.per_minute.unwrap();
    assert!(rate.low < 32.0 && 32.0 < rate.high, "{rate:?}");
}

#[test]
fn a_timer_that_leaks_in_a_short_run_is_not_clean() {
    for minutes in [2.5, 3.0, 3.5, 4.0] {
        let (phases, options) = by_time(minutes, 10.0, every_half_minute);
        let judged = driven::judge(&phases, &options);
        let findings = Finding::driven("tasks", &judged, &options);
        let all = combine(&findings, &Conditions::default(), &options);
        assert_eq!(all.verdict, Verdict::Inconclusive, "{minutes}: {}", judged.summary());
        assert!(all.metrics[0].undecided_by_time);
        assert!(judged.idle.may_grow(&options), "{judged:?}");
        assert!(matches!(judged.idle.undecided, Some(Undecided::TooShort { .. })), "{judged:?}");
    }
    // A level count is clean in the same run, per cycle.
    let (phases, options) = by_time(3.0, 10.0, |_| 52.0);
    let judged = driven::judge(&phases, &options);
    let findings = Finding::driven("tasks", &judged, &options);
    let all = combine(&findings, &Conditions::default(), &options);
    assert_eq!((all.verdict, all.metrics[0].undecided_by_time), (Verdict::Clean, true));
    assert_eq!(judged.idle.verdict, Verdict::Inconclusive, "it decides nothing");
}

#[test]
fn readings_at_rest_of_less_than_five_minutes_decide_nothing() {
    // 260 s of them, and 300.
    let tested = |minutes: f64| {
        let (phases, options) = by_time(minutes, 10.0, every_half_minute);
        driven::judge(&phases, &options).idle.p.is_some()
    };
    assert_eq!([6.0, 400.0 / 60.0].map(tested), [false, true]);
}

#[test]
fn the_length_that_is_asked_for_is_enough() {
    // Warm-ups of 1000 cycles, of a fifth of the time, and one that is cut short in a short run.
    for (minutes, pace) in [(3.0, 10.0), (3.0, 20.0), (2.0, 10.0)] {
        let short = by_time(minutes, pace, every_half_minute);
        let judged = driven::judge(&short.0, &short.1).idle;
        assert_eq!((judged.verdict, judged.p), (Verdict::Inconclusive, None));
        let seconds = judged.run_at_least.unwrap();
        let (phases, options) = by_time(seconds / 60.0, pace, every_half_minute);
        let judged = driven::judge(&phases, &options).idle;
        assert!(judged.p.is_some(), "{seconds}: {}", judged.summary());
    }
}

/// A run whose command takes this many seconds, which it was not planned for.
fn slowly(command: f64, seconds: f64) -> (Vec<Phase>, Options) {
    let plan = Plan::new(seconds, CYCLES_PER_SECOND, 3);
    let mut at = (1.0 + WARMUP_EXTENSION) * plan.warmup;
    let options = Options { warmup_cycles: (at / command).floor(), ..Options::default() };
    let mut phases = Vec::new();
    for pair in plan.steps.chunks(2) {
        let each = pair[0].drive.max(1.25 * command) + pair[0].settle;
        if seconds < at + 2.0 * each {
            break;
        }
        for step in pair {
            let cycles = if step.driven { 1.0 } else { 0.0 };
            let (before, after) = (every_half_minute(at), every_half_minute(at + each));
            at += each;
            phases.push(Phase { driven: step.driven, at, cycles, seconds: each, before, after });
        }
    }
    (phases, options)
}

#[test]
fn the_length_that_a_slow_command_is_asked_for_is_enough_and_no_day() {
    for (command, short, longest) in
        [(1.0, 180.0, 600.0), (5.0, 180.0, 600.0), (60.0, 600.0, 1500.0)]
    {
        let (phases, options) = slowly(command, short);
        let judged = driven::judge(&phases, &options).idle;
        assert_eq!(judged.p, None, "{command}: {}", judged.summary());
        let seconds = judged.run_at_least.unwrap();
        assert!(seconds <= longest, "{command}: {seconds}");
        let (phases, options) = slowly(command, seconds);
        let judged = driven::judge(&phases, &options).idle;
        assert!(judged.p.is_some(), "{command}, {seconds}: {}", judged.summary());
    }
}

#[test]
fn a_length_has_pairs_and_warm_up_at_the_pace_that_was_reached() {
    let slow = AchievedRate { pace: 0.2, pair: 14.5 };
    assert_eq!([2, 11, 31].map(|n| slow.length_of_pairs(n)), [180.0, 600.0, 1200.0].map(Some));
    let planned = AchievedRate { pace: CYCLES_PER_SECOND, pair: 0.0 };
    assert_eq!([11, 31].map(|n| planned.length_of_pairs(n)), [180.0, 600.0].map(Some));
    let enough = |pace| AchievedRate { pace, pair: 6.0 }.length_of_warm_up();
    // 150 s, three tenths of the time, and not even in a day.
    assert_eq!(
        [CYCLES_PER_SECOND, 6.0, 0.2, 0.01].map(enough),
        [Some(180.0), Some(180.0), Some(21600.0), None]
    );
}

/// A command of 12 s in phases that were planned shorter: what time adds meanwhile is not the cycles'.
#[test]
fn a_longer_phase_is_compared_by_the_second() {
    let pool = |at: f64| (200.0 * (1.0 - (-at / 300.0_f64).exp())).round();
    let line = |at: f64| (at * 8.0 / 60.0).round();
    for count in [pool as fn(f64) -> f64, line] {
        let (mut phases, options) = by_time(10.0, 10.0, count);
        let mut at = 150.0;
        for phase in &mut phases {
            (phase.seconds, phase.cycles) = if phase.driven { (15.0, 1.0) } else { (10.0, 0.0) };
            phase.before = count(at);
            at += phase.seconds;
            (phase.at, phase.after) = (at, count(at));
        }
        let judged = driven::judge(&phases, &options);
        assert_ne!(judged.verdict, Verdict::Leak, "{}", judged.summary());
        let rate = judged.per_cycle.unwrap();
        assert!(rate.low < 0.0 && 0.0 < rate.high, "{}", judged.summary());
    }
    // Nothing can be said of those that are far longer.
    let (mut phases, options) = by_time(10.0, 10.0, line);
    phases.iter_mut().filter(|phase| phase.driven).for_each(|phase| phase.seconds *= 2.5);
    assert_eq!(driven::judge(&phases, &options).per_cycle, None);
}
