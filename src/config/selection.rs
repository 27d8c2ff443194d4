//! The selection of containers.

use super::{Surroundings, UsageError};
use crate::cli;
use crate::engine::conditions::{ConditionTexts, Conditions};
use crate::engine::selection::{PatternText, Selection};

/// The containers to select if no name is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All containers.
    All,
    /// None; without a name, running ones.
    NamedOrRunning,
}

/// The named containers, or else the running ones.
pub(super) fn running_or(
    names: &[String],
    wanted: Wanted,
    conditions: &cli::Conditions,
    around: &Surroundings,
) -> Result<Selection, UsageError> {
    let texts: Vec<PatternText> = names.iter().map(|text| PatternText(text.clone())).collect();
    let selection = match (texts.is_empty(), wanted) {
        (false, Wanted::All) => return Err(UsageError::AllAndNames(names.join(" "))),
        (false, Wanted::NamedOrRunning) => Selection::compile(&texts)?,
        (true, Wanted::All) => Selection::all(),
        (true, Wanted::NamedOrRunning) => Selection::running(),
    };
    let projects = conditions.projects.iter().map(|text| project(text, around));
    let texts = ConditionTexts {
        labels: conditions.labels.clone(),
        images: conditions.images.clone(),
        projects: projects.collect::<Result<_, _>>()?,
        filters: conditions.filters.clone(),
        excluded: conditions.excluded.clone(),
    };
    Ok(selection.with(Conditions::compile(&texts)?))
}

/// A project as typed; a dot means the current directory's.
fn project(text: &str, around: &Surroundings) -> Result<String, UsageError> {
    let (name, service) = match text.split_once('/') {
        Some((name, service)) => (name, Some(service)),
        None => (text, None),
    };
    if name != "." {
        return Ok(text.to_owned());
    }
    let none = || UsageError::NoProject(text.to_owned());
    let name = around.project.as_ref().ok_or_else(none)?;
    Ok(service.map_or_else(|| name.clone(), |service| format!("{name}/{service}")))
}
