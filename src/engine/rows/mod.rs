//! What each container's follower is doing, as a row that the screen, the JSON and the metrics share.
//!
//! The supervisor and the container's reader write on a [`RowState`]; anybody may ask it for a [`Row`].
//! Nothing here takes part in a decision, so a row state may be read at any time and from any thread.

mod rates;
mod row;
mod row_state;

pub use row::{LastNotice, Row, StreamState};
pub use row_state::RowState;
pub(super) use row_state::Trust;

#[cfg(test)]
mod tests;
