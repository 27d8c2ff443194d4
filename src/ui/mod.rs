//! The full screen of `cmon watch`: the only place that names the terminal libraries.
//!
//! ```text
//!  keys, sizes ─────┐
//!  engine's events ─┼─▶ thread ─ Input ─▶ model::update ─ Effect ─▶ draw, rotate, suspend, quit
//!  snapshots, 1/s ──┘                        │
//!                                            └─▶ view (a function of the model) ─▶ terminal
//! ```
//!
//! It has a thread of its own, so that a terminal that is stopped holds up nothing but the channel. What
//! a key means is decided in the model, without a terminal.

mod ansi;
mod fit;
mod history;
mod layout;
mod model;
mod ring;
mod terminal;
mod thread;
mod view;

pub(crate) use thread::{Closed, Screen, Settings};

/// Panics where a test asks for it with `CMON_TEST_PANIC`: that the terminal survives it cannot be tried
/// otherwise. The screen does after its first frame, the main thread at the first signal: by then the terminal
/// is taken. Release builds know nothing of it.
pub(crate) fn panic_on_purpose(whose: &str) {
    if cfg!(debug_assertions)
        && std::env::var("CMON_TEST_PANIC").is_ok_and(|wanted| wanted == whose)
    {
        panic!("{whose} panicked on purpose");
    }
}
