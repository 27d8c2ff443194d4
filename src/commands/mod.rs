//! The commands: one file each, with the course of its run.

pub(crate) mod complete;
pub(crate) mod dry_run;
mod engines;
pub(crate) mod generate;
pub mod leak_check;
pub(crate) mod settings;
pub mod tail;
pub mod watch;

pub(crate) use engines::NamedDaemon;
