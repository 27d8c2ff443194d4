//! Why a verdict is what it is, in one sentence, and what to do to learn more.

use crate::leak::judge::combine;
use crate::leak::judge::longer::{Gain, Longer, Reached, usual};
use crate::leak::judge::{Verdict, plan, words};
use crate::leak::report::{Baseline, Reason, Report, headline};

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
            let leak = headline::leak(report, &decided);
            let Some(leak) = leak else { return because(report.verdict, overall) };
            // That the work stopped comes before what grew until then.
            match &overall.why[..overall.missing] {
                [] => leak,
                missing => format!("{}; until then {leak}", missing.join("; ")),
            }
        }
        Verdict::Clean => headline::clean(report, short),
        Verdict::Inconclusive => headline::inconclusive(report),
        Verdict::Invalid => because(report.verdict, overall),
    }
}

/// What decided, where the verdict is not CLEAN. That the work stopped comes before what grew until then.
pub(super) fn because(verdict: Verdict, overall: &combine::Overall) -> String {
    let (missing, found) = overall.why.split_at(overall.missing);
    let alike = overall.metrics.iter().filter(|m| m.gated && m.verdict == verdict).count();
    let count = |first: &str, more: usize| match more {
        0 => first.to_owned(),
        more => format!("{first} (and {more} more)"),
    };
    match (missing, found) {
        ([], []) => "nothing could be judged".to_owned(),
        // A metric may be judged in several ways, and is one all the same.
        ([], [first, ..]) if verdict != Verdict::Invalid => count(first, alike.saturating_sub(1)),
        (missing, [first, ..]) if verdict == Verdict::Leak => {
            let missing = missing.join("; ");
            format!("{missing}; until then {}", count(first, alike.saturating_sub(1)))
        }
        _ => count(&overall.why[0], overall.missing.max(1) - 1),
    }
}

/// The one thing to do to learn more: `longer` are the lengths that the judges of gated metrics ask for, and it takes
/// `pairs` to be certain of a leak per cycle. Nothing beside a LEAK, which needs no more.
pub(super) fn advice(
    report: &Report,
    reached: Reached,
    pairs: usize,
    longer: &[Longer],
) -> Option<String> {
    let silent = report.lines == Some(0.0) && 0.0 < report.cycles;
    match report.verdict {
        // A longer run of what did not work does not work either.
        Verdict::Invalid => silent.then(|| {
            "the containers wrote nothing that could be read: select some that talk".to_owned()
        }),
        Verdict::Leak | Verdict::Clean => None,
        Verdict::Inconclusive => {
            let alone = |baseline: &Baseline| baseline.compared.is_empty();
            if report.baseline.as_ref().is_some_and(alone) {
                return Some(
                    "the earlier run had another kind of load: judge this one without --baseline, or \
                     record one with the same load"
                        .to_owned(),
                );
            }
            let unclear = report.metrics.iter().filter(|metric| metric.gated);
            let mut reasons = unclear
                .filter(|metric| metric.verdict == Verdict::Inconclusive)
                .filter_map(|metric| metric.reason);
            let restarted = reasons.find_map(|reason| match reason {
                Reason::Restarted { least, .. } => Some(words::span(least)),
                _ => None,
            });
            if let Some(least) = restarted {
                return Some(format!(
                    "find what restarts it, or check it while it runs for at least {least} without \
                     a restart: a longer check alone changes nothing"
                ));
            }
            let mut longer = longer.to_vec();
            longer.extend(of_rungs(report, reached, pairs));
            run_longer(report, &longer)
        }
    }
}

/// What a driven run lacked for a verdict per cycle.
fn of_rungs(report: &Report, reached: Reached, pairs: usize) -> Vec<Longer> {
    let mut longer = Vec::new();
    let open = || {
        let gated = report.metrics.iter().filter(|metric| metric.gated);
        gated.filter(|metric| metric.verdict == Verdict::Inconclusive && metric.mode == "driven")
    };
    if open().next().is_none() {
        return longer;
    }
    if open().any(|metric| metric.smallest_per_cycle.is_none()) && report.pairs < pairs as u64 {
        let gain = Gain::Pairs { wanted: pairs, had: report.pairs };
        longer.push(Longer { seconds: reached.length_of_pairs(pairs), gain });
    }
    let blunt = |least: f64| report.rules.max_per_cycle < least;
    if open().any(|metric| metric.smallest_per_cycle.is_some_and(blunt)) {
        longer.push(Longer { seconds: Some(2.0 * report.seconds), gain: Gain::Limit });
    }
    if report.warm_up_cycles < plan::WARM_CYCLES {
        let gain = Gain::WarmUpCycles { had: report.warm_up_cycles };
        longer.push(Longer { seconds: reached.length_of_warm_up(), gain });
    }
    longer
}

/// The longest of them, which has what the others lack too, with all that it would change.
fn run_longer(report: &Report, longer: &[Longer]) -> Option<String> {
    let mut changes: Vec<String> = Vec::new();
    for one in longer {
        let change = match one.gain {
            Gain::ByTime => "tells growth by time from a warm-up".to_owned(),
            Gain::Limit => "rules out smaller leaks".to_owned(),
            Gain::WarmUp => "tells a leak from a slow warm-up or one step".to_owned(),
            Gain::Pairs { wanted, had } => format!(
                "has the {wanted} on/off pairs that a certain leak per cycle takes ({had} in this \
                  run)"
            ),
            Gain::WarmUpCycles { had } => {
                format!("has a warm-up of 1000 cycles ({had:.0} in this run)")
            }
        };
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
    let all: Option<Vec<f64>> = longer.iter().map(|one| one.seconds).collect();
    let seconds = all.map(|all| all.into_iter().fold(0.0, f64::max));
    let changes = match changes.as_slice() {
        [] => return None,
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    Some(match seconds.and_then(|seconds| usual(seconds, report.seconds)) {
        Some(length) => {
            let length = words::span(length).replace(' ', "");
            format!("run at least {length} (--duration {length}): that {changes}")
        }
        None => {
            let lenient = if report.drive.has_rungs() { "per-cycle" } else { "per-min" };
            format!(
                "at this pace a day is too short for a run that {changes}: allow more \
                 (--max-{lenient}), or drive the target faster"
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::leak::record::{Drive, Reading, Record, Stage};
    use crate::leak::verdict::judge;
    use crate::leak::verdict::tests::{end, header};

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
        insta::assert_snapshot!(advice);
        assert_eq!(report.because, "this check cannot tell whether own.fds leaks");
        assert!(report.metrics[0].because.contains("too few pairs to tell"));
    }
}
