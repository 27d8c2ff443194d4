//! Recently removed containers. A list requested before the removal, or a late event, must not bring them back, and
//! neither must a list with a half-removed container. An id never comes back.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::engine::source::{ContainerKey, Listed, Phase};

/// The limit of remembered containers. One that is forgotten early costs one more inspection.
const REMEMBERED_MAX: usize = 1024;

/// The containers that were removed since the last list was requested, or that it shows as being removed.
#[derive(Debug, Default)]
pub(super) struct Removed {
    keys: BTreeMap<ContainerKey, Instant>,
}

impl Removed {
    pub(super) fn insert(&mut self, key: ContainerKey, now: Instant) {
        if self.keys.len() < REMEMBERED_MAX {
            self.keys.insert(key, now);
        }
    }

    pub(super) fn contains(&self, key: &ContainerKey) -> bool {
        self.keys.contains_key(key)
    }

    /// Takes a list that was requested at this moment. Forgets containers that were removed before and are absent: no
    /// later list has them.
    pub(super) fn listed(&mut self, asked: Instant, rows: &[Listed]) {
        let removing = rows.iter().filter(|row| row.phase == Phase::Removing);
        let removing: BTreeSet<&ContainerKey> = removing.map(|row| &row.key).collect();
        self.keys.retain(|key, removed| asked <= *removed || removing.contains(key));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::source::{ContainerId, DaemonId};

    fn key(number: usize) -> ContainerKey {
        ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(&number.to_string()) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_list_forgets_removed_containers() {
        let (mut removed, now) = (Removed::default(), Instant::now());
        removed.insert(key(1), now);
        removed.listed(now - Duration::from_secs(1), &[]);
        assert!(removed.contains(&key(1)), "that list may still have it");
        let half = Listed {
            key: key(1),
            name: "half".into(),
            phase: Phase::Removing,
            facts: std::sync::Arc::default(),
            passes: true,
        };
        removed.listed(now + Duration::from_secs(1), &[half]);
        assert!(removed.contains(&key(1)), "the daemon could not remove all of it");
        removed.listed(now + Duration::from_secs(2), &[]);
        assert!(!removed.contains(&key(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_remembered_removed_containers_is_bounded() {
        let (mut removed, now) = (Removed::default(), Instant::now());
        (0..2 * REMEMBERED_MAX).for_each(|number| removed.insert(key(number), now));
        assert_eq!(removed.keys.len(), REMEMBERED_MAX);
    }
}
