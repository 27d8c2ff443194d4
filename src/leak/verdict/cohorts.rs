//! Ids beside the counts: when they decide, and what that costs the other tests.
//!
//! Whether they are asked is known before anything is read, so that no outcome chooses the family of tests
//! that share alpha.

use super::Judging;
use crate::leak::judge::combine::Finding;
use crate::leak::judge::{Options, cohort};
use crate::leak::record::Header;

/// In checks that take so many seconds, ids decide beside the counts: in a short one a pool that fills
/// slowly leaves as many behind as a leak does.
const LONG: f64 = 1800.0;

/// How many tests a check has of its ids, with so many metrics that have some. By the length that was
/// planned: one that is ended early pays as well.
pub(super) fn tests(header: &Header, with_ids: usize) -> usize {
    if LONG <= header.duration { with_ids } else { 0 }
}

impl Judging<'_> {
    /// Who was born when and still lives, where that can be told.
    pub(super) fn cohorts(&self, name: &str, gated: bool, options: &Options) -> Option<Finding> {
        let series = self.series;
        if series.header.duration < LONG || series.seconds() < LONG {
            return None;
        }
        let both = options.max_per_minute + options.max_per_cycle * series.driven_per_minute();
        let options = Options { max_per_minute: both, ..options.clone() };
        let found = cohort::judge(&series.blocks_of(name), &options);
        // What was tested is paid for, whatever it says.
        found.p.is_some().then(|| Finding::cohorts(name, gated, &found))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::leak::judge::Verdict;
    use crate::leak::record::{Drive, Ids, Reading, Record, Stage};
    use crate::leak::report::Report;
    use crate::leak::verdict::tests::{end, header};
    use crate::leak::verdict::{Series, Watch, judge, options};

    /// A count that jumps up and down and says nothing, and ids: `born` in each minute stay.
    fn check(drive: Drive, minutes: u64, born: impl Fn(u64) -> u64) -> Vec<Record> {
        let mut header = header(drive);
        header.duration = minutes as f64 * 60.0;
        let mut records = vec![Record::Header(header)];
        for minute in 0..=minutes {
            let passers = (0..(minute * 7919) % 40).map(|one| 1_000_000 + minute * 1000 + one);
            let stayed = (0..minute).flat_map(|one| (0..born(one)).map(move |n| (one, n)));
            let stayed = stayed.map(|(one, n)| 5000 + 100 * one + n);
            let ids: Vec<u64> = (0..20).chain(passers).chain(stayed).collect();
            let (at, count) = (minute as f64 * 60.0, 60.0 + (minute * 7919 % 40) as f64);
            let metric = "target.app.fds".to_owned();
            records.push(Record::Reading(Reading {
                at,
                stage: Stage::Passive,
                rest: false,
                settled: 0.0,
                cycles: at / 6.0,
                lines: at,
                values: BTreeMap::from([(metric.clone(), count)]),
            }));
            records.push(Record::Ids(Ids { at_ms: minute * 60_000, metric, ids }));
        }
        records.push(Record::End(end(minutes as f64 * 60.0, &[])));
        records
    }

    fn rules(records: &mut [Record], max_per_min: f64, max_per_cycle: f64) -> Report {
        if let Record::Header(header) = &mut records[0] {
            (header.rules.max_per_min, header.rules.max_per_cycle) = (max_per_min, max_per_cycle);
        }
        judge(records, None).unwrap()
    }

    #[test]
    fn who_was_born_all_the_time_and_lives_on_is_a_leak() {
        let report = |minutes, born: fn(u64) -> u64| {
            judge(&check(Drive::Passive, minutes, born), None).unwrap()
        };
        let leak = report(60, |_| 2);
        assert_eq!(leak.verdict, Verdict::Leak, "{}", leak.because);
        assert!(leak.because.contains("survivors of"), "{}", leak.because);
        assert_ne!(report(60, |minute| u64::from(minute == 0)).verdict, Verdict::Leak);
        assert_ne!(report(20, |_| 2).verdict, Verdict::Leak, "too short to tell it from a pool");
    }

    #[test]
    fn what_is_allowed_is_no_leak() {
        let mut records = check(Drive::Passive, 60, |_| 3);
        assert_eq!(rules(&mut records, 2.9, 1.0).verdict, Verdict::Leak, "no cycle is driven");
        let allowed = rules(&mut records, 3.5, 0.0);
        assert_ne!(allowed.verdict, Verdict::Leak, "{}", allowed.because);
        // Ten cycles a minute; ids do not tell what came with them.
        let mut held = check(Drive::Held, 60, |_| 3);
        assert_eq!(rules(&mut held, 1.0, 0.15).verdict, Verdict::Leak);
        let allowed = rules(&mut held, 1.0, 0.25);
        assert_ne!(allowed.verdict, Verdict::Leak, "{}", allowed.because);
    }

    #[test]
    fn each_cohort_is_paid_for_whatever_it_says() {
        let asked = |minutes, drive, born: fn(u64) -> u64| {
            let records = check(drive, minutes, born);
            let series = Series::of(&records).unwrap();
            let options = options(&series, 1, series.with_ids().len());
            let judging =
                Judging { series: &series, dumps: Vec::new(), cuts: Vec::new(), before: None };
            let finding = judging.cohorts("target.app.fds", true, &options);
            (options.metrics, finding.map(|finding| (finding.verdict, finding.p.is_some())))
        };
        let still = |_| 0;
        let quiet = Some((Verdict::Inconclusive, true));
        assert_eq!(asked(60, Drive::Passive, still), (2, quiet));
        assert_eq!(asked(60, Drive::Passive, |_| 2), (2, Some((Verdict::Leak, true))));
        assert_eq!(asked(60, Drive::Streams, still).0, 3);
        assert_eq!(asked(20, Drive::Passive, |_| 2), (1, None));
    }

    #[test]
    fn a_check_that_looks_on_the_way_counts_the_same_tests() {
        let records = check(Drive::Streams, 60, |_| 0);
        let Record::Header(header) = &records[0] else { panic!("no header") };
        let mut watch = Watch::new(header);
        records[1..].iter().for_each(|record| watch.see(record));
        assert_eq!(watch.options(&Series::of(&records).unwrap()).metrics, 3);
    }
}
