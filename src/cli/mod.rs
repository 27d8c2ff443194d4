//! The command line as it was typed. No file, no terminal and no environment is looked at here but
//! by clap; what the values mean together is decided in [`config`](crate::config).

mod effects;
mod environment;
mod leak_check;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use environment::FromVariables;
pub use leak_check::{LeakCheck, OnInconclusive, ReportForm};

const EXAMPLES: &str = "\
Examples:
  cmon tail web                     follow one container, the last 10 lines first
  cmon tail 'web-*' db -n 100       several, by glob and name
  cmon tail -a --no-follow -t       all that is stored, of every container, with timestamps
  cmon tail job --wait              from the first line on of a container that is still to come
  cmon tail web -o json | jq .msg   one JSON object a line
  cmon tail --demo                  see it at work without Docker";

const WATCH_EXAMPLES: &str = "\
Examples:
  cmon watch                        all running containers, full screen; ? shows the keys
  cmon watch 'web-*' db             some of them
  cmon watch --once                 one table, then end
  cmon watch -o json | jq .max_lag_seconds
                                   a snapshot every two seconds, one JSON object a line
  cmon watch --metrics 9464         the same figures for Prometheus, on 127.0.0.1:9464/metrics
  cmon watch --demo                 see it at work without Docker";

/// Follow container logs without losing or doubling a line.
#[derive(Clone, Debug, Parser)]
#[command(name = "cmon", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads what was typed.
    ///
    /// # Errors
    /// clap's: what is wrong with it, or help that was asked for.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        let (mut matches, from_variables) = environment::read(Self::command, &args)?;
        let mut cli = Self::from_arg_matches_mut(&mut matches)
            .map_err(|error| error.format(&mut Self::command()))?;
        cli.global.from_variables = from_variables;
        Ok(cli)
    }
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Follow the logs of containers, over rotations, restarts and bad connections
    #[command(after_help = EXAMPLES)]
    Tail(Tail),
    /// Show the streams at work: a row per container, live
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(Watch),
    /// Prove whether opening and closing log streams leaks, whose leak it is, and how fast
    #[command(after_help = leak_check::EXAMPLES)]
    LeakCheck(Box<LeakCheck>),
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The daemon's address [default: `DOCKER_HOST`, or `unix:///var/run/docker.sock`]
    #[arg(long, global = true, value_name = "URL", env = "CMON_HOST")]
    pub host: Option<String>,
    /// Start a small daemon inside cmon, with eight talking containers, and use that
    #[arg(long, global = true, value_parser = FalseyValueParser::new(), env = "CMON_DEMO")]
    pub demo: bool,
    /// The age at which a log stream is closed and opened again where it was (100ms, 30s, 5m, 1h);
    /// not for leak-check, which chooses it itself: there, --compare varies it
    #[arg(
        long, global = true, value_name = "TIME", default_value = "5m", value_parser = stream_timeout,
        env = "CMON_STREAM_TIMEOUT"
    )]
    pub stream_timeout: Duration,
    /// How long a stream may be quiet before the daemon is asked whether it has more
    #[arg(
        long, global = true, value_name = "TIME", default_value = "30s", value_parser = stream_timeout,
        env = "CMON_STALE_AFTER"
    )]
    pub stale_after: Duration,
    /// How long the daemon may take to answer a request; a retry may take up to four times as long
    #[arg(
        long, global = true, value_name = "TIME", default_value = "30s", value_parser = request_timeout,
        env = "CMON_REQUEST_TIMEOUT"
    )]
    pub request_timeout: Duration,
    /// How long stopping may take before everything is closed by force
    #[arg(
        long, global = true, value_name = "TIME", default_value = "5s",
        value_parser = humantime::parse_duration, env = "CMON_STOP_TIMEOUT"
    )]
    pub stop_timeout: Duration,
    /// Colours
    #[arg(
        long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto,
        env = "CMON_COLOR"
    )]
    pub color: When,
    /// No notes, no status line, no summary; errors and gaps are still told
    #[arg(short, long, global = true, value_parser = FalseyValueParser::new(), env = "CMON_QUIET")]
    pub quiet: bool,
    /// Tell on stderr what cmon does; twice: every request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Which of all flags got their values from the environment.
    #[arg(skip)]
    pub from_variables: FromVariables,
}

/// `cmon tail`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Tail {
    /// Containers: a name, the beginning of an id, a glob ('web-*') or a regular expression
    /// (/^web/)
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// All containers, stopped ones included
    #[arg(short, long)]
    pub all: bool,
    /// Stay and show what comes (this is the default)
    #[arg(short, long, overrides_with = "no_follow")]
    pub follow: bool,
    /// Show what is stored, then end
    #[arg(long, overrides_with = "follow", value_parser = FalseyValueParser::new(), env = "CMON_NO_FOLLOW")]
    pub no_follow: bool,
    /// End when none of the containers runs any more
    #[arg(long, value_parser = FalseyValueParser::new(), env = "CMON_EXIT_ON_STOP")]
    pub exit_on_stop: bool,
    /// Wait for a daemon that does not answer yet, and for containers that are not there yet
    #[arg(
        long, conflicts_with = "no_follow", value_parser = FalseyValueParser::new(), env = "CMON_WAIT"
    )]
    pub wait: bool,
    /// Lines to show first, of containers that are there at the start [default: 10, or all with
    /// --no-follow]
    #[arg(short = 'n', long, value_name = "N|all", value_parser = lines, env = "CMON_TAIL")]
    pub tail: Option<Lines>,
    /// The daemon's timestamp before each line
    #[arg(short, long, value_parser = FalseyValueParser::new(), env = "CMON_TIMESTAMPS")]
    pub timestamps: bool,
    /// Only what the containers write to stdout (and to stderr, with --stderr)
    #[arg(long, value_parser = FalseyValueParser::new(), env = "CMON_STDOUT")]
    pub stdout: bool,
    /// Only what the containers write to stderr (and to stdout, with --stdout)
    #[arg(long, value_parser = FalseyValueParser::new(), env = "CMON_STDERR")]
    pub stderr: bool,
    /// How lines are written
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Form::Default, env = "CMON_OUTPUT")]
    pub output: Form,
    /// No container's name before each line
    #[arg(long, value_parser = FalseyValueParser::new(), env = "CMON_NO_PREFIX")]
    pub no_prefix: bool,
    /// Lines longer than this pass in pieces (64KiB, 1MiB, or bytes)
    #[arg(
        long, value_name = "SIZE", default_value = "1MiB", value_parser = size, env = "CMON_MAX_LINE"
    )]
    pub max_line: usize,
    /// The summary at the end, also where stderr is no terminal
    #[arg(long, value_parser = FalseyValueParser::new(), env = "CMON_SUMMARY")]
    pub summary: bool,
}

impl Tail {
    /// Whether to stay. The last of `-f` and `--no-follow` counts, and `-f` against the environment.
    pub fn follows(&self) -> bool {
        self.follow || !self.no_follow
    }
}

/// `cmon watch`.
#[derive(Args, Clone, Debug)]
pub struct Watch {
    /// Containers: a name, the beginning of an id, a glob ('web-*') or a regular expression
    /// (/^web/) [default: all that run]
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// All containers, stopped ones included
    #[arg(short, long)]
    pub all: bool,
    /// Wait for a daemon that does not answer yet, and for containers that are not there yet
    #[arg(long, value_parser = FalseyValueParser::new(), env = "CMON_WAIT")]
    pub wait: bool,
    /// Print one table (or, with -o json, one snapshot) and end
    #[arg(long)]
    pub once: bool,
    /// What is written: text is the full screen on a terminal, and a line of totals elsewhere
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = WatchForm::Text, env = "CMON_WATCH_OUTPUT")]
    pub output: WatchForm,
    /// How far apart snapshots and lines of totals are; not for the full screen [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = stream_timeout, env = "CMON_INTERVAL")]
    pub interval: Option<Duration>,
    /// End after this time
    #[arg(
        long, value_name = "TIME", value_parser = humantime::parse_duration,
        env = "CMON_WATCH_DURATION"
    )]
    pub duration: Option<Duration>,
    /// Serve the figures for Prometheus at /metrics on this address; a mere port is on 127.0.0.1
    #[arg(long, value_name = "ADDR", value_parser = listen, env = "CMON_METRICS")]
    pub metrics: Option<SocketAddr>,
}

/// What `watch` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchForm {
    /// For people
    Text,
    /// One JSON object per interval
    Json,
}

/// When to do what depends on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// As they are, with the container's name in front where there may be several
    Default,
    /// One JSON object a line; notes, gaps and the summary too
    Json,
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
        "all" => Ok(Lines::All),
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

/// Bytes, from 1 KiB to 1 GiB: `65536`, `64KiB`, `1MiB`.
fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: usize = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err("not a size; try 64KiB or 1MiB".to_owned()),
    };
    let size = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    match size {
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
