//! The command line with the variables and the configuration file. It looks at no terminal, and at no other file than
//! the time zone database. The combined meaning of the values is decided in [`config`](crate::config).

mod clap_error;
mod command;
mod effects;
mod file;
mod generated;
mod global;
mod help;
mod in_force;
mod layers;
mod leak_check;
mod moment;
mod place;
mod selections;
mod shells;
mod sources;
mod tail;
#[cfg(test)]
mod tests;
mod values;
mod watch;
mod zone;

pub use command::{Cli, Command};
pub use file::FileError;
pub use generated::{Completions, Man, completions, man_pages};
pub use global::{Conditions, Global, When};
pub use in_force::{ConfigForm, From, InForce, Setting, ShowConfig, Table, Value, in_force};
pub use leak_check::{LeakCheck, OnInconclusive, ReportForm};
pub use moment::Moment;
pub use place::{Kind as CompletionKind, Place};
pub use sources::{ReadError, Source, Sources};
pub use tail::{Events, Filters, Form, Lines, MinLevel, Tail, Timestamps};
pub use watch::{Watch, WatchForm};
pub use zone::Zone;
