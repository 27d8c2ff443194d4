//! `cmon watch`: the engine with the screen or the snapshot writer.
//!
//! Streams, requests for the daemon's resource usage and the Prometheus server run on this thread; the screen or writer
//! has its own. The first that ends stops the others. The screen restores the terminal before cmon waits for the
//! engine.

mod run;
mod show;

pub(crate) use run::run;
