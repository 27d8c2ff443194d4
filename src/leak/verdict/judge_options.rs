//! The options of the judges, from the header of a check and what became of it.

use super::series::Series;
use crate::leak::judge::Options;
use crate::leak::record::Header;

/// The options of the judges for this many gated metrics: all of them that are known before a check starts.
pub(crate) fn planned_options(header: &Header, metrics: usize) -> Options {
    // Each of them is tested twice when cmon drives: per cycle and per minute.
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

/// The same, with what has become of the check.
pub(super) fn options(series: &Series<'_>, metrics: usize) -> Options {
    Options {
        stopped: series.end.is_some_and(|end| end.sure),
        warmup_cycles: series.warm_up_cycles(),
        ..planned_options(series.header, metrics)
    }
}
