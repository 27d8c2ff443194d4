//! The rules of the command line, as tables.

mod daemons;
mod flags;
mod leak_check_settings;
mod refused_settings;
mod support;
mod tail_output;
mod tail_range;
mod watch_settings;
