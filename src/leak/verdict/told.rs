//! Why a verdict is what it is, in one sentence, and what to do to learn more.

use super::super::judge::combine;
use super::super::judge::longer::Reached;
use super::super::judge::{Verdict, plan, words};
use super::super::report::{AsBefore, Baseline, Metric, Report};

/// One sentence for the whole.
pub(super) fn because(
    verdict: Verdict,
    overall: &combine::Overall,
    metrics: &[Metric],
    baseline: Option<&Baseline>,
) -> String {
    let gated = metrics.iter().filter(|metric| metric.gated).count();
    match verdict {
        Verdict::Clean => {
            let least = metrics.iter().filter(|metric| metric.gated);
            let least = least.filter_map(|metric| metric.smallest_per_cycle).fold(0.0, f64::max);
            let seen = match least {
                0.0 => String::new(),
                least => {
                    format!("; a leak of {} per cycle would have been seen", words::count(least))
                }
            };
            // In a short driven run nothing can be said of time.
            let short =
                overall.metrics.iter().any(|metric| metric.gated && metric.undecided_by_time);
            let how = if short { " per cycle" } else { "" };
            // Where no figure could be compared, it is clean by itself.
            match baseline.filter(|baseline| !baseline.compared.is_empty()) {
                None => format!("nothing grows{how} in {}{seen}", metrics_that_decide(gated)),
                Some(baseline) => {
                    let new = format!(
                        "nothing new grows{how} in {}, compared with the earlier run",
                        metrics_that_decide(gated)
                    );
                    let grown = as_before(baseline);
                    if grown.is_empty() { new + &seen } else { format!("{new}; {grown}") }
                }
            }
        }
        _ => match overall.why.as_slice() {
            [] => "nothing could be judged".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => {
                // A metric may be judged in several ways, and is one all the same.
                let alike = overall.metrics.iter().filter(|m| m.gated && m.verdict == verdict);
                let more = if verdict == Verdict::Invalid {
                    rest.len()
                } else {
                    alike.count().saturating_sub(1)
                };
                if more == 0 { first.clone() } else { format!("{first} (and {more} more)") }
            }
        },
    }
}

fn metrics_that_decide(count: usize) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} gated metric{s}")
}

/// What grows all the same, so that nobody takes it for free of leaks.
fn as_before(baseline: &Baseline) -> String {
    const SHOWN: usize = 3;
    let all = &baseline.as_before;
    let mut parts: Vec<String> = all.iter().take(SHOWN).map(AsBefore::words).collect();
    if SHOWN < all.len() {
        parts.push(format!("and {} more as before", all.len() - SHOWN));
    }
    parts.join("; ")
}

/// What to do to learn more, where a run has gone so fast and it takes so many pairs to be certain.
pub(super) fn advice(report: &Report, reached: Reached, pairs: usize) -> Vec<String> {
    let mut advice = Vec::new();
    let gated = || report.metrics.iter().filter(|metric| metric.gated);
    if report.verdict == Verdict::Invalid && report.lines == Some(0.0) && 0.0 < report.cycles {
        advice.push(
            "the containers wrote nothing that could be read: select some that talk".to_owned(),
        );
    }
    if report.verdict == Verdict::Invalid {
        // A longer run of what did not work does not work either.
        return advice;
    }
    let alone = |baseline: &Baseline| baseline.compared.is_empty();
    if report.baseline.as_ref().is_some_and(alone) && report.verdict == Verdict::Inconclusive {
        advice.push(
            "the earlier run had another kind of load: judge this one without --baseline, or \
             record one with the same load"
                .to_owned(),
        );
    }
    // With rungs, the first 100 s of the load's warm-up are not judged by time.
    let least = if report.drive.has_rungs() { 400.0 } else { 300.0 };
    let short =
        gated().any(|metric| metric.verdict == Verdict::Inconclusive && report.seconds < least);
    if short {
        advice.push(
            "growth by time cannot be told from a warm-up in a check this short: --duration 10m"
                .to_owned(),
        );
    }
    let blunt = gated().any(|metric| {
        metric.smallest_per_cycle.is_some_and(|least| report.rules.max_per_cycle < least)
    });
    if blunt && report.verdict == Verdict::Inconclusive {
        advice.push(
            "this run could not see a leak as small as --max-per-cycle allows: a longer one can"
                .to_owned(),
        );
    }
    let too_few = gated().any(|metric| {
        metric.verdict == Verdict::Inconclusive && metric.smallest_per_cycle.is_none()
    });
    if too_few && report.drive.has_rungs() && report.pairs < pairs as u64 {
        let how = how(reached.length_of_pairs(pairs), "so many");
        let had = report.pairs;
        advice.push(format!(
            "it takes {pairs} pairs of rungs to be certain of a leak per cycle, and there were {had}{how}"
        ));
    }
    if report.warm_up_cycles < plan::WARM_CYCLES && report.drive.has_rungs() {
        let how = how(reached.length_of_warm_up(), "enough");
        advice.push(format!(
            "the warm-up had {} cycles of 1000, and pools may still fill{how}",
            report.warm_up_cycles
        ));
    }
    advice
}

/// The length that has what was missing.
fn how(length: Option<f64>, what: &str) -> String {
    let asked = |seconds| words::span(seconds).replace(' ', "");
    length.map_or_else(
        || ": at this pace a day has not".to_owned(),
        |seconds| format!(": --duration {} has {what}", asked(seconds)),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::record::{Drive, Reading, Record, Stage};
    use super::super::judge;
    use super::super::tests::{end, header};

    /// A check of three minutes whose command takes 5 s.
    fn slow() -> Vec<Record> {
        let mut header = header(Drive::Command);
        header.duration = 180.0;
        let reading = |at: f64, stage, rest, cycles: f64| {
            let values = BTreeMap::from([("own.fds".to_owned(), 9.0)]);
            Record::Reading(Reading { at, stage, rest, settled: 0.0, cycles, lines: 0.0, values })
        };
        let mut records = vec![Record::Header(header), reading(0.0, Stage::Start, true, 0.0)];
        records.push(reading(150.0, Stage::WarmUp, false, 28.0));
        records.push(reading(151.0, Stage::WarmUp, true, 28.0));
        let (mut at, mut cycles) = (151.0, 28.0);
        for stage in [Stage::Drive, Stage::Idle, Stage::Idle, Stage::Drive] {
            cycles += f64::from(u8::from(stage == Stage::Drive));
            records.push(reading(at + 6.25, stage, false, cycles));
            at += 7.25;
            records.push(reading(at, stage, true, cycles));
        }
        records.push(Record::End(end(at, &[])));
        records
    }

    #[test]
    fn what_a_slow_command_needs_goes_by_the_pace_that_it_reached() {
        let report = judge(&slow(), None).unwrap();
        let advice = report.advice.join("\n");
        insta::assert_snapshot!(advice, @r"
        growth by time cannot be told from a warm-up in a check this short: --duration 10m
        it takes 9 pairs of rungs to be certain of a leak per cycle, and there were 2: --duration 5m has so many
        the warm-up had 28 cycles of 1000, and pools may still fill: --duration 6h has enough
        ");
        assert!(report.because.contains("too few pairs to tell"), "{}", report.because);
        let idle = &report.metrics[0].because;
        assert!(idle.ends_with("run at least 7m46s"), "{idle}");
    }
}
