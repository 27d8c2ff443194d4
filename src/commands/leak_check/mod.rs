//! `cmon leak-check`: plans a check, runs its session, judges the records, and reports.
//!
//! Streams, probes and commands share this thread; nothing here waits for the terminal but short lines
//! on stderr. The records are kept in memory and, with `--record`, written as they come, so that a check
//! that is cut off can still be judged.

mod containers;
mod dry_run;
mod hint;
mod live_check;
mod prepare;
mod progress;
mod recording;
mod reports;
mod run;

pub use hint::hint;
use prepare::NothingToWatch;
use run::exit;
pub use run::run;
