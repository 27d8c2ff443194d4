//! Conditions from the texts of the flags.

use regex::Regex;

use super::condition_error::ConditionError;
use super::filter_keys::LIST_KEYS;
use super::{Condition, ConditionTexts, Conditions, Exited, Test};
use crate::engine::pattern::{Pattern, PatternError, PatternText};
use crate::engine::source::{ListFilters, Phase};

pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";
/// Labels that a daemon's events do not carry, because an event field has the same name.
pub(super) const SHADOWED: [&str; 2] = ["name", "image"];

impl Conditions {
    /// Compiles the texts of the flags.
    ///
    /// # Errors
    /// A value is not valid; the message says what is expected.
    pub fn compile(texts: &ConditionTexts) -> Result<Self, ConditionError> {
        let mut groups = Vec::new();
        for text in &texts.labels {
            groups.push(vec![label("--label", text)?]);
        }
        let images = texts.images.iter().map(|text| image("--image", text));
        groups.push(images.collect::<Result<_, _>>()?);
        groups.push(texts.projects.iter().map(|text| project(text)).collect::<Result<_, _>>()?);
        let mut keyed: Vec<(&str, Vec<Condition>)> = Vec::new();
        let (mut list_filters, mut passes) = (ListFilters::new(), Vec::new());
        for text in &texts.filters {
            let (key, value) = key_and_value(text)?;
            if LIST_KEYS.contains(&key) {
                list_filters.entry(key.to_owned()).or_default().push(value.to_owned());
                passes.push(spelled("--filter", text));
                continue;
            }
            let condition = filter(text, key, value)?;
            match keyed.iter_mut().find(|(other, _)| *other == key && key != "label") {
                Some((_, group)) => group.push(condition),
                None => keyed.push((key, vec![condition])),
            }
        }
        groups.extend(keyed.into_iter().map(|(_, group)| group));
        if !passes.is_empty() {
            let exited = match list_filters.contains_key("exited") {
                true => Exited::AskedFor,
                false => Exited::NotAskedFor,
            };
            groups.push(vec![Condition { text: passes.join(" "), test: Test::Passes(exited) }]);
        }
        groups.retain(|group| !group.is_empty());
        let excluded = texts.excluded.iter().map(|text| {
            let pattern = Pattern::compile(&PatternText(text.clone()));
            pattern.map_err(|error| ConditionError::Pattern { flag: "--exclude-container", error })
        });
        Ok(Self { groups, excluded: excluded.collect::<Result<_, _>>()?, list_filters })
    }
}

pub(super) fn label(flag: &'static str, text: &str) -> Result<Condition, ConditionError> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    if key.is_empty() {
        return Err(incomplete(flag, text, "KEY or KEY=VALUE"));
    }
    let flag_text = spelled(flag, text);
    Ok(Condition { text: flag_text, test: Test::Label { key: key.to_owned(), value } })
}

fn image(flag: &'static str, text: &str) -> Result<Condition, ConditionError> {
    if text.is_empty() {
        return Err(incomplete(flag, text, "an image, such as nginx or nginx:1.25"));
    }
    let wanted = if text.contains(['*', '?', '[']) {
        let glob = glob::Pattern::new(text).map_err(PatternError::glob(text));
        Test::ImageGlob(glob.map_err(|error| ConditionError::Pattern { flag, error })?)
    } else {
        let short = text.strip_prefix("docker.io/").unwrap_or(text);
        let short = short.strip_prefix("library/").unwrap_or(short);
        Test::Image(short.to_owned())
    };
    Ok(Condition { text: spelled(flag, text), test: wanted })
}

fn project(text: &str) -> Result<Condition, ConditionError> {
    let flag = "--project";
    let (project, service) = match text.split_once('/') {
        Some((project, service)) => (project, Some(service)),
        None => (text, None),
    };
    if project.is_empty() || service.is_some_and(str::is_empty) {
        return Err(incomplete(flag, text, "PROJECT or PROJECT/SERVICE"));
    }
    let (project, service) = (project.to_owned(), service.map(str::to_owned));
    Ok(Condition { text: spelled(flag, text), test: Test::Project { project, service } })
}

fn key_and_value(text: &str) -> Result<(&str, &str), ConditionError> {
    match text.split_once('=') {
        Some((key, value)) if !value.is_empty() => Ok((key, value)),
        _ => Err(incomplete("--filter", text, "KEY=VALUE")),
    }
}

fn filter(text: &str, key: &str, value: &str) -> Result<Condition, ConditionError> {
    let flag = "--filter";
    let wanted = match key {
        "label" => label(flag, value)?.test,
        "ancestor" => image(flag, value)?.test,
        "name" => {
            let regex = Regex::new(value).map_err(PatternError::regex(value));
            Test::Name(regex.map_err(|error| ConditionError::Pattern { flag, error })?)
        }
        "id" => Test::Id(value.to_owned()),
        "status" => {
            Test::Status(status(value).ok_or(ConditionError::Status { text: text.to_owned() })?)
        }
        _ => return Err(ConditionError::Key { text: text.to_owned(), key: key.to_owned() }),
    };
    Ok(Condition { text: spelled(flag, text), test: wanted })
}

pub(super) fn status(text: &str) -> Option<Phase> {
    use Phase::{Created, Exited, Paused, Removing, Restarting, Running};
    let all = [Created, Running, Paused, Restarting, Exited, Removing];
    all.into_iter().find(|phase| phase.as_str() == text)
}

fn spelled(flag: &str, text: &str) -> String {
    format!("{flag} {text}")
}

fn incomplete(flag: &'static str, text: &str, expected: &'static str) -> ConditionError {
    ConditionError::Incomplete { flag, text: text.to_owned(), expected }
}
