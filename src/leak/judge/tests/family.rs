//! Error rates of the verdict over several metrics, which share alpha.
//!
//! The tables judge one metric. Here [`combine`] judges several metrics of one run, each with another noise.

#![expect(clippy::print_stdout, reason = "as the tables")]

use super::simulator::{self, Noise};
use super::table::{at_most, runs_of};
use crate::leak::judge::combine::{Conditions, Finding, Overall, combine};
use crate::leak::judge::{Options, Verdict, driven};

/// One run in which the metrics have these noises and leaks per minute; they are named by number.
fn run(metrics: &[(Noise, f64)], minutes: f64, seed: u64, options: &Options) -> Overall {
    // Each metric has two tests: per cycle and per minute.
    let options = Options { metrics: 2 * metrics.len(), ..options.clone() };
    let metrics: Vec<_> = metrics.iter().map(|(noise, rate)| (*noise, [*rate, 0.0], 1.0)).collect();
    let (phases, own) = simulator::family(&metrics, minutes, seed, &options);
    let judged = phases.iter().enumerate().flat_map(|(n, phases)| {
        Finding::driven(&n.to_string(), &driven::judge(phases, &own), &own)
    });
    combine(&judged.collect::<Vec<_>>(), &Conditions::default(), &own)
}

#[test]
fn four_metrics_keep_the_false_alarm_rate_and_a_leak_among_them_is_found() {
    let level = [Noise::Ramp, Noise::Saw, Noise::Step, Noise::Burst].map(|noise| (noise, 0.0));
    let options = Options::default();
    let runs = runs_of(10);
    let (mut alarms, mut found, mut others) = (0, 0, 0);
    for n in 0..runs {
        let seed = u64::from(n) * 7919 + 5;
        let overall = run(&level, 10.0, seed, &options);
        alarms += u32::from(overall.verdict == Verdict::Leak);
        let mut metrics = level;
        metrics[n as usize % level.len()].1 = 32.0;
        let overall = run(&metrics, 10.0, seed, &options);
        let leaks: Vec<bool> = metrics.iter().map(|(_, rate)| *rate > 0.0).collect();
        for (metric, leaks) in overall.metrics.iter().zip(leaks) {
            let leak = u32::from(metric.verdict == Verdict::Leak);
            *(if leaks { &mut found } else { &mut others }) += leak;
        }
    }
    println!("of {runs}: {alarms} false, {found} found, {others} others");
    at_most(0.02, alarms, runs, "false LEAK of four metrics");
    at_most(0.05, runs - found, runs, "missed among four metrics");
    at_most(0.02, others, runs, "false LEAK next to a leak");
}

/// Without tolerance and with a large alpha, only the test prevents a false LEAK.
#[test]
fn the_false_alarm_rate_is_at_most_alpha() {
    let options = Options { alpha: 0.1, max_per_cycle: 0.0, ..Options::default() };
    let runs = runs_of(3);
    let (mut alarms, mut single) = (0, 0);
    for n in 0..runs {
        let overall = run(&[(Noise::Flat, 0.0); 8], 3.0, u64::from(n) * 104_729 + 11, &options);
        alarms += u32::from(overall.verdict == Verdict::Leak);
        let mut findings = overall.metrics.iter().flat_map(|metric| &metric.findings);
        single += u32::from(findings.any(|finding| finding.verdict == Verdict::Leak));
    }
    println!("of {runs}: {alarms} false, {single} without Holm's correction");
    at_most(0.1, alarms, runs, "false LEAK of eight metrics, alpha 0.1");
}
