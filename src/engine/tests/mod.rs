//! The engine's promises against a source in memory, on a paused clock.
//!
//! A test joins three futures: the engine, a script that makes the container write and fail, and a collector that
//! reads the channel. Only the engine spawns tasks, so all tasks left at the end are the engine's.

mod crowd;
mod end;
mod fake_source;
mod holes;
mod one_container;
mod order;
mod random_faults;
mod runs;
mod several;
mod since;
pub(in crate::engine) mod support;
mod watching;
