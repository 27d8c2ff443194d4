//! Whether a container meets the conditions, and which of them the daemon can decide.

use super::parse::{PROJECT, SERVICE, SHADOWED};
use super::{Condition, Conditions, Exited, State, Test};
use crate::engine::source::{ListFilters, Listed};

impl Conditions {
    /// Whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.excluded.is_empty()
    }

    /// Whether a condition includes containers, and not all exclude.
    pub(in crate::engine) fn ask(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The filters that the daemon applies to its list.
    pub(in crate::engine) fn list_filters(&self) -> &ListFilters {
        &self.list_filters
    }

    /// Whether a condition depends on the container's state.
    pub(in crate::engine) fn name_a_status(&self) -> bool {
        let named = |test: &Test| matches!(test, Test::Status(_) | Test::Passes(Exited::AskedFor));
        self.all().any(|condition| named(&condition.test))
    }

    /// Whether a condition depends on a field that the daemon's events do not carry.
    pub(in crate::engine) fn exceed_events(&self) -> bool {
        self.all().any(|condition| match &condition.test {
            Test::Label { key, .. } => SHADOWED.contains(&&**key),
            Test::Passes(_) => true,
            _ => false,
        })
    }

    /// Whether a container meets all conditions.
    pub(in crate::engine) fn hold(&self, container: &Listed, state: State) -> bool {
        let holds = |condition: &Condition| {
            // A published port, the health and the exit code change over time.
            let changes = matches!(condition.test, Test::Status(_) | Test::Passes(_));
            let ignored = state == State::Ignored && changes;
            ignored || condition.holds(container)
        };
        self.groups.iter().all(|group| group.iter().any(holds))
            && !self.excluded.iter().any(|pattern| pattern.matches(container))
    }

    /// The conditions that no container meets, if that leaves no match in a group.
    pub(in crate::engine) fn unmet<'a>(
        &'a self,
        listed: &'a [Listed],
    ) -> impl Iterator<Item = &'a Condition> + 'a {
        let met = |condition: &Condition| listed.iter().any(|row| condition.holds(row));
        let unmet = move |group: &&Vec<Condition>| !group.iter().any(met);
        self.groups.iter().filter(unmet).flatten()
    }

    /// All conditions as typed.
    pub(in crate::engine) fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let excluded = self.excluded.iter();
        let excluded = excluded.map(|pattern| format!("--exclude-container {}", pattern.text));
        self.asked().chain(excluded)
    }

    /// The including conditions, as typed.
    pub(in crate::engine) fn asked(&self) -> impl Iterator<Item = String> + '_ {
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

/// The names of an image: as given, without the registry and folder that docker adds, without digest, and
/// without tag.
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
    // A colon before a slash belongs to the registry's port.
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}
