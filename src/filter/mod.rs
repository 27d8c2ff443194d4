//! The filter: shows or hides lines by text and level, keeps stack traces together, highlights matches, and finds the
//! lines that end a run.
//!
//! ```text
//!  Lines ─▶ Filter ─┬─ one line, or several that belong together: an event
//!                   ├─ include, exclude, level ─▶ Shown, in the order of the container
//!                   └─ until, fail ─▶ Match
//! ```
//!
//! It is pure: it takes the engine's batches and the time, and returns batches to show. It depends neither on the
//! command line nor on the output.

mod log_events;
pub(crate) mod patterns;
mod rules;
mod shown;
mod stack_trace;
mod stage;
pub(crate) mod visible;

pub(crate) use crate::level::Level;
pub(crate) use patterns::{BadPattern, Patterns};
pub(crate) use rules::Rules;
pub(crate) use shown::{Mark, Match, MatchEnd, Shown};
pub(crate) use stage::Filter;

#[cfg(test)]
mod tests;
