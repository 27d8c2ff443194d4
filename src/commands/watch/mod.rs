//! `cmon watch`: the engine, and what shows it: the screen, or the writer of snapshots.
//!
//! Streams run on this thread, beside them the questions for the daemon's figures and the answers to
//! Prometheus; what shows has a thread of its own. Whatever ends the run first stops the others. The
//! screen gives the terminal back before the engine is waited for.

mod run;
mod show;

pub(crate) use run::run;
