//! The command line as it was typed, with the variables and the configuration file beside it. No terminal is looked
//! at here, and of files only that one, and the time zone database for the name of a zone; what the values
//! mean together is decided in [`config`](crate::config).

mod clap_error;
mod effects;
mod file;
mod generated;
mod in_force;
mod layers;
mod leak_check;
mod moment;
mod place;
mod selections;
mod shells;
mod sources;
mod zone;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use file::FileError;
pub use generated::{Completions, Man, completions, man_pages};
pub use in_force::{ConfigForm, From, InForce, Setting, ShowConfig, Table, Value, in_force};
pub use leak_check::{LeakCheck, OnInconclusive, ReportForm};
pub use moment::Moment;
pub use place::{Kind as CompletionKind, Place};
pub use sources::{ReadError, Source, Sources};
pub use zone::Zone;

const EXAMPLES: &str = "\
Examples:
  cmon tail web                    follow the logs of one container
  cmon watch                       show the log streams, live
  cmon leak-check --duration 10m   does opening and closing log streams leak?
  cmon tail --demo                 try it without Docker";

const TAIL_EXAMPLES: &str = "\
Examples:
  cmon tail web                    show the last 10 lines, then follow
  cmon tail 'web-*' db -n 100      select several containers by glob and name
  cmon tail -l app=web -E web-3    select by label, and leave one out
  cmon tail --project .            follow the compose project of this directory
  cmon tail -a --no-follow -t      print all stored lines, with timestamps
  cmon tail web -p                 show the run before the last restart
  cmon tail job --wait             wait for a container, then show every line
  cmon tail -a --cursor c          go on where the last run with c has ended
  cmon tail -a --output-dir logs   write a file per container, each line once
  cmon tail web -o pretty          show JSON and logfmt lines for people
  cmon tail web -o json | jq .msg  write one JSON object per line
  cmon tail web -i login -e bot    show lines with login and without bot
  cmon tail web --level warn       show warnings and errors
  cmon tail web --until-match ready --timeout 30s
                                   wait until a container is ready
  cmon tail --demo                 try it without Docker";

const TAIL_EXIT_CODES: &str = "\
Exit codes:
  0    done, --until-match matched, or the reader of the pipe went away
  1    a daemon or a log could not be read, or no container is selected
  2    the command line is wrong
  3    --fail-on matched
  4    all selected containers ended before --until-match matched
  124  the time of --timeout is over
  129  ended by SIGHUP
  130  ended by SIGINT (Ctrl-C)
  143  ended by SIGTERM";

const WATCH_EXAMPLES: &str = "\
Examples:
  cmon watch                       all running containers; press ? for the keys
  cmon watch 'web-*' db            some of them
  cmon watch --once                print one table and end
  cmon watch -o json | jq .lines   write a JSON snapshot every two seconds
  cmon watch --metrics 9464        serve http://127.0.0.1:9464/metrics
  cmon watch --demo                try it without Docker";

/// The examples stand before the flags.
const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}";

/// The same with the exit codes at the end.
const TAIL_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}{after-help}";

const SELECTION: &str = "Containers";
const LINES: &str = "Lines";
const FILTERS: &str = "Filters";
const END: &str = "End of the run";
const CURSOR: &str = "Later runs";
const OUTPUT: &str = "Output";
const DAEMON: &str = "Daemon and streams";

use sources::{ConfigFile, Idle};

/// Columns of the help.
const WIDTH: usize = 80;

/// Follow container logs without losing or duplicating a line
#[derive(Clone, Debug, Parser)]
#[command(
    name = "cmon", version, before_help = EXAMPLES, help_template = TEMPLATE, term_width = WIDTH,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads what was typed and the variables, without a configuration file.
    ///
    /// # Errors
    /// clap's: what is wrong with it, or help that was asked for.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        Self::read_with(&args, ConfigFile::Ignored).map_err(|error| match error {
            ReadError::Usage(error) => *error,
            ReadError::File(error) => clap::Error::raw(ErrorKind::Io, error),
        })
    }

    /// Reads what was typed, the variables and the configuration file.
    ///
    /// # Errors
    /// One of them is wrong, or help was asked for.
    pub fn read_all(args: &[OsString]) -> Result<Self, ReadError> {
        Self::read_with(args, ConfigFile::Read)
    }

    fn read_with(args: &[OsString], file: ConfigFile<'_>) -> Result<Self, ReadError> {
        let read = sources::read(Self::command, args, (file, Idle::Refused));
        let mut read = read.map_err(|error| match error {
            ReadError::Usage(error) => ReadError::from(of_other_commands(*error)),
            ReadError::File(_) => error,
        })?;
        let mut cli = Self::from_arg_matches_mut(&mut read.matches)
            .map_err(|error| error.format(&mut Self::command()))?;
        cli.global.sources = read.sources;
        selections::expand(&mut cli.command, read.settings.as_ref(), &read.place)?;
        Ok(cli)
    }
}

/// A command of docker's that cmon does not have, with what there is instead.
fn of_other_commands(error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let tip = match name.as_str() {
        "ps" | "ls" => "cmon watch --once lists the containers and their log streams",
        "stats" | "top" => "cmon watch shows the containers and their log streams live",
        _ => return error,
    };
    let text = format!("unrecognized subcommand '{name}'\n\n  tip: {tip}");
    Cli::command().error(ErrorKind::InvalidSubcommand, text)
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Follow container logs through restarts, log rotation and bad connections
    #[command(
        visible_alias = "logs", before_help = TAIL_EXAMPLES, after_help = TAIL_EXIT_CODES,
        help_template = TAIL_TEMPLATE
    )]
    Tail(Box<Tail>),
    /// Show the log streams live, one row per container
    #[command(before_help = WATCH_EXAMPLES, help_template = TEMPLATE)]
    Watch(Box<Watch>),
    /// Prove whether opening and closing log streams leaks, whose leak it is, and how fast
    #[command(before_help = leak_check::EXAMPLES, help_template = TEMPLATE)]
    LeakCheck(Box<LeakCheck>),
    /// Show which settings are in force, and where each comes from
    #[command(before_help = in_force::EXAMPLES, help_template = TEMPLATE)]
    Config(ShowConfig),
    /// Write a script that completes cmon in a shell
    #[command(before_help = generated::COMPLETIONS_EXAMPLES, help_template = TEMPLATE)]
    Completions(Completions),
    /// Write the man pages
    #[command(before_help = generated::MAN_EXAMPLES, help_template = TEMPLATE)]
    Man(Man),
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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
    /// Log debug information to stderr; -vv logs every request
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = OUTPUT)]
    pub verbose: u8,
    /// File with settings that hold unless a flag or a variable is given
    #[arg(
        long, global = true, value_name = "FILE", env = "CMON_CONFIG", help_heading = DAEMON,
        help = "Read settings from this file [default: ~/.config/cmon/config.toml]"
    )]
    pub config: Option<PathBuf>,
    /// Where the values of flags that were not typed come from.
    #[arg(skip)]
    pub sources: Sources,
}

/// Conditions that every command selects containers by.
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
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.each().iter().all(|(_, all)| all.is_empty())
    }

    /// Whether there is none but from variables, which are meant for other commands too.
    pub fn is_untyped(&self, sources: &Sources) -> bool {
        self.each().iter().all(|(id, all)| all.is_empty() || sources.gave(id))
    }

    /// Those of each flag, by the flag's id.
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

/// `cmon tail`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Tail {
    /// Name, id prefix, glob ('web-*') or regular expression (/^web/)
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// Select all containers, including stopped ones
    #[arg(short, long, help_heading = SELECTION)]
    pub all: bool,
    /// Conditions beside the names.
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
    /// Begin the cursor anew
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
    /// Filters, and what ends the run.
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

/// Which events are shown. An event is a line, or several that belong together.
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
    pub level: Option<Level>,
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

/// Which events `tail` shows, and which end it.
#[derive(Args, Clone, Debug)]
pub struct Events {
    /// Which are shown.
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

/// How severe a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
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

impl Tail {
    /// Whether to stay, unless `--until` is a time in the past; a previous run is over. The last of `-f` and `--no-follow` counts, and `-f`
    /// against the environment.
    pub fn follows(&self) -> bool {
        (self.follow || !self.no_follow) && !self.previous
    }
}

/// `cmon watch`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Watch {
    /// Name, id prefix, glob ('web-*') or regular expression (/^web/) [default: all running
    /// containers]
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// Select all containers, including stopped ones
    #[arg(short, long, help_heading = SELECTION)]
    pub all: bool,
    /// Conditions beside the names.
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
    /// Which lines the full screen shows of a container.
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

/// What `watch` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchForm {
    /// Full screen on a terminal, else one line of totals per interval
    Text,
    /// One JSON object per interval
    Json,
    /// The full screen, with JSON and logfmt lines as LEVEL message key=value
    Pretty,
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

/// How lines are written.
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

/// What timestamps look like.
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

/// How many lines are shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// All that the daemon holds.
    All,
    /// So many.
    Last(u64),
}

fn lines(text: &str) -> Result<Lines, String> {
    match text {
        // As docker and compose have it.
        "all" | "-1" => Ok(Lines::All),
        _ => text.parse().map(Lines::Last).map_err(|_| "neither a number nor `all`".to_owned()),
    }
}

/// The shortest stream timeout: below it, cmon would open streams faster than they can be read.
const SHORTEST: Duration = Duration::from_millis(100);

fn stream_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < SHORTEST => Err("the shortest is 100ms".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; try 30s or 5m")),
    }
}

/// The longest time that a line may wait for older ones.
const LONGEST_WINDOW: Duration = Duration::from_secs(60);

fn order_window(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if LONGEST_WINDOW < time => Err("the longest is 1m".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; try 100ms or 2s")),
    }
}

fn request_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < SHORTEST => Err("the shortest is 100ms".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; try 30s or 2m")),
    }
}

/// `9464`, `:9464`, `localhost:9464` or `ADDRESS:PORT`.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::from(([127, 0, 0, 1], port))),
        Err(_) => text.parse().map_err(|_| "not an address; try 9464 or 127.0.0.1:9464".to_owned()),
    }
}

/// Bytes of a file: `0`, or from 1 KiB on.
fn file_size(text: &str) -> Result<u64, String> {
    match bytes(text) {
        Some(0) => Ok(0),
        Some(size) if 1 << 10 <= size => Ok(size as u64),
        Some(_) => Err("the smallest is 1KiB".to_owned()),
        None => Err("not a size; try 10MiB or 1GiB".to_owned()),
    }
}

/// A number with a unit.
fn bytes(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: usize = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit))
}

/// Bytes, from 1 KiB to 1 GiB: `65536`, `64KiB`, `1MiB`.
fn size(text: &str) -> Result<usize, String> {
    match bytes(text) {
        Some(size) if (1 << 10..=1 << 30).contains(&size) => Ok(size),
        Some(_) => Err("it must be from 1KiB to 1GiB".to_owned()),
        None => Err("not a size; try 64KiB or 1MiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_has_80_columns_and_no_markup() {
        for name in ["cmon", "tail", "watch", "leak-check", "config", "completions", "man"] {
            // The variables of whoever runs the tests do not count.
            let hidden = |command: clap::Command| command.mut_args(|arg| arg.hide_env_values(true));
            let mut cli = hidden(Cli::command()).mut_subcommands(hidden);
            cli.build();
            let command = match name {
                "cmon" => &mut cli,
                name => cli.find_subcommand_mut(name).unwrap(),
            };
            let help = command.render_long_help().to_string();
            let wide = help.lines().find(|line| WIDTH < line.chars().count());
            assert_eq!(wide, None, "{name}");
            assert!(!help.contains('`'), "{help}");
            insta::assert_snapshot!(format!("help-{name}"), help);
        }
    }

    #[test]
    fn sizes_are_read_in_their_units() {
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1m"), Ok(1 << 20));
        assert_eq!(size("4096"), Ok(4096));
        for bad in ["", "12q", "-1", "1.5m", "10", "2g", "99999999999999999999k"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metrics_are_served_on_loopback_unless_an_address_says_otherwise() {
        for text in ["9464", ":9464", "localhost:9464", "127.0.0.1:9464"] {
            assert_eq!(listen(text).unwrap().to_string(), "127.0.0.1:9464", "{text}");
        }
        assert_eq!(listen("[::]:80").unwrap().to_string(), "[::]:80");
        assert!(["", "web", "70000", "host:x"].iter().all(|text| listen(text).is_err()));
    }

    #[test]
    fn a_stream_timeout_is_at_least_a_tenth_of_a_second() {
        assert_eq!(stream_timeout("100ms"), Ok(SHORTEST));
        assert_eq!(stream_timeout("99ms"), Err("the shortest is 100ms".to_owned()));
        assert!(stream_timeout("soon").is_err());
    }

    #[test]
    fn habits_from_docker_and_compose_work() {
        let read = |args: &str| {
            let cli = Cli::try_parse_from(format!("cmon {args}").split(' ')).unwrap();
            let Command::Tail(tail) = cli.command else { panic!("it is `tail`") };
            (tail.containers, tail.tail, tail.no_prefix)
        };
        let web = || vec!["web".to_owned()];
        assert_eq!(read("logs -f --tail -1 web"), (web(), Some(Lines::All), false));
        assert_eq!(read("logs -n -1 --no-log-prefix web"), (web(), Some(Lines::All), true));
        let cli = Cli::try_parse_from(["cmon", "logs", "web", "--only-log-lines"]).unwrap();
        assert!(cli.global.quiet);
        let ps = Cli::read(["cmon", "ps"].map(OsString::from)).unwrap_err();
        assert_eq!(ps.kind(), ErrorKind::InvalidSubcommand);
        assert!(
            ps.to_string()
                .contains("unrecognized subcommand 'ps'\n\n  tip: cmon watch --once lists"),
            "{ps}"
        );
        let other = Cli::read(["cmon", "wach"].map(OsString::from)).unwrap_err();
        assert!(other.to_string().contains("'watch'"), "{other}");
        assert_eq!(read("tail --tail=all web"), (web(), Some(Lines::All), false));
        assert!(Cli::try_parse_from(["cmon", "tail", "-n", "-2", "web"]).is_err());
    }

    #[test]
    fn the_last_of_follow_and_no_follow_counts() {
        let follow = |args: &[&str]| {
            let cli = Cli::try_parse_from([&["cmon", "tail", "web"], args].concat()).unwrap();
            let Command::Tail(tail) = cli.command else { panic!("it is `tail`") };
            tail.follows()
        };
        assert!(follow(&[]) && follow(&["-f"]) && follow(&["--no-follow", "-f"]));
        assert!(!follow(&["-f", "--no-follow"]));
    }
}
