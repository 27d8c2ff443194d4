//! `cmon config`: the value of each setting, and its origin.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, ValueEnum};

use super::Cli;
use super::file::{self, NamedSelection, Settings};
use super::sources::{self, ConfigFile, Idle, ReadError, Source, Sources};

pub(super) const EXAMPLES: &str = "\
Examples:
  cmon config                        show all settings, and where each comes from
  cmon config --config ./cmon.toml   check another file
  cmon config -o json | jq .         write one JSON object per setting";

/// `cmon config`.
#[derive(Args, Clone, Debug)]
pub struct ShowConfig {
    /// Output format
    #[arg(
        short, long, value_name = "FORMAT", value_enum, default_value_t = ConfigForm::Toml,
        help_heading = super::help::OUTPUT
    )]
    pub output: ConfigForm,
}

/// The output of `config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConfigForm {
    /// A configuration file with these settings
    Toml,
    /// One JSON object per setting
    Json,
}

/// All settings.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The path of the configuration file, whether or not it exists.
    pub path: Option<PathBuf>,
    /// Whether it was read.
    pub found: bool,
    /// The tables, the common one first.
    pub tables: Vec<Table>,
    /// The named selections: name, containers, and flags with their values.
    pub selections: Vec<(String, Vec<Setting>)>,
}

/// The settings of a command.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name; `None` for the settings of all commands.
    pub name: Option<String>,
    /// The settings.
    pub settings: Vec<Setting>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key: the flag's long name.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Its origin.
    pub from: From,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// No value and no default.
    None,
    /// A switch.
    Switch(bool),
    /// A number.
    Number(u64),
    /// A text.
    Text(OsString),
    /// Texts.
    List(Vec<OsString>),
}

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// A typed flag.
    Flag,
    /// A variable of this name.
    Variable(String),
    /// The configuration file, at this line.
    File(usize),
    /// No source.
    Default,
}

/// Finds the effective settings for these arguments of `cmon config`.
///
/// # Errors
/// A flag, a variable or the file is invalid.
pub fn in_force(args: &[OsString]) -> Result<InForce, ReadError> {
    let read = sources::read(Cli::command, args, (ConfigFile::Ignored, Idle::Allowed))?;
    let mut defined = Cli::command();
    defined.build();
    let typed = typed(&defined, &read.matches);
    let settings = sources::settings(&read.place)?;
    settings.as_ref().map_or(Ok(()), super::selections::check)?;
    let common = settings.clone().map(|settings| Settings { tables: BTreeMap::new(), ..settings });
    let mut tables = vec![Table { name: None, settings: Vec::new() }];
    for command in file::commands(&defined) {
        let name = command.get_name();
        let of = |settings: &Option<Settings>| {
            let args = [OsString::from("cmon"), name.into()].into_iter().chain(typed.clone());
            let args: Vec<OsString> = args.collect();
            let read =
                sources::read(Cli::command, &args, (ConfigFile::Given(settings), Idle::Allowed))?;
            Ok::<_, ReadError>(all(command, &read.matches, &read.sources))
        };
        let (own, common) = (of(&settings)?, of(&common)?);
        let mut table = Table { name: Some(name.to_owned()), settings: Vec::new() };
        for (own, common) in own.into_iter().zip(common) {
            let everywhere = file::is_common(&defined, &own.key);
            let top = &mut tables[0].settings;
            if everywhere && !top.iter().any(|setting| setting.key == own.key) {
                top.push(common.clone());
            }
            if !everywhere || own != common {
                table.settings.push(own);
            }
        }
        tables.push(table);
    }
    Ok(InForce {
        path: read.place.path().map(|path| std::path::absolute(path).unwrap_or(path.to_owned())),
        found: settings.is_some(),
        tables,
        selections: settings.map(|settings| selections(&defined, &settings)).unwrap_or_default(),
    })
}

/// The typed common flags.
fn typed(defined: &Command, matches: &ArgMatches) -> Vec<OsString> {
    let Some((_, given)) = matches.subcommand() else { return Vec::new() };
    let mut typed = Vec::new();
    for arg in defined.get_arguments().filter(|arg| arg.is_global_set()) {
        let (id, long) = (arg.get_id().as_str(), arg.get_long().unwrap_or_default());
        if given.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let flag = || OsString::from(format!("--{long}"));
        match arg.get_action() {
            ArgAction::SetTrue => typed.push(flag()),
            ArgAction::Count => typed.extend((0..given.get_count(id)).map(|_| flag())),
            _ => typed.extend(given.get_raw(id).into_iter().flatten().map(|value| {
                let mut arg = flag();
                arg.push("=");
                arg.push(value);
                arg
            })),
        }
    }
    typed
}

/// All settings of a command.
fn all(command: &Command, given: &ArgMatches, sources: &Sources) -> Vec<Setting> {
    let Some((_, given)) = given.subcommand() else { return Vec::new() };
    file::flags(command).map(|arg| setting(arg, given, sources)).collect()
}

fn setting(arg: &Arg, given: &ArgMatches, sources: &Sources) -> Setting {
    let id = arg.get_id().as_str();
    let raw = || given.get_raw(id).into_iter().flatten().map(|text| on_disk(arg, text));
    let value = match arg.get_action() {
        ArgAction::SetTrue => Value::Switch(given.get_flag(id)),
        ArgAction::Count => Value::Number(given.get_count(id).into()),
        ArgAction::Append => Value::List(raw().collect()),
        _ => raw().next().map_or(Value::None, scalar),
    };
    let from = match sources.of(id) {
        Some(Source::Variable(name)) => From::Variable(name.clone()),
        Some(Source::File { line, .. }) => From::File(*line),
        None if given.value_source(id) == Some(ValueSource::CommandLine) => From::Flag,
        None => From::Default,
    };
    Setting { key: arg.get_long().unwrap_or_default().to_owned(), value, from }
}

/// A numeric text as a number, and any other as text.
fn scalar(text: OsString) -> Value {
    let number = text.to_str().and_then(|text| {
        let number: u64 = text.parse().ok()?;
        // TOML has no leading zeros, and its numbers have 63 bits.
        (number.to_string() == text && i64::try_from(number).is_ok()).then_some(number)
    });
    number.map_or(Value::Text(text), Value::Number)
}

/// A path that does not depend on the current directory.
fn on_disk(arg: &Arg, text: &OsStr) -> OsString {
    let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    match std::path::absolute(text) {
        Ok(path) if is_path => path.into_os_string(),
        _ => text.to_owned(),
    }
}

fn selections(defined: &Command, settings: &Settings) -> Vec<(String, Vec<Setting>)> {
    let of = |(name, selection): (&String, &NamedSelection)| {
        let from = From::File(selection.line);
        let names = selection.containers.iter().map(OsString::from).collect::<Vec<_>>();
        let names = (!names.is_empty()).then(|| Setting {
            key: "containers".to_owned(),
            value: Value::List(names),
            from,
        });
        let flags = selection.flags.iter().map(|entry| {
            let switch = file::commands(defined)
                .next()
                .and_then(|command| file::flag(command, &entry.key))
                .is_some_and(|flag| !flag.get_action().takes_values());
            let value = match switch {
                true => Value::Switch(entry.values == ["true"]),
                false => Value::List(entry.values.iter().map(OsString::from).collect()),
            };
            Setting { key: entry.key.clone(), value, from: From::File(entry.line) }
        });
        (name.clone(), names.into_iter().chain(flags).collect())
    };
    settings.selections.iter().map(of).collect()
}

impl InForce {
    /// The name of the file in front of a line.
    pub fn file_name(&self) -> String {
        let name = self.path.as_deref().and_then(std::path::Path::file_name);
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
