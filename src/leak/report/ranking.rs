//! The order of metrics in a report.

use crate::leak::facts::{Interval, Metric, Report, Verdict};
use crate::leak::judge::combine::Mode;
use crate::probe::metric::Unit;
use crate::sort::sort_by_key;

/// The leading metric of a LEAK: the gated one with the largest growth. Memory, and growth of the daemon that mirrors
/// another source, rank lower.
pub(super) fn leading(report: &Report) -> Option<&Metric> {
    let leaks = report.gated_with(Verdict::Leak);
    let rank = |metric: &Metric| {
        (!is_other_side(report, metric), metric.id.unit == Unit::Count, metric.mode == Mode::Exact)
    };
    leaks.max_by(|a, b| {
        rank(a)
            .cmp(&rank(b))
            .then_with(|| grown(a, report).total_cmp(&grown(b, report)))
            // The first name of equal ones.
            .then_with(|| b.id.name.cmp(&a.id.name))
    })
}

fn is_other_side(report: &Report, metric: &Metric) -> bool {
    report.other_sides.iter().any(|side| side.metric == metric.id.name)
}

/// The lower bound of the growth over the check.
pub(super) fn grown(metric: &Metric, report: &Report) -> f64 {
    let low = |interval: Option<Interval>| {
        let low = interval.map(|interval| interval.low).filter(|low| low.is_finite());
        low.unwrap_or(0.0).max(0.0)
    };
    let by_cycles = low(metric.per_cycle) * report.cycles;
    let by_time = low(metric.per_minute) * report.seconds / 60.0;
    match by_cycles.max(by_time) {
        // A proof has no rate.
        0.0 => (metric.last - metric.first).max(0.0),
        grown => grown,
    }
}

/// The metrics with their indexes: gated ones first, then by verdict, then the leading one. Stable otherwise.
pub(super) fn ordered(report: &Report) -> Vec<(usize, &Metric)> {
    let rank = |verdict| match verdict {
        Verdict::Leak => 0,
        Verdict::Invalid => 1,
        Verdict::Inconclusive => 2,
        Verdict::Clean => 3,
    };
    let leading = leading(report).map(Metric::name);
    let mut all: Vec<_> = report.metrics.iter().enumerate().collect();
    sort_by_key(&mut all, |(_, metric)| {
        let leads = metric.gated && leading == Some(metric.name());
        (!metric.gated, rank(metric.verdict), !leads, is_other_side(report, metric))
    });
    all
}
