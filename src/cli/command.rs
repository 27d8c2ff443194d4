//! The commands, and the parsing of arguments.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::help::{
    EXAMPLES, HELP_MAX_COLUMNS, TAIL_EXAMPLES, TAIL_EXIT_CODES, TAIL_TEMPLATE, TEMPLATE,
    WATCH_EXAMPLES,
};
use super::sources::{self, ConfigFile, Idle};
use super::{
    Completions, Global, LeakCheck, Man, ReadError, ShowConfig, Tail, Watch, generated, in_force,
    leak_check, selections,
};

/// Follow container logs without losing or duplicating a line
#[derive(Clone, Debug, Parser)]
#[command(
    name = "cmon", version, before_help = EXAMPLES, help_template = TEMPLATE, term_width = HELP_MAX_COLUMNS,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Parses the arguments and the variables, without a configuration file.
    ///
    /// # Errors
    /// clap's error, or a request for help.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        Self::read_with(&args, ConfigFile::Ignored).map_err(|error| match error {
            ReadError::Usage(error) => *error,
            ReadError::File(error) => clap::Error::raw(ErrorKind::Io, error),
        })
    }

    /// Parses the arguments, the variables and the configuration file.
    ///
    /// # Errors
    /// One of them is invalid, or help was requested.
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
        if let Some(settings) = &read.settings {
            selections::check(settings)?;
        }
        selections::expand(&mut cli.command, read.settings.as_ref(), &read.place)?;
        Ok(cli)
    }
}

/// A docker command that cmon lacks, with cmon's alternative.
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
