//! The arguments of `cmon tail`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use super::help::{CURSOR, END, FILTERS, LINES, OUTPUT, SELECTION};
use super::values::{file_size, lines, order_window, size};
use super::{Conditions, Moment, Zone};

/// `cmon tail`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
pub struct Tail {
    /// Name, id prefix, glob ('web-*') or regular expression (/^web/)
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// Select all containers, including stopped ones
    #[arg(short, long, help_heading = SELECTION)]
    pub all: bool,
    /// Conditions in addition to the names.
    #[command(flatten)]
    pub conditions: Conditions,
    /// Wait for new lines (the default)
    #[arg(short, long, overrides_with = "no_follow", help_heading = LINES)]
    pub follow: bool,
    /// Print the stored lines and end
    #[arg(
        long, overrides_with = "follow", value_parser = FalseyValueParser::new(),
        env = "CMON_NO_FOLLOW", help_heading = LINES
    )]
    pub no_follow: bool,
    /// End when all selected containers have stopped
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_EXIT_ON_STOP",
        help_heading = LINES
    )]
    pub exit_on_stop: bool,
    /// Wait for a daemon that does not answer, and for containers that do not exist
    #[arg(
        long, conflicts_with = "no_follow", value_parser = FalseyValueParser::new(), env = "CMON_WAIT",
        help_heading = SELECTION
    )]
    pub wait: bool,
    /// List the containers that would be followed, and end
    #[arg(long, help_heading = SELECTION)]
    pub dry_run: bool,
    /// Show the last N lines of each container first [default: 10, or all with --no-follow].
    /// Containers that join later are shown from their first line
    #[arg(
        short = 'n', long, value_name = "N|all", value_parser = lines, env = "CMON_TAIL",
        allow_negative_numbers = true, help_heading = LINES
    )]
    pub tail: Option<Lines>,
    /// Show only lines from this time on: 10m, 2h, 2026-11-28T12:30, or seconds since 1970
    #[arg(
        long, value_name = "TIME", allow_hyphen_values = true, env = "CMON_SINCE", help_heading = LINES
    )]
    pub since: Option<Moment>,
    /// Show only the current run of each container, then follow. A stopped container has its last
    /// run as the current one
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_SINCE_START",
        conflicts_with_all = ["since", "until", "cursor", "output_dir"], help_heading = LINES
    )]
    pub since_start: bool,
    /// Show only the run before the current one of each container, and end
    #[arg(
        short, long,
        conflicts_with_all = [
            "since_start", "since", "until", "cursor", "output_dir", "follow", "exit_on_stop", "wait"
        ],
        help_heading = LINES
    )]
    pub previous: bool,
    /// Show only lines up to this time, and end then: 1h, or 18:30 or +10m to follow until then
    #[arg(
        long, value_name = "TIME", allow_hyphen_values = true, env = "CMON_UNTIL", help_heading = LINES
    )]
    pub until: Option<Moment>,
    /// Keep in FILE where each log was read to, and go on there: a later run with the same FILE shows
    /// what is new since this one. -n and --since are for containers that are not in it
    #[arg(
        long, value_name = "FILE", env = "CMON_CURSOR", conflicts_with_all = ["until", "output_dir"],
        help_heading = CURSOR
    )]
    pub cursor: Option<PathBuf>,
    /// Start with an empty cursor
    #[arg(long, help_heading = CURSOR)]
    pub cursor_reset: bool,
    /// Keep removed containers in the cursor for this time
    #[arg(
        long, value_name = "TIME", default_value = "7d", value_parser = humantime::parse_duration,
        env = "CMON_CURSOR_KEEP", help_heading = CURSOR
    )]
    pub cursor_keep: Duration,
    /// Write the lines to a file per container in DIR, each line once, also over kills and crashes.
    /// The cursor is kept in DIR
    #[arg(
        long, value_name = "DIR", env = "CMON_OUTPUT_DIR",
        conflicts_with_all = ["until", "join", "join_stacks"], help_heading = CURSOR
    )]
    pub output_dir: Option<PathBuf>,
    /// Begin a new file when one would become larger; 0 never does
    #[arg(
        long, value_name = "SIZE", default_value = "100MiB", value_parser = file_size,
        env = "CMON_ROTATE_SIZE", help_heading = CURSOR
    )]
    pub rotate_size: u64,
    /// Keep this number of older files per container
    #[arg(
        long, value_name = "N", default_value_t = 5, env = "CMON_ROTATE_KEEP", help_heading = CURSOR
    )]
    pub rotate_keep: usize,
    /// Compress older files with gzip
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_COMPRESS", help_heading = CURSOR
    )]
    pub compress: bool,
    /// Show only lines that containers wrote to stdout
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_STDOUT", help_heading = LINES
    )]
    pub stdout: bool,
    /// Show only lines that containers wrote to stderr
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_STDERR", help_heading = LINES
    )]
    pub stderr: bool,
    /// Filters, and matches that end the run.
    #[command(flatten)]
    pub events: Events,
    /// Output format
    #[arg(
        short, long, value_name = "FORMAT", value_enum, default_value_t = Form::Default,
        env = "CMON_OUTPUT", help_heading = OUTPUT
    )]
    pub output: Form,
    /// Print each line as this template makes it, such as '{{time}} {{container}} {{msg}}'. The
    /// variables are the fields of -o json
    #[arg(
        long, value_name = "TEMPLATE", conflicts_with = "output", env = "CMON_TEMPLATE",
        help_heading = OUTPUT
    )]
    pub template: Option<String>,
    /// Print the daemon's timestamp before each line [plain -t: full]
    #[arg(
        short, long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "full", env = "CMON_TIMESTAMPS", help_heading = OUTPUT
    )]
    pub timestamps: Option<Timestamps>,
    /// Time zone of timestamps and notes: local, UTC or a name such as Europe/Berlin [default: local;
    /// for timestamps of -t=full and in a pipe, UTC]
    #[arg(long, value_name = "ZONE", env = "CMON_TIMEZONE", help_heading = OUTPUT)]
    pub timezone: Option<Zone>,
    /// Print the labels and variables that the log options of a container name, before each line
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_DETAILS", help_heading = OUTPUT
    )]
    pub details: bool,
    /// Do not print the container name before each line
    #[arg(
        long, alias = "no-log-prefix", value_parser = FalseyValueParser::new(),
        env = "CMON_NO_PREFIX", help_heading = OUTPUT
    )]
    pub no_prefix: bool,
    /// Remove colors and other escape sequences from the lines
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_STRIP_ANSI", help_heading = OUTPUT
    )]
    pub strip_ansi: bool,
    /// Split longer lines into pieces of this size
    #[arg(
        long, value_name = "SIZE", default_value = "1MiB", value_parser = size, env = "CMON_MAX_LINE",
        help_heading = OUTPUT
    )]
    pub max_line: usize,
    /// Time that a new line waits for older ones of other containers; 0s shows lines as they come
    #[arg(
        long, value_name = "TIME", default_value = "100ms", value_parser = order_window,
        env = "CMON_ORDER_WINDOW", help_heading = OUTPUT
    )]
    pub order_window: Duration,
    /// Print the summary at the end, even if stderr is not a terminal
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_SUMMARY", help_heading = OUTPUT
    )]
    pub summary: bool,
}

impl Tail {
    /// Whether the run follows. It does not if `--until` is in the past, or for a previous run. The last of `-f` and
    /// `--no-follow` counts, and `-f` wins over variables.
    pub fn follows(&self) -> bool {
        (self.follow || !self.no_follow) && !self.previous
    }
}

/// The filters of events. An event is a line, or several that belong together.
#[derive(Args, Clone, Debug)]
pub struct Filters {
    /// Show only lines that match this regular expression. Repeatable: one must match
    #[arg(
        short, long, alias = "grep", value_name = "RE", allow_hyphen_values = true,
        env = "CMON_INCLUDE", help_heading = FILTERS
    )]
    pub include: Vec<String>,
    /// Do not show lines that match this regular expression, even if --include matches. Repeatable
    #[arg(
        short, long, value_name = "RE", allow_hyphen_values = true, env = "CMON_EXCLUDE",
        help_heading = FILTERS
    )]
    pub exclude: Vec<String>,
    /// Show only lines of this level and above. A line without a level has that of the line before
    #[arg(long, value_enum, env = "CMON_LEVEL", help_heading = FILTERS)]
    pub level: Option<MinLevel>,
    /// Treat lines that match this regular expression as part of the line before, so that filters
    /// show or hide them together. Repeatable
    #[arg(
        long, value_name = "RE", allow_hyphen_values = true, env = "CMON_JOIN", help_heading = FILTERS
    )]
    pub join: Vec<String>,
    /// Treat stack traces of Java, Go, Python, Node and Rust as part of the line before
    #[arg(
        long, value_parser = FalseyValueParser::new(), env = "CMON_JOIN_STACKS",
        help_heading = FILTERS
    )]
    pub join_stacks: bool,
    /// Highlight what matches this regular expression, where stdout shows colors. Repeatable
    #[arg(
        short = 'H', long, value_name = "RE", allow_hyphen_values = true, env = "CMON_HIGHLIGHT",
        help_heading = FILTERS
    )]
    pub highlight: Vec<String>,
}

/// The filters of `tail`, and the matches that end it.
#[derive(Args, Clone, Debug)]
pub struct Events {
    /// The filters.
    #[command(flatten)]
    pub filters: Filters,
    /// End with exit code 0 after the first line that passes the filters and matches this regular
    /// expression, and with 4 if all selected containers end before. Repeatable
    #[arg(
        long, value_name = "RE", allow_hyphen_values = true, env = "CMON_UNTIL_MATCH",
        help_heading = END
    )]
    pub until_match: Vec<String>,
    /// End with exit code 3 after the first line that passes the filters and matches this regular
    /// expression. Repeatable
    #[arg(
        long, value_name = "RE", allow_hyphen_values = true, env = "CMON_FAIL_ON", help_heading = END
    )]
    pub fail_on: Vec<String>,
    /// End with exit code 124 after this time
    #[arg(
        long, value_name = "TIME", value_parser = humantime::parse_duration, env = "CMON_TIMEOUT",
        help_heading = END
    )]
    pub timeout: Option<Duration>,
}

/// The lowest shown level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MinLevel {
    /// Also called verbose, finest
    Trace,
    /// Also called dbg, fine
    Debug,
    /// Also called information, notice
    Info,
    /// Also called warning
    Warn,
    /// Also called err, severe
    Error,
    /// Also called critical, panic, alert, emergency
    Fatal,
}

/// The form of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The lines as they are, after the container name if there may be several
    Default,
    /// The bytes as the containers wrote them, without container names
    Raw,
    /// JSON and logfmt lines as LEVEL message key=value, other lines as they are
    Pretty,
    /// One JSON object per line, also for notes, gaps and the summary
    Json,
}

/// The form of timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Timestamps {
    /// 12:30:00.123
    Short,
    /// 2026-11-28T12:30:00.123+01:00
    Iso,
    /// 2026-11-28T11:30:00.123456789Z, as docker logs -t prints it
    #[value(aliases = ["1", "true", "t", "yes", "y", "on"])]
    Full,
    /// No timestamps
    #[value(aliases = ["0", "false", "f", "no", "n"])]
    Off,
}

/// The number of lines shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// All stored lines.
    All,
    /// This number.
    Last(u64),
}
