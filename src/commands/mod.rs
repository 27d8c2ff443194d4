//! The commands: one file each.

pub(crate) mod complete;
pub(crate) mod dry_run;
mod engines;
pub(crate) mod generate;
pub(crate) mod leak_check;
pub(crate) mod settings;
pub(crate) mod tail;
pub(crate) mod watch;

pub(crate) use engines::NamedDaemon;
