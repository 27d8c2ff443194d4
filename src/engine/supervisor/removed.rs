//! Containers that were removed a short while ago: a list that was asked for before, or an event that comes late,
//! must not bring them back. An id never comes back by itself.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::super::source::ContainerKey;

/// Removed containers that are remembered at most. One that is forgotten early is asked about once more.
const REMEMBERED: usize = 1024;

/// The containers that were removed since the last list was asked for.
#[derive(Debug, Default)]
pub(super) struct Removed {
    keys: BTreeMap<ContainerKey, Instant>,
}

impl Removed {
    pub(super) fn insert(&mut self, key: ContainerKey, now: Instant) {
        if self.keys.len() < REMEMBERED {
            self.keys.insert(key, now);
        }
    }

    pub(super) fn contains(&self, key: &ContainerKey) -> bool {
        self.keys.contains_key(key)
    }

    /// A list came that was asked for at this moment. It does not have what was removed before, and neither has a
    /// later one.
    pub(super) fn listed(&mut self, asked: Instant) {
        self.keys.retain(|_, removed| asked <= *removed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::source::{ContainerId, DaemonId};
    use super::*;

    fn key(number: usize) -> ContainerKey {
        ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(&number.to_string()) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_asked_for_later_ends_the_memory() {
        let (mut removed, now) = (Removed::default(), Instant::now());
        removed.insert(key(1), now);
        removed.listed(now - Duration::from_secs(1));
        assert!(removed.contains(&key(1)), "that list may still have it");
        removed.listed(now + Duration::from_secs(1));
        assert!(!removed.contains(&key(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_is_bounded() {
        let (mut removed, now) = (Removed::default(), Instant::now());
        (0..2 * REMEMBERED).for_each(|number| removed.insert(key(number), now));
        assert_eq!(removed.keys.len(), REMEMBERED);
    }
}
