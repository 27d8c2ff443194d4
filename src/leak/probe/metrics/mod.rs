//! Figures from the text that Prometheus reads (`/metrics`). Pure.
//!
//! What a leak shows in is taken from it under the usual names, and any one figure by its own name. A figure
//! that is absent or `NaN` is not there; it is never 0. `OpenMetrics` and names in quotes are read too.

mod known;
mod line;
mod names;
mod page;
#[cfg(test)]
mod tests;

pub use names::{Names, names};
pub use page::{MetricsError, ProcessFigures, Selector, check, figure, parse};
