//! Explains a leak: the groups of a count that grow, and the known patterns that the growth matches.
//!
//! A dump holds the groups of a count: goroutines by stack, descriptors by class, tasks by kind. Two dumps show which
//! group grew, and a third one between them excludes a spike. No verdict depends on this.

mod growth;
mod sides;
mod signatures;
#[cfg(test)]
mod tests;

pub(crate) use growth::{Known, growth};
pub(crate) use sides::other_sides;
pub(crate) use signatures::{Run, signatures};
