//! Colours: a stable one for each name, and the few of the notes.

use std::hash::BuildHasher;

/// Ends every colour.
pub(crate) const RESET: &str = "\x1b[0m";
/// Something is well.
pub(crate) const GREEN: &str = "\x1b[32m";
/// Something is under way.
pub(crate) const YELLOW: &str = "\x1b[33m";
/// Something is wrong.
pub(crate) const RED: &str = "\x1b[31m";
/// Less important.
pub(crate) const DIM: &str = "\x1b[2m";

/// Foregrounds that read well on dark and on light; no red, which is for what is wrong.
const NAMES: [&str; 10] = [
    "\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[92m", "\x1b[95m",
    "\x1b[94m", "\x1b[93m",
];

/// The colour of a name: the same in every run.
pub(crate) fn of_name(name: &str) -> &'static str {
    let hash = foldhash::fast::FixedState::with_seed(1).hash_one(name.as_bytes());
    NAMES[usize::try_from(hash % NAMES.len() as u64).unwrap_or_default()]
}
