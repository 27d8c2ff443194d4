//! The embedded daemon: a small one that speaks the Docker API on a private unix socket.
//!
//! [`start`] is `--demo`: it runs on a thread of its own with eight containers and three hours behind them, and every
//! command then works as on a real daemon, over a real socket; its tasks and descriptors are not in
//! cmon's census. [`FakeDaemon`] with [`serve`] is the same daemon for tests: a script decides what the
//! containers do and what goes wrong, and on a paused clock it shares the runtime of what it tests.

mod answers;
mod embedded;
mod events;
mod fake_daemon;
mod fault;
mod filters;
mod injected_leak;
mod log;
mod pprof;
mod response_writer;
mod routes;
mod scenes;
mod served_streams;
mod server;
mod spec;
mod voice;

pub use embedded::{Handle, containers, start};
pub use fake_daemon::FakeDaemon;
pub use fault::{Fault, Reframe, Route};
pub use injected_leak::InjectedLeak;
pub use log::Message;
pub use server::serve;

#[cfg(test)]
mod tests;
