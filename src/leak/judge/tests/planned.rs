//! Compares the detection limit of a plan with that of the judge, and with the power in simulated runs.

#![expect(clippy::print_stdout, reason = "as the tables")]

use super::simulator::{self, Noise};
use crate::leak::judge::plan::Plan;
use crate::leak::judge::stats::median;
use crate::leak::judge::{Options, Verdict, driven};

const RUNS: u32 = 150;

/// Options for this many tests, without tolerance, so that the size of a leak alone decides.
fn options(tests: usize) -> Options {
    Options { metrics: tests, max_per_cycle: 0.0, ..Options::default() }
}

fn planned(seconds: f64, tests: usize) -> Option<f64> {
    Plan::new(seconds, 10.0, 1).smallest_leak(1.0, &options(tests))
}

#[test]
fn a_leak_at_the_detection_limit_is_found_with_a_power_of_80_percent() {
    for (minutes, tests) in
        [(1.0, 1), (3.0, 1), (3.0, 10), (5.0, 1), (5.0, 10), (10.0, 10), (30.0, 1), (30.0, 12)]
    {
        let options = options(tests);
        let planned = planned(60.0 * minutes, tests).unwrap();
        let run = |rate: f64, n: u32| {
            let rate = rate * simulator::ROTATIONS;
            let seed = u64::from(n) * 7919 + 3;
            let (phases, own) =
                simulator::driven(Noise::Flat, [rate, 0.0], minutes, seed, &options);
            (driven::by_cycles(&phases, &own).0, own)
        };
        let is_found = |n: &u32| {
            let (judged, own) = run(planned, *n);
            // The first test of Holm's procedure.
            let stands = |p| p * tests as f64 <= own.alpha;
            judged.verdict == Verdict::Leak && judged.p.is_some_and(stands)
        };
        let found = (0..RUNS).filter(is_found).count() as f64 / f64::from(RUNS);
        let limits: Vec<f64> = (0..RUNS / 3).filter_map(|n| run(0.0, n).0.smallest).collect();
        let ratio = planned / median(&limits);
        println!("{minutes} min, {tests} tests: {planned:.4}, found {found:.2}, ratio {ratio:.2}");
        assert!(limits.len() == RUNS as usize / 3, "the judge has enough pairs as well");
        assert!((0.9..1.1).contains(&ratio), "{minutes} min, {tests}: {ratio} of the judge's");
        assert!((0.7..0.95).contains(&found), "{minutes} min, {tests}: {found} found");
    }
}

#[test]
fn a_longer_run_has_a_smaller_detection_limit() {
    for tests in [1, 4, 10, 24] {
        let mut last = f64::INFINITY;
        for seconds in (30..7200).step_by(10) {
            let Some(next) = planned(f64::from(seconds), tests) else {
                assert!(last.is_infinite(), "{tests}: nothing more in {seconds} s");
                continue;
            };
            // Longer phases make fewer pairs.
            assert!(next <= 1.15 * last, "{tests}: {last} below {seconds} s, then {next}");
            last = next;
        }
        assert!(last < 0.01, "{tests}: {last}");
    }
}

#[test]
fn a_short_warm_up_limits_detection_to_rates_above_any_pool() {
    let short = planned(140.0, 1).unwrap();
    let full = planned(160.0, 1).unwrap();
    assert!(0.25 < short && full < 0.25, "{short} {full}");
    // Without noise, the Poisson scatter of the leak remains.
    let plan = Plan::new(600.0, 10.0, 1);
    let still = plan.smallest_leak(0.0, &options(1)).unwrap();
    let noisy = planned(600.0, 1).unwrap();
    assert!(0.2 * noisy < still && still < 0.9 * noisy, "{still} {noisy}");
}
