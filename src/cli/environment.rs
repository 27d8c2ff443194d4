//! Variables beside flags: an empty one is unset, what is typed wins over a variable that contradicts it,
//! and an error in a variable names the variable.
//!
//! clap reads a variable when the flag is defined, so a variable is left out by defining the flag
//! without it. The arguments are parsed twice: as they were typed, and then with the variables that
//! count. What fails only the second time is the variables' fault.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Error};

use super::effects;

/// Which flags got their values from a variable: the flag's id, and the variable's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FromVariables(BTreeMap<String, String>);

impl FromVariables {
    /// What to call a flag in a message: the variable, where its value came from there.
    pub fn name(&self, id: &str) -> String {
        let flag = || format!("--{}", id.replace('_', "-"));
        self.0.get(id).cloned().unwrap_or_else(flag)
    }

    /// Whether a flag got its value from a variable.
    pub fn gave(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
}

/// Reads the arguments, with the variables that count.
pub(super) fn read(
    define: impl Fn() -> Command,
    args: &[OsString],
) -> Result<(ArgMatches, FromVariables), Error> {
    let mut typed = only(define(), &BTreeSet::new());
    let matches = typed.try_get_matches_from_mut(args).map_err(|error| match error.kind() {
        // The help shows the variables too.
        ErrorKind::DisplayHelp => define().try_get_matches_from(args).err().unwrap_or(error),
        _ => error,
    })?;
    effects::refuse(&mut typed, &matches)?;
    let variables = variables(&typed, &define(), &matches);
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
    let from = FromVariables(from_variables(&variables, &matches));
    Ok((matches, from))
}

/// The command without the variables that are not among these.
fn only(command: Command, wanted: &BTreeSet<OsString>) -> Command {
    let keep = |arg: Arg| match arg.get_env() {
        Some(name) if !wanted.contains(name) => arg.env(None::<&'static str>),
        _ => arg,
    };
    command.mut_args(keep).mut_subcommands(|command| only(command, wanted))
}

/// The variables that count: set, not empty, for a flag of the command at hand that is not typed and
/// that nothing typed contradicts.
fn variables(
    typed: &Command,
    defined: &Command,
    matches: &ArgMatches,
) -> BTreeMap<String, OsString> {
    let Some((name, given)) = matches.subcommand() else {
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
    let is_typed =
        |arg: &&Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let typed: Vec<&Arg> = built.get_arguments().filter(is_typed).collect();
    let contradicted = |id: &str| {
        typed.iter().any(|arg| {
            let other = arg.get_id().as_str();
            id == other || conflict(built, id, other) || effects::contradict(id, other)
        })
    };
    let of = |arg: &Arg| {
        let variable = arg.get_env()?;
        let set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
        let id = arg.get_id().as_str();
        (set && !contradicted(id)).then(|| (id.to_owned(), variable.to_owned()))
    };
    defined.get_arguments().chain(own.get_arguments()).filter_map(of).collect()
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
) -> BTreeMap<String, String> {
    let Some((_, given)) = matches.subcommand() else {
        return BTreeMap::new();
    };
    let from = |(id, variable): (&String, &OsString)| {
        let from = given.value_source(id) == Some(ValueSource::EnvVariable);
        from.then(|| (id.clone(), variable.to_string_lossy().into_owned()))
    };
    variables.iter().filter_map(from).collect()
}

/// The error of one variable, which clap blames on the flag.
fn blame(variable: &OsStr, error: &Error) -> String {
    let variable = variable.to_string_lossy();
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => flag.as_str(),
        _ => "",
    };
    let text = words(error);
    let blamed = format!(" for '{flag}'");
    let text = match error.kind() {
        ErrorKind::InvalidUtf8 => format!("the value of the variable {variable} is not UTF-8"),
        _ if !flag.is_empty() && text.contains(&blamed) => {
            text.replacen(&blamed, &format!(" in the variable {variable}"), 1)
        }
        _ => format!("the variable {variable}: {text}"),
    };
    format!("{text}\n\n  tip: correct {variable}, or unset it")
}

/// The error of several variables together: each flag that clap names is one of theirs.
fn contradiction(mut defined: Command, error: &Error) -> String {
    defined.build();
    let mut text = words(error);
    let all = defined.get_subcommands().flat_map(Command::get_arguments);
    for arg in defined.get_arguments().chain(all) {
        if let Some(variable) = arg.get_env() {
            text = text.replace(&format!("'{arg}'"), &format!("'{}'", variable.to_string_lossy()));
        }
    }
    let text = text.replacen("the argument", "the variable", 1);
    format!("{text}\n\n  tip: unset one of them")
}

/// What an error says, without its mark and without the usage.
fn words(error: &Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|mark| text.find(mark));
    text[..end.min().unwrap_or(text.len())].trim_end().to_owned()
}
