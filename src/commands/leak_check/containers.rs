//! Selects the containers of a check from a list. Pure.

use anyhow::Context;

use crate::engine::StartError;
use crate::engine::selection::{Selection, UnmatchedKind};
use crate::engine::source::Listed;

/// The names of the selected, running containers. A later run of a comparison uses those of the `first` run that still
/// run.
///
/// # Errors
/// A pattern matches no container or several, or none runs.
pub(super) fn choose(
    selection: &Selection,
    listed: &[Listed],
    first: Option<&[String]>,
) -> anyhow::Result<Vec<String>> {
    let selection = match first {
        Some(names) => Selection::named(names),
        None => {
            let mut unmatched = selection.unmatched(listed);
            // Stopped containers are reported below.
            unmatched.retain(|pattern| {
                !matches!(pattern.kind, UnmatchedKind::Together { stopped: 1.. })
            });
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
        // One is new, one is gone, one has ended. A name matches neither ids nor patterns.
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
