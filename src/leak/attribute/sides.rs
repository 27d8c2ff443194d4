//! Detects that growth of the daemon mirrors a leak of another process. A process that leaks connections to the daemon
//! makes the daemon's counts grow by the same steps at the same times. The leak is in the process.
//!
//! ```text
//!   target.fds   ____▁▁▁▁▂▂▂▂▃▃▃▃     +8 at 30 s, 60 s, 90 s
//!   daemon.fds   ____▁▁▁▁▂▂▂▂▃▃▃▃     +8 at 30 s, 60 s, 90 s: the same connections
//! ```

use crate::leak::facts::{Metric, OtherSide, Verdict};
use crate::probe::metric::{Source, Unit};
use crate::sort::sort_by_key;

/// Readings that two series must share.
const READINGS_MIN: usize = 8;
/// Growth below this shows no pattern.
const GROWTH_MIN: f64 = 6.0;
/// The minimum of steps that two series must share.
const STEPS_MIN: usize = 3;
/// The minimum correlation (Pearson) of the steps.
const CORRELATION_MIN: f64 = 0.8;
/// The maximum distance between the scaled curves, relative to the growth.
const APART_MAX: f64 = 0.15;
/// The range of the daemon's growth relative to that of the process. A connection costs both sides about the same.
const GROWTH_RATIO: (f64, f64) = (0.3, 6.0);
/// The maximum relative difference between the numbers of descriptors on both sides.
const EQUAL_MAX_DIFFERENCE: f64 = 0.15;

/// The metrics of the daemon whose growth mirrors that of a target or of cmon.
pub(crate) fn other_sides(metrics: &[Metric]) -> Vec<OtherSide> {
    let leaks = |metric: &&Metric| metric.verdict == Verdict::Leak && metric.id.unit == Unit::Count;
    let (daemon, others): (Vec<&Metric>, Vec<&Metric>) =
        metrics.iter().filter(leaks).partition(|metric| metric.id.source == Source::Daemon);
    let sides = daemon.into_iter().filter_map(|metric| {
        // The same quantity comes first: descriptors with descriptors.
        let mut order: Vec<&&Metric> = others.iter().collect();
        sort_by_key(&mut order, |other| other.id.quantity != metric.id.quantity);
        let cause = order.into_iter().find(|other| is_other_side(other, metric))?;
        Some(OtherSide { metric: metric.id.name.clone(), of: cause.id.clone() })
    });
    sides.collect()
}

fn is_other_side(process: &Metric, daemon: &Metric) -> bool {
    let (cause, effect) = shared(&process.series, &daemon.series);
    if cause.len() < READINGS_MIN {
        return false;
    }
    // Excludes the daemon itself, given as a target.
    if cause.iter().zip(&effect).all(|(a, b)| (a - b).abs() <= 2.0) {
        return false;
    }
    let (cause_growth, growth) = (growth(&cause), growth(&effect));
    let ratio = growth / cause_growth;
    if cause_growth < GROWTH_MIN
        || growth < GROWTH_MIN
        || !(GROWTH_RATIO.0..=GROWTH_RATIO.1).contains(&ratio)
    {
        return false;
    }
    let apart =
        cause.iter().zip(&effect).map(|(a, b)| ((b - effect[0]) - ratio * (a - cause[0])).abs());
    if APART_MAX * growth < apart.fold(0.0, f64::max) {
        return false;
    }
    // Two lines always correlate, so without steps only equal numbers of descriptors count.
    let both_fds = process.id.quantity == "fds" && daemon.id.quantity == "fds";
    let equal = both_fds && (ratio - 1.0).abs() <= EQUAL_MAX_DIFFERENCE;
    equal || same_steps(&cause, &effect)
}

/// The values of both series at the times of common readings.
fn shared(a: &[(f64, f64, f64)], b: &[(f64, f64, f64)]) -> (Vec<f64>, Vec<f64>) {
    let mut rest = b.iter().peekable();
    let mut pairs = Vec::new();
    for (at, _, value) in a {
        while rest.next_if(|reading| reading.0 < *at).is_some() {}
        if let Some(reading) = rest.next_if(|reading| reading.0.total_cmp(at).is_eq())
            && value.is_finite()
            && reading.2.is_finite()
        {
            pairs.push((*value, reading.2));
        }
    }
    pairs.into_iter().unzip()
}

fn growth(values: &[f64]) -> f64 {
    match values {
        [first, .., last] => last - first,
        _ => 0.0,
    }
}

/// Whether both rise at the same times, by several separate steps. A reading may fall between the two sides of a step,
/// so each time includes its neighbors.
fn same_steps(a: &[f64], b: &[f64]) -> bool {
    let steps = |values: &[f64]| -> Vec<f64> {
        let rises: Vec<f64> = values.windows(2).map(|two| two[1] - two[0]).collect();
        let near = |at: usize| rises[at.saturating_sub(1)..rises.len().min(at + 2)].iter().sum();
        (0..rises.len()).map(near).collect()
    };
    let (a, b) = (steps(a), steps(b));
    let half = a.iter().copied().fold(0.0, f64::max) / 2.0;
    let started = |two: &&[f64]| two[0] <= half && half < two[1];
    let count = a.windows(2).filter(started).count();
    STEPS_MIN <= count
        && correlation(&a, &b).is_some_and(|correlation| CORRELATION_MIN <= correlation)
}

/// Pearson's correlation; `None` for a constant series.
fn correlation(xs: &[f64], ys: &[f64]) -> Option<f64> {
    let count = xs.len().min(ys.len()) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (a, b) = (mean(xs), mean(ys));
    let pairs = || xs.iter().zip(ys).map(|(x, y)| (x - a, y - b));
    let (both, x, y) = pairs()
        .fold((0.0, 0.0, 0.0), |(both, xs, ys), (x, y)| (both + x * y, xs + x * x, ys + y * y));
    let correlation = both / (x * y).sqrt();
    correlation.is_finite().then_some(correlation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading every 2.5 s for 10 minutes.
    fn metric(name: &str, value: impl Fn(f64) -> f64) -> Metric {
        let series = (0..240).map(|at| f64::from(at) * 2.5).map(|at| (at, 0.0, value(at)));
        Metric { verdict: Verdict::Leak, series: series.collect(), ..Metric::named(name) }
    }

    /// `base` and `size` more every 30 s.
    fn stairs(base: f64, size: f64) -> impl Fn(f64) -> f64 {
        move |at| base + size * (at / 30.0).floor()
    }

    fn pairs_of(metrics: &[Metric]) -> Vec<(String, String)> {
        other_sides(metrics).into_iter().map(|side| (side.metric, side.of.name)).collect()
    }

    fn pair(metric: &str, of: &str) -> (String, String) {
        (metric.to_owned(), of.to_owned())
    }

    #[test]
    fn the_daemons_side_of_a_targets_connections_is_found() {
        for target in ["target.collector", "target.pid812", "own"] {
            let metrics = [
                metric("daemon.fds", stairs(70.0, 8.0)),
                metric("daemon.goroutines", stairs(72.0, 16.0)),
                metric(&format!("{target}.fds"), stairs(20.0, 8.0)),
                metric(&format!("{target}.goroutines"), stairs(52.0, 16.0)),
            ];
            let expected = [
                pair("daemon.fds", &format!("{target}.fds")),
                pair("daemon.goroutines", &format!("{target}.goroutines")),
            ];
            assert_eq!(pairs_of(&metrics), expected);
        }
    }

    #[test]
    fn a_reading_between_the_two_sides_of_a_step_does_not_split_it() {
        // The daemon accepts later than the target opens.
        let late = metric("daemon.fds", |at| 70.0 + 8.0 * ((at - 2.5).max(0.0) / 30.0).floor());
        let metrics = [late, metric("target.pid812.fds", stairs(20.0, 8.0))];
        assert_eq!(pairs_of(&metrics), [pair("daemon.fds", "target.pid812.fds")]);
        // Without the target's descriptors, its goroutines match.
        let metrics = [
            metric("daemon.fds", stairs(70.0, 8.0)),
            metric("target.x.goroutines", stairs(52.0, 16.0)),
        ];
        assert_eq!(pairs_of(&metrics), [pair("daemon.fds", "target.x.goroutines")]);
    }

    #[test]
    fn growth_without_steps_matches_only_equal_numbers_of_descriptors() {
        let line = |per_minute: f64| move |at: f64| (at * per_minute / 60.0).floor();
        let daemon = || metric("daemon.fds", line(16.0));
        assert_eq!(
            pairs_of(&[daemon(), metric("target.x.fds", move |at| 20.0 + line(16.0)(at))]).len(),
            1
        );
        assert_eq!(pairs_of(&[daemon(), metric("target.x.fds", line(23.0))]), []);
        assert_eq!(
            pairs_of(&[daemon(), metric("target.x.threads", move |at| 9.0 + line(16.0)(at))]),
            []
        );
    }

    #[test]
    fn growth_at_other_times_of_other_size_or_of_itself_is_no_other_side() {
        let daemon = || metric("daemon.fds", stairs(70.0, 8.0));
        let slower = metric("target.x.goroutines", |at| 20.0 + 20.0 * (at / 77.0).floor());
        assert_eq!(pairs_of(&[daemon(), slower]), []);
        let once = metric("target.x.fds", |at| if at < 300.0 { 20.0 } else { 180.0 });
        assert_eq!(pairs_of(&[daemon(), once]), []);
        let huge = metric("target.x.goroutines", stairs(20.0, 800.0));
        assert_eq!(pairs_of(&[daemon(), huge]), []);
        // The daemon's own process, given as a target.
        assert_eq!(pairs_of(&[daemon(), metric("target.pid1.fds", stairs(71.0, 8.0))]), []);
        let clean = Metric { verdict: Verdict::Clean, ..metric("target.x.fds", stairs(20.0, 8.0)) };
        assert_eq!(pairs_of(&[daemon(), clean]), []);
        assert_eq!(
            pairs_of(&[daemon(), Metric { series: Vec::new(), ..metric("target.x.fds", |_| 0.0) }]),
            []
        );
    }
}
