//! The printer: it writes everything that cmon writes to stdout and stderr.
//!
//! ```text
//!  engine ──bounded channel of Event──▶ Printer (its own thread)
//!                                        ├─ text | json ─▶ buffer ─▶ Out (stdout)
//!                                        ├─ note ─────────────────▶ Err (stderr)
//!                                        └─ status, twice a second ▶ Err, on a terminal
//! ```
//!
//! stdout has data, stderr has messages. The printer may block in a write for as long as the reader of stdout blocks.
//! That slows the engine down through the channel (backpressure) and loses no line. No wait for it exceeds the stop
//! deadline.

mod error;
mod json;
mod print_config;
mod printer;
mod sink;
mod status;
pub(crate) mod summary;
mod text;
pub(crate) mod watch;

pub(crate) use error::error;
pub(crate) use print_config::{Config, Destination, Form, Summary};
pub(crate) use printer::{Ended, Passes, Printer};
pub(crate) use sink::{Sink, Sinks};
