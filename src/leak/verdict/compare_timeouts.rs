//! Compares runs with different stream timeouts: does the growth depend on the timeout?

use crate::leak::facts::{Compared, Comparison, Gone, Metric, Report};
use crate::leak::judge::dependence::{Growth, depends};

/// Compares the first run with the last, metric by metric.
pub(crate) fn compared(runs: Vec<Report>) -> Comparison {
    let metrics = match runs.as_slice() {
        [first, .., last] => metrics(first, last),
        _ => Vec::new(),
    };
    let containers_gone = match runs.as_slice() {
        [first, later @ ..] => later.iter().filter_map(|run| gone(first, run)).collect(),
        [] => Vec::new(),
    };
    Comparison { metrics, containers_gone, runs }
}

/// The containers of the first run that this one did not have.
fn gone(first: &Report, run: &Report) -> Option<Gone> {
    let missing = first.containers.iter().filter(|name| !run.containers.contains(name));
    let containers: Vec<String> = missing.cloned().collect();
    (!containers.is_empty()).then_some(Gone {
        stream_timeout_seconds: run.stream_timeout,
        of: first.containers.len(),
        containers,
    })
}

fn metrics(first: &Report, last: &Report) -> Vec<Compared> {
    let compared = first.gated().filter_map(|metric| {
        let other = last.metric(metric.name())?;
        let (short, long) = (growth(first, metric)?, growth(last, other)?);
        let dependence = depends(&short, &long, first.rules.max_per_min);
        Some(Compared { name: metric.id.name.clone(), dependence })
    });
    compared.collect()
}

fn growth(run: &Report, metric: &Metric) -> Option<Growth> {
    let per_minute = metric.per_minute?.into();
    Some(Growth { per_minute, cycles_per_minute: run.cycles_per_minute })
}
