//! The figures for Prometheus: the same snapshots as on the screen, as text over HTTP at `/metrics`.
//!
//! `text.rs` is pure; here is the server. It spawns nothing: it is one future that holds its few
//! connections itself, so it needs no place in the census and ends when it is dropped.

mod exposition;
mod http_server;

pub(crate) use http_server::serve;
