//! The arguments of `cmon leak-check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Examples:
  cmon leak-check --duration 10m
      check cmon and the daemon
  cmon leak-check web db --duration 3m --junit r.xml
      use the streams of two containers, and write a report for CI
  cmon leak-check --target http://127.0.0.1:6060
      watch a program too: pprof, Prometheus or expvar
  cmon leak-check --passive --target pid:4711
      watch a process on its own load
  cmon leak-check --passive --target 'http://127.0.0.1:8080#queue_size'
      watch one metric of a Prometheus page
  cmon leak-check --drive-cmd 'curl -s app/reload' --target container:app
      run a command as the load
  cmon leak-check --compare 30s,5m --duration 30m
      does the growth depend on the stream timeout?
  cmon leak-check --dry-run --duration 3m
      print the plan, and the smallest leak that it can find
  cmon leak-check --self-test
      verify the checker itself
  cmon leak-check --demo --duration 2m
      try it without Docker";

const LOAD: &str = "Load";
const TARGETS: &str = "Targets";
const VERDICT: &str = "Verdict";
const REPORTS: &str = "Reports";

/// `cmon leak-check`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
pub struct LeakCheck {
    /// Containers to open and close log streams of: name, id prefix, glob ('web-*') or regular
    /// expression (/^web/) [default: all running containers]
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// Select all containers, including stopped ones
    #[arg(short, long, help_heading = super::help::SELECTION)]
    pub all: bool,
    /// Conditions in addition to the names.
    #[command(flatten)]
    pub conditions: super::Conditions,
    /// Length of the check. A longer check finds smaller leaks
    #[arg(
        long, value_name = "TIME", default_value = "10m", value_parser = duration,
        env = "CMON_LEAK_DURATION", help_heading = LOAD
    )]
    pub duration: Duration,
    /// Also watch these programs
    #[arg(
        long = "target", value_name = "TARGET", help_heading = TARGETS,
        help = "Also watch a program: pid:N, container:NAME, http://HOST:PORT[/path], \
            https://USER:PASSWORD@HOST, URL#PROMETHEUS_NAME or URL#/json/pointer. Repeatable"
    )]
    pub targets: Vec<String>,
    /// Make no load: watch the daemon and the targets on their own load
    #[arg(long, conflicts_with_all = ["drive_cmd", "compare"], help_heading = LOAD)]
    pub passive: bool,
    /// Run this shell command for each cycle, instead of opening and closing streams
    #[arg(long, value_name = "CMD", conflicts_with = "compare", help_heading = LOAD)]
    pub drive_cmd: Option<String>,
    /// Read the number of cycles from the target: a Prometheus name, or a key, a.dotted.path or
    /// /json/pointer in expvar and JSON
    #[arg(long, value_name = "NAME", help_heading = LOAD)]
    pub cycles_metric: Option<String>,
    /// Check once under each of these stream timeouts, and compare
    #[arg(
        long, value_name = "TIME,TIME…", value_delimiter = ',', value_parser = super::values::stream_timeout,
        help_heading = LOAD
    )]
    pub compare: Vec<Duration>,
    /// Count only growth that this earlier recording does not have
    #[arg(long, value_name = "FILE", help_heading = VERDICT)]
    pub baseline: Option<PathBuf>,
    /// Metrics that decide the verdict, by name or source (own, daemon, target.NAME) [default:
    /// counts of tasks, goroutines, descriptors, threads and followers]
    #[arg(long, value_name = "METRIC,…", value_delimiter = ',', help_heading = VERDICT)]
    pub gate: Vec<String>,
    /// Growth per cycle that is not a leak [default: 0.03]
    #[arg(long, value_name = "N", value_parser = rate, help_heading = VERDICT)]
    pub max_per_cycle: Option<f64>,
    /// Growth per minute that is not a leak [default: 1]
    #[arg(long, value_name = "N", value_parser = rate, help_heading = VERDICT)]
    pub max_per_min: Option<f64>,
    /// Chance of a false alarm, over all metrics that decide [default: 0.01]
    #[arg(long, value_name = "P", value_parser = chance, help_heading = VERDICT)]
    pub alpha: Option<f64>,
    /// Exit code of an INCONCLUSIVE check
    #[arg(
        long, value_name = "WHAT", value_enum, default_value_t = OnInconclusive::Exit3,
        help_heading = VERDICT
    )]
    pub on_inconclusive: OnInconclusive,
    /// Seed of the random order of drive and idle phases
    #[arg(long, value_name = "N", help_heading = LOAD)]
    pub seed: Option<u64>,
    /// Format of the report on stdout
    #[arg(
        short, long, value_name = "FORMAT", value_enum, default_value_t = ReportForm::Text,
        env = "CMON_LEAK_OUTPUT", help_heading = super::help::OUTPUT
    )]
    pub output: ReportForm,
    /// Also write a report for CI systems
    #[arg(
        long, value_name = "FILE", help_heading = REPORTS,
        help = "Also write a JUnit XML report to FILE"
    )]
    pub junit: Option<PathBuf>,
    /// Also write a report with charts to FILE: HTML without external resources
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub html: Option<PathBuf>,
    /// Also write all readings to FILE, one JSON object per line; with --compare one file per
    /// stream timeout
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub record: Option<PathBuf>,
    /// Judge a recording instead of running a check
    #[arg(
        long, value_name = "FILE", help_heading = REPORTS,
        conflicts_with_all = ["record", "compare", "targets", "containers", "all", "labels", "images", "projects", "filters", "excluded", "passive", "drive_cmd", "seed", "dry_run"]
    )]
    pub replay: Option<PathBuf>,
    /// Print the plan and the smallest leak that it can find, and end
    #[arg(long, help_heading = REPORTS)]
    pub dry_run: bool,
    /// Verify the checker: inject known leaks and known non-leaks into the embedded daemon, and
    /// fail if any is misclassified
    #[arg(
        long, help_heading = VERDICT, conflicts_with_all = ["replay", "targets", "containers", "all", "labels", "images", "projects", "filters", "excluded", "compare", "drive_cmd", "junit", "html", "record", "gate", "max_per_cycle", "max_per_min", "alpha", "seed", "passive", "baseline", "dry_run"],
        value_parser = FalseyValueParser::new()
    )]
    pub self_test: bool,
}

/// The format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// For people
    Text,
    /// One JSON object, at the end
    Json,
}

/// The exit code of an inconclusive check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnInconclusive {
    /// Exit code 3
    Exit3,
    /// Exit code 1, as for a leak
    Fail,
    /// Exit code 0
    Pass,
}

/// A shorter check has too few readings.
const DURATION_MIN: Duration = Duration::from_secs(10);

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < DURATION_MIN => {
            Err("too short for a verdict; the shortest is 10s, and 3m is a good minimum".to_owned())
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
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn a_flag_without_effect_is_refused() {
        let refused = |args: &str| {
            let args = format!("cmon leak-check {args}");
            let read = crate::cli::Cli::read(args.split_whitespace().map(Into::into));
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
