//! Finds targets without any gated metric: the check cannot judge them.

use super::Judging;
use super::gate::is_gated;
use crate::leak::facts::VerdictReason;
use crate::probe::metric::{MetricId, Source};

impl Judging<'_> {
    /// A target that has no gated metric, or lost all of them. `None` if each target has one, or with `--gate`.
    pub(super) fn unjudged(&self) -> Option<VerdictReason> {
        let (series, rules) = (self.series, &self.series.header.rules);
        if !rules.gate.is_empty() {
            return None;
        }
        let metrics: Vec<MetricId> = series.metrics().into_iter().map(MetricId::parse).collect();
        let decides = |id: &&MetricId| is_gated(&id.name, rules);
        let mut unjudged = Vec::new();
        let mut others = metrics.iter().filter(decides).any(|id| id.source == Source::Daemon);
        for target in series.targets() {
            let shown: Vec<&MetricId> = metrics.iter().filter(|id| id.source == target).collect();
            let deciding: Vec<&MetricId> = shown.iter().copied().filter(decides).collect();
            let figures = |ids: &[&MetricId]| ids.iter().map(|id| id.quantity.clone()).collect();
            // The times of their last readings, if all are missing by now.
            let gone: Option<Vec<f64>> =
                deciding.iter().map(|id| series.missing_since(id)).collect();
            match gone {
                Some(_) if deciding.is_empty() => {
                    let figures = figures(&shown);
                    unjudged.push(VerdictReason::NoDecidingFigure { target, figures });
                }
                Some(gone) => {
                    let until = gone.into_iter().fold(0.0, f64::max);
                    let figures = figures(&deciding);
                    unjudged.push(VerdictReason::DecidingFiguresGone { target, figures, until });
                }
                None => others = true,
            }
        }
        // A target that counts the cycles needs no gated metric if the daemon or another target has one.
        let counts = series.counts_cycles() && others && unjudged.len() == 1;
        unjudged.into_iter().next().filter(|_| !counts)
    }
}
