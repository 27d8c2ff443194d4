//! Colors: a stable one for each name, and those of notes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use twox_hash::XxHash3_64;

/// Ends every colour.
pub(crate) const RESET: &str = "\x1b[0m";
/// Healthy.
pub(crate) const GREEN: &str = "\x1b[32m";
/// In progress.
pub(crate) const YELLOW: &str = "\x1b[33m";
/// An error or problem.
pub(crate) const RED: &str = "\x1b[31m";
/// Less important.
pub(crate) const DIM: &str = "\x1b[2m";

/// Foregrounds that read well on dark and light; no red, which means an error.
const NAMES: [&str; 10] = [
    "\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[92m", "\x1b[95m",
    "\x1b[94m", "\x1b[93m",
];

/// The colors of names. Each name prefers one, the same in every run. No two share one while others are free.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    /// The index in [`NAMES`].
    given: BTreeMap<Arc<str>, usize>,
}

impl Palette {
    /// Keeps the colors of these names and assigns one to each new name. The result does not depend on the order in
    /// which the names come.
    pub(crate) fn settle(&mut self, names: &BTreeSet<Arc<str>>) {
        self.given.retain(|name, _| names.contains(name));
        let mut used = [0_usize; NAMES.len()];
        self.given.values().for_each(|color| used[*color] += 1);
        let new = names.iter().filter(|name| !self.given.contains_key(*name)).cloned();
        let mut new: Vec<(Arc<str>, [usize; NAMES.len()])> =
            new.map(|name| (Arc::clone(&name), preferences(&name))).collect();
        // Names that get their preferred color come first, so that no other name takes it.
        new.retain(|(name, preferred)| {
            let free = used[preferred[0]] == 0;
            if free {
                used[preferred[0]] = 1;
                self.given.insert(Arc::clone(name), preferred[0]);
            }
            !free
        });
        for (name, preferred) in new {
            let least_used =
                preferred.into_iter().min_by_key(|color| used[*color]).unwrap_or_default();
            used[least_used] += 1;
            self.given.insert(name, least_used);
        }
    }

    /// The color of a name.
    pub(crate) fn of(&self, name: &str) -> &'static str {
        NAMES[self.given.get(name).copied().unwrap_or_default()]
    }

    /// The number of names.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.given.len()
    }
}

/// A step without a common factor with the number of colors visits each of them once.
const STEPS: [usize; 4] = [1, 3, 7, 9];

/// All colors in a name's order of preference. It depends on the name's hash, so it is the same in every run.
fn preferences(name: &str) -> [usize; NAMES.len()] {
    let hash = XxHash3_64::oneshot(name.as_bytes());
    let part = |hash: u64| usize::try_from(hash % NAMES.len() as u64).unwrap_or_default();
    let (first, step) = (part(hash), STEPS[part(hash >> 32) % STEPS.len()]);
    std::array::from_fn(|at| (first + at * step) % NAMES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: impl IntoIterator<Item = String>) -> BTreeSet<Arc<str>> {
        names.into_iter().map(Arc::from).collect()
    }

    fn colors(palette: &Palette, names: &BTreeSet<Arc<str>>) -> Vec<&'static str> {
        names.iter().map(|name| palette.of(name)).collect()
    }

    #[test]
    fn no_two_names_share_a_color_while_others_are_free() {
        for crowd in 0..200 {
            for count in 1..=25 {
                let names = names((0..count).map(|number| format!("web-{crowd}-{number}")));
                let mut palette = Palette::default();
                palette.settle(&names);
                let mut times = BTreeMap::<_, usize>::new();
                colors(&palette, &names).into_iter().for_each(|color| {
                    *times.entry(color).or_default() += 1;
                });
                assert_eq!(times.len(), count.min(NAMES.len()), "{names:?}");
                let (max_uses, min_uses) = (times.values().max(), times.values().min());
                assert!(max_uses.unwrap() - min_uses.unwrap() <= 1, "shared evenly: {times:?}");
            }
        }
    }

    #[test]
    fn colors_depend_only_on_the_set_of_names() {
        let all = names((0..8).map(|number| format!("shop-{number}")));
        let mut palette = Palette::default();
        palette.settle(&all);
        let mut again = Palette::default();
        again.settle(&all);
        assert_eq!(colors(&palette, &all), colors(&again, &all));
        // The hash is fixed: these colors are the same in every run and on every machine.
        let fixed = |name: &str| preferences(name)[0];
        insta::assert_compact_debug_snapshot!(["web", "db", "cache", "worker"].map(fixed), @"[1, 7, 8, 8]");
        for name in &all {
            let (mut alone, one) = (Palette::default(), BTreeSet::from([Arc::clone(name)]));
            alone.settle(&one);
            assert_eq!(alone.of(name), NAMES[preferences(name)[0]]);
        }
    }

    #[test]
    fn a_name_keeps_its_color_until_it_is_dropped() {
        let mut palette = Palette::default();
        let stays: Arc<str> = "stays".into();
        palette.settle(&BTreeSet::from([Arc::clone(&stays)]));
        let color = palette.of("stays");
        for number in 0..10_000 {
            let other: Arc<str> = format!("job-{number}").into();
            palette.settle(&BTreeSet::from([Arc::clone(&stays), Arc::clone(&other)]));
            assert_eq!((palette.of("stays"), palette.len()), (color, 2));
            assert_ne!(palette.of(&other), color);
        }
    }
}
