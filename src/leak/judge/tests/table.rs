//! How often the judges are right, over noises, rates and durations.
//!
//! `CMON_LONG=1` makes 1000 runs of each cell instead of fewer and holds the limits as they stand;
//! `CMON_TABLE=1` prints the tables that are in `docs/leak-check.md`.

use super::super::{Options, Verdict, driven, passive};
use super::simulator::{self, Noise};

const RATES: [f64; 4] = [0.0, 1.0, 4.0, 32.0];

/// How often, of all runs.
#[derive(Clone, Debug, Default)]
struct Cell {
    naive: usize,
    passive: [usize; 2],
    driven: [usize; 2],
    idle: usize,
    small: Vec<f64>,
    smallp: Vec<f64>,
}

fn runs() -> usize {
    match (std::env::var_os("CMON_LONG"), std::env::var_os("CMON_RUNS")) {
        (_, Some(runs)) => runs.to_str().unwrap().parse().unwrap(),
        (Some(_), None) => 1000,
        (None, None) => 100,
    }
}

/// The largest number of hits that a chance of `limit` gives, but once in some thousand tests.
fn at_most(limit: f64, runs: usize) -> f64 {
    let n = runs as f64;
    if runs >= 1000 {
        limit * n
    } else {
        limit * n + 3.2 * (limit * (1.0 - limit) * n).sqrt() + 1.0
    }
}

fn cell(noise: Noise, rate: f64, minutes: f64, runs: usize) -> Cell {
    let options = Options::default();
    let mut cell = Cell::default();
    for run in 0..runs as u64 {
        let seed = run * 7919 + (rate * 31.0 + minutes * 1009.0) as u64;
        let (rungs, own) = simulator::driven(noise, [rate, 0.0], minutes, seed, &options);
        let judged = driven::judge(&rungs, &own);
        cell.driven[0] += usize::from(judged.verdict == Verdict::Leak);
        cell.driven[1] += usize::from(judged.verdict == Verdict::Clean);
        cell.small.push(judged.smallest.unwrap_or(f64::NAN));
        cell.idle += usize::from(judged.idle.verdict == Verdict::Leak);
        if noise == Noise::CyclePool {
            continue;
        }
        let readings = simulator::watched(noise, rate, minutes, seed);
        let judged = passive::judge(&readings, None, &options);
        cell.passive[0] += usize::from(judged.verdict == Verdict::Leak);
        cell.passive[1] += usize::from(judged.verdict == Verdict::Clean);
        cell.smallp.push(judged.smallest.unwrap_or(f64::NAN));
        let grown = readings[readings.len() - 1].value - readings[0].value;
        cell.naive += usize::from(grown > 20.0);
    }
    cell
}

#[test]
fn timed() {
    for minutes in [3.0, 10.0, 60.0] {
        for noise in Noise::TIMED {
            let mut row = format!("{minutes} {noise:?}");
            for rate in [4.0, 32.0] {
                let (mut a, mut b) = (0, 0);
                for seed in 0..100 {
                    let (rungs, own) =
                        simulator::driven(noise, [0.0, rate], minutes, seed, &Options::default());
                    let judged = driven::judge(&rungs, &own);
                    a += usize::from(judged.verdict == Verdict::Leak);
                    b += usize::from(judged.idle.verdict == Verdict::Leak);
                }
                row += &format!(" | {rate}: {a} {b}");
            }
            println!("{row}");
        }
    }
}

#[test]
fn table() {
    for minutes in [3.0, 10.0, 60.0] {
        let began = std::time::SystemTime::now();
        for noise in Noise::TIMED.into_iter().chain([Noise::CyclePool]) {
            let n = runs();
            let mut row = format!("{minutes:>3} {noise:<10?}");
            for rate in RATES {
                let c = cell(noise, rate, minutes, n);
                let p = |k: usize| (1000.0 * k as f64 / n as f64).round() / 10.0;
                row += &format!(
                    " | {:>5} {:>5} {:>5} (clean {:>5} {:>5}) idle {:>4} mdl {:.2} {:.2}",
                    p(c.naive),
                    p(c.passive[0]),
                    p(c.driven[0]),
                    p(c.passive[1]),
                    p(c.driven[1]),
                    p(c.idle),
                    super::super::stats::median(&c.smallp),
                    super::super::stats::median(&c.small) * 32.0
                );
            }
            println!("{row}");
        }
        println!("{:?}", began.elapsed().unwrap());
    }
}
#[test]
fn debugburst() {
    for (minutes, rate) in [(3.0, 32.0), (3.0, 4.0), (10.0, 4.0), (3.0, 0.0), (10.0, 0.0)] {
        for noise in [Noise::Burst, Noise::Saw, Noise::Mixed, Noise::Step] {
            let mut n = [0; 2];
            for seed in 0..400 {
                let (rungs, own) =
                    simulator::driven(noise, [rate, 0.0], minutes, seed, &Options::default());
                let judged = driven::judge(&rungs, &own);
                n[0] += usize::from(judged.verdict == Verdict::Leak);
                n[1] += usize::from(judged.verdict == Verdict::Clean);
            }
            print!(
                "{minutes} {rate} {noise:?} {:.1} {:.1}, ",
                n[0] as f64 / 4.0,
                n[1] as f64 / 4.0
            );
        }
        println!();
    }
}
