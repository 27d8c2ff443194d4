//! The gate: which metrics decide the verdict.

use super::SURVIVORS;
use crate::leak::record::Rules;
use crate::probe::metric::{MetricId, Source, Unit, is_of};

/// The default gate for cmon and the daemon: counts, not bytes.
const GATED: [&str; 5] =
    ["own.tasks", "own.fds", "daemon.goroutines", "daemon.fds", "daemon.followers"];
/// The default gate for targets: quantities.
const GATED_OF_TARGETS: [&str; 7] =
    ["goroutines", "fds", "threads", "handles", "requests", "resources", "tasks"];

/// Whether the metric decides the verdict.
pub(crate) fn is_gated(metric: &str, rules: &Rules) -> bool {
    let id = MetricId::parse(metric);
    if id.unit == Unit::Seconds {
        return false;
    }
    if rules.gate.is_empty() {
        let quantity = id.quantity.as_str();
        return metric == SURVIVORS
            || GATED.contains(&metric)
            || matches!(id.source, Source::Target(_))
                && (GATED_OF_TARGETS.contains(&quantity)
                    || rules.pointed.iter().any(|selected| selected == quantity));
    }
    rules.gate.iter().any(|gate| is_of(metric, gate))
}

/// Checks that each entry of the gate matches a metric.
///
/// # Errors
/// The first entry that matches none.
pub(crate) fn known<'a>(
    rules: &Rules,
    metrics: impl Iterator<Item = &'a str>,
) -> Result<(), NoSuchMetric> {
    let metrics: Vec<&str> = metrics.chain([SURVIVORS]).collect();
    for entry in &rules.gate {
        let alone = Rules { gate: vec![entry.clone()], ..rules.clone() };
        if !metrics.iter().any(|metric| is_gated(metric, &alone)) {
            return Err(NoSuchMetric { entry: entry.clone(), available: metrics.join(", ") });
        }
    }
    Ok(())
}

/// An entry of the gate that matches no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "--gate names `{entry}`, which is no metric and no source of metrics; there are {available}"
)]
pub(crate) struct NoSuchMetric {
    entry: String,
    available: String,
}
