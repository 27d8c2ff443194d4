//! What could not be read, each error once with how often it came. Pure.

use crate::leak::facts::Unavailable;
use crate::leak::record;

/// The same errors together, in the order in which they came first.
pub(super) fn counted(all: &[&record::Unavailable]) -> Vec<Unavailable> {
    let mut counted: Vec<Unavailable> = Vec::new();
    for record::Unavailable { metric, why } in all {
        match counted.iter_mut().find(|known| known.metric == *metric && known.error == *why) {
            Some(known) => known.times += 1,
            None => {
                let (metric, error) = (metric.clone(), why.clone());
                counted.push(Unavailable { metric, error, times: 1 });
            }
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_came_again_is_counted() {
        let one = |metric: &str, why: &str| record::Unavailable {
            metric: metric.to_owned(),
            why: why.to_owned(),
        };
        let (late, gone, other) = (one("a", "late"), one("a", "gone"), one("b", "late"));
        let mut all = vec![&late, &gone, &other];
        all.extend([&late; 19]);
        let counted: Vec<_> =
            counted(&all).into_iter().map(|one| (one.metric, one.error, one.times)).collect();
        let expected = [("a", "late", 20), ("a", "gone", 1), ("b", "late", 1)];
        assert_eq!(counted, expected.map(|(a, b, n)| (a.to_owned(), b.to_owned(), n)));
    }
}
