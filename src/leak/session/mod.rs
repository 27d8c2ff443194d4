//! Runs one check: drives the load by plan, reads the probes, and writes records. It does not judge them;
//! [`verdict`](super::verdict) does.

mod check;
mod fresh;
mod load;
mod reading;
#[cfg(test)]
mod tests;
mod unresponsive;

pub(crate) use check::{Session, reading_interval};
pub(crate) use load::Load;
