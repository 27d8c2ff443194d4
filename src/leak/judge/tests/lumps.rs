//! Leaks of several at once, and what each cycle makes and time takes away again.

#![expect(clippy::print_stdout, reason = "as the tables")]

use super::rules::phases;
use super::simulator::{self, Noise, ROTATIONS};
use super::table::{at_most, runs};
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Options, Verdict, driven};

/// Of all runs: LEAK, CLEAN, and an interval that does not hold what is leaked by each cycle.
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
        let of = judged.per_cycle.unwrap();
        cell.outside += u32::from(each < of.low || of.high < each);
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

/// A follower of a daemon is five goroutines: of 20 cycles that leave three in a hundred, half leave nothing, and
/// the others stand out.
#[test]
fn a_leak_of_several_at_once_is_no_noise() {
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

/// Ten a second that live this long are many, and never more.
#[test]
fn what_ends_by_itself_later_is_no_leak() {
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
                // Long phases rest for as long as it lives.
                at_most(0.1, runs() - cell.clean, runs(), "it is level");
            }
        }
    }
}

/// What lives for some seconds, while time adds to it as well: neither is a leak of the cycles.
#[test]
fn what_ends_by_itself_does_not_make_time_a_leak_per_cycle() {
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

/// One step may come in any phase. A second and third in driven ones are a reason not to say CLEAN.
#[test]
fn what_is_left_out_as_noise_is_not_forgotten() {
    let mut growths = [(0.0, 0.0); 60];
    growths[20].0 = 30.0;
    let one = at_the_end(&growths);
    assert_eq!(one.verdict, Verdict::Clean, "{}", one.summary());
    (growths[30].0, growths[40].0) = (30.0, 30.0);
    let three = at_the_end(&growths);
    assert_eq!(three.verdict, Verdict::Inconclusive, "{}", three.summary());
    // As many in idle ones are noise again.
    (growths[25].1, growths[35].1, growths[45].1) = (30.0, 30.0, 30.0);
    let both = at_the_end(&growths);
    assert_eq!(both.verdict, Verdict::Clean, "{}", both.summary());
}

/// Ten in a hundred cycles are a leak, though time takes as many away: it is not CLEAN.
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

/// Nothing comes of the cycles where all phases fall alike.
#[test]
fn a_decline_alone_is_clean() {
    let jitter = |n: usize| [0.0, 1.0, -1.0][n % 3];
    let growths: Vec<(f64, f64)> =
        (0..100).map(|n| (jitter(n) - 1.0, jitter(n + 1) - 1.0)).collect();
    let judged = at_the_end(&growths);
    assert_eq!(judged.verdict, Verdict::Clean, "{}", judged.summary());
}

/// Few large numbers among many small ones: more may have been missed than were found.
#[test]
fn an_interval_of_few_large_numbers_reaches_further_up() {
    let growths: Vec<(f64, f64)> =
        (0..40).map(|n| (if n % 8 == 3 { 5.0 } else { 0.0 }, 0.0)).collect();
    let of = at_the_end(&growths).per_cycle.unwrap();
    assert!(of.estimate - of.low + 1e-6 < of.high - of.estimate, "{of:?}");
}

/// Ten short phases beside them make two long ones that disagree no more certain.
#[test]
fn few_long_phases_are_worth_few_numbers() {
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
    let of = driven::judge(&all, &options).per_cycle.unwrap();
    assert!(0.15 < of.high - of.low, "{of:?}");
}
