//! Named selections of the configuration file: `@web` stands for the containers of `[selections] web`.

use std::collections::BTreeSet;

use super::file::{FileError, NamedSelection, Place, Settings};
use super::layers::Weight;
use super::sources::ReadError;
use super::{Cli, Command, Conditions};
use clap::CommandFactory;
use clap::error::ErrorKind;

/// The content of a named selection.
#[derive(Debug, Default)]
struct Expanded {
    containers: Vec<String>,
    /// Selections with conditions, which every container must meet.
    narrowing: Vec<String>,
    all: bool,
    conditions: Conditions,
}

/// Replaces each name with `@` by its selection.
pub(super) fn expand(
    command: &mut Command,
    settings: Option<&Settings>,
    place: &Place,
) -> Result<(), ReadError> {
    let (containers, all, conditions) = match command {
        Command::Tail(args) => (&mut args.containers, &mut args.all, &mut args.conditions),
        Command::Watch(args) => (&mut args.containers, &mut args.all, &mut args.conditions),
        Command::LeakCheck(args) => (&mut args.containers, &mut args.all, &mut args.conditions),
        Command::Completions(_) | Command::Man(_) | Command::Config(_) => return Ok(()),
    };
    if !containers.iter().any(|text| text.starts_with('@')) {
        return Ok(());
    }
    let mut expanded = Expanded::default();
    let mut parts = 0;
    for text in containers.iter() {
        parts += 1;
        match text.strip_prefix('@') {
            Some(name) => {
                match settings.filter(|settings| settings.selections.contains_key(name)) {
                    Some(settings) => one(name, settings, &mut BTreeSet::new(), &mut expanded)?,
                    None => return Err(unknown(name, settings, place).into()),
                }
            }
            None => expanded.containers.push(text.clone()),
        }
    }
    // Conditions hold for every container, so they would also narrow names outside of the selection.
    if let Some(name) = expanded.narrowing.first()
        && 1 < parts
    {
        let text = format!(
            "'@{name}' has conditions, which would also narrow the other containers of the command line\n\n  \
             tip: select '@{name}' alone, or give it containers by name"
        );
        return Err(Cli::command().error(ErrorKind::ArgumentConflict, text).into());
    }
    let Expanded { containers: names, all: every, conditions: more, narrowing: _ } = expanded;
    *containers = names;
    *all |= every;
    conditions.labels.extend(more.labels);
    conditions.images.extend(more.images);
    conditions.projects.extend(more.projects);
    conditions.filters.extend(more.filters);
    conditions.excluded.extend(more.excluded);
    Ok(())
}

/// Checks that each selection of the file exists where it is named, and that none contains itself.
pub(super) fn check(settings: &Settings) -> Result<(), FileError> {
    for name in settings.selections.keys() {
        let (open, into) = (&mut BTreeSet::new(), &mut Expanded::default());
        one(name, settings, open, into)?;
    }
    Ok(())
}

/// Adds the content of one selection. `open` are the selections that contain it.
fn one(
    name: &str,
    settings: &Settings,
    open: &mut BTreeSet<String>,
    into: &mut Expanded,
) -> Result<(), FileError> {
    let Some(selection) = settings.selections.get(name) else { return Ok(()) };
    let wrong = |problem: String, hint: &str| FileError {
        path: settings.path.clone(),
        line: Some(selection.line),
        problem,
        hint: hint.to_owned(),
    };
    if !open.insert(name.to_owned()) {
        let problem = format!("the selection `{name}` contains itself");
        return Err(wrong(problem, "name its containers"));
    }
    let NamedSelection { containers, flags, .. } = selection;
    for text in containers {
        match text.strip_prefix('@') {
            Some(inner) if !settings.selections.contains_key(inner) => {
                let known = settings.selections.keys().map(String::as_str);
                let hint = match super::file::nearest(inner, known) {
                    Some(nearest) => format!("there is `@{nearest}`"),
                    None => format!("add `{inner}` under [selections]"),
                };
                let problem =
                    format!("the selection `{name}` names `@{inner}`, which does not exist");
                return Err(wrong(problem, &hint));
            }
            Some(inner) => {
                let before = into.narrowing.len();
                one(inner, settings, open, into)?;
                if before < into.narrowing.len() && 1 < containers.len() {
                    let problem = format!(
                        "the selection `{name}`: `@{inner}` has conditions, which would also narrow the others"
                    );
                    return Err(wrong(problem, "use it alone, or give it containers by name"));
                }
            }
            None => into.containers.push(text.clone()),
        }
    }
    for entry in flags.iter().filter(|entry| entry.weight == Weight::On) {
        let values = entry.values.iter().cloned();
        match entry.id.as_str() {
            "all" => into.all = true,
            "labels" => into.conditions.labels.extend(values),
            "images" => into.conditions.images.extend(values),
            "projects" => into.conditions.projects.extend(values),
            "filters" => into.conditions.filters.extend(values),
            _ => into.conditions.excluded.extend(values),
        }
    }
    let has_all = flags.iter().any(|entry| entry.weight == Weight::On && entry.id == "all");
    if has_all && !containers.is_empty() {
        let problem = format!("the selection `{name}` has `all`, and names containers");
        return Err(wrong(problem, "leave out one of them"));
    }
    if flags.iter().any(|entry| entry.weight == Weight::On) {
        into.narrowing.push(name.to_owned());
    }
    open.remove(name);
    Ok(())
}

/// An unknown selection, with the most similar name.
fn unknown(name: &str, settings: Option<&Settings>, place: &Place) -> clap::Error {
    let known: Vec<&str> = settings
        .iter()
        .flat_map(|settings| settings.selections.keys())
        .map(String::as_str)
        .collect();
    let nearest = super::file::nearest(name, known.iter().copied());
    let tip = match (settings, place.path(), nearest) {
        (_, _, Some(nearest)) => format!("there is '@{nearest}'"),
        (Some(settings), _, None) if known.is_empty() => {
            format!(
                "{} has no selections; add '{name}' under [selections]",
                settings.path.display()
            )
        }
        (Some(settings), _, None) => {
            format!("{} has '@{}'", settings.path.display(), known.join("', '@"))
        }
        (None, Some(path), None) => {
            format!("add '{name}' under [selections] in {}", path.display())
        }
        (None, None, None) => "name the configuration file with --config".to_owned(),
    };
    let text = format!("there is no selection '@{name}' in the configuration file\n\n  tip: {tip}");
    Cli::command().error(ErrorKind::InvalidValue, text)
}
