//! Reads the metrics of cmon itself, of the Docker daemon, and of the targets.
//!
//! ```text
//! Probes ─┬─▶ own ─────────────────────────▶ registry, tokio, /proc/self
//!         ├─▶ daemon ─▶ get ─▶ pprof, json     one persistent connection
//!         └─▶ target ─┬─▶ proc                 /proc/PID, its cgroup
//!                     └─▶ get ─▶ pprof, metrics, json, counter
//! ```
//!
//! A probe must not leak: its connections are persistent, its tasks are in a registry, and cmon's own metrics include
//! the probes. A missing metric is reported once, and is never 0.

mod answer;
mod backoff;
pub mod counter;
mod daemon_figures;
mod encoding;
mod get;
pub mod json_figures;
pub mod labels;
pub(crate) mod metric;
pub mod metrics;
pub mod observed;
mod own_process;
pub mod pprof;
mod probes;
pub mod proc;
pub(crate) mod reasons;
mod sample;
pub mod target;
#[cfg(test)]
mod tests;

pub(crate) use probes::{Found, Options, Probes, Readable, StartError};
pub(crate) use sample::{Failure, Sample};
