//! The arguments of `cmon watch`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use super::help::{OUTPUT, SELECTION};
use super::values::{listen, stream_timeout};
use super::{Conditions, Filters};

/// `cmon watch`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
pub struct Watch {
    /// Name, id prefix, glob ('web-*') or regular expression (/^web/) [default: all running
    /// containers]
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// Select all containers, including stopped ones
    #[arg(short, long, help_heading = SELECTION)]
    pub all: bool,
    /// Conditions in addition to the names.
    #[command(flatten)]
    pub conditions: Conditions,
    /// Wait for a daemon that does not answer, and for containers that do not exist
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_WAIT", help_heading = SELECTION
    )]
    pub wait: bool,
    /// List the containers that would be followed, and end
    #[arg(long, help_heading = SELECTION)]
    pub dry_run: bool,
    /// The filters of lines on the full screen.
    #[command(flatten)]
    pub filters: Filters,
    /// Print one table, or one snapshot with -o json, and end
    #[arg(long, help_heading = OUTPUT)]
    pub once: bool,
    /// Output format
    #[arg(
        short, long, value_name = "FORMAT", value_enum, default_value_t = WatchForm::Text,
        env = "CMON_WATCH_OUTPUT", help_heading = OUTPUT
    )]
    pub output: WatchForm,
    /// Time between two snapshots; has no effect on the full screen [default: 2s]
    #[arg(
        long, value_name = "TIME", value_parser = stream_timeout, env = "CMON_INTERVAL",
        help_heading = OUTPUT
    )]
    pub interval: Option<Duration>,
    /// End after this time
    #[arg(
        long, value_name = "TIME", value_parser = humantime::parse_duration,
        env = "CMON_WATCH_DURATION", help_heading = OUTPUT
    )]
    pub duration: Option<Duration>,
    /// Serve Prometheus metrics on this address, such as 9464 or 0.0.0.0:9464. A port alone
    /// listens on 127.0.0.1
    #[arg(
        long, value_name = "ADDR", value_parser = listen, env = "CMON_METRICS", help_heading = OUTPUT
    )]
    pub metrics: Option<SocketAddr>,
}

/// The output of `watch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchForm {
    /// Full screen on a terminal, else one line of totals per interval
    Text,
    /// One JSON object per interval
    Json,
    /// The full screen, with JSON and logfmt lines as LEVEL message key=value
    Pretty,
}
