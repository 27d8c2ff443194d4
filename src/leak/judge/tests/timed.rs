//! Driven runs in which the count depends on time alone: the leak is by time, not per cycle.

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
fn growth_by_time_near_the_tolerance_is_no_leak() {
    let readings = stairs(52.0, 16.0, 30.0, 1e9, 600.0);
    let verdict = |max_per_minute: f64| {
        passive::judge(&readings, None, &Options { max_per_minute, ..Options::default() }).verdict
    };
    assert_eq!(
        [20.0, 32.0, 50.0].map(verdict),
        [Verdict::Leak, Verdict::Inconclusive, Verdict::Clean]
    );
    // The same with cycles.
    let (phases, options) = by_time(10.0, 10.0, every_half_minute);
    let idle = |max_per_minute: f64| {
        driven::judge(&phases, &Options { max_per_minute, ..options.clone() }).idle.verdict
    };
    let found = driven::judge(&phases, &options).idle.unexplained.unwrap();
    assert_eq!([20.0, found.high + 1.0].map(idle), [Verdict::Leak, Verdict::Clean]);
}

#[test]
fn growth_by_cycles_is_not_part_of_the_shape_by_time() {
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

/// The phases of a driven run in which the count depends on time alone.
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

/// Eight tests share alpha.
#[test]
fn a_leaking_timer_is_found_for_any_order_of_phases() {
    for seed in 0..40 {
        let (phases, options) = by_time_with(seed, 10.0, 10.0, every_half_minute);
        let options = Options { metrics: 8, ..options };
        let judged = driven::judge(&phases, &options);
        assert_ne!(judged.verdict, Verdict::Leak, "{seed}: {}", judged.summary());
        assert_eq!(judged.idle.verdict, Verdict::Leak, "{seed}: {}", judged.summary());
        // The first of eight tests in Holm's procedure.
        let p = judged.idle.p.unwrap();
        assert!(p < options.alpha / 8.0, "{seed}: {p}: {}", judged.summary());
        let rate = judged.idle.per_minute.unwrap();
        assert!(rate.low - 1.0 < 32.0 && 32.0 < rate.high + 1.0, "{seed}: {}", judged.summary());
        let shown = judged.idle.summary().contains("by time or by cycles");
        assert_eq!(shown, rate.low <= 0.0, "{seed}: {}", judged.idle.summary());
    }
}

#[test]
fn a_leaking_timer_is_no_leak_per_cycle() {
    let (phases, options) = by_time(10.0, 10.0, every_half_minute);
    let judged = driven::judge(&phases, &options);
    assert_ne!(judged.verdict, Verdict::Leak, "{}", judged.summary());
    assert_eq!(judged.idle.verdict, Verdict::Leak, "{}", judged.summary());
    assert!(judged.idle.summary().contains("every 30s"), "{}", judged.idle.summary());
    let rate = judged.idle.per_minute.unwrap();
    assert!(rate.low < 32.0 && 32.0 < rate.high, "{rate:?}");
}

#[test]
fn a_leaking_timer_in_a_short_run_is_not_clean() {
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
fn readings_at_rest_below_five_minutes_are_not_tested() {
    // 260 s of readings at rest, and 300 s.
    let tested = |minutes: f64| {
        let (phases, options) = by_time(minutes, 10.0, every_half_minute);
        driven::judge(&phases, &options).idle.p.is_some()
    };
    assert_eq!([6.0, 400.0 / 60.0].map(tested), [false, true]);
}

#[test]
fn the_required_duration_is_enough() {
    // A warm-up of 1000 cycles, of a fifth of the run, and a shortened one.
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

/// A run whose command takes `command` seconds, longer than planned.
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
fn the_required_duration_of_a_slow_command_is_enough_and_reasonable() {
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
fn required_durations_use_the_achieved_pace() {
    let slow = AchievedRate { pace: 0.2, pair: 14.5 };
    assert_eq!([2, 11, 31].map(|n| slow.length_of_pairs(n)), [180.0, 600.0, 1200.0].map(Some));
    let planned = AchievedRate { pace: CYCLES_PER_SECOND, pair: 0.0 };
    assert_eq!([11, 31].map(|n| planned.length_of_pairs(n)), [180.0, 600.0].map(Some));
    let duration = |pace| AchievedRate { pace, pair: 6.0 }.length_of_warm_up();
    // 150 s, 30 % of the run, and more than a day.
    assert_eq!(
        [CYCLES_PER_SECOND, 6.0, 0.2, 0.01].map(duration),
        [Some(180.0), Some(180.0), Some(21600.0), None]
    );
}

/// Drive phases that are longer than idle ones: growth by time is no growth per cycle.
#[test]
fn phases_of_different_lengths_are_scaled_by_time() {
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
    // Far longer phases are not compared.
    let (mut phases, options) = by_time(10.0, 10.0, line);
    phases.iter_mut().filter(|phase| phase.driven).for_each(|phase| phase.seconds *= 2.5);
    assert_eq!(driven::judge(&phases, &options).per_cycle, None);
}
