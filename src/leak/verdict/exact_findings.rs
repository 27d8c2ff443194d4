//! Findings without statistics: cmon's survivors after the drain, and leaks that the Go runtime of a target proves.

use std::collections::BTreeMap;

use super::{Judged, Judging, SURVIVORS, is_gated};
use crate::leak::attribute;
use crate::leak::facts::{Interval, Metric, MetricReason};
use crate::leak::judge::combine::{Finding, Mode};
use crate::leak::judge::{Verdict, exact};
use crate::leak::record::{End, Groups};
use crate::probe::metric::MetricId;

/// The quantity with the goroutines that the Go runtime reports as leaked.
const PROOF_QUANTITY: &str = "goroutineleak";

impl Judging<'_> {
    /// cmon's own tasks and connections that are alive after the drain.
    pub(super) fn survivors(&self) -> Option<Judged> {
        let end: &End = self.series.end?;
        if !self.series.header.drive.opens_streams() {
            return None;
        }
        let survivors: Vec<exact::Survivor> = end
            .survivors
            .iter()
            .map(|survivor| exact::Survivor { kind: survivor.kind.clone(), age: survivor.age })
            .collect();
        let result = exact::judge(end.streams_opened, &survivors);
        let gated = is_gated(SURVIVORS, &self.series.header.rules);
        let finding = Finding { gated, ..Finding::exact(SURVIVORS, &result) };
        let last = result.survivors() as f64;
        let metric = Metric {
            gated,
            verdict: result.verdict,
            mode: Mode::Exact,
            per_cycle: Some(self.exactly(result.per_cycle())),
            smallest_per_cycle: (0 < end.streams_opened).then(|| 1.0 / end.streams_opened as f64),
            last,
            reason: MetricReason::Exact { opened: result.opened, survivors: result.kinds },
            ..Metric::named(SURVIVORS)
        };
        Some(Judged::new(vec![finding], Vec::new(), metric))
    }

    /// An exact count as an interval of width 0, with the confidence of the other metrics.
    fn exactly(&self, value: f64) -> Interval {
        let confidence = 1.0 - 2.0 * self.series.header.rules.alpha;
        Interval { estimate: value, low: value, high: value, confidence }
    }

    /// Goroutines that can never wake, according to the Go runtime of a target (Go 1.27 and newer).
    pub(super) fn proofs(&self) -> Vec<Judged> {
        let mut proofs: BTreeMap<&str, Vec<&Groups>> = BTreeMap::new();
        for groups in &self.series.groups {
            if MetricId::parse(&groups.metric).quantity == PROOF_QUANTITY {
                proofs.entry(&groups.metric).or_default().push(groups);
            }
        }
        let total = |groups: &Groups| {
            groups.groups.iter().fold(0, |sum: u64, group| sum.saturating_add(group.count))
        };
        let proof = |(name, dumps): (&str, Vec<&Groups>)| {
            let (first, last) = (dumps.first()?, dumps.last()?);
            let (before, after) = (total(first), total(last));
            let verdict = if before < after { Verdict::Leak } else { Verdict::Clean };
            let dumps: Vec<Groups> = dumps.iter().map(|groups| (*groups).clone()).collect();
            // A gate on goroutines includes the leaked ones.
            let rules = &self.series.header.rules;
            let gated = rules.gate.is_empty()
                || is_gated(name, rules)
                || is_gated(&format!("{}.goroutines", MetricId::parse(name).source), rules);
            let metric = Metric {
                gated,
                verdict,
                mode: Mode::Proof,
                reason: MetricReason::Proof { first: before, last: after },
                groups: attribute::growth(&dumps, name, &self.cuts, &[], attribute::Known::Leaks),
                first: before as f64,
                last: after as f64,
                ..Metric::named(name)
            };
            let finding = Finding { gated, ..Finding::new(name, Mode::Proof, verdict) };
            Some(Judged::new(vec![finding], Vec::new(), metric))
        };
        // Only a leak is reported.
        let judged = proofs.into_iter().filter_map(proof);
        judged.filter(|judged| judged.metric.verdict == Verdict::Leak).collect()
    }
}
