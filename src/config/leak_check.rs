//! What `cmon leak-check` is to do.

use std::path::PathBuf;
use std::time::Duration;

use super::look::{colors, talk};
use super::selection::{Wanted, running_or};
use super::{Action, Config, Daemons, Github, Surroundings, UsageError};
use crate::cli::{self, OnInconclusive};
use crate::docker::RequestOptions;
use crate::engine::{self, Backlog, LineOrder, Outputs, Runs};
use crate::format::Colors;
use crate::leak::probe::counter::Counter;
use crate::leak::probe::target::Target;
use crate::leak::record::{Record, Rules};
use crate::leak::report::Detail;

/// Lines longer than this pass in pieces: they are counted, and nobody reads them.
const LINE_MAX_BYTES: usize = 64 << 10;
/// How long the streams of one phase may take to close.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// All that `cmon leak-check` needs to know beside what every command does.
#[derive(Clone, Debug, PartialEq)]
pub struct LeakCheck {
    /// What to do.
    pub work: Work,
    /// How the verdict is made.
    pub rules: Rules,
    /// What of the rules was given, for a recording that has its own.
    pub overrides: Overrides,
    /// An earlier recording whose growth is no news.
    pub baseline: Option<PathBuf>,
    /// What is written to stdout.
    pub form: Form,
    /// A report in the form of `JUnit`.
    pub junit: Option<PathBuf>,
    /// A report with charts.
    pub html: Option<PathBuf>,
    /// All that is read.
    pub record: Option<PathBuf>,
    /// What an undecided check means for the exit code.
    pub on_inconclusive: OnInconclusive,
    /// Progress is drawn in place; else it is printed in lines.
    pub animate: bool,
    /// No progress.
    pub quiet: bool,
    /// It runs as a step of a workflow on GitHub.
    pub github: Option<Github>,
}

impl LeakCheck {
    /// The arguments that judge the recording again in the same way; none where there is no recording.
    pub fn again(&self) -> Vec<String> {
        let (recording, given) = match (&self.work, &self.record) {
            // Its own rules are in it, what was given beside them is not.
            (Work::Replay(file), _) => (file, self.overrides.arguments()),
            (Work::Check(_), Some(file)) => (file, Vec::new()),
            _ => return Vec::new(),
        };
        let baseline = self.baseline.iter().map(|file| ("--baseline", file));
        let files = [("--replay", recording)].into_iter().chain(baseline);
        let files = files.flat_map(|(flag, file)| [flag.to_owned(), file.display().to_string()]);
        files.chain(given).collect()
    }
}

/// Rules that were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    alpha: Option<f64>,
    max_per_cycle: Option<f64>,
    max_per_min: Option<f64>,
    gate: Vec<String>,
}

impl Overrides {
    /// These rules, with what was given instead of what they say.
    fn over(&self, rules: Rules) -> Rules {
        Rules {
            alpha: self.alpha.unwrap_or(rules.alpha),
            max_per_cycle: self.max_per_cycle.unwrap_or(rules.max_per_cycle),
            max_per_min: self.max_per_min.unwrap_or(rules.max_per_min),
            gate: if self.gate.is_empty() { rules.gate } else { self.gate.clone() },
            pointed: rules.pointed,
        }
    }

    /// They as they are typed.
    fn arguments(&self) -> Vec<String> {
        let rate = |rate: Option<f64>| rate.map(|rate| rate.to_string());
        let gate = (!self.gate.is_empty()).then(|| self.gate.join(","));
        let all = [
            ("--alpha", rate(self.alpha)),
            ("--gate", gate),
            ("--max-per-cycle", rate(self.max_per_cycle)),
            ("--max-per-min", rate(self.max_per_min)),
        ];
        let given = all.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
        given.flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
    }

    /// Puts what was given into a recording.
    pub fn apply(&self, records: &mut [Record]) {
        if let Some(Record::Header(header)) = records.first_mut() {
            header.rules = self.over(header.rules.clone());
        }
    }
}

/// What a leak check does.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Checks.
    Check(Check),
    /// Judges a recording.
    Replay(PathBuf),
    /// Checks itself.
    SelfTest,
}

/// A check.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// How long; with `compare`, each of them.
    pub duration: Duration,
    /// What is watched beside cmon and the daemon.
    pub targets: Vec<Target>,
    /// Nothing is driven.
    pub passive: bool,
    /// One cycle is one run of this.
    pub command: Option<String>,
    /// The target's own counter of its cycles.
    pub cycles_metric: Option<Counter>,
    /// The stream timeouts to compare.
    pub compare: Vec<Duration>,
    /// Of the random order.
    pub seed: u64,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What is written to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text {
        /// In colours.
        colors: Colors,
        /// How much of it.
        detail: Detail,
    },
    /// One JSON object.
    Json,
}

/// Decides what is meant.
pub(super) fn config(
    (daemons, requests): (Daemons, RequestOptions),
    global: &cli::Global,
    args: cli::LeakCheck,
    around: &Surroundings,
) -> Result<Config, UsageError> {
    if let Daemons::Several(several) = &daemons {
        return Err(UsageError::SeveralDaemons(several.len()));
    }
    if args.compare.len() == 1 {
        return Err(UsageError::OneTimeout);
    }
    if (1..args.compare.len()).any(|at| args.compare[..at].contains(&args.compare[at])) {
        return Err(UsageError::SameTimeout);
    }
    let own_load = args.passive || args.drive_cmd.is_some();
    if own_load
        && (args.all && !global.sources.gave("all")
            || !args.containers.is_empty()
            || !args.conditions.is_untyped(&global.sources))
    {
        let with = if args.passive { "--passive" } else { "--drive-cmd" };
        return Err(UsageError::NothingOpened(with));
    }
    let mut args = args;
    // A setting is meant for every run, and is no mistake where it does nothing.
    if global.sources.gave("cycles_metric") && (!own_load || args.targets.is_empty()) {
        args.cycles_metric = None;
    }
    if args.cycles_metric.is_some() && !own_load {
        return Err(UsageError::CyclesOfStreams);
    }
    if args.cycles_metric.is_some() && args.targets.is_empty() {
        return Err(UsageError::NoTarget);
    }
    let wanted = if args.all { Wanted::All } else { Wanted::NamedOrRunning };
    let selection = running_or(&args.containers, wanted, &args.conditions, around)?;
    let wrong = |error: &dyn std::error::Error| UsageError::Target(error.to_string());
    let targets: Result<Vec<Target>, _> =
        args.targets.iter().map(|text| Target::parse(text)).collect();
    let targets = targets.map_err(|error| wrong(&error))?;
    // A figure that was asked for by name is to decide.
    let pointed = targets.iter().filter_map(Target::figure).collect();
    let cycles_metric = args.cycles_metric.as_deref().map(Counter::parse).transpose();
    let cycles_metric = cycles_metric.map_err(|error| wrong(&error))?;
    let work = match args.replay {
        _ if args.self_test => Work::SelfTest,
        Some(file) => Work::Replay(file),
        None => Work::Check(Check {
            duration: args.duration,
            targets,
            passive: args.passive,
            command: args.drive_cmd,
            cycles_metric,
            compare: args.compare,
            seed: args.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000)),
            dry_run: args.dry_run,
        }),
    };
    // Deadlines of streams mean nothing where none is opened.
    let opens = match &work {
        Work::Check(check) => !check.passive && check.command.is_none(),
        Work::Replay(_) | Work::SelfTest => false,
    };
    let defaults = engine::Config::default();
    let overrides = Overrides {
        alpha: args.alpha,
        max_per_cycle: args.max_per_cycle,
        max_per_min: args.max_per_min,
        gate: args.gate,
    };
    let leak_check = LeakCheck {
        work,
        rules: overrides.over(Rules { pointed, ..Rules::default() }),
        overrides,
        baseline: args.baseline,
        form: match args.output {
            cli::ReportForm::Json => Form::Json,
            cli::ReportForm::Text => Form::Text {
                colors: colors(global, around, around.stdout),
                detail: if global.verbose == 0 { Detail::Brief } else { Detail::Full },
            },
        },
        junit: args.junit,
        html: args.html,
        record: args.record,
        on_inconclusive: args.on_inconclusive,
        animate: around.stderr_is_terminal && !around.dumb_terminal,
        quiet: global.quiet,
        github: around.github.clone(),
    };
    Ok(Config {
        daemons,
        requests,
        selection,
        engine: engine::Config {
            follow: true,
            follow_for: None,
            exit_on_stop: false,
            // What is away comes back: a check of a day outlives a restart of the daemon.
            wait: true,
            backlog: Backlog::Last(1),
            runs: Runs::All,
            outputs: Outputs::BOTH,
            order: LineOrder::AsRead,
            max_line: LINE_MAX_BYTES,
            // A check chooses the age of its streams itself.
            stream_timeout: defaults.stream_timeout,
            stale_after: if opens { global.stale_after } else { defaults.stale_after },
            stop_timeout: if opens { STOP_TIMEOUT.min(global.stop_timeout) } else { STOP_TIMEOUT },
            saved: None,
            seed: None,
        },
        output: talk(global, around),
        verbosity: global.verbose,
        action: Action::LeakCheck(Box::new(leak_check)),
    })
}
