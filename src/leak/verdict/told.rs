//! Why a verdict is what it is, in one sentence, and what to do to learn more.

use super::super::judge::combine;
use super::super::judge::longer::Reached;
use super::super::judge::{Verdict, plan, words};
use super::super::report::{Baseline, Report, headline};

/// What the judges say, the first of it: what was missing, or what decided.
pub(super) fn because(overall: &combine::Overall) -> String {
    match overall.why.as_slice() {
        [] => "nothing could be judged".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// The verdict in one sentence, from all that is in the report.
pub(super) fn sentence(report: &Report, overall: &combine::Overall) -> String {
    // In a short driven run nothing can be said of time.
    let short = overall.metrics.iter().any(|metric| metric.gated && metric.undecided_by_time);
    match report.verdict {
        Verdict::Leak => {
            let decided = |name: &str| {
                let metric = overall.metrics.iter().find(|metric| metric.name == name)?;
                let leak = metric.findings.iter().find(|found| found.verdict == Verdict::Leak)?;
                Some(leak.words.clone())
            };
            headline::leak(report, &decided).unwrap_or_else(|| because(overall))
        }
        Verdict::Clean => headline::clean(report, short),
        Verdict::Inconclusive => headline::inconclusive(report),
        Verdict::Invalid => because(overall),
    }
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
        assert_eq!(report.because, "this check cannot tell whether own.fds leaks");
        assert!(report.metrics[0].because.contains("too few pairs to tell"));
        let idle = &report.metrics[0].because;
        assert!(idle.ends_with("run at least 7m46s"), "{idle}");
    }
}
