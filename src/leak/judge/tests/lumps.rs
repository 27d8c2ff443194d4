//! Leaks of several members at once, and self-clearing growth.

#![expect(clippy::print_stdout, reason = "as the tables")]

use super::rules::phases;
use super::simulator::{self, Noise, ROTATIONS};
use super::table::{at_most, runs};
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Options, Verdict, driven};

/// Numbers of runs: LEAK, CLEAN, and with an interval that does not contain the true rate.
struct Cell {
    leak: u32,
    clean: u32,
    outside: u32,
}

fn cell(noise: Noise, each: f64, lump: f64, minutes: f64) -> Cell {
    let options = Options::default();
    let mut cell = Cell { leak: 0, clean: 0, outside: 0 };
    for n in 0..runs() {
        let (rates, seed) = ([each * ROTATIONS, 0.0], u64::from(n) * 7919 + 3);
        let (phases, own) = simulator::lumpy(noise, rates, lump, minutes, seed, &options);
        let judged = driven::judge(&phases, &own);
        cell.leak += u32::from(judged.verdict == Verdict::Leak);
        cell.clean += u32::from(judged.verdict == Verdict::Clean);
        let rate = judged.per_cycle.unwrap();
        cell.outside += u32::from(each < rate.low || rate.high < each);
    }
    println!(
        "{noise}, {minutes} min, {each} per cycle in lumps of {lump}: of {} LEAK {}, CLEAN {}, outside {}",
        runs(),
        cell.leak,
        cell.clean,
        cell.outside
    );
    cell
}

/// A follower in a daemon is five goroutines. At a rate of 0.15 per cycle most pairs leave nothing, and the others
/// are outliers.
#[test]
fn a_leak_of_several_members_at_once_is_not_winsorized_as_noise() {
    for noise in [Noise::Still, Noise::Flat] {
        for (lump, each, minutes) in
            [(1.0, 0.15, 4.0), (5.0, 0.15, 4.0), (5.0, 1.0, 4.0), (5.0, 0.15, 10.0)]
        {
            let cell = cell(noise, each, lump, minutes);
            let what =
                |how: &str| format!("{noise}, {minutes} min, {each} in lumps of {lump}: {how}");
            at_most(0.03, cell.clean, runs(), &what("wrong CLEAN"));
            at_most(0.12, cell.outside, runs(), &what("outside the interval"));
            if minutes >= 10.0 || each >= 1.0 {
                at_most(0.05, runs() - cell.leak, runs(), &what("missed"));
            }
        }
    }
}

/// Ten members a second with a fixed lifetime: their number is bounded.
#[test]
fn self_clearing_growth_is_no_leak() {
    for minutes in [4.0, 10.0] {
        for seconds in [2, 5, 20, 60, 120] {
            let cell = cell(Noise::SelfClearing(seconds), 0.0, 1.0, minutes);
            at_most(
                0.02,
                cell.leak,
                runs(),
                &format!("self-clearing after {seconds} s, {minutes} min"),
            );
            if seconds == 2 && minutes >= 10.0 {
                // Long phases settle for this lifetime.
                at_most(0.1, runs() - cell.clean, runs(), "it is level");
            }
        }
    }
}

/// Self-clearing growth together with growth by time: neither is a leak per cycle.
#[test]
fn self_clearing_growth_does_not_turn_growth_by_time_into_a_leak_per_cycle() {
    let options = Options::default();
    for (seconds, timed, pool) in [(5, 32.0, 0.0), (20, 32.0, 0.0), (5, 0.0, 200.0)] {
        let (mut leaks, mut by_time) = (0, 0);
        for n in 0..runs() {
            let seed = u64::from(n) * 7919 + 3;
            let noise = Noise::SelfClearing(seconds);
            let (mut phases, own) = simulator::driven(noise, [0.0, timed], 10.0, seed, &options);
            let fills = |at: f64| (pool * (1.0 - (-at / 300.0).exp())).round();
            for phase in &mut phases {
                phase.before += fills(phase.at - phase.seconds);
                phase.after += fills(phase.at);
            }
            let judged = driven::judge(&phases, &own);
            leaks += u32::from(judged.verdict == Verdict::Leak);
            by_time += u32::from(judged.idle.verdict == Verdict::Leak);
        }
        let what = format!(
            "self-clearing after {seconds} s, {timed} per minute by time, a pool of {pool}"
        );
        println!("{what}: of {} LEAK per cycle {leaks}, LEAK by time {by_time}", runs());
        at_most(0.02, leaks, runs(), &what);
        if timed == 0.0 {
            at_most(0.02, by_time, runs(), &what);
        }
    }
}

fn at_the_end(growths: &[(f64, f64)]) -> driven::Driven {
    let options = Options { early_stop: false, ..Options::default() };
    driven::judge(&phases(growths), &options)
}

/// One step may occur in any phase. Two more steps in drive phases forbid CLEAN.
#[test]
fn three_steps_left_out_as_noise_forbid_clean() {
    let mut growths = [(0.0, 0.0); 60];
    growths[20].0 = 30.0;
    let one = at_the_end(&growths);
    assert_eq!(one.verdict, Verdict::Clean, "{}", one.summary());
    (growths[30].0, growths[40].0) = (30.0, 30.0);
    let three = at_the_end(&growths);
    assert_eq!(three.verdict, Verdict::Inconclusive, "{}", three.summary());
    // As many in idle phases make them noise again.
    (growths[25].1, growths[35].1, growths[45].1) = (30.0, 30.0, 30.0);
    let both = at_the_end(&growths);
    assert_eq!(both.verdict, Verdict::Clean, "{}", both.summary());
}

/// A leak per cycle that a decline by time cancels.
#[test]
fn a_leak_that_a_decline_hides_is_not_clean() {
    let jitter = |n: usize| [0.0, 1.0, -1.0][n % 3];
    let growths: Vec<(f64, f64)> = (0..100).map(|n| (jitter(n), jitter(n + 1) - 2.0)).collect();
    let judged = at_the_end(&growths);
    assert!(
        judged.self_clearing && judged.verdict == Verdict::Inconclusive,
        "{}",
        judged.summary()
    );
}

#[test]
fn a_decline_alone_is_clean() {
    let jitter = |n: usize| [0.0, 1.0, -1.0][n % 3];
    let growths: Vec<(f64, f64)> =
        (0..100).map(|n| (jitter(n) - 1.0, jitter(n + 1) - 1.0)).collect();
    let judged = at_the_end(&growths);
    assert_eq!(judged.verdict, Verdict::Clean, "{}", judged.summary());
}

/// In a skewed sample the mean is more often too small than too large.
#[test]
fn the_interval_of_a_skewed_sample_is_wider_above() {
    let growths: Vec<(f64, f64)> =
        (0..40).map(|n| (if n % 8 == 3 { 5.0 } else { 0.0 }, 0.0)).collect();
    let rate = at_the_end(&growths).per_cycle.unwrap();
    assert!(rate.estimate - rate.low + 1e-6 < rate.high - rate.estimate, "{rate:?}");
}

/// Ten short pairs do not reduce the uncertainty of two long ones that disagree.
#[test]
fn few_long_pairs_have_few_degrees_of_freedom() {
    let mut all = phases(&[(1.0, 0.0); 12]);
    let (mut value, mut at) = (50.0, 100.0);
    for (n, phase) in all.iter_mut().enumerate() {
        let (longer, growth) = match n / 2 {
            10 => (4.0, 8.0),
            11 => (4.0, 0.0),
            _ => (1.0, 1.0),
        };
        (phase.cycles, phase.seconds) = (phase.cycles * longer, phase.seconds * longer);
        (at, phase.before) = (at + phase.seconds, value);
        value += if phase.driven { growth } else { 0.0 };
        (phase.at, phase.after) = (at, value);
    }
    let options = Options { early_stop: false, ..Options::default() };
    let rate = driven::judge(&all, &options).per_cycle.unwrap();
    assert!(0.15 < rate.high - rate.low, "{rate:?}");
}
