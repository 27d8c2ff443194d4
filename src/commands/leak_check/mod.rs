//! `cmon leak-check`: plans a check, runs its session, judges the records, and reports.
//!
//! Streams, probes and commands share this thread, so only short lines on stderr may block it. Records stay in memory.
//! `--record` writes each at once, so that the recording of a killed check can be judged.

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

/// The header and the plan of a check.
struct Known {
    header: Header,
    plan: Option<Plan>,
}
