//! What could not be had, each reason once: how often it came stands behind it. Pure.

use crate::leak::record::Unavailable;

/// The same reasons together, in the order in which they came first.
pub(super) fn counted(all: &[&Unavailable]) -> Vec<Unavailable> {
    let mut counted: Vec<(&Unavailable, usize)> = Vec::new();
    for one in all {
        match counted.iter_mut().find(|(known, _)| known == one) {
            Some((_, times)) => *times += 1,
            None => counted.push((one, 1)),
        }
    }
    let words = |(one, times): (&Unavailable, usize)| match times {
        1 => one.clone(),
        times => Unavailable { why: format!("{} ({times} times)", one.why), ..one.clone() },
    };
    counted.into_iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_came_again_is_counted() {
        let one = |metric: &str, why: &str| Unavailable {
            metric: metric.to_owned(),
            why: why.to_owned(),
        };
        let (late, gone, other) = (one("a", "late"), one("a", "gone"), one("b", "late"));
        let mut all = vec![&late, &gone, &other];
        all.extend([&late; 19]);
        let told = counted(&all);
        assert_eq!(told, [one("a", "late (20 times)"), gone.clone(), other.clone()]);
    }
}
