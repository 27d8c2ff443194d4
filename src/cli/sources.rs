//! The sources of settings: flags, variables and the configuration file. A typed flag wins over a variable that
//! contradicts it, and a variable over the file. An error names the source of the value. An empty variable is unset.
//!
//! clap reads a variable by the flag's definition, so a variable is disabled by a definition without it. The
//! arguments are parsed twice: first alone, and then with the variables that count. An error that occurs only the
//! second time comes from the variables. A value of the file becomes the flag's default, over which clap lets a
//! variable and the command line win.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, Error};

use super::clap_error::{blame, contradiction};
use super::effects;
use super::file::{Entry, FileError, FileText, Place, Settings};
use super::layers::{self, Settled, Weight};

/// The origin of a value that was not typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The variable of this name.
    Variable(String),
    /// The configuration file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
        /// The key.
        key: String,
    },
}

/// The origins of values that were not typed, by the flag's id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<String, Source>);

impl Sources {
    /// The name of a flag in a message: the variable or the place in the file, if its value is from there.
    pub fn name(&self, id: &str) -> String {
        match self.0.get(id) {
            Some(Source::Variable(name)) => name.clone(),
            Some(Source::File { path, line, key }) => {
                format!("{}, line {line}, {key}", path.display())
            }
            None => format!("--{}", id.replace('_', "-")),
        }
    }

    /// Whether a flag's value is from a variable or the file, which serve every run.
    pub fn gave(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// The origin of a flag's value, unless it was typed.
    pub fn of(&self, id: &str) -> Option<&Source> {
        self.0.get(id)
    }
}

/// An invalid command line, variable or configuration file.
#[derive(Debug)]
pub enum ReadError {
    /// clap's error, or a request for help.
    Usage(Box<Error>),
    /// The configuration file is invalid.
    File(FileError),
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Usage(Box::new(error))
    }
}

impl From<FileError> for ReadError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Which configuration file a run uses.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConfigFile<'a> {
    /// The named one, or the default.
    Read,
    /// This one, if it exists.
    Given(&'a Option<Settings>),
    /// None.
    Ignored,
}

/// Whether cmon refuses typed flags without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// It does.
    Refused,
    /// It does not: they were typed for several commands at once.
    Allowed,
}

/// The result of parsing.
pub(super) struct Read {
    /// All flags of the command with their effective values.
    pub(super) matches: ArgMatches,
    /// Their origins.
    pub(super) sources: Sources,
    /// The place of the configuration file.
    pub(super) place: Place,
    /// The configuration file, if there is one.
    pub(super) settings: Option<Settings>,
}

/// Parses the arguments, with the variables and the settings of the file that count.
pub(super) fn read(
    define: impl Fn() -> Command,
    args: &[OsString],
    (file, idle): (ConfigFile<'_>, Idle),
) -> Result<Read, ReadError> {
    let mut typed = only(define(), &BTreeSet::new());
    let matches = typed.try_get_matches_from_mut(args).map_err(|error| match error.kind() {
        // The help shows the variables too.
        ErrorKind::DisplayHelp => define().try_get_matches_from(args).err().unwrap_or(error),
        _ => error,
    })?;
    if idle == Idle::Refused {
        effects::refuse(&mut typed, &matches)?;
    }
    let mut settled = Settled::default();
    for id in typed_ids(&typed, &matches) {
        settled.add(&id, Weight::On);
    }
    let variables = variables(&typed, &define(), &matches, &mut settled);
    let place = Place::of(config_path(&matches));
    let asks = matches.subcommand_name().is_some_and(super::generated::asks_a_daemon);
    let settings = match file {
        ConfigFile::Read if asks => parsed(define(), &mut typed, &place)?,
        ConfigFile::Given(settings) => {
            typed.build();
            settings.clone()
        }
        ConfigFile::Read | ConfigFile::Ignored => None,
    };
    let from_file = from_file(settings.as_ref(), &typed, &matches, &mut settled);
    let define = || with_defaults(define(), matches.subcommand_name(), &from_file);
    let all: BTreeSet<OsString> = variables.values().cloned().collect();
    let matches = only(define(), &all).try_get_matches_from(args).map_err(|error| {
        let alone = |name: &OsString| {
            let one = BTreeSet::from([name.clone()]);
            let error = only(define(), &one).try_get_matches_from(args).err()?;
            Some((error.kind(), blame(name, &error)))
        };
        let several = || (error.kind(), contradiction(define(), &error));
        let (kind, text) = all.iter().find_map(alone).unwrap_or_else(several);
        let at_hand = matches.subcommand_name().and_then(|name| typed.find_subcommand_mut(name));
        match at_hand {
            Some(command) => command.error(kind, text),
            None => Error::raw(kind, text),
        }
    })?;
    let mut sources = from_variables(&variables, &matches);
    let path = settings.as_ref().map(|settings| settings.path.clone()).unwrap_or_default();
    for entry in &from_file {
        let source = Source::File { path: path.clone(), line: entry.line, key: entry.key.clone() };
        sources.entry(entry.id.clone()).or_insert(source);
    }
    effects::refuse_alone(&mut typed, &matches)?;
    Ok(Read { matches, sources: Sources(sources), place, settings })
}

/// The file from `--config`, or else from its variable.
fn config_path(matches: &ArgMatches) -> Option<PathBuf> {
    let (_, given) = matches.subcommand()?;
    let named = given.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    let variable = || std::env::var_os("CMON_CONFIG").filter(|value| !value.is_empty());
    named.or_else(|| variable().map(PathBuf::from))
}

/// The settings of the file at this place, if there is one.
pub(super) fn settings(place: &Place) -> Result<Option<Settings>, FileError> {
    let define = super::Cli::command;
    parsed(define(), &mut only(define(), &BTreeSet::new()), place)
}

/// The settings of the file; no two of them contradict each other in any command.
fn parsed(
    mut defined: Command,
    typed: &mut Command,
    place: &Place,
) -> Result<Option<Settings>, FileError> {
    let Some(text) = FileText::read(place)? else {
        return Ok(None);
    };
    defined.build();
    typed.build();
    let settings = Settings::parse(&text, &defined, typed)?;
    for command in typed.get_subcommands() {
        let table = settings.tables.get(command.get_name());
        for layer in [Some(&settings.top), table].into_iter().flatten() {
            let ids = layer.iter().map(|entry| (entry.id.as_str(), entry.weight));
            let exclude = |one: &str, other: &str| exclude(command, one, other);
            let Some(two) = layers::contradiction(ids, exclude) else { continue };
            let find = |id: &str| layer.iter().find(|entry| entry.id == id);
            let (Some(one), Some(other)) = (find(two.0), find(two.1)) else { continue };
            return Err(FileError {
                path: settings.path.clone(),
                line: Some(other.line),
                problem: format!(
                    "`{}` cannot be used with `{}` of line {}",
                    other.key, one.key, one.line
                ),
                hint: "remove one of them".to_owned(),
            });
        }
    }
    Ok(Some(settings))
}

/// The settings of the file that count for this command.
fn from_file(
    settings: Option<&Settings>,
    typed: &Command,
    matches: &ArgMatches,
    settled: &mut Settled,
) -> Vec<Entry> {
    let (Some(settings), Some(name)) = (settings, matches.subcommand_name()) else {
        return Vec::new();
    };
    let Some(command) = typed.find_subcommand(name) else { return Vec::new() };
    let has = |entry: &&Entry| command.get_arguments().any(|arg| arg.get_id() == entry.id.as_str());
    let table = settings.tables.get(name);
    let mut kept: Vec<Entry> = Vec::new();
    for layer in [table, Some(&settings.top)].into_iter().flatten() {
        let exclude = |one: &str, other: &str| exclude(command, one, other);
        let of_layer = layer.iter().filter(has);
        let of_layer =
            of_layer.filter(|entry| !settled.displaces((&entry.id, entry.weight), exclude));
        let of_layer: Vec<Entry> = of_layer.cloned().collect();
        for entry in &of_layer {
            settled.add(&entry.id, entry.weight);
        }
        kept.extend(of_layer);
    }
    kept
}

/// The command line, with the values of the file as defaults.
fn with_defaults(mut defined: Command, name: Option<&str>, entries: &[Entry]) -> Command {
    let Some(name) = name else { return defined };
    for entry in entries.iter().filter(|entry| !entry.values.is_empty()) {
        let change = |arg: Arg| arg.default_values(entry.values.clone());
        let is_global = defined.get_arguments().any(|arg| arg.get_id() == entry.id.as_str());
        defined = match is_global {
            true => defined.mut_arg(&entry.id, change),
            false => defined.mut_subcommand(name, |command| command.mut_arg(&entry.id, change)),
        };
    }
    defined
}

/// The command without the variables that are not among these.
fn only(command: Command, wanted: &BTreeSet<OsString>) -> Command {
    let keep = |arg: Arg| match arg.get_env() {
        Some(name) if !wanted.contains(name) => arg.env(None::<&'static str>),
        _ => arg,
    };
    command.mut_args(keep).mut_subcommands(|command| only(command, wanted))
}

/// The flags that were typed.
fn typed_ids(typed: &Command, matches: &ArgMatches) -> Vec<String> {
    let Some((name, given)) = matches.subcommand() else { return Vec::new() };
    let is_typed =
        |arg: &&Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let own = typed.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
    own.filter(is_typed).map(|arg| arg.get_id().to_string()).collect()
}

/// The variables that count: set, not empty, for a flag of this command that is not typed and that no typed flag
/// contradicts.
fn variables(
    typed: &Command,
    defined: &Command,
    matches: &ArgMatches,
    settled: &mut Settled,
) -> BTreeMap<String, OsString> {
    let Some(name) = matches.subcommand_name() else {
        return BTreeMap::new();
    };
    if !super::generated::asks_a_daemon(name) {
        return BTreeMap::new();
    }
    // The built command has the flags of every command too, and the defined one still has the variables.
    let (Some(built), Some(own)) = (typed.find_subcommand(name), defined.find_subcommand(name))
    else {
        return BTreeMap::new();
    };
    let of = |arg: &Arg| {
        let variable = arg.get_env()?;
        let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
        let id = arg.get_id().as_str();
        let weight = match !arg.get_action().takes_values() && is_falsey(&value) {
            true => Weight::Off,
            false => Weight::On,
        };
        let displaced = settled.displaces((id, weight), |one, other| exclude(built, one, other));
        (!displaced).then(|| (id.to_owned(), variable.to_owned(), weight))
    };
    let found: Vec<_> = defined.get_arguments().chain(own.get_arguments()).filter_map(of).collect();
    for (id, _, weight) in &found {
        settled.add(id, *weight);
    }
    found.into_iter().map(|(id, variable, _)| (id, variable)).collect()
}

/// clap's texts for false in variables of switches.
fn is_falsey(value: &OsStr) -> bool {
    let value = value.to_string_lossy().to_lowercase();
    ["n", "no", "f", "false", "off", "0"].contains(&value.as_str())
}

/// Whether two flags exclude each other.
fn exclude(built: &Command, one: &str, other: &str) -> bool {
    conflict(built, one, other) || effects::contradict(one, other)
}

/// Whether clap refuses these two together.
fn conflict(built: &Command, one: &str, other: &str) -> bool {
    let of = |id: &str, other: &str| {
        let arg = built.get_arguments().find(|arg| arg.get_id() == id);
        arg.is_some_and(|arg| {
            built.get_arg_conflicts_with(arg).iter().any(|arg| arg.get_id() == other)
        })
    };
    of(one, other) || of(other, one)
}

fn from_variables(
    variables: &BTreeMap<String, OsString>,
    matches: &ArgMatches,
) -> BTreeMap<String, Source> {
    let Some((_, given)) = matches.subcommand() else {
        return BTreeMap::new();
    };
    let from = |(id, variable): (&String, &OsString)| {
        let from = given.value_source(id) == Some(ValueSource::EnvVariable);
        from.then(|| (id.clone(), Source::Variable(variable.to_string_lossy().into_owned())))
    };
    variables.iter().filter_map(from).collect()
}
