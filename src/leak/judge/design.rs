//! The numbers of the experiment: how fast it drives, and how long it warms up.

/// Cycles that fill the pools of a target before anything is judged.
pub(crate) const WARMUP_CYCLES: f64 = 1000.0;
/// A warm-up of this many cycles counts as full: streams take a moment to open, so a plan misses its last cycles.
pub(crate) const FULL_WARMUP_CYCLES: f64 = 0.9 * WARMUP_CYCLES;
/// Planned cycles per second: enough to find a leak soon, and easy on a daemon.
pub(crate) const CYCLES_PER_SECOND: f64 = 10.0;
/// When cycles come slower than planned, the warm-up is extended by up to this part of its length.
pub(crate) const WARMUP_EXTENSION: f64 = 0.5;
