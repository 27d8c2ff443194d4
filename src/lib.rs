//! cmon follows container logs without losing or duplicating a line, shows the streams live, and proves whether opening
//! and closing them leaks.
//!
//! From the command line to the exit code, each step depends only on the ones before it:
//!
//! ```text
//! cli ─▶ config ─▶ commands ─┬─▶ docker ─▶ engine ─▶ Event ─▶ filter ─▶ merge ─▶ output
//!                            └─▶ exit
//! ```

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use tracing::level_filters::LevelFilter;

pub(crate) mod cause;
// The integration tests or the fuzz targets look inside.
#[doc(hidden)]
pub mod cli;
pub(crate) mod commands;
// The integration tests or the fuzz targets look inside.
#[doc(hidden)]
pub mod config;
// The integration tests or the fuzz targets look inside.
#[doc(hidden)]
pub mod cursor;
pub mod demo;
pub(crate) mod descriptors;
pub(crate) mod directory;
pub mod docker;
pub mod engine;
pub(crate) mod exit;
pub(crate) mod filter;
pub(crate) mod format;
pub(crate) mod grouped;
// The integration tests or the fuzz targets look inside.
#[doc(hidden)]
pub mod leak;
pub(crate) mod level;
pub(crate) mod merge;
pub(crate) mod metrics;
pub(crate) mod output;
// The integration tests or the fuzz targets look inside.
#[doc(hidden)]
pub mod probe;
pub(crate) mod signal;
pub(crate) mod snapshot;
pub(crate) mod sort;
pub(crate) mod ui;

use config::{Action, Config, Daemon, Daemons, Surroundings};
use docker::endpoint::{Address, Origin, Route};
use exit::Exit;
use output::Sinks;

/// Runs cmon with these arguments, the program's name first, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(exit) = complete(&args) {
        return exit;
    }
    let read = cli::Cli::read_all(&args).and_then(|cli| {
        let shown = matches!(cli.command, cli::Command::Config(_));
        Ok((cli, if shown { Some(cli::in_force(&args)?) } else { None }))
    });
    let (cli, in_force) = match read {
        Ok(read) => read,
        Err(error) => return unread(error).into(),
    };
    let around = Surroundings::look();
    let failed = match cli.command {
        // A leak check uses exit code 1 only for a leak.
        cli::Command::LeakCheck(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    let sinks = match Sinks::standard() {
        Ok(sinks) => sinks,
        Err(error) => {
            descriptors::say_unusable(&error);
            return failed.into();
        }
    };
    let colors = around.colors_of_errors();
    let hint = match cli.command {
        cli::Command::Tail(_) => "`cmon tail --help` shows examples",
        cli::Command::Watch(_) => "`cmon watch --help` shows examples",
        cli::Command::LeakCheck(_) => "`cmon leak-check --help` shows examples",
        cli::Command::Completions(_) | cli::Command::Man(_) | cli::Command::Config(_) => {
            "name another file or directory"
        }
    };
    let written = match &cli.command {
        cli::Command::Config(args) => in_force
            .as_ref()
            .map(|in_force| commands::settings::show(in_force, args.output, &sinks)),
        cli::Command::Completions(args) => Some(commands::generate::completions(args, &sinks)),
        cli::Command::Man(args) => Some(commands::generate::man(args, &sinks)),
        _ => None,
    };
    if let Some(written) = written {
        let exit = written.unwrap_or_else(|error| {
            output::error(&sinks.err, &error, Some(hint), colors);
            failed
        });
        return exit.into();
    }
    match Config::new(cli, &around) {
        Ok(config) => {
            let colors = config.output.color_err;
            run(config).unwrap_or_else(|error| {
                let few = error.is::<descriptors::TooFew>().then(|| descriptors::HINT.to_owned());
                let hint = few.or_else(|| commands::leak_check::hint(&error));
                let hint = hint.or_else(|| commands::tail::hint(&error));
                output::error(&sinks.err, &error, hint.as_deref(), colors);
                failed
            })
        }
        Err(error) => {
            let specific = error.hint();
            let hint = specific.as_deref().unwrap_or(hint);
            output::error(&sinks.err, &error.into(), Some(hint), colors);
            Exit::Usage
        }
    }
    .into()
}

/// The command for the completion scripts. It is not in the definition, so neither help nor completions show it.
fn complete(args: &[OsString]) -> Option<ExitCode> {
    let (_, [command, rest @ ..]) = args.split_first()? else { return None };
    if command != "__complete" {
        return None;
    }
    let rest: Option<Vec<String>> =
        rest.iter().map(|arg| arg.to_str().map(str::to_owned)).collect();
    let exit = rest.zip(Sinks::standard().ok());
    Some(exit.map_or(Exit::Failed, |(rest, sinks)| commands::complete::run(&rest, &sinks)).into())
}

/// Reports an error in the command line or the configuration file, or shows help.
fn unread(error: cli::ReadError) -> Exit {
    let error = match error {
        cli::ReadError::Usage(error) => {
            let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Help goes to stdout; if that is closed, there is no reader.
            let _ = error.print();
            return if help { Exit::Done } else { Exit::Usage };
        }
        cli::ReadError::File(error) => error,
    };
    let around = Surroundings::look();
    let colors = around.colors_of_errors();
    match Sinks::standard() {
        Ok(sinks) => {
            let hint = error.hint.clone();
            output::error(&sinks.err, &error.into(), Some(&hint), colors);
        }
        Err(error) => descriptors::say_unusable(&error),
    }
    Exit::Usage
}

fn run(config: Config) -> anyhow::Result<Exit> {
    trace(config.verbosity);
    descriptors::raise_limit();
    descriptors::check(match &config.daemons {
        Daemons::Embedded => descriptors::User::Demo,
        Daemons::One(_) => descriptors::User::OneDaemon,
        Daemons::Several(several) => descriptors::User::Daemons(several.len()),
    })?;
    // Lives until the end of this function, on its own thread.
    let mut embedded = None;
    let daemons = match config.daemons.clone() {
        Daemons::Embedded => {
            let embedded =
                embedded.insert(demo::start().context("could not start the embedded daemon")?);
            let route = Route::Direct(Address::Unix(embedded.socket().to_owned()));
            vec![(None, Daemon { route, origin: Origin::Demo })]
        }
        Daemons::One(daemon) => vec![(None, daemon)],
        Daemons::Several(daemons) => {
            daemons.into_iter().map(|(name, daemon)| (Some(name), daemon)).collect()
        }
    };
    let sinks = Sinks::standard().context("could not use stdout and stderr")?;
    let runtime = runtime().context("could not start the runtime")?;
    let exit = match config.action.clone() {
        Action::Tail(events, cursor) => {
            runtime.block_on(commands::tail::run(config, *events, cursor, daemons, sinks))
        }
        Action::DryRun(form) => {
            runtime.block_on(commands::dry_run::run(config, form, daemons, sinks))
        }
        Action::LeakCheck(leak) => {
            let (_, daemon) = daemons.into_iter().next().context("no daemon was chosen")?;
            runtime.block_on(commands::leak_check::run(config, *leak, daemon, sinks))
        }
        Action::Watch(watch) => {
            runtime.block_on(commands::watch::run(config, *watch, daemons, sinks))
        }
    };
    // The end of the process ends a printer in a blocked write.
    runtime.shutdown_background();
    exit
}

/// One thread reads all streams; the printer has its own. When no task is ready, the thread pauses for a moment, so
/// that one wake-up serves several streams.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(docker::pause_round)
        .build()
}

fn trace(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).init();
}
