//! Metrics for Prometheus: the snapshots of the screen, as text over HTTP at `/metrics`.
//!
//! `exposition.rs` is pure; `http_server.rs` is the server. The server is one future that holds its few
//! connections itself and spawns no task, so it is not in the census and ends when it is dropped.

mod exposition;
mod http_server;

pub(crate) use http_server::serve;
