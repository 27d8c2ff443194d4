//! Judges a target on its own load, which nobody can switch off: does its floor need a line?
//!
//! Readings are cut into blocks and the lowest of each is kept (the floor): bursts, garbage collection and sawteeth
//! live above it. Shapes that end (a level, a step, a pool that fills, both) are fitted to the floor, and the same
//! shapes with a line. LEAK needs that BIC clearly prefers the line, that its slope is above 0 with an interval, and
//! that the floor rises by rank alone (Mann-Kendall test). Tests on raw readings raise an alarm on a third of quiet
//! runs, because consecutive readings are correlated; the floor of blocks is not.
//!
//! ```text
//! window -> floor -> envelope_fit      the floor and the shapes fitted to it
//!        -> naming                     the name of the shape
//!        -> decide                     the verdict, and what is missing for one
//! at_rest -> window                    the readings at rest of a driven run
//! detection_limit                      the smallest growth that a run detects
//! ```

mod at_rest;
pub(super) mod decide;
mod detection_limit;
mod envelope_fit;
mod floor;
mod growth_by_time;
mod naming;
mod window;

pub(super) use at_rest::judge_at_rest;
pub(crate) use detection_limit::{MIN_SECONDS, smallest_leak};
pub(crate) use growth_by_time::{Late, Passive, Undecided};
pub(crate) use window::judge;
