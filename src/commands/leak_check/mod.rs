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

use tokio_util::sync::CancellationToken;

use crate::config::{Check, Config, Daemon, LeakCheck};
use crate::leak::judge::plan::Plan;
use crate::leak::record::{Header, Record};
use crate::output::Sinks;
pub(crate) use hint::hint;
use prepare::NothingToWatch;
use reports::Reports;
pub(crate) use run::run;

/// One check, or several to compare.
struct Checking<'a> {
    config: &'a Config,
    leak: &'a LeakCheck,
    check: &'a Check,
    daemon: Daemon,
    stop: CancellationToken,
    reports: &'a Reports<'a>,
    baseline: Option<&'a [Record]>,
    sinks: &'a Sinks,
}

/// What is known before a check begins.
struct Known {
    header: Header,
    plan: Option<Plan>,
}
