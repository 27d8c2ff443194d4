//! Error rates of the judges over noises, rates and durations.
//!
//! Prints the tables of `docs/leak-check.md`. `CMON_LONG=1` makes 1000 runs for each cell and applies the limits
//! exactly. A plain run makes fewer and allows for chance.

#![expect(clippy::print_stdout, reason = "the tables are for the documentation")]

use super::simulator::{self, Noise};
use crate::leak::judge::stats::binomial_at_least;
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Options, Verdict, driven, passive};

const RATES: [u32; 4] = [0, 1, 4, 32];

/// Numbers of runs.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    runs: u32,
    /// Last reading minus first above 20.
    naive: u32,
    passive: u32,
    passive_clean: u32,
    driven: u32,
    driven_clean: u32,
    /// LEAK by time, on the readings at rest of the driven run.
    idle: u32,
}

pub(super) fn runs() -> u32 {
    runs_of(60)
}

/// The number of runs for this duration. Shorter runs are cheaper, so there are more of them.
pub(super) fn runs_of(minutes: u32) -> u32 {
    match minutes {
        _ if std::env::var_os("CMON_LONG").is_some() => 1000,
        ..=3 => 300,
        4..=10 => 250,
        _ => 80,
    }
}

/// Fails if the rate of hits is above `limit`. With fewer than 1000 runs, only if a binomial test rejects the limit with
/// a p-value below 0.001.
#[track_caller]
pub(super) fn at_most(limit: f64, hits: u32, runs: u32, what: &str) {
    let holds = f64::from(hits) <= limit * f64::from(runs);
    let may_be_chance = runs < 1000 && 0.001 <= binomial_at_least(hits, runs, limit);
    assert!(holds || may_be_chance, "{what}: {hits} of {runs}, limit {limit}");
}

#[test]
fn a_rate_far_above_its_limit_fails() {
    let passes = |hits, runs, limit: f64| {
        std::panic::catch_unwind(|| at_most(limit, hits, runs, "")).is_ok()
    };
    assert_eq!([6, 15, 16].map(|hits| passes(hits, 300, 0.02)), [true, true, false]);
    assert_eq!([5, 13, 14].map(|hits| passes(hits, 250, 0.02)), [true, true, false]);
    assert_eq!([20, 21].map(|hits| passes(hits, 1000, 0.02)), [true, false]);
}

fn cell(noise: Noise, rates: [u32; 2], minutes: u32) -> Cell {
    let options = Options::default();
    // At the tolerance any verdict is right.
    let n = if rates == [1, 0] { runs() } else { runs_of(minutes) };
    let mut cell = Cell { runs: n, ..Cell::default() };
    let [rate, timed] = rates.map(f64::from);
    let length = f64::from(minutes);
    for run in 0..cell.runs {
        let seed = u64::from(run * 7919 + rates[0] * 31 + rates[1] * 17 + minutes * 1009);
        let (phases, own) = simulator::driven(noise, [rate, timed], length, seed, &options);
        let judged = driven::judge(&phases, &own);
        cell.driven += u32::from(judged.verdict == Verdict::Leak);
        cell.driven_clean += u32::from(judged.verdict == Verdict::Clean);
        cell.idle += u32::from(judged.idle.verdict == Verdict::Leak);
        if noise == Noise::CyclePool {
            continue;
        }
        let readings = simulator::watched(noise, rate + timed, length, seed);
        let judged = passive::judge(&readings, None, &options);
        cell.passive += u32::from(judged.verdict == Verdict::Leak);
        cell.passive_clean += u32::from(judged.verdict == Verdict::Clean);
        let grown = readings[readings.len() - 1].value - readings[0].value;
        cell.naive += u32::from(grown > 20.0);
    }
    cell
}

/// In percent, with one decimal below 10.
fn percent(hits: u32, runs: u32) -> String {
    let share = 100.0 * f64::from(hits) / f64::from(runs);
    if share > 0.0 && share < 10.0 { format!("{share:.1}") } else { format!("{share:.0}") }
}

fn check(noise: Noise, rate: u32, minutes: u32, cell: &Cell) {
    let what = |how: &str| format!("{noise:?}, {rate}/min, {minutes} min: {how}");
    let n = cell.runs;
    match rate {
        0 => {
            if noise != Noise::CyclePool || minutes >= 10 {
                at_most(0.02, cell.driven, n, &what("false LEAK, driven"));
            }
            at_most(0.02, cell.idle, n, &what("false LEAK, while idle"));
            let slow = noise == Noise::SlowPool && minutes == 10;
            at_most(if slow { 0.08 } else { 0.02 }, cell.passive, n, &what("false LEAK, passive"));
        }
        4 => {
            at_most(0.03, cell.driven_clean, n, &what("wrong CLEAN, driven"));
            at_most(0.03, cell.passive_clean, n, &what("wrong CLEAN, passive"));
        }
        32 => {
            if noise != Noise::Saw || minutes >= 10 {
                at_most(0.05, n - cell.driven, n, &what("missed, driven"));
            }
            if minutes >= 10 && noise != Noise::CyclePool {
                at_most(0.05, n - cell.passive, n, &what("missed, passive"));
            }
        }
        _ => {}
    }
}

/// One table: LEAK in percent by the naive rule, the passive judge and the driven judge.
fn table(minutes: u32) {
    let mut text =
        format!("\n**{minutes} min**\n\n| noise \\ leak per min | 0 (false alarm) | 1 | 4 | 32 |");
    text += " CLEAN at 0 |\n|---|---|---|---|---|---|\n";
    let mut all = Vec::new();
    for noise in Noise::TIMED.into_iter().chain([Noise::CyclePool]) {
        let cells = RATES.map(|rate| cell(noise, [rate, 0], minutes));
        let row = cells.map(|cell| {
            let [naive, passive, driven] =
                [cell.naive, cell.passive, cell.driven].map(|hits| percent(hits, cell.runs));
            match noise {
                Noise::CyclePool => format!("– / – / **{driven}**"),
                _ => format!("{naive} / {passive} / **{driven}**"),
            }
        });
        let clean = match noise {
            Noise::CyclePool => "–".to_owned(),
            _ => percent(cells[0].passive_clean, cells[0].runs),
        };
        let driven = percent(cells[0].driven_clean, cells[0].runs);
        text += &[format!("| {noise} | {} | {clean} / **{driven}** |\n", row.join(" | "))].concat();
        all.push((noise, cells));
    }
    println!("{text}");
    for (noise, cells) in all {
        for (rate, cell) in RATES.into_iter().zip(&cells) {
            check(noise, rate, minutes, cell);
        }
    }
}

#[test]
fn in_3_minutes() {
    table(3);
}

#[test]
fn in_10_minutes() {
    table(10);
}

#[test]
fn in_60_minutes() {
    table(60);
}

/// An upper bound below the true rate would call a leak CLEAN.
#[test]
fn the_upper_bound_covers_the_true_rate_under_noise() {
    for noise in Noise::TIMED {
        let options = Options { early_stop: false, ..Options::default() };
        let low = |run: &u32| {
            let seed = u64::from(run * 7919);
            let (phases, own) = simulator::driven(noise, [4.0, 0.0], 10.0, seed, &options);
            let (judged, _) = driven::by_cycles(&phases, &own);
            judged.per_cycle.is_none_or(|rate| rate.high < 4.0 / simulator::ROTATIONS)
        };
        let runs = runs_of(10);
        let low = (0..runs).filter(low).count();
        println!("{noise}: the bound is too low in {low} of {runs}");
        let limit = if matches!(noise, Noise::Saw | Noise::Mixed) { 0.12 } else { 0.06 };
        at_most(limit, u32::try_from(low).unwrap(), runs, &format!("{noise}: bound too low"));
    }
}

/// A leak by time is no leak per cycle, and is found by the judge of the readings at rest.
#[test]
fn by_time_alone() {
    let mut text = "\n| noise | 3 min | 10 min | 60 min |\n|---|---|---|---|\n".to_owned();
    for noise in Noise::TIMED {
        let row = [3, 10, 60].map(|minutes| {
            let cell = cell(noise, [0, 32], minutes);
            at_most(0.02, cell.driven, cell.runs, &format!("{noise}, {minutes} min, by time"));
            let loud = matches!(noise, Noise::Saw | Noise::Burst | Noise::Mixed);
            if minutes == 60 || minutes == 10 && !loud {
                at_most(0.05, cell.runs - cell.idle, cell.runs, &format!("{noise}, {minutes} min"));
            }
            [cell.driven, cell.idle].map(|hits| percent(hits, cell.runs)).join(" / ")
        });
        text += &[format!("| {noise} | {} |\n", row.join(" | "))].concat();
    }
    println!("{text}");
}

#[test]
fn a_run_below_five_minutes_needs_a_larger_bic_gain() {
    let nearly = |seed: &u64| {
        let readings = simulator::watched(Noise::Mixed, 0.0, 3.0, *seed);
        let judged = passive::judge(&readings, None, &Options::default());
        let wanted = judged.gain.is_some_and(|gain| (10.0..16.0).contains(&gain));
        let rises = judged.unexplained.is_some_and(|slope| slope.low > 0.0)
            && judged.rise.is_some_and(|rise| rise > 2.4);
        assert!(!(wanted && judged.verdict == Verdict::Leak), "{seed}: {}", judged.summary());
        wanted && rises
    };
    assert!((0..60).filter(nearly).count() > 0);
}
