//! The keys that a table may have: the long flags of its command. Outside of all tables: flags with one meaning in
//! every command that has them.

use clap::{Arg, Command};

use crate::cli::generated::asks_a_daemon;

/// Flags that cannot be keys: they act before the file is read.
const NO_KEYS: [&str; 3] = ["help", "version", "config"];

/// The minimum similarity of a suggested name.
const SIMILARITY_MIN: f64 = 0.6;

/// The commands that have tables.
pub(in crate::cli) fn commands(cli: &Command) -> impl Iterator<Item = &Command> {
    cli.get_subcommands().filter(|command| asks_a_daemon(command.get_name()))
}

/// The flags of a command that are keys.
pub(in crate::cli) fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| arg.get_long().is_some() && !NO_KEYS.contains(&arg.get_id().as_str()))
}

/// The flag of a command that has this long name.
pub(in crate::cli) fn flag<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    flags(command).find(|arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        arg.get_long() == Some(key) || aliases.contains(&key)
    })
}

/// The kind of a key outside of all tables.
pub(super) enum Top<'a> {
    /// A flag with one meaning in these commands.
    Flag(Vec<(&'a Command, &'a Arg)>),
    /// A flag that only these commands have, or that differs between them.
    OfTables(Vec<&'a str>),
    /// An unknown key.
    Unknown,
}

/// Looks up a key outside of all tables.
pub(super) fn top<'a>(cli: &'a Command, key: &str) -> Top<'a> {
    let all: Vec<(&Command, &Arg)> =
        commands(cli).filter_map(|command| Some((command, flag(command, key)?))).collect();
    let Some((_, first)) = all.first() else {
        return Top::Unknown;
    };
    let meaning =
        |arg: &Arg| (arg.get_env().map(ToOwned::to_owned), arg.get_help().map(ToString::to_string));
    let same = all.iter().all(|(_, arg)| meaning(arg) == meaning(first));
    match first.is_global_set() || 1 < all.len() && same {
        true => Top::Flag(all),
        false => Top::OfTables(all.iter().map(|(command, _)| command.get_name()).collect()),
    }
}

/// Whether a key may stand outside of all tables.
pub(in crate::cli) fn is_common(cli: &Command, key: &str) -> bool {
    matches!(top(cli, key), Top::Flag(_))
}

/// The most similar known name.
pub(in crate::cli) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = wanted.replace('_', "-").to_lowercase();
    let like = |name: &str| strsim::normalized_damerau_levenshtein(name, &wanted);
    let alike = names.into_iter().map(|name| (like(name), name));
    let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| SIMILARITY_MIN <= *likeness).map(|(_, name)| name)
}

/// `[tail]`, `[tail] or [watch]`, `[tail], [watch] or [leak-check]`.
pub(super) fn tables(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("[{name}]")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
