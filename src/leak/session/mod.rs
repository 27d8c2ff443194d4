//! One check as it runs: drives the streams by plan, rests, reads the probes, and writes down all that it
//! reads. It decides nothing; what the records mean is for [`verdict`](super::verdict).

mod check;
mod fresh;
mod load;
mod reading;
#[cfg(test)]
mod tests;
mod unresponsive;

pub(crate) use check::{Session, spacing};
pub(crate) use load::Load;
