//! The earlier check that a check is held against (`--baseline`): in what the two differ, which of
//! their figures may be compared, and which growth was there before.
//!
//! | differs | per cycle | per minute |
//! |---|---|---|
//! | the kind of load (streams, held streams, a command, none) | not compared | not compared |
//! | cycles that go on during what is measured per minute (held streams, a target that counts them), by half or more | compared | not compared |
//! | length, one more than twice the other: the shorter has more of the warm-up in it | compared | not compared |
//! | containers, targets, stream timeout, version of the daemon | compared | compared |

use super::{NoHeader, Series, judge};
use crate::leak::judge::baseline::{Against, By, Earlier, Figure, Own};
use crate::leak::judge::{Verdict, words};
use crate::leak::record::{Drive, Header, Record};
use crate::leak::report::figures::{Unit, amount, duration, plural};
use crate::leak::report::{AsBefore, Baseline, Interval, Report};

/// Lengths are told apart from here on, and are too far apart from there on.
const LENGTHS: (f64, f64) = (1.25, 2.0);
/// Paces are too far apart from here on.
const PACES: f64 = 1.5;

/// An earlier check, judged, and what of it this one may be compared with.
pub(super) struct Before {
    report: Report,
    compared: Vec<By>,
    differences: Vec<String>,
}

impl Before {
    /// Judges the earlier check by its records and holds its load against that of this one.
    pub(super) fn of(records: &[Record], now: &Series<'_>) -> Result<Self, NoHeader> {
        let report = judge(records, None)?;
        let then = Series::of(records).ok_or(NoHeader)?;
        let mut before = Self { report, compared: Vec::new(), differences: Vec::new() };
        if then.header.drive == now.header.drive {
            before.compared = vec![By::Cycle, By::Minute];
            before.paces(now);
        } else {
            before.differences.push(format!(
                "the earlier run {}, this one {}: their figures cannot be compared",
                load(then.header),
                load(now.header)
            ));
        }
        before.lengths(now);
        before.settings(then.header, now.header);
        Ok(before)
    }

    fn not_by_time(&mut self, why: &str) {
        self.compared.retain(|by| *by != By::Minute);
        self.differences.push(format!("{why}: growth per minute is not compared"));
    }

    /// Where cycles go on all the time, growth per minute is theirs too.
    fn paces(&mut self, now: &Series<'_>) {
        let paces = (self.report.cycles_per_minute, now.cycles_per_minute());
        if !now.header.drive.has_rungs() && apart(paces).is_some_and(|ratio| PACES <= ratio) {
            let pace = |pace: f64| amount((pace * 10.0).round() / 10.0, Unit::Count);
            self.not_by_time(&format!(
                "the earlier run had {} cycles/min, this one {}",
                pace(paces.0),
                pace(paces.1)
            ));
        }
    }

    fn lengths(&mut self, now: &Series<'_>) {
        let lengths = (self.report.seconds, now.seconds());
        let told = format!(
            "the earlier run took {}, this one {}",
            duration(lengths.0),
            duration(lengths.1)
        );
        match apart(lengths) {
            Some(ratio) if LENGTHS.1 < ratio && self.compared.contains(&By::Minute) => {
                self.not_by_time(&told);
            }
            Some(ratio) if LENGTHS.0 < ratio => self.differences.push(told),
            _ => {}
        }
    }

    /// What differs, and makes no figure another one.
    fn settings(&mut self, then: &Header, now: &Header) {
        let alike = then.drive == now.drive;
        if alike && now.drive.opens_streams() {
            self.differences.extend(names("streams of", &then.containers, &now.containers));
        }
        if alike && then.stream_timeout.to_bits() != now.stream_timeout.to_bits() {
            let [then, now] = [then, now].map(|header| duration(header.stream_timeout));
            self.differences.push(format!(
                "the earlier run closed each stream after {then}, this one after {now}"
            ));
        }
        self.differences.extend(names("targets", &then.targets, &now.targets));
        let versions = (then.daemon_version.as_str(), now.daemon_version.as_str());
        if versions.0 != versions.1 && !versions.0.is_empty() && !versions.1.is_empty() {
            self.differences.push(format!(
                "the daemon was {} in the earlier run, and is {} now",
                versions.0, versions.1
            ));
        }
    }

    /// The figures of a metric that this one may be compared with.
    pub(super) fn figures(&self, name: &str) -> Earlier {
        let metric = self.report.metrics.iter().find(|metric| metric.name == name);
        let figure = |by: By, of: Option<Interval>| {
            let of = of.filter(|_| self.compared.contains(&by))?;
            Some(Figure::new(of.into(), of.confidence))
        };
        Earlier {
            per_cycle: figure(By::Cycle, metric.and_then(|metric| metric.per_cycle)),
            per_minute: figure(By::Minute, metric.and_then(|metric| metric.per_minute)),
        }
    }

    /// What is told of it.
    pub(super) fn told(&self, as_before: Vec<AsBefore>) -> Baseline {
        Baseline {
            begun: self.report.begun.clone(),
            verdict: self.report.verdict,
            compared: self.compared.clone(),
            differences: self.differences.clone(),
            as_before,
        }
    }
}

/// The figures of a metric that grow for certain and are called no leak because they did before.
pub(super) fn as_before(
    name: &str,
    now: &[Own],
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

/// How many times the one is the other; nothing where one of them is not known.
fn apart((one, other): (f64, f64)) -> Option<f64> {
    (0.0 < one && 0.0 < other).then(|| (one / other).max(other / one))
}

/// What a check did.
fn load(header: &Header) -> String {
    let streams = || format!("streams of {}", plural(header.containers.len() as f64, "container"));
    match header.drive {
        Drive::Streams => format!("opened and closed {}", streams()),
        Drive::Held => format!("held {}", streams()),
        Drive::Command => "ran a command for each cycle".to_owned(),
        Drive::Passive => "only watched".to_owned(),
    }
}

/// Which names only one of the two has.
fn names(what: &str, then: &[String], now: &[String]) -> Option<String> {
    let only = |some: &[String], others: &[String]| {
        let only: Vec<String> = some.iter().filter(|one| !others.contains(one)).cloned().collect();
        (!only.is_empty()).then(|| words::names(&only))
    };
    let (gone, new) = (only(then, now), only(now, then));
    let gone = gone.map(|gone| format!("the earlier run had {what} {gone}, this one has not"));
    let new = new.map(|new| format!("this one has {what} {new}, the earlier run had not"));
    let parts: Vec<String> = gone.into_iter().chain(new).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::verdict::tests::{driven, held_records, passive};

    /// A check of so many goroutines per cycle, its header changed.
    fn leaking(rate: f64, change: impl Fn(&mut Header)) -> Vec<Record> {
        let mut records = driven(|_, cycles| 72.0 + (cycles * rate).floor());
        if let Record::Header(header) = &mut records[0] {
            change(header);
        }
        records
    }

    fn against(change: impl Fn(&mut Header)) -> (Report, Baseline) {
        let mut report = judge(&leaking(0.5, |_| {}), Some(&leaking(0.5, change))).unwrap();
        let baseline = report.baseline.take().unwrap();
        (report, baseline)
    }

    #[test]
    fn what_was_driven_in_the_same_way_is_compared() {
        let (report, baseline) = against(|_| {});
        assert_eq!(report.verdict, Verdict::Clean, "{}", report.because);
        assert!(report.because.contains("daemon.goroutines grows as before: 0.5 per cycle"));
        assert_eq!(baseline.differences, Vec::<String>::new());
        assert_eq!(baseline.compared, [By::Cycle, By::Minute]);
    }

    #[test]
    fn another_kind_of_load_excuses_nothing() {
        for (drive, told) in [
            (Drive::Command, "ran a command for each cycle"),
            (Drive::Passive, "only watched"),
            (Drive::Held, "held streams of 2 containers"),
        ] {
            let (report, baseline) = against(|header| header.drive = drive);
            assert_eq!(report.verdict, Verdict::Inconclusive, "{told}: {}", report.because);
            assert_eq!(baseline.compared, []);
            assert_eq!(
                baseline.differences[0],
                format!(
                    "the earlier run {told}, this one opened and closed streams of 2 containers: \
                     their figures cannot be compared"
                )
            );
            assert!(report.advice.iter().any(|advice| advice.contains("without --baseline")));
            // What is clean by itself stays so, and does not say that anything was compared.
            let earlier = leaking(0.5, |header| header.drive = drive);
            let clean = judge(&leaking(0.0, |_| {}), Some(&earlier)).unwrap();
            assert_eq!(clean.verdict, Verdict::Clean, "{}", clean.because);
            assert!(clean.because.starts_with("none of the 2 metrics"), "{}", clean.because);
        }
    }

    #[test]
    fn other_containers_targets_and_daemons_are_told() {
        let (report, baseline) = against(|header| {
            header.containers = vec!["web".to_owned(), "old".to_owned()];
            header.targets = vec!["pid:7".to_owned()];
            header.stream_timeout = 0.1;
            header.daemon_version = "27.1".to_owned();
        });
        assert_eq!(report.verdict, Verdict::Clean, "{}", report.because);
        assert_eq!(
            baseline.differences,
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
    fn a_far_shorter_check_has_its_warm_up_in_its_growth_by_time() {
        let by_time = || passive(|at| 52.0 + (at / 4.0).floor(), |_| 0.0);
        let told = |before: &[Record]| {
            let report = judge(&by_time(), Some(before)).unwrap();
            (report.verdict, report.baseline.unwrap())
        };
        let (verdict, baseline) = told(&by_time());
        assert_eq!((verdict, baseline.compared.len()), (Verdict::Clean, 2));
        let mut short = by_time();
        short.truncate(short.len() / 3);
        let (verdict, baseline) = told(&short);
        assert_eq!((verdict, baseline.compared), (Verdict::Inconclusive, vec![By::Cycle]));
        let difference = &baseline.differences[0];
        assert!(difference.ends_with("growth per minute is not compared"), "{difference}");
    }

    #[test]
    fn growth_by_time_of_held_streams_is_that_of_their_cycles_too() {
        let told = |timeout: f64| {
            let held = |timeout: f64| held_records(timeout, 0.0, 32.0);
            let report = judge(&held(30.0), Some(&held(timeout))).unwrap();
            (report.verdict, report.baseline.unwrap().differences)
        };
        assert_eq!(told(30.0), (Verdict::Clean, Vec::new()));
        let (verdict, differences) = told(3.0);
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
