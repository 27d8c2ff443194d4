//! Judges a target with its own load: does its floor need a line?
//!
//! The floor is the minimum of each block of readings. It excludes bursts, garbage collection and sawteeth. The judge
//! fits shapes that stop growing (a level, a step, a pool that fills, both) to the floor, and the same shapes with a
//! line. LEAK requires that BIC clearly prefers the line, that the interval of its slope is above 0, and that the
//! Mann-Kendall test finds a trend. Tests on raw readings give false alarms in a third of quiet runs, because
//! consecutive readings are correlated. The minima of blocks are not.
//!
//! ```text
//! window -> floor -> envelope_fit      the floor and the shapes fitted to it
//!        -> naming                     the name of the shape
//!        -> decide                     the verdict, or the reason why there is none
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
