//! Rows: the state of each container's follower, shared by the screen, the JSON and the metrics.
//!
//! The supervisor and the container's reader write to a [`RowState`]; any thread may read a [`Row`] from it at any
//! time, since no decision depends on it.

mod rates;
mod row;
mod row_state;

pub use row::{LastNotice, Row, StreamState};
pub use row_state::RowState;
pub(super) use row_state::Trust;

#[cfg(test)]
mod tests;
