//! Runs under different stream timeouts beside each other: does the growth depend on the timeout?

use crate::leak::judge::compare::{CANNOT_TELL, Cause, Growth, depends};
use crate::leak::judge::words::names;
use crate::leak::report::compare::Comparison;
use crate::leak::report::figures::duration;
use crate::leak::report::{Metric, Report};

/// Compares the first run with the last, metric by metric; the answer comes first.
pub fn compared(runs: Vec<Report>) -> Comparison {
    let mut sentences = match runs.as_slice() {
        [first, .., last] => sentences(first, last),
        _ => vec!["one run alone cannot be compared".to_owned()],
    };
    if let [first, later @ ..] = runs.as_slice() {
        sentences.extend(later.iter().filter_map(|run| gone(first, run)));
    }
    Comparison { runs, sentences }
}

/// Which containers of the first run this one had not.
fn gone(first: &Report, run: &Report) -> Option<String> {
    let missing = first.containers.iter().filter(|name| !run.containers.contains(name));
    let missing: Vec<String> = missing.cloned().collect();
    (!missing.is_empty()).then(|| {
        let were = if missing.len() == 1 { "was" } else { "were" };
        format!(
            "{} of {} containers of the first run {were} gone in the run with {}: {}",
            missing.len(),
            first.containers.len(),
            duration(run.stream_timeout),
            names(&missing)
        )
    })
}

fn sentences(first: &Report, last: &Report) -> Vec<String> {
    let (mut sentences, mut still, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
    for metric in first.metrics.iter().filter(|metric| metric.gated) {
        let other = last.metrics.iter().find(|other| other.name == metric.name);
        let growths = other.and_then(|other| Some((growth(first, metric)?, growth(last, other)?)));
        let Some((one, other)) = growths else {
            continue;
        };
        let found = depends(&one, &other, first.rules.max_per_min);
        match found.cause {
            Cause::None => still.push(metric.name.as_str()),
            Cause::Unclear => unclear.push(metric.name.as_str()),
            _ => sentences.push(format!("{} {}", metric.name, found.words())),
        }
    }
    if !still.is_empty() {
        sentences.push(format!("no growth under either stream timeout: {}", still.join(", ")));
    }
    // What can be told comes before what cannot.
    if !unclear.is_empty() {
        let names = unclear.join(", ");
        sentences.push(format!("{CANNOT_TELL} ({names})"));
    }
    if sentences.is_empty() {
        sentences.push("nothing was measured in both runs".to_owned());
    }
    sentences
}

fn growth(run: &Report, metric: &Metric) -> Option<Growth> {
    let per_minute = metric.per_minute?.into();
    Some(Growth { per_minute, cycles_per_minute: run.cycles_per_minute })
}
