//! Looks on while a check runs, and knows when it may end early: when one metric's leak is certain.

use std::collections::BTreeMap;

use super::super::judge::driven::{self, Pair, Rung};
use super::super::judge::early::EarlyStop;
use super::super::judge::{Options, Verdict};
use super::super::record::{Header, Reading, Record, Stage};

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Watch {
    header: Option<Header>,
    options: Options,
    last: Option<Reading>,
    metrics: BTreeMap<String, Seen>,
    sure: bool,
}

/// One gated metric.
#[derive(Debug)]
struct Seen {
    early: EarlyStop,
    rungs: Vec<Rung>,
}

impl Watch {
    /// Before the first record.
    pub fn new(header: &Header) -> Self {
        Self { header: Some(header.clone()), ..Self::default() }
    }

    /// Takes the next record.
    pub fn see(&mut self, record: &Record) {
        match record {
            Record::Reading(reading) if reading.rest => self.reading(reading),
            Record::Cut(cut) => {
                let cut_off = |metric: &String| {
                    let rest = metric.strip_prefix(cut.source.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                if let Some(last) = &mut self.last {
                    last.values.retain(|metric, _| !cut_off(metric));
                }
            }
            _ => {}
        }
    }

    /// Whether the verdict is certain before the planned end.
    pub fn is_sure(&self) -> bool {
        self.sure
    }

    fn reading(&mut self, reading: &Reading) {
        let before = self.last.replace(reading.clone());
        let (Some(header), Some(before)) = (&self.header, before) else {
            return;
        };
        match reading.stage {
            Stage::WarmUp => {
                let gated =
                    reading.values.keys().filter(|name| super::is_gated(name, &header.rules));
                let gated: Vec<String> = gated.cloned().collect();
                self.options = super::options(header, gated.len(), reading.cycles);
                let seen = || Seen { early: EarlyStop::new(&self.options), rungs: Vec::new() };
                self.metrics = gated.into_iter().map(|name| (name, seen())).collect();
            }
            Stage::Drive | Stage::Idle => {
                for (name, seen) in &mut self.metrics {
                    let value = |of: &Reading| of.values.get(name).copied().unwrap_or(f64::NAN);
                    seen.rungs.push(Rung {
                        driven: reading.stage == Stage::Drive,
                        at: reading.at,
                        cycles: reading.cycles - before.cycles,
                        seconds: reading.at - before.at,
                        before: value(&before),
                        after: value(reading),
                    });
                    self.sure |= seen.is_sure(&self.options);
                }
            }
            Stage::Start | Stage::Passive => {}
        }
    }
}

impl Seen {
    fn is_sure(&mut self, options: &Options) -> bool {
        let [.., one, other] = self.rungs.as_slice() else {
            return false;
        };
        if self.rungs.len() % 2 == 1 {
            return false;
        }
        let Some(pair) = Pair::of(*one, *other) else {
            return false;
        };
        self.early.add(pair.difference())
            && driven::judge(&self.rungs, options).verdict == Verdict::Leak
    }
}
