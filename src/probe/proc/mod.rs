//! Reads a process through `/proc`: descriptors, threads, memory, and start time.
//!
//! `process` reads the files, [`parse`] parses them. Missing permission is an error, never 0. The descriptor that
//! reading itself uses is left out.

pub mod parse;
mod process;
#[cfg(test)]
mod tests;

pub(crate) use process::{Born, Descriptor, Process, Thread, tally};
