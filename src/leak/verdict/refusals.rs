//! What could not be read, each reason once with how often it came. Pure.

use crate::leak::facts::Unavailable;
use crate::leak::grouped::by_key;
use crate::leak::reasons::{Noted, UnavailableReason};
use crate::leak::record;

/// The same reasons together, in the order in which they came first.
pub(super) fn counted(all: &[&record::Unavailable]) -> Vec<Unavailable> {
    let reasons = by_key(all.iter().map(|one| ((&one.metric, &one.reason), ()))).into_iter();
    let count = |((metric, reason), of): ((&String, &Noted<UnavailableReason>), Vec<()>)| {
        let (metric, reason) = (metric.clone(), reason.clone());
        Unavailable { metric, reason, times: of.len() }
    };
    reasons.map(count).collect()
}
