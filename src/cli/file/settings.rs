//! The settings of a configuration file: each is a flag with values, checked by the flag's own parser.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::env;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Top};
use super::{FileError, FileText};
use crate::cli::clap_error;
use crate::cli::layers::Weight;
use crate::sort::sort_by_key;

/// A key with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The flag's id.
    pub(crate) id: String,
    /// The key.
    pub(crate) key: String,
    /// The values, as on the command line.
    pub(crate) values: Vec<String>,
    /// Whether the setting disables a flag.
    pub(crate) weight: Weight,
    /// Its line, from 1.
    pub(crate) line: usize,
}

/// A named selection of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedSelection {
    /// Names and patterns.
    pub(crate) containers: Vec<String>,
    /// The flags of the selection.
    pub(crate) flags: Vec<Entry>,
    /// Its line, from 1.
    pub(crate) line: usize,
}

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The file.
    pub(crate) path: PathBuf,
    /// The settings outside of all tables.
    pub(crate) top: Vec<Entry>,
    /// The settings in the table of each command.
    pub(crate) tables: BTreeMap<String, Vec<Entry>>,
    /// The selections, by their names.
    pub(crate) selections: BTreeMap<String, NamedSelection>,
}

/// The table of selections, and the key in one that is not a flag.
const SELECTIONS: &str = "selections";
const CONTAINERS: &str = "containers";
/// The keys of a selection.
const OF_SELECTIONS: [&str; 6] =
    ["all", "label", "image", "project", "filter", "exclude-container"];

const CORRECT: &str = "correct the value, or remove the line";

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Value<'i> = Spanned<DeValue<'i>>;

impl Settings {
    /// Parses the text. `defined` is the command line with its variables, and `typed` is the same without them.
    pub(crate) fn parse(
        file: &FileText,
        defined: &Command,
        typed: &mut Command,
    ) -> Result<Self, FileError> {
        let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
        Reader { path: &file.path, text, defined, typed }.settings()
    }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    defined: &'a Command,
    typed: &'a mut Command,
}

impl Reader<'_> {
    fn settings(mut self) -> Result<Settings, FileError> {
        let text = self.text;
        let table = DeTable::parse(text).map_err(|error| {
            let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            let at = error.span().unwrap_or_default();
            self.wrong(&at, message, "see https://toml.io for the form of the file")
        })?;
        let mut settings = Settings { path: self.path.to_owned(), ..Settings::default() };
        for (key, value) in in_order(table.get_ref()) {
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) if name == SELECTIONS => {
                    for (name, value) in in_order(table) {
                        let selection = self.selection(name, value)?;
                        settings.selections.insert(name.get_ref().to_string(), selection);
                    }
                }
                DeValue::Table(table) => {
                    let entries = self.table(key, table)?;
                    settings.tables.insert(name.to_owned(), entries);
                }
                _ => {
                    let entry = self.top(key, value)?;
                    self.once(&settings.top, &entry, key)?;
                    settings.top.push(entry);
                }
            }
        }
        Ok(settings)
    }

    /// A key outside of all tables.
    fn top(&mut self, key: &Key<'_>, value: &Value<'_>) -> Result<Entry, FileError> {
        let name = key.get_ref().as_ref();
        let (defined, at) = (self.defined, key.span());
        let tables: Vec<&str> = keys::commands(defined).map(Command::get_name).collect();
        match keys::top(defined, name) {
            Top::Flag(all) => {
                let (command, flag) = all[0];
                self.entry(command.get_name(), flag, name, (key, value))
            }
            Top::OfTables(of) if tables.contains(&name) => Err(self.wrong(
                &at,
                format!("`{name}` is the table of the command {name}, and not a setting here"),
                &format!("for the flag --{name}, write it under {}", keys::tables(&of)),
            )),
            Top::OfTables(of) => {
                let of = keys::tables(&of);
                let problem = format!("`{name}` is no setting of all commands: it belongs to {of}");
                Err(self.wrong(&at, problem, &format!("write it under {of}")))
            }
            Top::Unknown if tables.contains(&name) => Err(self.wrong(
                &at,
                format!("`{name}` is the table of the command {name}, and not a setting"),
                &format!("write [{name}], and its settings in the lines below"),
            )),
            Top::Unknown => {
                let flags = keys::commands(defined).flat_map(keys::flags);
                let names = flags.filter_map(Arg::get_long).chain(tables).chain([SELECTIONS]);
                Err(self.unknown(&at, &format!("unknown key `{name}`"), keys::nearest(name, names)))
            }
        }
    }

    /// The table of a command.
    fn table(&mut self, key: &Key<'_>, table: &DeTable<'_>) -> Result<Vec<Entry>, FileError> {
        let name = key.get_ref().as_ref();
        let defined = self.defined;
        let Some(command) = keys::commands(defined).find(|command| command.get_name() == name)
        else {
            if keys::is_common(defined, name) {
                let problem = format!("`{name}` is a setting, and not a table");
                return Err(self.wrong(&key.span(), problem, &format!("write {name} = VALUE")));
            }
            let of_alias = keys::commands(defined)
                .find(|command| command.get_all_aliases().any(|alias| alias == name));
            let names = keys::commands(defined).map(Command::get_name).chain([SELECTIONS]);
            let nearest = of_alias.map(Command::get_name).or_else(|| keys::nearest(name, names));
            let unknown = format!("unknown table `{name}`");
            return Err(self.unknown(&key.span(), &unknown, nearest));
        };
        let mut entries: Vec<Entry> = Vec::new();
        for (key, value) in in_order(table) {
            let flag = key.get_ref().as_ref();
            let Some(arg) = keys::flag(command, flag) else {
                return Err(self.unknown_in(command, key));
            };
            let entry = self.entry(name, arg, flag, (key, value))?;
            self.once(&entries, &entry, key)?;
            entries.push(entry);
        }
        Ok(entries)
    }

    /// A flag may have two names.
    fn once(&self, entries: &[Entry], entry: &Entry, key: &Key<'_>) -> Result<(), FileError> {
        let Some(other) = entries.iter().find(|other| other.id == entry.id) else {
            return Ok(());
        };
        let problem = format!("`{}` and `{}` are the same setting", other.key, entry.key);
        Err(self.wrong(&key.span(), problem, "remove one of them"))
    }

    fn unknown_in(&self, command: &Command, key: &Key<'_>) -> FileError {
        let (name, flag) = (command.get_name(), key.get_ref().as_ref());
        let others = keys::commands(self.defined);
        let others: Vec<&str> = others
            .filter(|other| keys::flag(other, flag).is_some())
            .map(Command::get_name)
            .collect();
        let unknown = format!("unknown key `{flag}` in [{name}]");
        if !others.is_empty() {
            let of = keys::tables(&others);
            return self.wrong(&key.span(), unknown, &format!("{of} has it: write it there"));
        }
        let names = keys::flags(command).filter_map(Arg::get_long);
        self.unknown(&key.span(), &unknown, keys::nearest(flag, names))
    }

    /// A flag with its values, each valid for the flag.
    fn entry(
        &mut self,
        command: &str,
        flag: &Arg,
        key: &str,
        (at, value): (&Key<'_>, &Value<'_>),
    ) -> Result<Entry, FileError> {
        let values = values(flag, value.get_ref())
            .map_err(|problem| self.wrong(&value.span(), format!("{key}: {problem}"), CORRECT))?;
        let values: Vec<String> = match is_path(flag) {
            true => values.into_iter().map(|path| self.absolute(&path)).collect(),
            false => values,
        };
        if flag.get_action().takes_values() {
            for text in &values {
                self.check(command, flag, text).map_err(|problem| {
                    self.wrong(&value.span(), format!("{key}: {problem}"), CORRECT)
                })?;
            }
        }
        let off = match flag.get_action() {
            ArgAction::SetTrue => values == ["false"],
            ArgAction::Count => values == ["0"],
            _ => values.is_empty(),
        };
        Ok(Entry {
            id: flag.get_id().to_string(),
            key: key.to_owned(),
            values,
            weight: if off { Weight::Off } else { Weight::On },
            line: self.line(&at.span()),
        })
    }

    /// Checks a value with the flag's own parser.
    fn check(&mut self, command: &str, flag: &Arg, text: &str) -> Result<(), String> {
        let long = flag.get_long().unwrap_or_default();
        let args = ["cmon".to_owned(), command.to_owned(), format!("--{long}={text}")];
        let Err(error) = self.typed.try_get_matches_from_mut(args) else {
            return Ok(());
        };
        let text = clap_error::message(&error);
        let text = text.replacen(&format!(" for '{flag}'"), "", 1);
        Err(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// A selection: one pattern, several, or a table.
    fn selection(&mut self, key: &Key<'_>, value: &Value<'_>) -> Result<NamedSelection, FileError> {
        let name = key.get_ref().as_ref();
        let line = self.line(&key.span());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || !name.chars().all(plain) {
            let problem = format!(
                "the selection `{name}` has a name with other characters than letters, digits and . _ -"
            );
            return Err(self.wrong(&key.span(), problem, "give it another name"));
        }
        let DeValue::Table(table) = value.get_ref() else {
            let containers = self.patterns(name, value)?;
            return Ok(NamedSelection { containers, flags: Vec::new(), line });
        };
        let mut selection = NamedSelection { line, ..NamedSelection::default() };
        let defined = self.defined;
        for (key, value) in in_order(table) {
            let flag = key.get_ref().as_ref();
            if flag == CONTAINERS {
                selection.containers = self.patterns(name, value)?;
                continue;
            }
            let tail = keys::commands(defined).next();
            let known = tail.filter(|_| OF_SELECTIONS.contains(&flag));
            let Some((command, arg)) =
                known.and_then(|tail| Some((tail.get_name(), keys::flag(tail, flag)?)))
            else {
                let names = OF_SELECTIONS.into_iter().chain([CONTAINERS]);
                let unknown = format!("unknown key `{flag}` in the selection `{name}`");
                return Err(self.unknown(&key.span(), &unknown, keys::nearest(flag, names)));
            };
            selection.flags.push(self.entry(command, arg, flag, (key, value))?);
        }
        let on = |entry: &Entry| entry.weight == Weight::On;
        if selection.containers.is_empty() && !selection.flags.iter().any(on) {
            let problem = format!("the selection `{name}` selects nothing");
            return Err(self.wrong(
                &key.span(),
                problem,
                "name containers or conditions, or remove it",
            ));
        }
        Ok(selection)
    }

    /// Names and patterns of containers.
    fn patterns(&self, name: &str, value: &Value<'_>) -> Result<Vec<String>, FileError> {
        const FORM: &str = "write a name, a pattern, a list of them, or a table such as \
                            { project = \"shop\", exclude-container = \"db\" }";
        let patterns = texts(value.get_ref()).map_err(|problem| {
            self.wrong(&value.span(), format!("the selection `{name}`: {problem}"), FORM)
        })?;
        let wrong = |problem: String| Err(self.wrong(&value.span(), problem, FORM));
        match patterns.iter().find(|text| text.is_empty() || text.starts_with('-')) {
            Some(flag) => wrong(format!(
                "the selection `{name}`: `{flag}` is no name or pattern of a container"
            )),
            None if patterns.is_empty() => wrong(format!("the selection `{name}` selects nothing")),
            None => Ok(patterns),
        }
    }

    /// A path in a file: relative to the file's directory, and `~/` is the home directory.
    fn absolute(&self, path: &str) -> String {
        let home = || env::home_dir().filter(|home| home.is_absolute());
        if let Some(rest) = path.strip_prefix("~/")
            && let Some(home) = home()
        {
            return home.join(rest).to_string_lossy().into_owned();
        }
        let dir = self.path.parent().unwrap_or(Path::new(""));
        match path.is_empty() {
            true => String::new(),
            false => dir.join(path).to_string_lossy().into_owned(),
        }
    }

    fn unknown(&self, at: &Range<usize>, unknown: &str, nearest: Option<&str>) -> FileError {
        match nearest {
            Some(name) => {
                self.wrong(at, format!("{unknown}; did you mean `{name}`?"), "correct the name")
            }
            None => self.wrong(
                at,
                unknown.to_owned(),
                "a key is the long name of a flag, such as stream-timeout; `cmon config` lists them",
            ),
        }
    }

    fn wrong(&self, at: &Range<usize>, problem: String, hint: &str) -> FileError {
        FileError {
            path: self.path.to_owned(),
            line: Some(self.line(at)),
            problem,
            hint: hint.to_owned(),
        }
    }

    fn line(&self, at: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        1 + memchr::memchr_iter(b'\n', before).count()
    }
}

/// The keys of a table as written in the file.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Key<'i>, &'t Value<'i>)> {
    let mut all: Vec<_> = table.iter().collect();
    sort_by_key(&mut all, |(key, _)| key.span().start);
    all
}

fn is_path(flag: &Arg) -> bool {
    flag.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

/// The values of a flag as on the command line.
fn values(flag: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match (flag.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(on)) => Ok(vec![on.to_string()]),
        (ArgAction::SetTrue, other) => {
            Err(format!("expected true or false, and not {}", kind(other)))
        }
        (ArgAction::Count, DeValue::Boolean(on)) => Ok(vec![u8::from(*on).to_string()]),
        (ArgAction::Count, DeValue::Integer(number)) if number.as_str().parse::<u8>().is_ok() => {
            Ok(vec![number.as_str().to_owned()])
        }
        (ArgAction::Count, other) => {
            Err(format!("expected true, false or a number from 0 to 255, and not {}", kind(other)))
        }
        (ArgAction::Append, value) => texts(value),
        (_, value) => Ok(vec![scalar(value)?]),
    }
}

/// One text, or a list of texts.
fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match value {
        DeValue::Array(all) => all.iter().map(|one| scalar(one.get_ref())).collect(),
        one => Ok(vec![scalar(one)?]),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(on) => Ok(on.to_string()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => {
            Err(format!("expected one value, and not {}", kind(value)))
        }
    }
}

fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(on) => on.to_string(),
        DeValue::Datetime(time) => format!("the time {time}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
