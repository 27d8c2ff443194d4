//! `--dry-run`: builds a plan report from the plan and one reading.

use std::time::Duration;

use crate::engine::census::Census;
use crate::leak::facts::{DaemonFacts, Now, Phase, PlanReport, Readable, Unavailable};
use crate::leak::judge::design::CYCLES_PER_SECOND;
use crate::leak::judge::passive;
use crate::leak::judge::plan::Plan;
use crate::leak::judge::power;
use crate::leak::judge::required_duration::AchievedRate;
use crate::leak::record::Header;
use crate::leak::session::reading_interval;
use crate::leak::verdict;
use crate::probe::metric::{MetricId, Source};
use crate::probe::{Failure, Found, Probes, Sample};

/// The assumed standard deviation of counts at rest.
const ASSUMED_REST_SD: f64 = 1.0;

/// Reads each probe once, and reports the plan.
pub(super) async fn read_plan(
    header: Header,
    plan: Option<&Plan>,
    mut probes: Probes,
) -> PlanReport {
    let sample = probes.read(0.0, &Census::default()).await;
    plan_report(header, plan, probes.found(), sample)
}

fn plan_report(header: Header, plan: Option<&Plan>, found: &[Found], sample: Sample) -> PlanReport {
    let gated = |metric: &str| verdict::is_gated(metric, &header.rules);
    let deciding = sample.values.keys().filter(|metric| gated(metric)).count();
    let options = verdict::planned_options(&header, deciding);
    let per_second = match plan {
        Some(plan) => Some(plan.cycles_per_second),
        None => (header.drive.opens_streams())
            .then(|| header.containers.len() as f64 / header.stream_timeout),
    };
    let metrics = sample.values.iter();
    let metrics = metrics.map(|(name, value)| Now {
        id: MetricId::parse(name),
        gated: gated(name),
        value: *value,
    });
    let unavailable = |metric, reason| Unavailable { metric, reason, times: 1 };
    let failed = sample.failures.into_iter();
    let failed = failed.map(|Failure { source, reason }| unavailable(source, reason.into()));
    let missing = sample.unavailable.into_iter();
    let missing = missing.map(|record| unavailable(record.metric, record.reason));
    let found = found.iter().map(|probe| Readable {
        source: Source::parse(&probe.source),
        readable: probe.readable.clone(),
    });
    PlanReport {
        daemon: DaemonFacts::of(&header),
        time: header.started,
        metrics: metrics.collect(),
        unavailable: missing.chain(failed).collect(),
        probes: found.collect(),
        seconds: plan.map_or(header.duration, Plan::seconds),
        cycles_per_minute: per_second.map(|rate| rate * 60.0),
        warm_up: plan.map_or(0.0, |plan| plan.warmup),
        warm_up_cycles: plan.map_or(0.0, |plan| plan.warmup_cycles),
        pairs: plan.map_or(0, |plan| plan.pairs() as u64),
        phases: plan.map(phases).unwrap_or_default(),
        smallest_per_cycle: plan.and_then(|plan| plan.smallest_leak(ASSUMED_REST_SD, &options)),
        smallest_per_minute: match plan {
            Some(_) => None,
            None => passive::smallest_leak(header.duration, ASSUMED_REST_SD, &options),
        },
        reading_every: reading_interval(Duration::from_secs_f64(header.duration)).as_secs_f64(),
        long_enough: plan.and_then(|_| {
            let planned = AchievedRate { pace: CYCLES_PER_SECOND, pair: 0.0 };
            planned.length_of_pairs(power::fewest_pairs(&options))
        }),
        cmon: header.cmon,
        containers: header.containers,
        targets: header.targets,
        drive: header.drive,
        cycles_metric: header.cycles_metric,
        duration: header.duration,
        stream_timeout: header.stream_timeout,
        seed: header.seed,
        rules: header.rules,
    }
}

fn phases(plan: &Plan) -> Vec<Phase> {
    let mut from = plan.warmup;
    let steps = plan.steps.iter();
    steps
        .map(|step| {
            let to = from + step.drive + step.settle;
            Phase { from: std::mem::replace(&mut from, to), to, driven: step.driven }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::leak::judge::Options;
    use crate::leak::record::{Drive, Rules, VERSION};

    fn header(duration: f64) -> Header {
        Header {
            v: VERSION,
            cmon: "0.1.0".to_owned(),
            started: String::new(),
            daemon: String::new(),
            daemon_version: String::new(),
            containers: vec!["web".to_owned()],
            targets: Vec::new(),
            cycles_metric: String::new(),
            drive: Drive::Streams,
            duration,
            stream_timeout: 0.1,
            seed: 7,
            rules: Rules::default(),
        }
    }

    #[test]
    fn the_smallest_leak_uses_the_number_of_tests_of_the_judge() {
        let names = ["own.fds", "own.tasks", "own.rss_bytes", "daemon.fds"];
        let values: BTreeMap<String, f64> = names.map(|name| (name.to_owned(), 9.0)).into();
        // Three gated metrics with two tests each.
        for (seconds, tests) in [(1200.0, 6), (1800.0, 6)] {
            let plan = Plan::new(seconds, 10.0, 7);
            let sample = Sample { values: values.clone(), ..Sample::default() };
            let planned = plan_report(header(seconds), Some(&plan), &[], sample);
            let options = Options { metrics: tests, ..Options::default() };
            assert_eq!(
                planned.smallest_per_cycle,
                plan.smallest_leak(ASSUMED_REST_SD, &options),
                "{tests}"
            );
        }
        // A small alpha needs more pairs than fit into three minutes.
        for (alpha, enough) in [(0.01, 180.0), (1e-6, 600.0)] {
            let mut header = header(60.0);
            header.rules.alpha = alpha;
            let sample = Sample { values: values.clone(), ..Sample::default() };
            let planned = plan_report(header, Some(&Plan::new(60.0, 10.0, 7)), &[], sample);
            assert_eq!((planned.smallest_per_cycle, planned.long_enough), (None, Some(enough)));
        }
    }
}
