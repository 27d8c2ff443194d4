//! The options of the judges, from the header and the course of a check.

use super::series::Series;
use crate::leak::judge::Options;
use crate::leak::record::Header;

/// The options that are known before a check starts, for this number of gated metrics.
pub(crate) fn planned_options(header: &Header, metrics: usize) -> Options {
    // A driven check tests each metric twice: per cycle and per minute.
    let tests = if header.drive.has_phases() { 2 * metrics } else { metrics };
    Options {
        alpha: header.rules.alpha,
        max_per_cycle: header.rules.max_per_cycle,
        max_per_minute: header.rules.max_per_min,
        early_stop: header.drive.has_phases(),
        metrics: tests.max(1),
        seed: header.seed,
        ..Options::default()
    }
}

/// All options, after a check or during it.
pub(super) fn options(series: &Series<'_>, metrics: usize) -> Options {
    Options {
        stopped: series.end.is_some_and(|end| end.sure),
        warmup_cycles: series.warm_up_cycles(),
        ..planned_options(series.header, metrics)
    }
}
