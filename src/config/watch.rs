//! The settings of `cmon watch`.

use std::net::SocketAddr;
use std::time::Duration;

use super::look::{colors, talk};
use super::selection::{Wanted, running_or};
use super::{Action, Config, Daemons, DryRun, FileKind, Surroundings, UsageError, line_filters};
use crate::cli::{self, Sources};
use crate::docker::RequestOptions;
use crate::engine::source::ReadMode;
use crate::engine::{self, Backlog, LineOrder, Outputs, Runs};
use crate::filter::Rules;
use crate::format::Colors;
use crate::format::pretty::LineForm;

/// The number of lines of each container to read first.
const DEFAULT_LAST_LINES: u64 = 100;
/// Longer lines are split, since a screen shows only their beginning.
const LINE_MAX_BYTES: usize = 64 << 10;

/// The interval of snapshots without `--interval`.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);

/// The settings of `cmon watch` in addition to the common ones.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The output.
    pub form: WatchForm,
    /// The filters of the full screen's lines.
    pub rules: Rules,
    /// The interval of snapshots.
    pub interval: Duration,
    /// The time limit.
    pub duration: Option<Duration>,
    /// The address for Prometheus.
    pub metrics: Option<SocketAddr>,
    /// The flag, the variable or the place in the file that has it.
    pub metrics_named: String,
}

/// The output of `cmon watch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchForm {
    /// The full screen.
    Screen {
        /// In colors.
        colors: Colors,
        /// The form of JSON and logfmt lines at first.
        lines: LineForm,
    },
    /// A line of totals per interval.
    Lines,
    /// One table.
    Table,
    /// JSON: one snapshot, or one per interval.
    Json {
        /// Only one.
        once: bool,
    },
}

/// Without a screen, refuses flags about its lines, unless they come from a variable or the file.
fn no_screen(watch: &cli::Watch, sources: &Sources) -> Result<Rules, UsageError> {
    let cli::Filters { include, exclude, level, join, join_stacks, highlight } = &watch.filters;
    let flags = [
        ("include", "--include", !include.is_empty()),
        ("exclude", "--exclude", !exclude.is_empty()),
        ("level", "--level", level.is_some()),
        ("join", "--join", !join.is_empty()),
        ("join_stacks", "--join-stacks", *join_stacks),
        ("highlight", "--highlight", !highlight.is_empty()),
        ("output", "-o pretty", watch.output == cli::WatchForm::Pretty),
    ];
    let typed = flags.iter().find(|(id, _, given)| *given && !sources.gave(id));
    typed.map_or(Ok(Rules::default()), |(_, flag, _)| Err(UsageError::NoScreen { flag }))
}

/// Resolves the settings.
pub(super) fn config(
    (daemons, requests): (Daemons, RequestOptions),
    global: &cli::Global,
    watch: &cli::Watch,
    around: &Surroundings,
) -> Result<Config, UsageError> {
    let wanted = if watch.all { Wanted::All } else { Wanted::NamedOrRunning };
    let selection = running_or(&watch.containers, wanted, &watch.conditions, around)?;
    let terminal = around.stdout == FileKind::Terminal;
    let form = match (watch.output, watch.once) {
        (cli::WatchForm::Json, once) => WatchForm::Json { once },
        (cli::WatchForm::Text | cli::WatchForm::Pretty, true) => WatchForm::Table,
        (output, false) if terminal && !around.dumb_terminal => WatchForm::Screen {
            colors: colors(global, around, around.stdout),
            lines: match output {
                cli::WatchForm::Pretty => LineForm::Pretty,
                cli::WatchForm::Text | cli::WatchForm::Json => LineForm::Plain,
            },
        },
        (cli::WatchForm::Text | cli::WatchForm::Pretty, false) => WatchForm::Lines,
    };
    let screen = matches!(form, WatchForm::Screen { .. });
    if screen && watch.interval.is_some() && !global.sources.gave("interval") {
        let reason = "it is drawn when something changes; use it with -o json, or where stdout is \
                      no terminal";
        return Err(UsageError::OnScreen { flag: "--interval", reason });
    }
    let over_screen = screen && around.stderr_is_terminal;
    if over_screen && 0 < global.verbose && !global.sources.gave("verbose") {
        let reason = "it would be written over the screen; redirect stderr, with 2>FILE";
        return Err(UsageError::OnScreen { flag: "--verbose", reason });
    }
    let rules = match screen {
        true => line_filters::filters(&watch.filters, &global.sources)?,
        false => {
            // An error in a variable is an error here too.
            line_filters::selecting(&watch.filters, &global.sources)?;
            no_screen(watch, &global.sources)?
        }
    };
    let interval = match screen {
        true => DEFAULT_INTERVAL,
        false => watch.interval.unwrap_or(DEFAULT_INTERVAL),
    };
    Ok(Config {
        daemons,
        requests,
        selection,
        engine: engine::Config {
            mode: ReadMode::Follow,
            follow_for: None,
            exit_on_stop: false,
            wait: watch.wait,
            backlog: Backlog::Last(if screen { DEFAULT_LAST_LINES } else { 0 }),
            runs: Runs::All,
            outputs: Outputs::BOTH,
            order: LineOrder::AsRead,
            max_line: LINE_MAX_BYTES,
            stream_timeout: global.stream_timeout,
            stale_after: global.stale_after,
            stop_timeout: global.stop_timeout,
            saved: None,
            seed: None,
        },
        output: talk(global, around),
        verbosity: if over_screen { 0 } else { global.verbose },
        action: match (watch.dry_run, watch.output) {
            (true, cli::WatchForm::Json) => Action::DryRun(DryRun::Json),
            (true, cli::WatchForm::Text | cli::WatchForm::Pretty) => Action::DryRun(DryRun::Text),
            (false, _) => Action::Watch(Box::new(Watch {
                form,
                rules,
                interval,
                duration: watch.duration,
                metrics: watch.metrics,
                metrics_named: global.sources.name("metrics"),
            })),
        },
    })
}
