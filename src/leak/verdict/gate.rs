//! Which metrics decide.

use super::SURVIVORS;
use crate::leak::metric::{MetricId, Source, Unit, is_of};
use crate::leak::record::Rules;

/// What decides by default: counts, not bytes, of cmon and of the daemon.
const GATED: [&str; 5] =
    ["own.tasks", "own.fds", "daemon.goroutines", "daemon.fds", "daemon.followers"];
/// The same of a target, behind its name.
const GATED_OF_TARGETS: [&str; 7] =
    ["goroutines", "fds", "threads", "handles", "requests", "resources", "tasks"];

/// Whether a metric decides.
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
                    || rules.pointed.iter().any(|of| of == quantity));
    }
    rules.gate.iter().any(|gate| is_of(metric, gate))
}

/// Whether each entry of the gate names something that there is.
///
/// # Errors
/// Names the entry that does not, and what there is.
pub(crate) fn known<'a>(
    rules: &Rules,
    metrics: impl Iterator<Item = &'a str>,
) -> Result<(), NoSuchMetric> {
    let metrics: Vec<&str> = metrics.chain([SURVIVORS]).collect();
    for entry in &rules.gate {
        let alone = Rules { gate: vec![entry.clone()], ..rules.clone() };
        if !metrics.iter().any(|metric| is_gated(metric, &alone)) {
            return Err(NoSuchMetric { entry: entry.clone(), there: metrics.join(", ") });
        }
    }
    Ok(())
}

/// An entry of the gate that names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--gate names `{entry}`, which is no metric and no source of metrics; there are {there}")]
pub(crate) struct NoSuchMetric {
    entry: String,
    there: String,
}
