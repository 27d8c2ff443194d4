//! Looks ahead for `--dry-run`: from the plan and one reading to the facts that are told.

use std::time::Duration;

use crate::engine::census::Census;
use crate::leak::judge::longer::Reached;
use crate::leak::judge::passive;
use crate::leak::judge::plan::{self, Plan, RATE};
use crate::leak::probe::{Failure, Found, Probes, Sample};
use crate::leak::record::{Header, Unavailable};
use crate::leak::report::Rung;
use crate::leak::report::outlook::{Now, Outlook, SCHEMA, Source};
use crate::leak::session::spacing;
use crate::leak::verdict;

/// Counts at rest usually scatter by this much.
const SCATTER: f64 = 1.0;

/// Reads each probe once, to tell which figures there are.
pub(super) async fn look(header: Header, plan: Option<&Plan>, mut probes: Probes) -> Outlook {
    let sample = probes.read(0.0, &Census::default()).await;
    let ids: Vec<String> = probes.ids(0.0).into_iter().map(|ids| ids.metric).collect();
    outlook(header, plan, probes.found(), sample, &ids)
}

/// `ids` are the metrics of which it is seen who is there.
fn outlook(
    header: Header,
    plan: Option<&Plan>,
    found: &[Found],
    sample: Sample,
    ids: &[String],
) -> Outlook {
    let gated = |metric: &str| verdict::is_gated(metric, &header.rules);
    let deciding = sample.values.keys().filter(|metric| gated(metric)).count();
    let with_ids = ids.iter().filter(|metric| gated(metric)).count();
    let asked = verdict::asked(&header, deciding, with_ids);
    let per_second = match plan {
        Some(plan) => Some(plan.cycles_per_second),
        None => (header.drive.opens_streams())
            .then(|| header.containers.len() as f64 / header.stream_timeout),
    };
    let metrics = sample.values.iter();
    let metrics =
        metrics.map(|(name, value)| Now { name: name.clone(), gated: gated(name), value: *value });
    let failed = sample.failures.into_iter();
    let failed = failed.map(|Failure { source, why, .. }| Unavailable { metric: source, why });
    let found = found.iter();
    let found = found.map(|one| Source { source: one.source.clone(), readable: one.words.clone() });
    Outlook {
        schema: SCHEMA,
        metrics: metrics.collect(),
        unavailable: sample.unavailable.into_iter().chain(failed).collect(),
        probes: found.collect(),
        seconds: plan.map_or(header.duration, Plan::seconds),
        cycles_per_minute: per_second.map(|rate| rate * 60.0),
        warm_up: plan.map_or(0.0, |plan| plan.warmup),
        warm_up_cycles: plan.map_or(0.0, |plan| plan.warmup_cycles),
        pairs: plan.map_or(0, |plan| plan.pairs() as u64),
        rungs: plan.map(rungs).unwrap_or_default(),
        smallest_per_cycle: plan.and_then(|plan| plan.smallest_leak(SCATTER, &asked)),
        smallest_per_minute: match plan {
            Some(_) => None,
            None => passive::smallest_leak(header.duration, SCATTER, &asked),
        },
        reading_every: spacing(Duration::from_secs_f64(header.duration)).as_secs_f64(),
        long_enough: plan.and_then(|_| {
            let planned = Reached { pace: RATE, pair: 0.0 };
            planned.length_of_pairs(plan::fewest_pairs(&asked))
        }),
        cmon: header.cmon,
        daemon: header.daemon,
        daemon_version: header.daemon_version,
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

/// When each rung begins and ends.
fn rungs(plan: &Plan) -> Vec<Rung> {
    let mut from = plan.warmup;
    let steps = plan.steps.iter();
    steps
        .map(|step| {
            let to = from + step.drive + step.settle;
            Rung { from: std::mem::replace(&mut from, to), to, driven: step.driven }
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
            begun: String::new(),
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
    fn the_smallest_leak_is_that_of_as_many_tests_as_the_judge_will_make() {
        let names = ["own.fds", "own.tasks", "own.rss_bytes", "daemon.fds"];
        let values: BTreeMap<String, f64> = names.map(|name| (name.to_owned(), 9.0)).into();
        let ids = ["own.fds", "own.threads"].map(str::to_owned);
        // Three decide. Of those, ids are had of one, and decide in a long check only.
        for (seconds, tests) in [(1200.0, 6), (1800.0, 7)] {
            let plan = Plan::new(seconds, 10.0, 7);
            let sample = Sample { values: values.clone(), ..Sample::default() };
            let told = outlook(header(seconds), Some(&plan), &[], sample, &ids);
            let options = Options { metrics: tests, ..Options::default() };
            assert_eq!(told.smallest_per_cycle, plan.smallest_leak(SCATTER, &options), "{tests}");
        }
        // A small alpha takes more pairs than three minutes have.
        for (alpha, enough) in [(0.01, 180.0), (1e-6, 600.0)] {
            let mut header = header(60.0);
            header.rules.alpha = alpha;
            let sample = Sample { values: values.clone(), ..Sample::default() };
            let told = outlook(header, Some(&Plan::new(60.0, 10.0, 7)), &[], sample, &[]);
            assert_eq!((told.smallest_per_cycle, told.long_enough), (None, Some(enough)));
        }
    }
}
