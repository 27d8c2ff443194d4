//! Where a leak comes from: which group of a count grows, and which known pattern that fits.
//!
//! A dump holds the groups of a count at one moment: goroutines by stack, descriptors by class, tasks by kind. Two
//! dumps show which group has grown, and a third between them that it was no spike. No verdict depends on this.

mod growth;
mod sides;
mod signatures;
#[cfg(test)]
mod tests;

pub(crate) use growth::{Known, growth};
pub(crate) use sides::other_sides;
pub(crate) use signatures::{Run, signatures};
