//! The earlier check of `--baseline`: its differences from this one, and the rates that are comparable.
//!
//! | differs | per cycle | per minute |
//! |---|---|---|
//! | the kind of load (streams, held streams, a command, none) | not compared | not compared |
//! | pace of cycles by half or more, with held streams or a target that counts cycles | compared | not compared |
//! | length by more than twice: the warm-up is a larger part of the shorter check | compared | not compared |
//! | containers, targets, stream timeout, version of the daemon | compared | compared |

use super::{NoHeader, Series};
use crate::leak::facts::{AsBefore, Baseline, Difference, Interval, Load, Report};
use crate::leak::judge::Verdict;
use crate::leak::judge::new_growth::{Against, By, Earlier, Figure, OwnFigure};
use crate::leak::record::{Header, Record};

/// A report mentions different lengths from this ratio on.
const LENGTH_RATIO_NOTED: f64 = 1.25;
/// Lengths above this ratio cannot be compared.
const LENGTH_RATIO_MAX: f64 = 2.0;
/// Paces cannot be compared from this ratio on.
const PACE_RATIO_MAX: f64 = 1.5;

/// An earlier check with its verdict, and the rates that are comparable with this one's.
pub(super) struct Before {
    report: Report,
    compared: Vec<By>,
    differences: Vec<Difference>,
}

impl Before {
    /// Compares the load of the earlier check with that of this one.
    pub(super) fn of(
        records: &[Record],
        report: Report,
        now: &Series<'_>,
    ) -> Result<Self, NoHeader> {
        let then = Series::of(records).ok_or(NoHeader)?;
        let mut before = Self { report, compared: Vec::new(), differences: Vec::new() };
        if then.header.drive == now.header.drive {
            before.compared = vec![By::Cycle, By::Minute];
            before.paces(now);
        } else {
            let [then, now] = [then.header, now.header].map(load);
            before.differences.push(Difference::Load { then, now });
        }
        before.lengths(now);
        before.settings(then.header, now.header);
        Ok(before)
    }

    fn exclude_per_minute(&mut self, difference: Difference) {
        self.compared.retain(|by| *by != By::Minute);
        self.differences.push(difference);
    }

    /// Without idle phases, growth per minute includes growth by cycles, so it depends on their pace.
    fn paces(&mut self, now: &Series<'_>) {
        let paces = (self.report.cycles_per_minute, now.cycles_per_minute());
        if !now.header.drive.has_phases()
            && ratio(paces).is_some_and(|ratio| PACE_RATIO_MAX <= ratio)
        {
            self.exclude_per_minute(Difference::Pace { then: paces.0, now: paces.1 });
        }
    }

    fn lengths(&mut self, now: &Series<'_>) {
        let lengths = (self.report.seconds, now.seconds());
        let difference = |excludes_per_minute| Difference::Length {
            then_seconds: lengths.0,
            now_seconds: lengths.1,
            excludes_per_minute,
        };
        match ratio(lengths) {
            Some(ratio) if LENGTH_RATIO_MAX < ratio && self.compared.contains(&By::Minute) => {
                self.exclude_per_minute(difference(true));
            }
            Some(ratio) if LENGTH_RATIO_NOTED < ratio => self.differences.push(difference(false)),
            _ => {}
        }
    }

    /// Differences that leave the rates comparable.
    fn settings(&mut self, then: &Header, now: &Header) {
        let same_drive = then.drive == now.drive;
        if same_drive && now.drive.opens_streams() {
            let only = only(&then.containers, &now.containers);
            self.differences.extend(only.map(|(gone, new)| Difference::Containers { gone, new }));
        }
        if same_drive && then.stream_timeout.to_bits() != now.stream_timeout.to_bits() {
            let (then_seconds, now_seconds) = (then.stream_timeout, now.stream_timeout);
            self.differences.push(Difference::StreamTimeout { then_seconds, now_seconds });
        }
        let only = only(&then.targets, &now.targets);
        self.differences.extend(only.map(|(gone, new)| Difference::Targets { gone, new }));
        let versions = (then.daemon_version.as_str(), now.daemon_version.as_str());
        if versions.0 != versions.1 && !versions.0.is_empty() && !versions.1.is_empty() {
            let (then, now) = (versions.0.to_owned(), versions.1.to_owned());
            self.differences.push(Difference::DaemonVersion { then, now });
        }
    }

    /// The comparable rates of a metric.
    pub(super) fn figures(&self, name: &str) -> Earlier {
        let metric = self.report.metric(name);
        let figure = |by: By, rate: Option<Interval>| {
            let rate = rate.filter(|_| self.compared.contains(&by))?;
            Some(Figure::new(rate.into(), rate.confidence))
        };
        Earlier {
            per_cycle: figure(By::Cycle, metric.and_then(|metric| metric.per_cycle)),
            per_minute: figure(By::Minute, metric.and_then(|metric| metric.per_minute)),
        }
    }

    pub(super) fn facts(&self, as_before: Vec<AsBefore>) -> Baseline {
        Baseline {
            started: self.report.started.clone(),
            verdict: self.report.verdict,
            compared: self.compared.clone(),
            differences: self.differences.clone(),
            as_before,
        }
    }
}

/// The rates of a metric that grow significantly, but are no leak because the earlier check had them too.
pub(super) fn as_before(
    name: &str,
    now: &[OwnFigure],
    before: &Earlier,
    against: &Against,
) -> Vec<AsBefore> {
    let grown = now.iter().zip(&against.parts).filter_map(|(own, part)| {
        let excused = part.verdict == Verdict::Clean && own.verdict != Verdict::Clean;
        let now = own.figure.filter(|figure| excused && 0.0 < figure.rate.low)?;
        let before = match own.by {
            By::Cycle => before.per_cycle,
            By::Minute => before.per_minute,
        }?;
        Some(AsBefore {
            name: name.to_owned(),
            by: own.by,
            now: now.rate.estimate,
            before: before.rate.estimate,
            less: part.difference.is_some_and(|difference| difference.high < 0.0),
        })
    });
    grown.collect()
}

/// The larger value divided by the smaller; `None` unless both are positive.
fn ratio((a, b): (f64, f64)) -> Option<f64> {
    (0.0 < a && 0.0 < b).then(|| (a / b).max(b / a))
}

fn load(header: &Header) -> Load {
    Load { drive: header.drive, containers: header.containers.len() }
}

/// The names that only the earlier check has, and those that only this one has; `None` when both have the same.
fn only(then: &[String], now: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    let difference = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|name| !others.contains(name)).cloned().collect()
    };
    let (gone, new) = (difference(then, now), difference(now, then));
    (!gone.is_empty() || !new.is_empty()).then_some((gone, new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::record::Drive;
    use crate::leak::verdict::judge;
    use crate::leak::verdict::tests::{driven, held_records, passive};

    /// A check of this many goroutines per cycle, its header changed.
    fn leaking(rate: f64, change: impl Fn(&mut Header)) -> Vec<Record> {
        let mut records = driven(|_, cycles| 72.0 + (cycles * rate).floor());
        if let Record::Header(header) = &mut records[0] {
            change(header);
        }
        records
    }

    fn against(change: impl Fn(&mut Header)) -> (Report, Baseline) {
        let report = judge(&leaking(0.5, |_| {}), Some(&leaking(0.5, change))).unwrap();
        let baseline = report.baseline.clone().unwrap();
        (report, baseline)
    }

    #[test]
    fn checks_with_the_same_load_are_compared() {
        let (report, baseline) = against(|_| {});
        assert_eq!(report.verdict, Verdict::Clean, "{}", report.summary());
        assert!(report.summary().contains("daemon.goroutines grows as before: 0.5 per cycle"));
        assert_eq!(baseline.differences, []);
        assert_eq!(baseline.compared, [By::Cycle, By::Minute]);
    }

    #[test]
    fn a_check_with_another_kind_of_load_is_not_compared() {
        for (drive, shown) in [
            (Drive::Command, "ran a command for each cycle"),
            (Drive::Passive, "only watched"),
            (Drive::Held, "held streams of 2 containers"),
        ] {
            let (report, baseline) = against(|header| header.drive = drive);
            assert_eq!(report.verdict, Verdict::Inconclusive, "{shown}: {}", report.summary());
            assert_eq!(baseline.compared, []);
            assert_eq!(
                baseline.difference_lines()[0],
                format!(
                    "the earlier run {shown}, this one opened and closed streams of 2 containers: \
                     their figures cannot be compared"
                )
            );
            assert!(
                report.advice_lines().iter().any(|advice| advice.contains("without --baseline"))
            );
            // A check that is clean by itself stays clean, and its summary mentions no comparison.
            let earlier = leaking(0.5, |header| header.drive = drive);
            let clean = judge(&leaking(0.0, |_| {}), Some(&earlier)).unwrap();
            assert_eq!(clean.verdict, Verdict::Clean, "{}", clean.summary());
            assert!(clean.summary().starts_with("none of the 2 metrics"), "{}", clean.summary());
        }
    }

    #[test]
    fn other_containers_targets_and_daemons_are_reported() {
        let (report, baseline) = against(|header| {
            header.containers = vec!["web".to_owned(), "old".to_owned()];
            header.targets = vec!["pid:7".to_owned()];
            header.stream_timeout = 0.1;
            header.daemon_version = "27.1".to_owned();
        });
        assert_eq!(report.verdict, Verdict::Clean, "{}", report.summary());
        assert_eq!(
            baseline.difference_lines(),
            [
                "the earlier run had streams of old, this one has not; this one has streams of db, \
                 the earlier run had not",
                "the earlier run closed each stream after 100ms, this one after 200ms",
                "the earlier run had targets pid:7, this one has not",
                "the daemon was 27.1 in the earlier run, and is 20.10.24 now",
            ]
        );
    }

    #[test]
    fn growth_per_minute_is_not_compared_with_a_far_shorter_check() {
        let by_time = || passive(|at| 52.0 + (at / 4.0).floor(), |_| 0.0);
        let shown = |before: &[Record]| {
            let report = judge(&by_time(), Some(before)).unwrap();
            (report.verdict, report.baseline.unwrap())
        };
        let (verdict, baseline) = shown(&by_time());
        assert_eq!((verdict, baseline.compared.len()), (Verdict::Clean, 2));
        let mut short = by_time();
        short.truncate(short.len() / 3);
        let (verdict, baseline) = shown(&short);
        assert_eq!((verdict, &baseline.compared), (Verdict::Inconclusive, &vec![By::Cycle]));
        let difference = &baseline.difference_lines()[0];
        assert!(difference.ends_with("growth per minute is not compared"), "{difference}");
    }

    #[test]
    fn growth_per_minute_of_held_streams_is_not_compared_at_another_pace() {
        let shown = |timeout: f64| {
            let held = |timeout: f64| held_records(timeout, 0.0, 32.0);
            let report = judge(&held(30.0), Some(&held(timeout))).unwrap();
            (report.verdict, report.baseline.unwrap().difference_lines())
        };
        assert_eq!(shown(30.0), (Verdict::Clean, Vec::new()));
        let (verdict, differences) = shown(3.0);
        assert_eq!(verdict, Verdict::Inconclusive);
        assert_eq!(
            differences,
            [
                "the earlier run had 40 cycles/min, this one 4: growth per minute is not compared",
                "the earlier run closed each stream after 3s, this one after 30s",
            ]
        );
    }
}
