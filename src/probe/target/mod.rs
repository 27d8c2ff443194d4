//! Targets: a process, a container, or an HTTP server under test.

mod absent;
mod cycles;
mod discover;
mod given;
mod http;
mod lineage;
mod local;
mod name;
mod outcome;
mod readable;
#[cfg(test)]
mod tests;
mod url;
mod watched;

pub use given::Target;
pub(crate) use name::names;
pub(crate) use outcome::{CyclesError, TargetStartError};
pub(crate) use readable::TargetReadable;
pub use url::TargetError;
pub(crate) use watched::Watched;
