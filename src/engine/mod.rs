//! Follows many log streams at once; knows neither Docker nor terminal nor command line.
//!
//! ```text
//!  events ──Started/Died──▶ ┌────────────┐ ◀──── EndReason ──── reader ┐
//!  stop ──────────────────▶ │ supervisor │ ──spawn, by registry─▶ reader ├──▶ bounded channel of Event
//!  wakes ─────────────────▶ └────────────┘                      reader ┘
//!                            owns one Lifecycle      each: open ▸ read ▸ Resume ▸ lines
//!                            per container           every wait races with stop
//! ```
//!
//! The engine promises:
//!
//! - It delivers every line that the daemon still holds once, in the daemon's order, over rotation,
//!   reconnect and restart.
//! - Each container has one reader, which counts until it has ended.
//! - The longest line, a ring of keys and the channel bound the memory.
//! - After a stop, the engine ends within the stop deadline plus a second.

pub mod anchor;
pub mod backlog;
pub mod backoff;
pub mod census;
pub mod conditions;
mod control;
pub mod event;
mod failure;
mod files;
mod group;
pub mod lag;
mod lifecycle;
pub mod limits;
pub mod lines;
mod one_daemon;
mod options;
mod pace;
mod pattern;
pub mod position;
pub mod preview;
mod reader;
pub mod registry;
pub mod resume;
pub mod rows;
mod runs;
pub mod selection;
mod several;
pub mod source;
pub mod stale;
mod start;
mod subscription;
mod supervisor;
pub mod tally;
pub mod timestamp;
mod trail;
pub mod turns;
mod waiting;

pub use backlog::{Backlog, Outputs, Range};
use control::StreamCommand;
pub use control::{Control, Observer};
pub use one_daemon::Engine;
pub use options::{Config, LineOrder, Outcome};
pub use runs::Runs;
pub use several::{Engines, Observers};
pub use start::StartError;

#[cfg(test)]
mod tests;
