//! Constants of the experiment: the pace of cycles and the length of the warm-up.

/// Cycles of the warm-up, which fill the pools of a target.
pub(crate) const WARMUP_CYCLES: f64 = 1000.0;
/// A warm-up of this many cycles counts as full: streams take a moment to open, so a plan misses its last cycles.
pub(crate) const FULL_WARMUP_CYCLES: f64 = 0.9 * WARMUP_CYCLES;
/// Planned cycles per second: fast enough to find a leak soon, without overloading a daemon.
pub(crate) const CYCLES_PER_SECOND: f64 = 10.0;
/// If cycles are slower than planned, the warm-up takes up to this share longer.
pub(crate) const WARMUP_EXTENSION: f64 = 0.5;
