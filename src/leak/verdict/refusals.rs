//! Counts equal reasons why metrics could not be read. Pure.

use crate::grouped::by_key;
use crate::leak::facts::Unavailable;
use crate::leak::record;
use crate::probe::reasons::{Noted, UnavailableReason};

/// One entry for each metric and reason, in the order of first occurrence.
pub(super) fn counted(records: &[&record::Unavailable]) -> Vec<Unavailable> {
    let reasons =
        by_key(records.iter().map(|record| ((&record.metric, &record.reason), ()))).into_iter();
    let count = |((metric, reason), times): ((&String, &Noted<UnavailableReason>), Vec<()>)| {
        let (metric, reason) = (metric.clone(), reason.clone());
        Unavailable { metric, reason, times: times.len() }
    };
    reasons.map(count).collect()
}
