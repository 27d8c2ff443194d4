//! The settings of `cmon leak-check`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::look::{colors, talk};
use super::selection::{Wanted, running_or};
use super::{Action, Config, Daemons, Github, Surroundings, UsageError};
use crate::cli::{self, OnInconclusive};
use crate::docker::RequestOptions;
use crate::engine::source::ReadMode;
use crate::engine::{self, Backlog, LineOrder, Outputs, Runs};
use crate::format::Colors;
use crate::leak::record::{Record, Rules};
use crate::leak::report::Detail;
use crate::probe::counter::Counter;
use crate::probe::target::Target;

/// Longer lines are split, since a check only counts them.
const LINE_MAX_BYTES: usize = 64 << 10;
/// The time limit for the streams of one phase to close.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The settings of `cmon leak-check` in addition to the common ones.
#[derive(Clone, Debug, PartialEq)]
pub struct LeakCheck {
    /// The task.
    pub work: Work,
    /// The rules of the verdict.
    pub rules: Rules,
    /// The given rules, for a recording that has its own.
    pub overrides: Overrides,
    /// An earlier recording; its growth is not reported as new.
    pub baseline: Option<PathBuf>,
    /// The report on stdout.
    pub form: Form,
    /// The `JUnit` report.
    pub junit: Option<PathBuf>,
    /// The report with charts.
    pub html: Option<PathBuf>,
    /// The recording of all readings.
    pub record: Option<PathBuf>,
    /// The exit code of an inconclusive check.
    pub on_inconclusive: OnInconclusive,
    /// Whether progress is redrawn in place; otherwise it is printed in lines.
    pub animate: bool,
    /// Whether progress is disabled.
    pub quiet: bool,
    /// Whether it runs as a step of a GitHub workflow.
    pub github: Option<Github>,
}

impl LeakCheck {
    /// The arguments that judge the recording again in the same way; empty without a recording.
    pub fn again(&self) -> Vec<String> {
        let (recording, given) = match (&self.work, &self.record) {
            // The recording contains its own rules, but not the given ones.
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

/// The given rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    alpha: Option<f64>,
    max_per_cycle: Option<f64>,
    max_per_min: Option<f64>,
    gate: Vec<String>,
}

impl Overrides {
    /// These rules, overridden by the given ones.
    fn over(&self, rules: Rules) -> Rules {
        Rules {
            alpha: self.alpha.unwrap_or(rules.alpha),
            max_per_cycle: self.max_per_cycle.unwrap_or(rules.max_per_cycle),
            max_per_min: self.max_per_min.unwrap_or(rules.max_per_min),
            gate: if self.gate.is_empty() { rules.gate } else { self.gate.clone() },
            pointed: rules.pointed,
        }
    }

    /// The given rules as flags.
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

    /// Writes the given rules into a recording.
    pub fn apply(&self, records: &mut [Record]) {
        if let Some(Record::Header(header)) = records.first_mut() {
            header.rules = self.over(header.rules.clone());
        }
    }
}

/// The task of a leak check.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Run a check.
    Check(Check),
    /// Judge a recording.
    Replay(PathBuf),
    /// Verify the checker.
    SelfTest,
}

/// The settings of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its length; with `compare`, the length of each check.
    pub duration: Duration,
    /// The targets that are measured in addition to cmon and the daemon.
    pub targets: Vec<Target>,
    /// Whether it is passive.
    pub passive: bool,
    /// The command that is one cycle.
    pub command: Option<String>,
    /// The target's own counter of its cycles.
    pub cycles_metric: Option<Counter>,
    /// The stream timeouts to compare.
    pub compare: Vec<Duration>,
    /// The seed of the random order.
    pub seed: u64,
    /// Whether to print only the plan.
    pub dry_run: bool,
}

/// The report on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text.
    Text {
        /// In colors.
        colors: Colors,
        /// The amount of detail.
        detail: Detail,
    },
    /// One JSON object.
    Json,
}

/// Refuses a file for two purposes: writing one would destroy the other.
fn check_files(args: &cli::LeakCheck) -> Result<(), UsageError> {
    let files = [
        ("--replay", &args.replay),
        ("--baseline", &args.baseline),
        ("--record", &args.record),
        ("--junit", &args.junit),
        ("--html", &args.html),
    ];
    let given = files.iter().filter_map(|(flag, path)| Some((*flag, path.as_ref()?)));
    let given: Vec<(&'static str, &PathBuf)> = given.collect();
    for (at, (other, path)) in given.iter().enumerate() {
        // Two recordings are only read.
        let same = given[..at].iter().find(|(one, known)| {
            is_same_file(known, path)
                && !path.starts_with("/dev")
                && (*one, *other) != ("--replay", "--baseline")
        });
        if let Some((one, _)) = same {
            return Err(UsageError::SameFile { path: (*path).clone(), one, other });
        }
    }
    Ok(())
}

/// Whether both paths lead to one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    one == other || file(one).is_some_and(|known| file(other) == Some(known))
}

/// Resolves the settings.
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
    check_files(&args)?;
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
    // A setting is for every run, so it is no mistake if it has no effect.
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
    // A figure that was requested by name decides too.
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
    // Deadlines of streams have no meaning if no stream is opened.
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
            mode: ReadMode::Follow,
            follow_for: None,
            exit_on_stop: false,
            // An absent daemon comes back: a check of a day outlives its restart.
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
