//! What could not be read, each error once with how often it came. Pure.

use crate::leak::facts::Unavailable;
use crate::leak::grouped::by_key;
use crate::leak::record;

/// The same errors together, in the order in which they came first.
pub(super) fn counted(all: &[&record::Unavailable]) -> Vec<Unavailable> {
    let errors = by_key(all.iter().map(|one| ((&one.metric, &one.why), ()))).into_iter();
    let count = |((metric, error), of): ((&String, &String), Vec<()>)| {
        let (metric, error) = (metric.clone(), error.clone());
        Unavailable { metric, error, times: of.len() }
    };
    errors.map(count).collect()
}
