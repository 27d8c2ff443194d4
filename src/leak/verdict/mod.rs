//! From what was read to what is said: the judges' findings on every metric, as one
//! [`Report`]. Pure: the same records give the same report, at once or from a recording.

mod certain;
mod cohorts;
mod compared;
mod earlier;
mod gate;
mod reason;
mod refusals;
mod series;
mod told;
mod unjudged;
mod watch;

use super::attribute;
use super::judge::baseline::{self, Own};
use super::judge::combine::{self, Conditions, Finding, Mode};
use super::judge::longer::{Gain, Longer};
use super::judge::passive::{self, Passive, Undecided};
use super::judge::shape::Shape;
use super::judge::words::span;
use super::judge::{Options, Verdict, driven, plan};
use super::record::{Cut, Drive, Groups, Header, Record, Stage};
use super::report::{self, AsBefore, Interval, Metric, Reason, Report, Rung};
pub use compared::compared;
use earlier::Before;
pub use gate::{NoSuchMetric, is_gated, known};
use series::Series;
pub use watch::Watch;

/// The metric of what outlived its use in cmon itself.
const SURVIVORS: &str = "own.survivors";
/// What the judges are asked by so many gated metrics, and so many of them with ids: all of it that is known
/// before a check begins.
pub fn asked(header: &Header, metrics: usize, with_ids: usize) -> Options {
    // Each of them is tested twice where cmon drives: per cycle and per minute.
    let tests = if header.drive.has_rungs() { 2 * metrics } else { metrics };
    let tests = tests + cohorts::tests(header, with_ids);
    Options {
        alpha: header.rules.alpha,
        max_per_cycle: header.rules.max_per_cycle,
        max_per_minute: header.rules.max_per_min,
        early_stop: header.drive.has_rungs(),
        metrics: tests.max(1),
        seed: header.seed,
        ..Options::default()
    }
}

/// The same, with what has become of the check.
fn options(series: &Series<'_>, metrics: usize, with_ids: usize) -> Options {
    Options {
        stopped: series.end.is_some_and(|end| end.sure),
        warmup_cycles: series.warm_up_cycles(),
        ..asked(series.header, metrics, with_ids)
    }
}

/// Judges a check by its records, in their order; `baseline` are those of an earlier one, against which
/// only new growth counts.
///
/// # Errors
/// They do not begin with a header.
pub fn judge(records: &[Record], baseline: Option<&[Record]>) -> Result<Report, NoHeader> {
    let series = Series::of(records).ok_or(NoHeader)?;
    let before = baseline.map(|records| Before::of(records, &series)).transpose()?;
    let (dumps, cuts) = (series.dumps(), series.cuts.iter().map(|cut| (*cut).clone()).collect());
    Ok(Judging { series: &series, dumps, cuts, before: before.as_ref() }.report())
}

/// Records that do not begin with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not begin with a header")]
pub struct NoHeader;

struct Judging<'a> {
    series: &'a Series<'a>,
    /// Of after the warm-up.
    dumps: Vec<Groups>,
    cuts: Vec<Cut>,
    before: Option<&'a Before>,
}

/// What was found on one metric, with what the charts need.
struct Judged {
    findings: Vec<Finding>,
    /// What a baseline is compared with.
    figures: Vec<Own>,
    /// What of it grows as it did before.
    as_before: Vec<AsBefore>,
    /// What a longer run would tell of it, where this one could not.
    longer: Option<Longer>,
    metric: Metric,
}

impl Judged {
    fn new(findings: Vec<Finding>, figures: Vec<Own>, metric: Metric) -> Self {
        Self { findings, figures, as_before: Vec::new(), longer: None, metric }
    }

    /// Memory grows for many reasons, and tolerances are made for counts: unless it was asked for, it is
    /// no leak.
    fn proves_nothing(&mut self) {
        let findings = self.findings.iter_mut().map(|finding| &mut finding.verdict);
        for verdict in findings.chain([&mut self.metric.verdict]) {
            if *verdict == Verdict::Leak {
                *verdict = Verdict::Inconclusive;
            }
        }
    }
}

impl Judging<'_> {
    fn report(&self) -> Report {
        let series = self.series;
        let header = series.header;
        let names = series.metrics();
        let gated = |name: &&&str| is_gated(name, &header.rules);
        let with_ids = series.with_ids().iter().filter(gated).count();
        let options = options(series, names.iter().filter(gated).count(), with_ids);
        let mut judged: Vec<Judged> = Vec::new();
        judged.extend(self.survivors());
        judged.extend(self.proofs());
        judged.extend(names.iter().map(|name| self.metric(name, &options)));
        let findings: Vec<Finding> =
            judged.iter().flat_map(|judged| judged.findings.iter().cloned()).collect();
        let conditions = self.conditions();
        let overall = combine::combine(&findings, &conditions, &options);
        let as_before = judged.iter().filter(|judged| judged.metric.gated);
        let as_before = as_before.flat_map(|judged| judged.as_before.clone()).collect();
        let baseline = self.before.map(|before| before.told(as_before));
        let open = |judged: &&Judged| {
            let found = overall.metrics.iter().find(|found| found.name == judged.metric.name);
            judged.metric.gated && found.is_some_and(|found| found.verdict == Verdict::Inconclusive)
        };
        let longer: Vec<Longer> =
            judged.iter().filter(open).filter_map(|judged| judged.longer).collect();
        let mut metrics: Vec<Metric> = judged.into_iter().map(|judged| judged.metric).collect();
        for metric in &mut metrics {
            let found = overall.metrics.iter().find(|found| found.name == metric.name);
            if let Some(found) = found {
                metric.verdict = found.verdict;
                if found.held_back {
                    metric.reason = Some(Reason::WeakAmongMany);
                }
            }
            if metric.groups.is_empty() {
                let (name, leaks) = (&metric.name, metric.verdict == Verdict::Leak);
                metric.groups =
                    attribute::growth(&self.dumps, name, &self.cuts, &metric.series, leaks);
            }
        }
        metrics.sort_by_key(|metric| !metric.gated);
        let end = series.end;
        let failure = end.and_then(|end| end.failure.clone());
        let failure = failure.or_else(|| self.unjudged());
        // Whether cmon left something behind is known at the end only.
        let cut_off = end.is_none() && header.drive.opens_streams();
        let verdict = match (&failure, overall.verdict) {
            (Some(_), Verdict::Clean | Verdict::Inconclusive) => Verdict::Invalid,
            (_, Verdict::Clean) if cut_off => Verdict::Inconclusive,
            (_, verdict) => verdict,
        };
        let because = match (&failure, verdict) {
            (Some(failure), Verdict::Invalid) => failure.clone(),
            (_, Verdict::Inconclusive) if cut_off && overall.verdict == Verdict::Clean => {
                "the recording has no end: what cmon left behind is not known".to_owned()
            }
            _ => told::because(verdict, &overall),
        };
        // What the recording lacks says more than the metrics.
        let is_final = failure.is_some() || cut_off && overall.verdict == Verdict::Clean;
        let pairs = series.rungs().len() / 2;
        let fewest = plan::fewest_pairs(&options);
        let needed = fewest as u64;
        let mut report = Report {
            schema: report::SCHEMA,
            verdict,
            because,
            cmon: header.cmon.clone(),
            begun: header.begun.clone(),
            seconds: series.seconds(),
            interrupted: end.is_none_or(|end| end.interrupted),
            daemon: header.daemon.clone(),
            containers: header.containers.clone(),
            targets: header.targets.clone(),
            drive: header.drive,
            stream_timeout: header.stream_timeout,
            seed: header.seed,
            cycles: series.cycles(),
            cycles_per_minute: series.cycles_per_minute(),
            cycles_expected: series.cycles_expected(),
            warm_up_cycles: series.warm_up_cycles(),
            pairs: pairs as u64,
            pairs_needed: if header.drive.has_rungs() { needed } else { 0 },
            lines: header.drive.opens_streams().then(|| series.lines()),
            cpu: series.cpu(),
            baseline,
            rules: header.rules.clone(),
            metrics,
            survivors: end.map(|end| end.survivors.clone()).unwrap_or_default(),
            unavailable: refusals::counted(&series.unavailable),
            cuts: self.cuts.clone(),
            rungs: series.charted(),
            signatures: Vec::new(),
            other_sides: Vec::new(),
            advice: Vec::new(),
        };
        // Memory moves for many reasons; what decides, and its parts, mean something.
        let counts = report.metrics.iter().filter(|metric| !metric.name.ends_with("_bytes"));
        let counts: Vec<Metric> = counts.cloned().collect();
        let run = attribute::Run::of(&report);
        report.other_sides = attribute::other_sides(&counts);
        report.signatures =
            attribute::signatures(&counts, &report.survivors, &report.other_sides, run);
        let advice = told::advice(&report, series.reached(), fewest, &longer);
        report.advice = advice.into_iter().collect();
        if report.verdict != Verdict::Invalid && !is_final {
            report.because = told::sentence(&report, &overall);
        }
        report
    }

    fn conditions(&self) -> Conditions {
        let series = self.series;
        let driven = series.header.drive != Drive::Passive;
        let streams = series.header.drive.opens_streams();
        Conditions {
            lines: streams.then(|| whole(series.lines())),
            cycles: (driven || series.counts_cycles()).then(|| whole(series.cycles())),
            work: series.work(),
            unread: series.unread(),
            gone_at: series.gone_at(),
            daemon_gone_at: series.daemon_gone_at(),
        }
    }

    fn metric(&self, name: &str, options: &Options) -> Judged {
        let gated = is_gated(name, &self.series.header.rules);
        let chart = self.series.chart(name);
        let mut judged = match self.series.header.drive {
            Drive::Held | Drive::Passive => self.passive(name, gated, options),
            Drive::Streams | Drive::Command => self.driven(name, gated, options),
        };
        judged.metric.first = chart.first().map_or(0.0, |point| point.2);
        judged.metric.last = chart.last().map_or(0.0, |point| point.2);
        judged.metric.series = chart;
        judged.findings.extend(self.cohorts(name, gated, options));
        if let Some(before) = self.before {
            // Growth that was there before is no news.
            let earlier = before.figures(name);
            let against = baseline::against(&judged.figures, &earlier, options);
            judged.as_before = earlier::as_before(name, &judged.figures, &earlier, &against);
            judged.findings = Finding::against(name, gated, &against);
            judged.metric.verdict = against.verdict;
            judged.metric.mode = "baseline";
            judged.metric.because = against.words();
            judged.metric.reason = Some(Reason::Baseline);
        }
        if let Some(at) = self.series.missing_since(name) {
            let words = format!("it was told until {} only", span(at));
            let finding = Finding::new(name, gated, Mode::Passive, Verdict::Inconclusive, &words);
            judged.findings.push(Finding { doubt: true, ..finding });
            judged.metric.because = format!("{words}; {}", judged.metric.because);
            judged.metric.reason = Some(Reason::Missing { until: at });
        }
        if !gated && name.ends_with("_bytes") {
            judged.proves_nothing();
        }
        judged
    }

    fn driven(&self, name: &str, gated: bool, options: &Options) -> Judged {
        let mut found = driven::judge(&self.series.rungs_of(name), options);
        if self.series.stopped_at().is_some() {
            // What did not grow until the work stopped may have grown after it.
            for verdict in [&mut found.verdict, &mut found.idle.verdict] {
                if *verdict != Verdict::Leak {
                    *verdict = Verdict::Invalid;
                }
            }
        }
        let confidence = 1.0 - 2.0 * options.alpha;
        let metric = Metric {
            name: name.to_owned(),
            gated,
            verdict: found.verdict,
            mode: "driven",
            per_cycle: found.per_cycle.map(|of| Interval::of(of, confidence)),
            per_minute: found.idle.per_minute.map(|of| Interval::of(of, 0.99)),
            p: found.p,
            smallest_per_cycle: found.smallest,
            smallest_per_minute: found.idle.smallest,
            shape: shape(&found.idle),
            form: found.idle.shape.clone(),
            because: found.words(),
            reason: (found.verdict != Verdict::Leak).then(|| reason::driven(&found, options)),
            ..Metric::named(name)
        };
        let figures = Own::driven(&found, options);
        let findings = Finding::driven(name, gated, &found, options).to_vec();
        Judged { longer: longer(&found.idle), ..Judged::new(findings, figures, metric) }
    }

    fn passive(&self, name: &str, gated: bool, options: &Options) -> Judged {
        let work = self.series.work();
        let stretches = self.series.stretches_of(name);
        let judged = stretches.iter().map(|stretch| {
            (
                passive::judge(stretch, work.as_ref(), options),
                stretch.first().map_or(0.0, |of| of.seconds),
            )
        });
        let mut judged: Vec<_> = judged.collect();
        let findings = judged.iter().map(|(found, from)| {
            let mut finding = Finding::passive(name, gated, found, options);
            if 1 < stretches.len() {
                finding.words = format!("from {} on: {}", span(*from), finding.words);
            }
            finding
        });
        let findings: Vec<Finding> = findings.collect();
        // The longest stands for all, but for one that leaks.
        let leaks = judged.iter().position(|(found, _)| found.verdict == Verdict::Leak);
        let (found, from) = match judged.is_empty() {
            true => (Passive::unknown(), 0.0),
            false => judged.swap_remove(leaks.unwrap_or(0)),
        };
        let times = self.series.restarts_of(name);
        let restarted = match found.undecided {
            Some(Undecided::TooShort { least }) if 0 < times => {
                let longest = stretches.first().and_then(|of| Some((of.first()?, of.last()?)));
                let longest = longest.map_or(0.0, |(first, last)| last.seconds - first.seconds);
                Some(Reason::Restarted { times, longest, least })
            }
            _ => None,
        };
        let per_cycle =
            self.series.cycles_rate().zip(found.per_minute).map(|(rate, minute)| Interval {
                estimate: minute.estimate / rate,
                low: minute.low / rate,
                high: minute.high / rate,
                confidence: 0.99,
            });
        let metric = Metric {
            name: name.to_owned(),
            gated,
            verdict: found.verdict,
            mode: "passive",
            per_cycle,
            per_minute: found.per_minute.map(|of| Interval::of(of, 0.99)),
            p: found.p,
            smallest_per_minute: found.smallest,
            shape: shape(&found),
            form: found.shape.clone(),
            since: (1 < stretches.len()).then_some(from),
            because: found.words(),
            reason: (found.verdict != Verdict::Leak)
                .then(|| restarted.unwrap_or_else(|| reason::passive(&found))),
            ..Metric::named(name)
        };
        let figures = Own::passive(&found, options).to_vec();
        // A longer run has more restarts, and no longer parts.
        let longer = if restarted.is_some() { None } else { longer(&found) };
        Judged { longer, ..Judged::new(findings, figures, metric) }
    }
}

/// What a longer run would tell of growth by time.
fn longer(found: &Passive) -> Option<Longer> {
    let gain = match found.undecided? {
        Undecided::TooShort { .. } => Gain::ByTime,
        Undecided::DetectionLimit { .. } | Undecided::NearTolerance { .. } => Gain::Limit,
        Undecided::WarmUp | Undecided::NearEnd => Gain::WarmUp,
        // That it stays level tells nothing of what bounds it.
        Undecided::Bounded => return None,
    };
    Some(Longer { seconds: Some(found.run_at_least?), gain })
}

fn shape(found: &Passive) -> Option<String> {
    let words = found.shape.to_string();
    (!words.is_empty()).then_some(words)
}

/// A count; what is no count is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is finite, whole and not negative"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

impl Interval {
    fn of(judged: super::judge::Interval, confidence: f64) -> Self {
        let super::judge::Interval { estimate, low, high } = judged;
        Self { estimate, low, high, confidence }
    }
}

impl From<Interval> for super::judge::Interval {
    fn from(Interval { estimate, low, high, .. }: Interval) -> Self {
        Self { estimate, low, high }
    }
}

impl Metric {
    /// Nothing is known of it but its name.
    pub(in crate::leak) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            gated: false,
            verdict: Verdict::Inconclusive,
            mode: "",
            per_cycle: None,
            per_minute: None,
            p: None,
            smallest_per_cycle: None,
            smallest_per_minute: None,
            shape: None,
            form: Shape::Unknown,
            since: None,
            first: 0.0,
            last: 0.0,
            because: String::new(),
            reason: None,
            groups: Vec::new(),
            series: Vec::new(),
        }
    }
}

/// The rungs as the charts shade them.
fn rung_of(stage: Stage, from: f64, to: f64) -> Rung {
    Rung { from, to, driven: matches!(stage, Stage::Drive | Stage::WarmUp) }
}

#[cfg(test)]
mod leading;
#[cfg(test)]
mod partly;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod typical;
