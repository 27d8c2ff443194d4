//! The self-test: injects known leaks and known non-leaks, and compares the verdicts.
//!
//! Each case is a whole check of ten minutes: the stream engine over real sockets against the embedded daemon, the
//! probes, and the judges. It runs on tokio's paused clock, so ten minutes take some seconds.

mod cases;
mod own_leak;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use cases::CASES;
#[cfg(test)]
pub(in crate::leak) use run::{CONTAINERS, header, load, talk};
pub(crate) use run::{Outcome, run};
