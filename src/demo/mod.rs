//! The embedded daemon: a small implementation of the Docker API on a private unix socket.
//!
//! [`start`] is `--demo`: it runs on its own thread with eight containers and a history of three hours. Every
//! command works with it as with a real daemon, over a real socket; its tasks and descriptors are not in cmon's
//! census. [`FakeDaemon`] with [`serve`] is the same daemon for tests: a script controls containers and faults,
//! and on a paused clock it shares the runtime of the code under test.

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
