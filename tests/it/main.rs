//! Tests of the program from the user's side, on a separate real Docker daemon.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]
#![expect(clippy::disallowed_methods, reason = "processes and daemons live in real time")]

mod architecture;
mod archive;
mod bytes;
mod completion;
mod configured;
mod cursor;
mod demo;
mod details;
mod environment;
mod errors;
mod examples;
mod faults;
mod files;
mod filters;
mod finite;
mod follow;
mod generated;
mod hostile;
mod hosts;
mod leak;
mod lives;
mod look;
mod metrics;
mod order;
mod output;
mod own;
mod parity;
mod podman;
mod proxied;
mod proxies;
mod records;
mod remote;
mod renames;
mod requests;
mod rotation;
mod runs;
mod screen;
mod scripted;
mod selection;
mod since;
mod stop;
mod support;
mod watch;
