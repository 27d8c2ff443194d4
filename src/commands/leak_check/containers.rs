//! Whose streams a check opens: apart, because it decides from a list alone.

use anyhow::Context;

use crate::engine::StartError;
use crate::engine::selection::{Selection, UnmatchedKind};
use crate::engine::source::Listed;

/// The names of the containers whose streams are opened: those that are selected and run. Runs that are
/// compared all have the containers of the `first`, as far as they still run.
///
/// # Errors
/// A pattern is for no container or for several, or nothing runs.
pub(super) fn choose(
    selection: &Selection,
    listed: &[Listed],
    first: Option<&[String]>,
) -> anyhow::Result<Vec<String>> {
    let selection = match first {
        Some(names) => Selection::named(names),
        None => {
            let mut unmatched = selection.unmatched(listed);
            // Those that do not run are reported below.
            unmatched.retain(|one| !matches!(one.kind, UnmatchedKind::Together { stopped: 1.. }));
            if !unmatched.is_empty() {
                return Err(StartError::Unmatched(unmatched).into());
            }
            selection.resolve(listed).map_err(StartError::from)?
        }
    };
    let chosen = listed.iter().filter(|row| selection.matches(row) && row.phase.is_live());
    let mut names: Vec<String> = chosen.map(|row| row.name.to_string()).collect();
    names.sort();
    if names.is_empty() {
        return Err(StartError::Nothing).context(match first {
            None => "none of the selected containers runs, so there is no stream to open",
            Some(_) => {
                "none of the containers of the first run is left, so there is no stream to open"
            }
        });
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::source::{ContainerId, ContainerKey, DaemonId, Phase};

    fn listed(all: &[(&str, Phase)]) -> Vec<Listed> {
        let daemon = DaemonId::new("unix:///d");
        let row = |(name, phase): &(&str, Phase)| Listed {
            key: ContainerKey { daemon: daemon.clone(), id: ContainerId::new(name) },
            name: (*name).into(),
            phase: *phase,
            facts: std::sync::Arc::default(),
            passes: true,
        };
        all.iter().map(row).collect()
    }

    #[test]
    fn a_later_run_has_the_containers_of_the_first_and_no_others() {
        use Phase::{Exited, Running};
        let before = listed(&[("web", Running), ("db", Running), ("job", Running)]);
        let first = choose(&Selection::running(), &before, None).unwrap();
        assert_eq!(first, ["db", "job", "web"]);
        // One came, one went, one ended; a name is no beginning of an id and no pattern.
        let after = listed(&[("web", Running), ("web-2", Running), ("job", Exited)]);
        let again = |first: &[String]| choose(&Selection::running(), &after, Some(first));
        assert_eq!(again(&first).unwrap(), ["web"]);
        let gone = again(&["db".to_owned(), "web-".to_owned()]).unwrap_err();
        assert!(gone.to_string().contains("containers of the first run is left"), "{gone}");
        assert!(gone.downcast_ref::<StartError>().is_some());
    }

    #[test]
    fn a_named_container_must_exist_and_run() {
        let listed = listed(&[("web", Phase::Exited)]);
        let refused = |name: &str| {
            let selection = Selection::compile(&[name.into()]).unwrap();
            choose(&selection, &listed, None).unwrap_err().to_string()
        };
        assert!(refused("web").starts_with("none of the selected containers runs"));
        assert!(refused("wbe").contains("no container matches `wbe`"), "{}", refused("wbe"));
    }
}
