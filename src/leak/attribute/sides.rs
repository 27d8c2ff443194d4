//! The two sides of one connection: a process opens connections to the daemon and forgets them, and the daemon's
//! counts grow by the same steps at the same moments. The leak is the process's; the daemon's growth is its other side.
//!
//! ```text
//!   target.fds   ____▁▁▁▁▂▂▂▂▃▃▃▃     +8 at 30 s, 60 s, 90 s
//!   daemon.fds   ____▁▁▁▁▂▂▂▂▃▃▃▃     +8 at 30 s, 60 s, 90 s: the same connections
//! ```

use crate::leak::facts::{Metric, OtherSide, Verdict};
use crate::leak::metric::{Source, Unit};
use crate::sort::sort_by_key;

/// Readings that two series must share.
const READINGS_MIN: usize = 8;
/// Growth below this shows no pattern.
const GROWTH_MIN: f64 = 6.0;
/// Steps at different moments that two series must share.
const STEPS_MIN: usize = 3;
/// How alike the steps must be (Pearson's correlation).
const CORRELATION_MIN: f64 = 0.8;
/// How far the one curve may lie beside the other, scaled to it, as a part of its growth.
const APART_MAX: f64 = 0.15;
/// A connection costs each side about as much: the daemon's growth is within these multiples of the process's.
const GROWTH_RATIO: (f64, f64) = (0.3, 6.0);
/// Descriptors of two ends of connections are equal in number, up to this part.
const EQUAL_MAX_DIFFERENCE: f64 = 0.15;

/// Which metrics of the daemon grow as the other side of a target's or of cmon's own.
pub(crate) fn other_sides(metrics: &[Metric]) -> Vec<OtherSide> {
    let leaks = |metric: &&Metric| metric.verdict == Verdict::Leak && metric.id.unit == Unit::Count;
    let (daemon, others): (Vec<&Metric>, Vec<&Metric>) =
        metrics.iter().filter(leaks).partition(|metric| metric.id.source == Source::Daemon);
    let found = daemon.into_iter().filter_map(|metric| {
        // Like is compared with like first: descriptors with descriptors.
        let mut order: Vec<&&Metric> = others.iter().collect();
        sort_by_key(&mut order, |other| other.id.quantity != metric.id.quantity);
        let of = order.into_iter().find(|other| is_other_side(other, metric))?;
        Some(OtherSide { metric: metric.id.name.clone(), of: of.id.clone() })
    });
    found.collect()
}

fn is_other_side(of: &Metric, daemon: &Metric) -> bool {
    let (one, other) = shared(&of.series, &daemon.series);
    if one.len() < READINGS_MIN {
        return false;
    }
    // The daemon itself, watched as a target, is no other side of itself.
    if one.iter().zip(&other).all(|(a, b)| (a - b).abs() <= 2.0) {
        return false;
    }
    let (grown, by) = (growth(&one), growth(&other));
    let ratio = by / grown;
    if grown < GROWTH_MIN || by < GROWTH_MIN || !(GROWTH_RATIO.0..=GROWTH_RATIO.1).contains(&ratio)
    {
        return false;
    }
    let apart = one.iter().zip(&other).map(|(a, b)| ((b - other[0]) - ratio * (a - one[0])).abs());
    if APART_MAX * by < apart.fold(0.0, f64::max) {
        return false;
    }
    // Two lines are always alike: only equal numbers of the same thing say something there.
    let both_fds = of.id.quantity == "fds" && daemon.id.quantity == "fds";
    let equal = both_fds && (ratio - 1.0).abs() <= EQUAL_MAX_DIFFERENCE;
    equal || same_steps(&one, &other)
}

/// The values of both at the moments at which both were read.
fn shared(one: &[(f64, f64, f64)], other: &[(f64, f64, f64)]) -> (Vec<f64>, Vec<f64>) {
    let mut rest = other.iter().peekable();
    let mut pairs = Vec::new();
    for (at, _, value) in one {
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

/// Whether both rise at the same moments, by several steps with rests between them. A reading may fall between the
/// two sides of one step, so that each moment counts with its neighbors.
fn same_steps(one: &[f64], other: &[f64]) -> bool {
    let steps = |values: &[f64]| -> Vec<f64> {
        let rises: Vec<f64> = values.windows(2).map(|two| two[1] - two[0]).collect();
        let near = |at: usize| rises[at.saturating_sub(1)..rises.len().min(at + 2)].iter().sum();
        (0..rises.len()).map(near).collect()
    };
    let (one, other) = (steps(one), steps(other));
    let half = one.iter().copied().fold(0.0, f64::max) / 2.0;
    let started = |two: &&[f64]| two[0] <= half && half < two[1];
    let count = one.windows(2).filter(started).count();
    STEPS_MIN <= count && correlation(&one, &other).is_some_and(|found| CORRELATION_MIN <= found)
}

/// Pearson's correlation; nothing where one of them does not vary.
fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let count = one.len().min(other.len()) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (a, b) = (mean(one), mean(other));
    let pairs = || one.iter().zip(other).map(|(x, y)| (x - a, y - b));
    let (both, x, y) = pairs()
        .fold((0.0, 0.0, 0.0), |(both, xs, ys), (x, y)| (both + x * y, xs + x * x, ys + y * y));
    let found = both / (x * y).sqrt();
    found.is_finite().then_some(found)
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

    fn found(metrics: &[Metric]) -> Vec<(String, String)> {
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
            let of = |kind: &str| format!("{target}.{kind}");
            let wanted =
                [pair("daemon.fds", &of("fds")), pair("daemon.goroutines", &of("goroutines"))];
            assert_eq!(found(&metrics), wanted);
        }
    }

    #[test]
    fn a_step_that_a_reading_falls_into_is_the_same_step() {
        // The daemon accepts a moment later than the target opens.
        let late = metric("daemon.fds", |at| 70.0 + 8.0 * ((at - 2.5).max(0.0) / 30.0).floor());
        let metrics = [late, metric("target.pid812.fds", stairs(20.0, 8.0))];
        assert_eq!(found(&metrics), [pair("daemon.fds", "target.pid812.fds")]);
        // Without descriptors of the target, its goroutines say it too.
        let metrics = [
            metric("daemon.fds", stairs(70.0, 8.0)),
            metric("target.x.goroutines", stairs(52.0, 16.0)),
        ];
        assert_eq!(found(&metrics), [pair("daemon.fds", "target.x.goroutines")]);
    }

    #[test]
    fn even_growth_counts_only_where_descriptors_are_equal_in_number() {
        let line = |per_minute: f64| move |at: f64| (at * per_minute / 60.0).floor();
        let daemon = || metric("daemon.fds", line(16.0));
        assert_eq!(
            found(&[daemon(), metric("target.x.fds", move |at| 20.0 + line(16.0)(at))]).len(),
            1
        );
        assert_eq!(found(&[daemon(), metric("target.x.fds", line(23.0))]), []);
        assert_eq!(
            found(&[daemon(), metric("target.x.threads", move |at| 9.0 + line(16.0)(at))]),
            []
        );
    }

    #[test]
    fn growth_at_other_moments_of_other_size_or_of_itself_is_no_other_side() {
        let daemon = || metric("daemon.fds", stairs(70.0, 8.0));
        let slower = metric("target.x.goroutines", |at| 20.0 + 20.0 * (at / 77.0).floor());
        assert_eq!(found(&[daemon(), slower]), []);
        let once = metric("target.x.fds", |at| if at < 300.0 { 20.0 } else { 180.0 });
        assert_eq!(found(&[daemon(), once]), []);
        let huge = metric("target.x.goroutines", stairs(20.0, 800.0));
        assert_eq!(found(&[daemon(), huge]), []);
        // The daemon's own process, given as a target.
        assert_eq!(found(&[daemon(), metric("target.pid1.fds", stairs(71.0, 8.0))]), []);
        let clean = Metric { verdict: Verdict::Clean, ..metric("target.x.fds", stairs(20.0, 8.0)) };
        assert_eq!(found(&[daemon(), clean]), []);
        assert_eq!(
            found(&[daemon(), Metric { series: Vec::new(), ..metric("target.x.fds", |_| 0.0) }]),
            []
        );
    }
}
