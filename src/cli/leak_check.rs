//! `cmon leak-check` as it was typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Examples:
  cmon leak-check --duration 10m                    cmon and the daemon, under streams opened and closed
  cmon leak-check web db --duration 3m --junit r.xml  two containers, and a report for CI
  cmon leak-check --target http://127.0.0.1:6060    a collector too: pprof, Prometheus or JSON
  cmon leak-check --passive --target pid:4711       a process on its own load
  cmon leak-check --passive --target 'http://127.0.0.1:8080#jvm_threads_live_threads'
                                                    one figure of a Prometheus page
  cmon leak-check --drive-cmd 'curl -s app/reload' --target container:app
                                                    one cycle is one run of a command
  cmon leak-check --compare 30s,5m --duration 30m   does the growth depend on the stream timeout?
  cmon leak-check --dry-run --duration 3m           what would be done, and how small a leak it finds
  cmon leak-check --self-test                       finds planted leaks, and only those
  cmon leak-check --demo --duration 2m              see it at work without Docker";

/// `cmon leak-check`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct LeakCheck {
    /// Containers whose streams are opened and closed: a name, the beginning of an id, a glob
    /// ('web-*') or a regular expression (/^web/) [default: all that run]
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// All containers, stopped ones included
    #[arg(short, long)]
    pub all: bool,
    /// How long to check; the longer, the smaller a leak is found
    #[arg(
        long, value_name = "TIME", default_value = "10m", value_parser = duration,
        env = "CMON_LEAK_DURATION"
    )]
    pub duration: Duration,
    /// Also watch this: pid:N, container:NAME, <http://HOST:PORT[/path]>, <https://USER:PASSWORD@HOST>,
    /// URL#NAME of Prometheus or URL#/json/pointer; repeatable
    #[arg(long = "target", value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Drive nothing: watch daemon and targets on their own load
    #[arg(long, conflicts_with_all = ["drive_cmd", "compare"])]
    pub passive: bool,
    /// One cycle is one run of this shell command, instead of a stream opened and closed
    #[arg(long, value_name = "CMD", conflicts_with = "compare")]
    pub drive_cmd: Option<String>,
    /// The target's own counter of its cycles: the name of a Prometheus metric, or a key, a.dotted.path
    /// or /json/pointer in expvar and JSON
    #[arg(long, value_name = "NAME")]
    pub cycles_metric: Option<String>,
    /// Run once under each of these stream timeouts, and compare
    #[arg(long, value_name = "TIME,TIME…", value_delimiter = ',', value_parser = super::stream_timeout)]
    pub compare: Vec<Duration>,
    /// Only growth beyond that of this earlier recording is a leak
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// The metrics that decide, by name or source (own, daemon, target.NAME) [default: counts of
    /// tasks, goroutines, descriptors, threads and followers]
    #[arg(long, value_name = "METRIC,…", value_delimiter = ',')]
    pub gate: Vec<String>,
    /// Growth per cycle that is tolerated [default: 0.03]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub max_per_cycle: Option<f64>,
    /// Growth per minute that is tolerated [default: 1]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub max_per_min: Option<f64>,
    /// The chance of a false alarm, over all metrics that decide [default: 0.01]
    #[arg(long, value_name = "P", value_parser = chance)]
    pub alpha: Option<f64>,
    /// What an undecided check means for the exit code
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnInconclusive::Exit3)]
    pub on_inconclusive: OnInconclusive,
    /// Fixes the random order of driven and idle rungs
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What is written to stdout
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = ReportForm::Text, env = "CMON_LEAK_OUTPUT")]
    pub output: ReportForm,
    /// Also write a report as `JUnit` does
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Also write a report with charts: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Also write all that is read, one JSON object a line; with --compare a file for each stream
    /// timeout
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Judge a recording instead of checking anything, by its own rules unless others are given
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "compare", "targets", "containers", "all", "passive", "drive_cmd", "seed", "dry_run"])]
    pub replay: Option<PathBuf>,
    /// Say what would be done and what it could find, as text or JSON (-o), and end
    #[arg(long)]
    pub dry_run: bool,
    /// Plant leaks and harmless shapes in an embedded daemon, and call each rightly
    #[arg(
        long, conflicts_with_all = ["replay", "targets", "containers", "all", "compare", "drive_cmd", "junit", "html", "record", "gate", "max_per_cycle", "max_per_min", "alpha", "seed", "passive", "baseline", "dry_run"],
        value_parser = FalseyValueParser::new()
    )]
    pub self_test: bool,
}

/// What `leak-check` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// For people
    Text,
    /// One JSON object, at the end
    Json,
}

/// What an undecided check means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnInconclusive {
    /// Exit code 3
    Exit3,
    /// Exit code 1, as for a leak
    Fail,
    /// Exit code 0
    Pass,
}

/// A shorter check would say nothing.
const SHORTEST: Duration = Duration::from_secs(10);

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < SHORTEST => {
            Err("too short to tell anything; the shortest is 10s, and 3m is a good minimum"
                .to_owned())
        }
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; try 10m")),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && 0.0 < *rate);
    rate.ok_or_else(|| "not a number above 0; try 0.03".to_owned())
}

fn chance(text: &str) -> Result<f64, String> {
    let chance = text.parse::<f64>().ok().filter(|chance| (1e-6..=0.25).contains(chance));
    chance.ok_or_else(|| "not a chance from 0.000001 to 0.25; try 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_help_tells_what_this_command_does_and_not_another() {
        let mut cli = super::super::Cli::command();
        cli.build();
        let help = cli.find_subcommand_mut("leak-check").unwrap().render_long_help().to_string();
        assert!(help.contains("One JSON object, at the end"), "{help}");
        assert!(!help.contains("per interval"), "{help}");
        assert!(help.contains("which chooses it itself: there, --compare varies it"), "{help}");
    }

    #[test]
    fn what_would_change_nothing_is_refused() {
        let refused = |args: &str| {
            let args = format!("cmon leak-check {args}");
            let read = super::super::Cli::read(args.split_whitespace().map(Into::into));
            read.is_err_and(|error| error.kind() == ErrorKind::ArgumentConflict)
        };
        assert!(!refused("--replay f --alpha 0.1 --gate own") && !refused("--self-test -q"));
        assert!(!refused("--duration 4m --seed 4 -a"));
        for what in ["--seed 4", "--duration 4m", "-a"] {
            assert!(refused(&format!("--replay f {what}")), "{what}");
            assert!(refused(&format!("{what} --self-test")), "{what}");
        }
        for what in ["--alpha 0.1", "--max-per-cycle 1", "--max-per-min 1"] {
            assert!(refused(&format!("--self-test {what}")), "{what}");
        }
    }

    #[test]
    fn figures_that_make_no_sense_are_refused() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert!(duration("3s").unwrap_err().contains("shortest"));
        assert!(duration("soon").is_err());
        assert!(["0", "-1", "NaN", "inf", "x"].iter().all(|text| rate(text).is_err()));
        assert!(["0", "0.5", "NaN", "x"].iter().all(|text| chance(text).is_err()));
        assert_eq!((rate("0.5"), chance("0.05")), (Ok(0.5), Ok(0.05)));
    }
}
