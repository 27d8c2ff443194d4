//! clap's messages, changed to blame a variable instead of the flag that clap names.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// The error of one variable, which clap blames on the flag.
pub(super) fn blame(variable: &OsStr, error: &Error) -> String {
    let variable = variable.to_string_lossy();
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => flag.as_str(),
        _ => "",
    };
    let text = message(error);
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

/// The error of several variables together: each flag in clap's message belongs to one of them.
pub(super) fn contradiction(mut defined: Command, error: &Error) -> String {
    defined.build();
    let mut text = message(error);
    let all = defined.get_subcommands().flat_map(Command::get_arguments);
    for arg in defined.get_arguments().chain(all) {
        if let Some(variable) = arg.get_env() {
            text = text.replace(&format!("'{arg}'"), &format!("'{}'", variable.to_string_lossy()));
        }
    }
    let text = text.replacen("the argument", "the variable", 1);
    format!("{text}\n\n  tip: unset one of them")
}

/// The message of an error, without its mark and without the usage.
pub(super) fn message(error: &Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|mark| text.find(mark));
    text[..end.min().unwrap_or(text.len())].trim_end().to_owned()
}
