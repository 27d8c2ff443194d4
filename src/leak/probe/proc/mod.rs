//! What `/proc` shows of a process: descriptors, threads, memory, and when it began.
//!
//! Reading is in `process`, understanding in [`parse`]. What may not be read is an error and never
//! 0, and looking does not count itself: the descriptor that the look takes is left out.

pub mod parse;
mod process;
#[cfg(test)]
mod tests;

pub(crate) use process::{Born, Descriptor, Process, Thread, tally};
