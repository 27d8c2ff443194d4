//! The judges' findings on one metric.

use super::{Judged, Judging, baseline_check, is_gated, undecided};
use crate::leak::facts::{Interval, Metric, MetricReason, Reason, TimeReason};
use crate::leak::judge::combine::{Finding, Mode};
use crate::leak::judge::new_growth::{self, OwnFigure};
use crate::leak::judge::passive::{self, Passive, Undecided};
use crate::leak::judge::required_duration::{Gain, RequiredDuration};
use crate::leak::judge::{Options, Verdict, cohort, driven};
use crate::leak::record::Drive;
use crate::probe::metric::Unit;

/// The confidence of intervals per minute.
const CONFIDENCE_PER_MINUTE: f64 = 0.99;

impl Judging<'_> {
    pub(super) fn metric(&self, name: &str, options: &Options) -> Judged {
        let gated = is_gated(name, &self.series.header.rules);
        let chart = self.series.chart(name);
        let mut judged = match self.series.header.drive {
            Drive::Held | Drive::Passive => self.passive(name, options),
            Drive::Streams | Drive::Command => self.driven(name, options),
        };
        judged.metric.first = chart.first().map_or(0.0, |point| point.2);
        judged.metric.last = chart.last().map_or(0.0, |point| point.2);
        judged.metric.series = chart;
        judged.metric.cohorts = cohort::judge(&self.series.blocks_of(name), options);
        if let Some(before) = self.before {
            let earlier = before.figures(name);
            let against = new_growth::against(&judged.figures, &earlier, options);
            judged.as_before = baseline_check::as_before(name, &judged.figures, &earlier, &against);
            judged.findings = Finding::against(name, &against);
            judged.metric.verdict = against.verdict;
            judged.metric.mode = Mode::Baseline;
            judged.metric.reason = MetricReason::Baseline { figures: against.parts };
            judged.metric.undecided = Some(Reason::Baseline);
        }
        if let Some(until) = self.series.missing_since(&judged.metric.id) {
            let finding = Finding::new(name, Mode::Passive, Verdict::Inconclusive);
            judged.findings.push(Finding { doubt: true, ..finding });
            judged.metric.readable_until = Some(until);
            judged.metric.undecided = Some(Reason::NotReadable { until });
        }
        judged.metric.gated = gated;
        for finding in &mut judged.findings {
            finding.gated = gated;
        }
        if !gated && judged.metric.id.unit == Unit::Bytes {
            judged.downgrade_leak();
        }
        judged
    }

    fn driven(&self, name: &str, options: &Options) -> Judged {
        let mut found = driven::judge(&self.series.phases_of(name), options);
        if self.series.stopped_at().is_some() {
            // Without work, only growth before the stop proves anything.
            for verdict in [&mut found.verdict, &mut found.idle.verdict] {
                if *verdict != Verdict::Leak {
                    *verdict = Verdict::Invalid;
                }
            }
        }
        let confidence = 1.0 - 2.0 * options.alpha;
        let unclear = found.verdict != Verdict::Leak;
        let metric = Metric {
            verdict: found.verdict,
            mode: Mode::Driven,
            per_cycle: found.per_cycle.map(|rate| Interval::of(rate, confidence)),
            per_minute: found.idle.per_minute.map(|rate| Interval::of(rate, CONFIDENCE_PER_MINUTE)),
            p: found.p,
            smallest_per_cycle: found.smallest,
            smallest_per_minute: found.idle.smallest,
            shape: found.idle.shape.clone(),
            reason: MetricReason::driven(&found),
            undecided: unclear.then(|| undecided::driven(&found, options)),
            ..Metric::named(name)
        };
        let figures = OwnFigure::driven(&found, options).to_vec();
        let findings = Finding::driven(name, &found, options).to_vec();
        Judged { longer: longer(&found.idle), ..Judged::new(findings, figures, metric) }
    }

    fn passive(&self, name: &str, options: &Options) -> Judged {
        let work = self.series.work();
        let stretches = self.series.stretches_of(name);
        let judged = stretches.iter().map(|stretch| {
            let from = stretch.first().map_or(0.0, |reading| reading.seconds);
            (passive::judge(stretch, work.as_ref(), options), from)
        });
        let mut judged: Vec<(Passive, f64)> = judged.collect();
        let findings = judged.iter().map(|(found, _)| Finding::passive(name, found, options));
        let findings: Vec<Finding> = findings.collect();
        // The report shows the part that leaks, or else the longest one.
        let leaks = judged.iter().position(|(found, _)| found.verdict == Verdict::Leak);
        let (found, from) = match judged.is_empty() {
            true => (Passive::unknown(), 0.0),
            false => judged.swap_remove(leaks.unwrap_or(0)),
        };
        let times = self.series.restarts_of(name);
        let restarted = match found.undecided {
            Some(Undecided::TooShort { min_seconds }) if 0 < times => {
                let longest =
                    stretches.first().and_then(|part| Some((part.first()?, part.last()?)));
                let longest = longest.map_or(0.0, |(first, last)| last.seconds - first.seconds);
                let (longest_seconds, least_seconds) = (longest, min_seconds);
                Some(Reason::Restarted { times, longest_seconds, least_seconds })
            }
            _ => None,
        };
        let per_cycle =
            self.series.cycles_rate().zip(found.per_minute).map(|(rate, minute)| Interval {
                estimate: minute.estimate / rate,
                low: minute.low / rate,
                high: minute.high / rate,
                confidence: CONFIDENCE_PER_MINUTE,
            });
        let unclear = found.verdict != Verdict::Leak;
        let metric = Metric {
            verdict: found.verdict,
            mode: Mode::Passive,
            per_cycle,
            per_minute: found.per_minute.map(|rate| Interval::of(rate, CONFIDENCE_PER_MINUTE)),
            p: found.p,
            smallest_per_minute: found.smallest,
            shape: found.shape.clone(),
            since: (1 < stretches.len()).then_some(from),
            reason: MetricReason::Passive { per_minute: TimeReason::of(&found) },
            undecided: unclear.then(|| restarted.unwrap_or_else(|| undecided::passive(&found))),
            ..Metric::named(name)
        };
        let figures = vec![OwnFigure::passive(&found, options)];
        // A longer run has more restarts, not longer parts.
        let longer = if restarted.is_some() { None } else { longer(&found) };
        Judged { longer, ..Judged::new(findings, figures, metric) }
    }
}

impl Judged {
    /// Lowers LEAK to INCONCLUSIVE: memory grows for many reasons, so it is no leak unless `--gate` names it.
    fn downgrade_leak(&mut self) {
        let findings = self.findings.iter_mut().map(|finding| &mut finding.verdict);
        for verdict in findings.chain([&mut self.metric.verdict]) {
            if *verdict == Verdict::Leak {
                *verdict = Verdict::Inconclusive;
            }
        }
    }
}

/// The longer run that would decide growth by time.
fn longer(found: &Passive) -> Option<RequiredDuration> {
    let gain = match found.undecided? {
        Undecided::TooShort { .. } => Gain::ByTime,
        Undecided::DetectionLimit { .. } | Undecided::NearTolerance { .. } => Gain::Limit,
        Undecided::WarmUp | Undecided::NearEnd => Gain::WarmUp,
        // A longer run does not show what bounds the growth.
        Undecided::Bounded => return None,
    };
    Some(RequiredDuration { seconds: Some(found.run_at_least?), gain })
}
