//! `cmon config`: writes the effective settings as a configuration file, or as JSON.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write;

use serde::Serialize;
use serde_json::Value as Json;

use super::generate::print;
use crate::cli::{ConfigForm, From, InForce, Setting, Value};
use crate::exit::Exit;
use crate::format::sanitize::{clean, clean_json, needs_escape};
use crate::output::Sinks;

/// Writes the settings.
pub(crate) fn show(in_force: &InForce, form: ConfigForm, sinks: &Sinks) -> anyhow::Result<Exit> {
    let text = match form {
        ConfigForm::Toml => toml(in_force).into_bytes(),
        ConfigForm::Json => clean_json(json(in_force)?.as_bytes()),
    };
    print(&text, sinks)
}

/// A value that the file cannot contain, and the reason.
const NOT_UTF8: &str = "not UTF-8";
const HIDDEN: &str = "the password is hidden";

fn toml(in_force: &InForce) -> String {
    let mut text = String::new();
    let path = in_force.path.as_ref().map(|path| clean(&path.display().to_string()));
    // Writing to a String cannot fail.
    let _ = match (&path, in_force.found) {
        (Some(path), true) => writeln!(text, "# From {path}"),
        (Some(path), false) => writeln!(text, "# There is no file {path}"),
        (None, _) => writeln!(text, "# No file: neither XDG_CONFIG_HOME nor HOME is set"),
    };
    let of_tables = in_force.tables.iter().flat_map(|table| &table.settings);
    let of_selections = in_force.selections.iter().flat_map(|(_, settings)| settings);
    let shown = of_tables.chain(of_selections).map(|setting| line(setting).chars().count());
    // A long value must not move all others.
    let width = shown.filter(|width| *width <= 40).max().unwrap_or(0);
    let file = clean(&in_force.file_name());
    let mut rows = |header: Option<String>, settings: &[Setting]| {
        if settings.is_empty() {
            return;
        }
        if let Some(header) = header {
            let _ = writeln!(text, "\n[{header}]");
        }
        for setting in settings {
            let _ = writeln!(text, "{:<width$}  # {}", line(setting), from(setting, &file));
        }
    };
    for table in &in_force.tables {
        rows(table.name.clone(), &table.settings);
    }
    for (name, settings) in &in_force.selections {
        rows(Some(format!("selections.{}", quoted_key(name))), settings);
    }
    text
}

/// A setting as a line of the file; a comment if it has no value, or one that the file cannot contain.
fn line(Setting { key, value, .. }: &Setting) -> String {
    let comment = if unreadable(value).is_some() { "# " } else { "" };
    let value = match value {
        Value::None => return format!("# {key} ="),
        Value::Switch(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::List(texts) => {
            format!("[{}]", texts.iter().map(quoted).collect::<Vec<_>>().join(", "))
        }
    };
    format!("{comment}{key} = {value}")
}

fn from(setting: &Setting, file: &str) -> String {
    let from = match &setting.from {
        From::Flag => format!("--{}", setting.key),
        From::Variable(name) => name.clone(),
        From::File(line) => format!("{file}:{line}"),
        From::Default if setting.value == Value::None => "not set".to_owned(),
        From::Default => "default".to_owned(),
    };
    match unreadable(&setting.value) {
        Some(reason) => format!("{from}; {reason}"),
        None => from,
    }
}

/// The reason why the file cannot contain a value.
fn unreadable(value: &Value) -> Option<&'static str> {
    let texts: &[OsString] = match value {
        Value::Text(text) => std::slice::from_ref(text),
        Value::List(texts) => texts,
        Value::None | Value::Switch(_) | Value::Number(_) => &[],
    };
    texts.iter().find_map(|text| match text.to_str() {
        None => Some(NOT_UTF8),
        Some(text) => password(text).map(|_| HIDDEN),
    })
}

/// The password in a URL.
fn password(text: &str) -> Option<std::ops::Range<usize>> {
    let begin = text.find("://")? + 3;
    let authority = text[begin..].find(['/', '?', '#']).map_or(text.len(), |at| begin + at);
    let at = begin + text[begin..authority].rfind('@')?;
    let colon = begin + text[begin..at].find(':')?;
    Some(colon + 1..at)
}

/// A text without a password.
fn masked(text: &OsString) -> String {
    let mut text = text.to_string_lossy().into_owned();
    if let Some(secret) = password(&text) {
        text.replace_range(secret, "***");
    }
    text
}

/// A basic TOML string. Characters that could control or deceive a terminal are escaped.
fn quoted(text: &OsString) -> String {
    let mut quoted = String::from("\"");
    for c in masked(text).chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Writing to a String cannot fail.
            c if needs_escape(c) => drop(write!(quoted, "\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The name of a selection has letters, digits and `. _ -`; an unquoted dot would begin another table.
fn quoted_key(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}

/// The place of the file.
#[derive(Serialize)]
struct FileObject<'a> {
    v: u8,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    found: bool,
}

/// One setting.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct SettingObject<'a> {
    v: u8,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'a str>,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<bool>,
}

fn json(in_force: &InForce) -> serde_json::Result<String> {
    let path = in_force.path.as_ref().map(|path| path.to_string_lossy());
    let file = FileObject { v: 1, r#type: "config", path, found: in_force.found };
    let mut text = serde_json::to_string(&file)? + "\n";
    let of_tables = in_force.tables.iter().map(|table| (table.name.clone(), &table.settings));
    let of_selections = in_force.selections.iter();
    let of_selections =
        of_selections.map(|(name, settings)| (Some(format!("selections.{name}")), settings));
    for (table, settings) in of_tables.chain(of_selections) {
        for setting in settings {
            text.push_str(&serde_json::to_string(&object(table.as_deref(), setting))?);
            text.push('\n');
        }
    }
    Ok(text)
}

fn object<'a>(table: Option<&'a str>, setting: &'a Setting) -> SettingObject<'a> {
    let value = match &setting.value {
        Value::None => None,
        Value::Switch(on) => Some(Json::from(*on)),
        Value::Number(number) => Some(Json::from(*number)),
        Value::Text(text) => Some(Json::from(masked(text))),
        Value::List(texts) => Some(texts.iter().map(masked).collect()),
    };
    let (source, variable, line) = match &setting.from {
        From::Flag => ("flag", None, None),
        From::Variable(name) => ("variable", Some(name.as_str()), None),
        From::File(line) => ("file", None, Some(*line)),
        From::Default => ("default", None, None),
    };
    let hidden = (unreadable(&setting.value) == Some(HIDDEN)).then_some(true);
    let key = setting.key.as_str();
    SettingObject { v: 1, r#type: "setting", table, key, value, source, variable, line, hidden }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_hidden_and_its_line_is_a_comment() {
        for (text, expected) in [
            ("https://me:s@cret@h/x", Some("https://me:***@h/x")),
            ("tcp://h:2375", None),
            ("ssh://me@h:22", None),
            ("http://h/a:b@c", None),
            ("me:secret@h", None),
        ] {
            assert_eq!(masked(&text.into()), expected.unwrap_or(text));
            let value = Value::List(vec![text.into()]);
            let setting = Setting { key: "target".to_owned(), value, from: From::File(3) };
            assert_eq!(line(&setting).starts_with("# "), expected.is_some(), "{text}");
        }
    }

    #[test]
    fn a_value_is_escaped_and_can_be_parsed_again() {
        let text = "a\"b\\c\u{1b}[31m\u{202e}\n\u{e0041}ä";
        let shown = quoted(&text.into());
        assert_eq!(shown, r#""a\"b\\c\U0000001B[31m\U0000202E\n\U000E0041ä""#);
    }
}
