//! Reads metrics from Prometheus text and `OpenMetrics` (`/metrics`). Pure.
//!
//! It finds metrics by the names of common client libraries, or one metric by its name. An absent metric or a `NaN` is
//! missing, never 0.

mod known;
mod line;
mod names;
mod page;
#[cfg(test)]
mod tests;

pub use names::{Names, Rising, names};
pub use page::{MetricsError, ProcessFigures, Selector, check, figure, parse};
