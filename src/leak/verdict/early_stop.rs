//! Ends a running check early when the leak of one metric is certain.
//!
//! It keeps the records that the judge of the phases needs, and asks that judge. So the verdict of a check that ended
//! early is LEAK, also from its recording.

use std::collections::BTreeSet;

use super::is_gated;
use super::series::Series;
use crate::leak::judge::{Options, driven};
use crate::leak::record::{Header, Reading, Record};

#[derive(Debug, Default)]
pub(crate) struct EarlyStop {
    /// The header, cuts, and readings at rest with the gated metrics.
    records: Vec<Record>,
    /// All gated metrics that were ever read. They share alpha, even if one appears late.
    gated: BTreeSet<String>,
}

impl EarlyStop {
    pub(crate) fn new(header: &Header) -> Self {
        Self { records: vec![Record::Header(header.clone())], ..Self::default() }
    }

    pub(crate) fn add(&mut self, record: &Record) {
        let Some(Record::Header(header)) = self.records.first() else {
            return;
        };
        if !header.drive.has_phases() {
            return;
        }
        match record {
            Record::Reading(reading) => {
                let mut values = reading.values.clone();
                values.retain(|name, _| is_gated(name, &header.rules));
                let new = values.keys().filter(|name| !self.gated.contains(*name));
                let new: Vec<String> = new.cloned().collect();
                self.gated.extend(new);
                if reading.rest {
                    self.records.push(Record::Reading(Reading { values, ..*reading }));
                }
            }
            Record::Cut(_) => self.records.push(record.clone()),
            _ => {}
        }
    }

    /// Whether a leak is certain. The check calls it after each on/off pair.
    pub(crate) fn is_sure(&self) -> bool {
        let Some(series) = Series::of(&self.records) else {
            return false;
        };
        let options = self.options(&series);
        self.gated.iter().any(|name| driven::is_sure(&series.phases_of(name), &options))
    }

    /// The same options as those of the final verdict.
    pub(super) fn options(&self, series: &Series<'_>) -> Options {
        super::judge_options::options(series, self.gated.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::judge::Verdict;
    use crate::leak::record::{End, Stage};
    use crate::leak::verdict::judge;
    use crate::leak::verdict::tests::{driven, end};

    /// The number of records after which the leak is certain.
    fn sure_after(records: &[Record]) -> Option<usize> {
        let Record::Header(header) = &records[0] else { panic!("no header") };
        let mut early_stop = EarlyStop::new(header);
        let sure = records[1..].iter().position(|record| {
            early_stop.add(record);
            early_stop.is_sure()
        });
        sure.map(|after| after + 2)
    }

    fn pairs(records: &[Record]) -> usize {
        let ends = records.iter().filter(|record| match record {
            Record::Reading(reading) => {
                reading.rest && matches!(reading.stage, Stage::Drive | Stage::Idle)
            }
            _ => false,
        });
        ends.count() / 2
    }

    #[test]
    fn a_certain_leak_ends_a_check_early() {
        let leaking = driven(|_, cycles| 72.0 + cycles);
        let sure = sure_after(&leaking).unwrap();
        assert!(sure < leaking.len() / 2, "{sure} of {}", leaking.len());
        assert_eq!(judge(&leaking[..sure], None).unwrap().verdict, Verdict::Leak);
        assert_eq!(sure_after(&driven(|_, _| 72.0)), None);
        assert_eq!(sure_after(&driven(|at, _| 52.0 + at)), None);
    }

    #[test]
    fn a_stopped_check_has_no_final_test_at_another_alpha() {
        let leaking = driven(|_, cycles| 72.0 + cycles);
        let mut records = leaking[..sure_after(&leaking).unwrap()].to_vec();
        let mut again = |alpha: f64, sure: bool| {
            if let Record::Header(header) = &mut records[0] {
                header.rules.alpha = alpha;
            }
            let end = End { sure, ..end(300.0, &[]) };
            judge(&[records.as_slice(), &[Record::End(end)]].concat(), None).unwrap().verdict
        };
        assert_eq!(again(0.01, true), Verdict::Leak);
        assert_eq!(again(0.001, true), Verdict::Inconclusive);
        assert_eq!(again(0.001, false), Verdict::Leak, "as if that many pairs had been planned");
    }

    #[test]
    fn growth_near_the_tolerance_ends_no_check_early() {
        let mut records = driven(|_, cycles| 72.0 + (cycles * 0.97).floor());
        let mut allow = |max_per_cycle: f64| {
            if let Record::Header(header) = &mut records[0] {
                header.rules.max_per_cycle = max_per_cycle;
            }
            (sure_after(&records).is_some(), judge(&records, None).unwrap().verdict)
        };
        assert_eq!(allow(0.5), (true, Verdict::Leak));
        let (sure, verdict) = allow(0.98);
        assert!(!sure && verdict != Verdict::Leak, "{verdict}");
    }

    #[test]
    fn a_metric_that_appears_late_has_its_share_of_alpha() {
        let alone = driven(|_, cycles| 72.0 + cycles);
        let with_others = |from: f64| {
            let mut records = alone.clone();
            for record in &mut records {
                if let Record::Reading(reading) = record
                    && from <= reading.at
                {
                    for name in ["daemon.fds", "own.tasks", "own.fds"] {
                        reading.values.insert(name.to_owned(), 9.0);
                    }
                }
            }
            records
        };
        let stopped = |records: &[Record]| pairs(&records[..sure_after(records).unwrap()]);
        let (one, four) = (stopped(&alone), stopped(&with_others(0.0)));
        assert!(one < four, "{one} {four}");
        assert_eq!(stopped(&with_others(130.0)), four);
    }
}
