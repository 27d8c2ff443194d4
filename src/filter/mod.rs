//! Which lines are shown: filters by text and level, stack traces kept together, highlights, and the
//! lines that end a run.
//!
//! ```text
//!  Lines ─▶ Filter ─┬─ one line, or several that belong together: an event
//!                   ├─ include, exclude, level ─▶ Shown, in the order of the container
//!                   └─ until, fail ─▶ Match
//! ```
//!
//! It is pure: it takes the batches of the engine and the time, and gives batches to show. It knows neither
//! command line nor output.

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
