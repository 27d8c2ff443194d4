//! Targets of which nothing is judged: no verdict is about them, whatever else was read.

use super::Judging;
use super::gate::is_gated;
use crate::leak::facts::VerdictReason;
use crate::leak::metric::{MetricId, Source};

impl Judging<'_> {
    /// Why a target is not judged: it has no figure that decides, or none any more. `None` when each has one, and
    /// when `--gate` names what decides.
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
            // When the last of them was shown, when none is shown any more.
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
        // One that counts the cycles need not decide when something else than cmon itself does.
        let counts = series.counts_cycles() && others && unjudged.len() == 1;
        unjudged.into_iter().next().filter(|_| !counts)
    }
}
