//! What to do to learn more, after a check that did not decide.

use crate::leak::facts::{Advice, Baseline, Reason, Report};
use crate::leak::judge::Verdict;
use crate::leak::judge::combine::Mode;
use crate::leak::judge::design::FULL_WARMUP_CYCLES;
use crate::leak::judge::required_duration::{AchievedRate, Gain, RequiredDuration, common};

/// The most useful step. `longer` are the runs that the judges of gated metrics require, and `pairs` is the minimum of
/// on/off pairs for a significant leak per cycle.
pub(super) fn advice(
    report: &Report,
    achieved: AchievedRate,
    pairs: usize,
    longer: &[RequiredDuration],
) -> Option<Advice> {
    match report.verdict {
        Verdict::Invalid => {
            let silent = report.lines == Some(0.0) && 0.0 < report.cycles;
            silent.then_some(Advice::SelectOtherContainers)
        }
        Verdict::Leak | Verdict::Clean => None,
        Verdict::Inconclusive => {
            let not_comparable = |baseline: &Baseline| baseline.compared.is_empty();
            if report.baseline.as_ref().is_some_and(not_comparable) {
                return Some(Advice::MatchBaselineLoad);
            }
            let unclear = report.gated_with(Verdict::Inconclusive);
            let mut reasons = unclear.filter_map(|metric| metric.undecided);
            let restarted = reasons.find_map(|reason| match reason {
                Reason::Restarted { least_seconds, .. } => {
                    Some(Advice::FindRestarts { least_seconds })
                }
                _ => None,
            });
            restarted.or_else(|| {
                let mut longer = longer.to_vec();
                longer.extend(per_cycle(report, achieved, pairs));
                run_longer(report, &longer)
            })
        }
    }
}

/// The longer runs that would give a verdict per cycle.
fn per_cycle(report: &Report, achieved: AchievedRate, pairs: usize) -> Vec<RequiredDuration> {
    let mut longer = Vec::new();
    let unclear = || report.gated_with(Verdict::Inconclusive);
    let open = || unclear().filter(|metric| metric.mode == Mode::Driven);
    if open().next().is_none() {
        return longer;
    }
    if open().any(|metric| metric.smallest_per_cycle.is_none()) && report.pairs < pairs as u64 {
        let gain = Gain::Pairs { needed: pairs, had: report.pairs };
        longer.push(RequiredDuration { seconds: achieved.length_of_pairs(pairs), gain });
    }
    let blunt = |smallest: f64| report.rules.max_per_cycle < smallest;
    if open().any(|metric| metric.smallest_per_cycle.is_some_and(blunt)) {
        longer.push(RequiredDuration { seconds: Some(2.0 * report.seconds), gain: Gain::Limit });
    }
    if report.warm_up_cycles < FULL_WARMUP_CYCLES {
        let gain = Gain::WarmUpCycles { had: report.warm_up_cycles };
        longer.push(RequiredDuration { seconds: achieved.length_of_warm_up(), gain });
    }
    longer
}

/// The longest of these runs satisfies all of them, so the advice lists all gains.
fn run_longer(report: &Report, longer: &[RequiredDuration]) -> Option<Advice> {
    let mut gains: Vec<Gain> = Vec::new();
    for run in longer {
        if !gains.contains(&run.gain) {
            gains.push(run.gain);
        }
    }
    if gains.is_empty() {
        return None;
    }
    let all: Option<Vec<f64>> = longer.iter().map(|run| run.seconds).collect();
    let seconds = all.map(|all| all.into_iter().fold(0.0, f64::max));
    let seconds = seconds.and_then(|seconds| common(seconds, report.seconds));
    Some(Advice::RunLonger { seconds, gains, driven: report.drive.has_phases() })
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
    fn the_advice_for_a_slow_command_uses_its_achieved_pace() {
        let report = judge(&slow(), None).unwrap();
        let advice = report.advice_lines().join("\n");
        insta::assert_snapshot!(advice);
        assert_eq!(report.summary(), "this check does not show whether own.fds leaks");
        assert!(report.metrics[0].summary().contains("not enough on/off pairs"));
    }
}
