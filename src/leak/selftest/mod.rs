//! The checker, checked: injects leaks and harmless shapes, and calls for a verdict on each.
//!
//! Each case is a whole check of ten minutes: the stream engine over real sockets against the embedded
//! daemon, the probes, the judges. It runs on a paused clock, which goes to the next event whenever
//! there is nothing to do, so that ten minutes take some seconds.

mod cases;
mod own_leak;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use cases::CASES;
#[cfg(test)]
pub(in crate::leak) use run::{CONTAINERS, header, load, talk};
pub(crate) use run::{Outcome, run};
