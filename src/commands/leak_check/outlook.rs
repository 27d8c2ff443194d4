//! Looks ahead for `--dry-run`: from the plan and one reading to the facts that are told.

use crate::engine::census::Census;
use crate::leak::judge::plan::Plan;
use crate::leak::probe::{Failure, Found, Probes, Sample};
use crate::leak::record::{Header, Unavailable};
use crate::leak::report::Rung;
use crate::leak::report::outlook::{Now, Outlook, SCHEMA, Source};
use crate::leak::verdict;

/// Counts at rest usually scatter by this much.
const SCATTER: f64 = 1.0;

/// Reads each probe once, to tell which figures there are.
pub(super) async fn look(header: Header, plan: Option<&Plan>, mut probes: Probes) -> Outlook {
    let sample = probes.read(0.0, &Census::default()).await;
    outlook(header, plan, probes.found(), sample)
}

fn outlook(header: Header, plan: Option<&Plan>, found: &[Found], sample: Sample) -> Outlook {
    let gated = |metric: &str| verdict::is_gated(metric, &header.rules);
    let deciding = sample.values.keys().filter(|metric| gated(metric)).count();
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
        smallest_per_cycle: plan
            .and_then(|plan| plan.smallest_leak(SCATTER, header.rules.alpha, 2 * deciding.max(1))),
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
