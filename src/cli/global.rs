//! The flags of every command, and those that select containers.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::Sources;
use super::help::{DAEMON, OUTPUT, SELECTION};
use super::values::{request_timeout, stream_timeout};

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
pub struct Global {
    /// Addresses of daemons
    #[arg(
        long, global = true, value_name = "[NAME=]URL", env = "CMON_HOST", help_heading = DAEMON,
        help = "Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. \
                Repeat it to follow several daemons at once, each under its NAME"
    )]
    pub host: Vec<String>,
    /// Contexts of the docker command to take the addresses from
    #[arg(
        long, global = true, value_name = "NAME", env = "CMON_CONTEXT", help_heading = DAEMON,
        conflicts_with = "host",
        help = "Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the \
                one of docker context use]. Repeatable"
    )]
    pub context: Vec<String>,
    /// TLS for a TCP address
    #[arg(
        long, global = true, value_parser = FalseyValueParser::new(), env = "CMON_TLSVERIFY",
        help_heading = DAEMON,
        help = "Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in \
                $DOCKER_CERT_PATH, or in ~/.docker"
    )]
    pub tlsverify: bool,
    /// Certificates of the authorities that the daemon's is from [default: ca.pem]
    #[arg(long, global = true, value_name = "FILE", env = "CMON_TLSCACERT", help_heading = DAEMON)]
    pub tlscacert: Option<PathBuf>,
    /// Certificate that cmon shows to the daemon [default: cert.pem]
    #[arg(long, global = true, value_name = "FILE", env = "CMON_TLSCERT", help_heading = DAEMON)]
    pub tlscert: Option<PathBuf>,
    /// Private key of that certificate [default: key.pem]
    #[arg(long, global = true, value_name = "FILE", env = "CMON_TLSKEY", help_heading = DAEMON)]
    pub tlskey: Option<PathBuf>,
    /// Use a small daemon inside cmon, with eight containers that log
    #[arg(
        long, global = true, value_parser = FalseyValueParser::new(), env = "CMON_DEMO",
        help_heading = DAEMON
    )]
    pub demo: bool,
    /// Close a log stream at this age and reopen it at the same line. leak-check refuses it and
    /// has --compare instead
    #[arg(
        long, global = true, value_name = "TIME", default_value = "5m", value_parser = stream_timeout,
        env = "CMON_STREAM_TIMEOUT", help_heading = DAEMON
    )]
    pub stream_timeout: Duration,
    /// After this much silence, ask the daemon whether a stream is missing lines
    #[arg(
        long, global = true, value_name = "TIME", default_value = "30s", value_parser = stream_timeout,
        env = "CMON_STALE_AFTER", help_heading = DAEMON
    )]
    pub stale_after: Duration,
    /// Time that the daemon may take to answer a request. A retry may take up to four times as long
    #[arg(
        long, global = true, value_name = "TIME", default_value = "30s", value_parser = request_timeout,
        env = "CMON_REQUEST_TIMEOUT", help_heading = DAEMON
    )]
    pub request_timeout: Duration,
    /// Time that stopping may take before cmon closes everything by force
    #[arg(
        long, global = true, value_name = "TIME", default_value = "5s",
        value_parser = humantime::parse_duration, env = "CMON_STOP_TIMEOUT",
        help_heading = DAEMON
    )]
    pub stop_timeout: Duration,
    /// Use colors
    #[arg(
        long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto,
        env = "CMON_COLOR", overrides_with = "no_color", help_heading = OUTPUT
    )]
    pub color: When,
    /// The same as --color never
    #[arg(
        long, global = true, overrides_with_all = ["color", "no_color"], help_heading = OUTPUT
    )]
    pub no_color: bool,
    /// Suppress notes, status line and summary; errors and gaps are still printed
    #[arg(
        short, long, alias = "only-log-lines", global = true,
        value_parser = FalseyValueParser::new(), env = "CMON_QUIET", help_heading = OUTPUT
    )]
    pub quiet: bool,
    /// Show more detail, and log debug information to stderr; -vv logs every request
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = OUTPUT)]
    pub verbose: u8,
    /// File with settings that hold unless a flag or a variable is given
    #[arg(
        long, global = true, value_name = "FILE", env = "CMON_CONFIG", help_heading = DAEMON,
        help = "Read settings from this file [default: ~/.config/cmon/config.toml]"
    )]
    pub config: Option<PathBuf>,
    /// The origin of values that were not typed.
    #[arg(skip)]
    pub sources: Sources,
}

/// Conditions of a selection, in every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Conditions {
    /// Select containers that have this label. Repeatable: all must match
    #[arg(short = 'l', long = "label", value_name = "KEY[=VALUE]", env = "CMON_LABEL", help_heading = SELECTION)]
    pub labels: Vec<String>,
    /// Select containers of this image, with or without a tag; a glob is allowed. Repeatable: one
    /// must match
    #[arg(long = "image", value_name = "IMAGE", env = "CMON_IMAGE", help_heading = SELECTION)]
    pub images: Vec<String>,
    /// Select containers of this compose project; . is the project of the current directory.
    /// Repeatable: one must match
    #[arg(long = "project", value_name = "PROJECT[/SERVICE]", env = "CMON_PROJECT", help_heading = SELECTION)]
    pub projects: Vec<String>,
    /// Select as docker ps --filter does, by status, health, network and more. Repeatable
    #[arg(long = "filter", value_name = "KEY=VALUE", env = "CMON_FILTER", help_heading = SELECTION)]
    pub filters: Vec<String>,
    /// Leave out containers that match this name, id prefix, glob or regular expression.
    /// Repeatable
    #[arg(
        short = 'E', long = "exclude-container", value_name = "PATTERN", env = "CMON_EXCLUDE_CONTAINER", help_heading = SELECTION
    )]
    pub excluded: Vec<String>,
}

impl Conditions {
    /// Whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.each().iter().all(|(_, all)| all.is_empty())
    }

    /// Whether there is no condition, except from variables, which serve other commands too.
    pub fn is_untyped(&self, sources: &Sources) -> bool {
        self.each().iter().all(|(id, all)| all.is_empty() || sources.gave(id))
    }

    /// The conditions of each flag, by the flag's id.
    fn each(&self) -> [(&'static str, &[String]); 5] {
        let Self { labels, images, projects, filters, excluded } = self;
        [
            ("labels", labels),
            ("images", images),
            ("projects", projects),
            ("filters", filters),
            ("excluded", excluded),
        ]
    }
}

/// When to do what depends on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless the environment says no.
    #[value(help = "On a terminal, unless NO_COLOR is set")]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
