//! The full screen of `cmon watch`: the only code that uses the terminal libraries.
//!
//! ```text
//!  keys, sizes ─────┐
//!  engine's events ─┼─▶ thread ─ Input ─▶ model::update ─ Effect ─▶ draw, rotate, suspend, quit
//!  snapshots, 1/s ──┘                        │
//!                                            └─▶ view (a function of the model) ─▶ terminal
//! ```
//!
//! It has its own thread, so that a stopped terminal blocks only the channel. The model decides the meaning of keys,
//! without a terminal.

mod ansi;
mod fit;
mod history;
mod layout;
mod model;
mod ring;
mod terminal;
mod test_panic;
mod thread;
mod view;

pub(crate) use test_panic::panic_on_purpose;
pub(crate) use thread::{Closed, Screen, Settings};
