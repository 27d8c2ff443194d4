//! What reads the figures: of cmon itself, of the Docker daemon, of the targets under test.

pub mod get;
pub mod json;
pub mod metrics;
pub mod pprof;
pub mod proc;
