//! Conditions that a selected container must meet beside its name: labels, image, compose project,
//! docker's filters, and patterns of containers to leave out. Pure.

use regex::Regex;

use super::pattern::{Pattern, PatternError, PatternText};
use super::source::{ListFilters, Listed, Phase};

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

/// Keys of `--filter` that look at what a row of the daemon's list and its events carry.
const OWN_KEYS: [&str; 5] = ["name", "id", "label", "ancestor", "status"];
/// Keys of `--filter` that the daemon applies itself: it knows more of a container than its list shows.
const LIST_KEYS: [&str; 10] = [
    "before",
    "exited",
    "expose",
    "health",
    "is-task",
    "isolation",
    "network",
    "publish",
    "since",
    "volume",
];
/// States that `--filter status=` knows.
const STATES: &str = "created, running, paused, restarting, exited, removing";
/// Labels that a daemon's events do not carry, because a field of the event has the same name.
const SHADOWED: [&str; 2] = ["name", "image"];

/// Conditions as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionTexts {
    /// `KEY` or `KEY=VALUE`; all must hold.
    pub labels: Vec<String>,
    /// Images with or without a tag, or globs; one must hold.
    pub images: Vec<String>,
    /// `PROJECT` or `PROJECT/SERVICE`; one must hold.
    pub projects: Vec<String>,
    /// `KEY=VALUE` in docker's syntax; one per key must hold, and all labels.
    pub filters: Vec<String>,
    /// Patterns of containers to leave out.
    pub excluded: Vec<String>,
}

/// A condition that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// A value is empty or lacks a part.
    #[error("`{flag} {text}`: expected {expected}")]
    Incomplete {
        /// The flag.
        flag: &'static str,
        /// As typed.
        text: String,
        /// What it looks like.
        expected: &'static str,
    },
    /// A filter has a key that cmon does not know.
    #[error("`--filter {text}`: unknown key `{key}`; expected one of {}", known_keys())]
    Key {
        /// As typed.
        text: String,
        /// The key.
        key: String,
    },
    /// A state that no container has.
    #[error("`--filter {text}`: unknown status; expected {STATES}")]
    Status {
        /// As typed.
        text: String,
    },
    /// A pattern inside of a condition is wrong.
    #[error("{flag}: {error}")]
    Pattern {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        error: PatternError,
    },
}

/// Compiled conditions.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// In each group at least one must hold.
    groups: Vec<Vec<Condition>>,
    excluded: Vec<Pattern>,
    /// The filters that the daemon applies; all of them are one condition of `groups`.
    list_filters: ListFilters,
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// The flag and its value, as typed.
    pub(super) text: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Label {
        key: String,
        value: Option<String>,
    },
    Image(String),
    ImageGlob(glob::Pattern),
    Project {
        project: String,
        service: Option<String>,
    },
    Name(Regex),
    Id(String),
    Status(Phase),
    /// The daemon's own filters let it through.
    Passes(Exited),
}

/// Whether a filter of the daemon's asks for containers that have exited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exited {
    AskedFor,
    NotAskedFor,
}

/// Whether the state of a container counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is about to be followed.
    Counts,
    /// It is followed already, and stays so when it stops.
    Ignored,
}

impl Conditions {
    /// Compiles what was typed.
    ///
    /// # Errors
    /// A value cannot be understood; the message says what is expected.
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.excluded.is_empty()
    }

    /// Whether something is asked for, and not only left out.
    pub(super) fn ask(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The filters that the daemon applies to its list.
    pub(super) fn list_filters(&self) -> &ListFilters {
        &self.list_filters
    }

    /// Whether the state of a container decides.
    pub(super) fn name_a_status(&self) -> bool {
        let named = |test: &Test| matches!(test, Test::Status(_) | Test::Passes(Exited::AskedFor));
        self.all().any(|condition| named(&condition.test))
    }

    /// Whether they look at something that the daemon's events do not carry.
    pub(super) fn exceed_events(&self) -> bool {
        self.all().any(|condition| match &condition.test {
            Test::Label { key, .. } => SHADOWED.contains(&&**key),
            Test::Passes(_) => true,
            _ => false,
        })
    }

    /// Whether a container meets them all.
    pub(super) fn hold(&self, container: &Listed, state: State) -> bool {
        let holds = |condition: &Condition| {
            // A port that is published, its health and its exit code come and go.
            let changes = matches!(condition.test, Test::Status(_) | Test::Passes(_));
            let ignored = state == State::Ignored && changes;
            ignored || condition.holds(container)
        };
        self.groups.iter().all(|group| group.iter().any(holds))
            && !self.excluded.iter().any(|pattern| pattern.matches(container))
    }

    /// The conditions that no container meets, where that leaves nothing of a group.
    pub(super) fn unmet<'a>(
        &'a self,
        listed: &'a [Listed],
    ) -> impl Iterator<Item = &'a Condition> + 'a {
        let met = |condition: &Condition| listed.iter().any(|row| condition.holds(row));
        let unmet = move |group: &&Vec<Condition>| !group.iter().any(met);
        self.groups.iter().filter(unmet).flatten()
    }

    /// All as they were typed.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let excluded = self.excluded.iter();
        let excluded = excluded.map(|pattern| format!("--exclude-container {}", pattern.text));
        self.asked().chain(excluded)
    }

    /// The conditions that ask for something, as typed.
    pub(super) fn asked(&self) -> impl Iterator<Item = String> + '_ {
        self.all().map(|condition| condition.text.clone())
    }

    fn all(&self) -> impl Iterator<Item = &Condition> {
        self.groups.iter().flatten()
    }
}

impl Condition {
    fn holds(&self, container: &Listed) -> bool {
        let labels = &container.facts.labels;
        let is = |key: &str, value: &str| labels.get(key).is_some_and(|have| have == value);
        match &self.test {
            Test::Label { key, value: None } => labels.contains_key(key),
            Test::Label { key, value: Some(value) } => is(key, value),
            Test::Image(image) => {
                let mut names = image_names(&container.facts.image);
                names.any(|name| name == *image) || is_latest(image, &container.facts.image)
            }
            Test::ImageGlob(glob) => {
                image_names(&container.facts.image).any(|name| glob.matches(name))
            }
            Test::Project { project, service } => {
                is(PROJECT, project) && service.as_ref().is_none_or(|service| is(SERVICE, service))
            }
            // Docker matches a name with and without its slash.
            Test::Name(regex) => {
                regex.is_match(&container.name) || regex.is_match(&format!("/{}", container.name))
            }
            Test::Id(prefix) => container.key.id.as_str().starts_with(prefix),
            Test::Status(phase) => container.phase == *phase,
            Test::Passes(_) => container.passes,
        }
    }
}

/// The names under which an image is known: as given, without the registry and folder that docker adds by
/// itself, without digest, and without tag.
fn image_names(image: &str) -> impl Iterator<Item = &str> {
    let short = image.strip_prefix("docker.io/").unwrap_or(image);
    let short = short.strip_prefix("library/").unwrap_or(short);
    let tagged = short.split('@').next().unwrap_or(short);
    let bare = without_tag(tagged);
    [image, short, tagged, bare].into_iter()
}

/// Whether this is the other spelling of an image without a tag.
fn is_latest(text: &str, image: &str) -> bool {
    let mut names = image_names(image);
    let tagged = |name: &str| name.contains('@') || without_tag(name) != name;
    text.strip_suffix(":latest")
        .is_some_and(|text| !tagged(image) && names.any(|name| name == text))
}

fn without_tag(image: &str) -> &str {
    // The colon of a registry's port stands before a slash.
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

fn label(flag: &'static str, text: &str) -> Result<Condition, ConditionError> {
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
        let glob = glob::Pattern::new(text).map_err(|error| ConditionError::Pattern {
            flag,
            error: PatternError::Glob { text: text.to_owned(), why: error.msg.to_owned() },
        });
        Test::ImageGlob(glob?)
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

fn known_keys() -> String {
    let mut keys = [&OWN_KEYS[..], &LIST_KEYS].concat();
    keys.sort_unstable();
    keys.join(", ")
}

fn filter(text: &str, key: &str, value: &str) -> Result<Condition, ConditionError> {
    let flag = "--filter";
    let wanted = match key {
        "label" => label(flag, value)?.test,
        "ancestor" => image(flag, value)?.test,
        "name" => Test::Name(Regex::new(value).map_err(|error| ConditionError::Pattern {
            flag,
            error: PatternError::regex(value, &error),
        })?),
        "id" => Test::Id(value.to_owned()),
        "status" => {
            Test::Status(status(value).ok_or(ConditionError::Status { text: text.to_owned() })?)
        }
        _ => return Err(ConditionError::Key { text: text.to_owned(), key: key.to_owned() }),
    };
    Ok(Condition { text: spelled(flag, text), test: wanted })
}

fn status(text: &str) -> Option<Phase> {
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

#[cfg(test)]
mod tests;
