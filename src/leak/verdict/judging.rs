//! Combines the findings on all metrics into one report.

use super::baseline_check::Before;
use super::judge_options::options;
use super::series::Series;
use super::{advice, is_gated, refusals};
use crate::leak::attribute;
use crate::leak::facts::{AsBefore, DaemonFacts, Metric, Reason, Report, VerdictReason};
use crate::leak::judge::combine::{self, Conditions, Finding, Overall};
use crate::leak::judge::new_growth::OwnFigure;
use crate::leak::judge::required_duration::RequiredDuration;
use crate::leak::judge::{Verdict, power};
use crate::leak::record::{Cut, Drive, Groups, Record};
use crate::probe::metric::Unit;
use crate::sort::sort_by_key;

/// Judges the records of a check. With the records of an earlier check as `baseline`, only new growth is a leak.
///
/// # Errors
/// The records do not start with a header.
pub(crate) fn judge(records: &[Record], baseline: Option<&[Record]>) -> Result<Report, NoHeader> {
    let series = Series::of(records).ok_or(NoHeader)?;
    let before = match baseline {
        None => None,
        Some(records) => Some(Before::of(records, judge(records, None)?, &series)?),
    };
    let (dumps, cuts) = (series.dumps(), series.cuts.iter().map(|cut| (*cut).clone()).collect());
    Ok(Judging { series: &series, dumps, cuts, before: before.as_ref() }.report())
}

/// Records that do not start with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not begin with a header")]
pub(crate) struct NoHeader;

pub(super) struct Judging<'a> {
    pub(super) series: &'a Series<'a>,
    /// The dumps after the warm-up.
    pub(super) dumps: Vec<Groups>,
    pub(super) cuts: Vec<Cut>,
    pub(super) before: Option<&'a Before>,
}

/// The findings on one metric.
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    /// The rates to compare with a baseline.
    pub(super) figures: Vec<OwnFigure>,
    /// Growth that the earlier check had too.
    pub(super) as_before: Vec<AsBefore>,
    /// The longer run that would decide, if this one does not.
    pub(super) longer: Option<RequiredDuration>,
    pub(super) metric: Metric,
}

impl Judged {
    pub(super) fn new(findings: Vec<Finding>, figures: Vec<OwnFigure>, metric: Metric) -> Self {
        Self { findings, figures, as_before: Vec::new(), longer: None, metric }
    }
}

impl Judging<'_> {
    pub(super) fn report(&self) -> Report {
        let series = self.series;
        let header = series.header;
        let names = series.metrics();
        let gated = names.iter().filter(|name| is_gated(name, &header.rules)).count();
        let options = options(series, gated);
        let mut judged: Vec<Judged> = Vec::new();
        judged.extend(self.survivors());
        judged.extend(self.proofs());
        judged.extend(names.iter().map(|name| self.metric(name, &options)));
        let findings: Vec<Finding> =
            judged.iter().flat_map(|judged| judged.findings.iter().cloned()).collect();
        let overall = combine::combine(&findings, &self.conditions(), &options);
        let (verdict, reason) = self.verdict(&overall);
        let as_before = judged.iter().filter(|judged| judged.metric.gated);
        let as_before = as_before.flat_map(|judged| judged.as_before.clone()).collect();
        let baseline = self.before.map(|before| before.facts(as_before));
        let open = |judged: &&Judged| {
            let found = overall.metrics.iter().find(|found| found.name == judged.metric.name());
            judged.metric.gated && found.is_some_and(|found| found.verdict == Verdict::Inconclusive)
        };
        let longer: Vec<RequiredDuration> =
            judged.iter().filter(open).filter_map(|judged| judged.longer).collect();
        let metrics = judged.into_iter().map(|judged| self.finished(judged.metric, &overall));
        let mut metrics: Vec<Metric> = metrics.collect();
        sort_by_key(&mut metrics, |metric| !metric.gated);
        let end = series.end;
        let fewest = power::fewest_pairs(&options);
        let mut report = Report {
            verdict,
            reason,
            cmon: header.cmon.clone(),
            started: header.started.clone(),
            seconds: series.seconds(),
            interrupted: end.is_none_or(|end| end.interrupted),
            daemon: DaemonFacts::of(header),
            containers: header.containers.clone(),
            targets: header.targets.clone(),
            drive: header.drive,
            stream_timeout: header.stream_timeout,
            seed: header.seed,
            cycles: series.cycles(),
            cycles_per_minute: series.cycles_per_minute(),
            cycles_expected: series.cycles_expected(),
            warm_up_cycles: series.warm_up_cycles(),
            pairs: (series.phases().len() / 2) as u64,
            pairs_needed: if header.drive.has_phases() { fewest as u64 } else { 0 },
            lines: header.drive.opens_streams().then(|| series.lines()),
            cpu: series.cpu(),
            baseline,
            rules: header.rules.clone(),
            metrics,
            survivors: end.map(|end| end.survivors.clone()).unwrap_or_default(),
            unavailable: refusals::counted(&series.unavailable),
            cuts: self.cuts.clone(),
            phases: series.charted(),
            signatures: Vec::new(),
            other_sides: Vec::new(),
            advice: Vec::new(),
        };
        // Memory changes for many reasons, so only counts can match a pattern.
        let counts = report.metrics.iter().filter(|metric| metric.id.unit != Unit::Bytes);
        let counts: Vec<Metric> = counts.cloned().collect();
        let run = attribute::Run::of(&report);
        report.other_sides = attribute::other_sides(&counts);
        report.signatures =
            attribute::signatures(&counts, &report.survivors, &report.other_sides, run);
        let advice = advice::advice(&report, series.achieved(), fewest, &longer);
        report.advice = advice.into_iter().collect();
        report
    }

    /// The verdict over all metrics. A LEAK stands even if the check failed.
    fn verdict(&self, overall: &Overall) -> (Verdict, VerdictReason) {
        let (series, missing) = (self.series, &overall.missing);
        let failed = series.end.and_then(|end| end.failure.clone());
        let failed = failed.map(|cause| VerdictReason::Failed { cause });
        let failed = failed.or_else(|| self.unjudged());
        // Only the end record lists cmon's survivors.
        let cut_off = series.end.is_none() && series.header.drive.opens_streams();
        match (overall.verdict, failed) {
            (Verdict::Leak, _) => {
                (Verdict::Leak, VerdictReason::Leak { until_then: missing.clone() })
            }
            (_, Some(reason)) => (Verdict::Invalid, reason),
            (Verdict::Invalid, None) if missing.is_empty() => {
                (Verdict::Invalid, VerdictReason::NothingJudged)
            }
            (Verdict::Invalid, None) => {
                (Verdict::Invalid, VerdictReason::Missing { conditions: missing.clone() })
            }
            (Verdict::Clean, None) if cut_off => {
                (Verdict::Inconclusive, VerdictReason::RecordingWithoutEnd)
            }
            (Verdict::Clean, None) => {
                let gated = overall.metrics.iter().filter(|metric| metric.gated);
                let per_cycle_only = gated.into_iter().any(|metric| metric.undecided_by_time);
                (Verdict::Clean, VerdictReason::Clean { per_cycle_only })
            }
            (Verdict::Inconclusive, None) => (Verdict::Inconclusive, VerdictReason::Inconclusive),
        }
    }

    /// The metric with its verdict after Holm's correction for multiple tests, and with its groups.
    fn finished(&self, mut metric: Metric, overall: &Overall) -> Metric {
        if let Some(found) = overall.metrics.iter().find(|found| found.name == metric.name()) {
            metric.verdict = found.verdict;
            if found.held_back {
                metric.undecided = Some(Reason::WeakAmongMany);
            }
        }
        if metric.groups.is_empty() {
            let known = match metric.verdict {
                Verdict::Leak => attribute::Known::Leaks,
                _ => attribute::Known::Nothing,
            };
            metric.groups =
                attribute::growth(&self.dumps, metric.name(), &self.cuts, &metric.series, known);
        }
        metric
    }

    fn conditions(&self) -> Conditions {
        let series = self.series;
        let driven = series.header.drive != Drive::Passive;
        let streams = series.header.drive.opens_streams();
        Conditions {
            lines: streams.then(|| to_count(series.lines())),
            cycles: (driven || series.counts_cycles()).then(|| to_count(series.cycles())),
            work: series.work(),
            unread: series.unread(),
            gone_at: series.gone_at(),
            daemon_gone_at: series.daemon_gone_at(),
        }
    }
}

/// A count; a negative number or NaN is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is finite, whole and not negative"
)]
pub(super) fn to_count(value: f64) -> u64 {
    value.max(0.0) as u64
}
