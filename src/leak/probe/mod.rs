//! What reads the figures: of cmon itself, of the Docker daemon, of the targets under test.
//!
//! ```text
//! Probes ─┬─▶ own ─────────────────────────▶ registry, tokio, /proc/self
//!         ├─▶ daemon ─▶ get ─▶ pprof, json     one kept connection
//!         └─▶ target ─┬─▶ proc                 /proc/PID, its cgroup
//!                     └─▶ get ─▶ pprof, metrics, json, counter
//! ```
//!
//! A probe must not be what grows: connections are kept, tasks are in a registry, and the probes
//! count themselves among what is cmon's own. What cannot be had is said, once, and is never 0.

mod answer;
mod backoff;
pub mod counter;
mod daemon_figures;
mod encoding;
mod get;
pub mod json_figures;
pub mod metrics;
mod own_process;
pub mod pprof;
mod probes;
pub mod proc;
mod sample;
pub mod target;
#[cfg(test)]
mod tests;

pub(crate) use probes::{Found, Options, Probes, StartError};
pub(crate) use sample::{Failure, Sample};
