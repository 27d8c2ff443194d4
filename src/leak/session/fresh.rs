//! Counts the lines that containers write during a check. Older lines do not show that lines flow, and each new
//! stream starts with the container's last line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::engine::event::{About, Event, Note, Notice};
use crate::engine::source::ContainerKey;
use crate::engine::timestamp::Timestamp;

/// Maximum of remembered containers. A check of more containers at once counts too few lines.
const CONTAINERS_MAX: usize = 4096;

/// Counts lines that are newer than the first one of their container. Clones share the count, but not the time of
/// the newest line of each container.
#[derive(Clone, Debug, Default)]
pub(super) struct Fresh {
    newest: BTreeMap<ContainerKey, Timestamp>,
    lines: Arc<AtomicU64>,
}

impl Fresh {
    /// Compares timestamps of the daemon alone, so clock skew does no harm.
    pub(super) fn add(&mut self, event: &Event) {
        let lines = match event {
            Event::Lines(lines) => lines,
            Event::Note(Note { about: About::Container(label), what: Notice::Removed }) => {
                self.newest.remove(&label.key);
                return;
            }
            Event::Gap(_)
            | Event::Note(_)
            | Event::Identity(..)
            | Event::Begins(..)
            | Event::Reading(_)
            | Event::CaughtUp(_) => return,
        };
        let Some(last) =
            lines.iter().map(|(line, _)| line.time).filter(|time| time.is_plausible()).max()
        else {
            return;
        };
        let Some(newest) = self.newest.get_mut(&lines.label.key) else {
            // The engine does not report a removal while no stream is open, so the longest silent one makes room.
            if CONTAINERS_MAX <= self.newest.len()
                && let Some(oldest) = self.newest.iter().min_by_key(|(_, time)| **time)
            {
                let oldest = oldest.0.clone();
                self.newest.remove(&oldest);
            }
            self.newest.insert(lines.label.key.clone(), last);
            return;
        };
        let after = newest.succ();
        self.lines.fetch_add(lines.since(after).0 as u64, Relaxed);
        *newest = last.max(*newest);
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::event::{Delivery, Extent, Label, Lines};
    use crate::engine::source::{ContainerId, DaemonId, StdStream};

    use super::*;

    fn lines(id: &str, times: &[i64]) -> Event {
        let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(id) };
        let mut lines = Lines::new(Arc::new(Label::new(key, id.into())));
        for time in times {
            let time = Timestamp::from_nanos(1_700_000_000_000_000_000 + *time);
            lines.push(time, StdStream::Stdout, [b"x\n", b""], Extent::Whole, Delivery::InOrder);
        }
        Event::Lines(lines)
    }

    #[test]
    fn lines_from_before_the_check_are_not_counted() {
        let mut fresh = Fresh::default();
        let shared = fresh.clone();
        for event in [lines("a", &[5]), lines("b", &[9]), lines("a", &[5]), lines("b", &[9])] {
            fresh.add(&event);
        }
        assert_eq!(shared.lines(), 0, "the last line of each stream again and again");
        fresh.add(&lines("a", &[5, 6, 7]));
        fresh.add(&lines("a", &[7]));
        assert_eq!(shared.lines(), 2);
    }

    #[test]
    fn removed_containers_free_their_memory() {
        let (mut fresh, mut without_notices) = (Fresh::default(), Fresh::default());
        for number in 0..10_000 {
            let id = number.to_string();
            let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(&id) };
            let about = About::Container(Arc::new(Label::new(key, id.as_str().into())));
            for counter in [&mut fresh, &mut without_notices] {
                counter.add(&lines(&id, &[number]));
                counter.add(&lines(&id, &[number + 1]));
            }
            fresh.add(&Event::Note(Note { about, what: Notice::Removed }));
            assert!(fresh.newest.is_empty() && without_notices.newest.len() <= CONTAINERS_MAX);
        }
        assert_eq!((fresh.lines(), without_notices.lines()), (10_000, 10_000));
    }
}
