//! Lines that were written during a check. What a container said before does not show that lines flow, and
//! each new stream begins with its last line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::engine::event::Event;
use crate::engine::source::ContainerKey;
use crate::engine::timestamp::Timestamp;

/// Counts lines that are newer than the first that was seen of their container. Clones share the count, and
/// the one that sees more keeps what it knows of the containers: a few bytes for each that ever was.
#[derive(Clone, Debug, Default)]
pub(super) struct Fresh {
    newest: BTreeMap<ContainerKey, Timestamp>,
    lines: Arc<AtomicU64>,
}

impl Fresh {
    /// Takes what the engine says. No clock but the daemon's takes part.
    pub(super) fn see(&mut self, event: &Event) {
        let Event::Lines(lines) = event else {
            return;
        };
        let Some(last) =
            lines.iter().map(|(line, _)| line.time).filter(|time| time.is_plausible()).max()
        else {
            return;
        };
        let Some(newest) = self.newest.get_mut(&lines.label.key) else {
            self.newest.insert(lines.label.key.clone(), last);
            return;
        };
        let after = newest.succ();
        self.lines.fetch_add(lines.since(after).0 as u64, Relaxed);
        *newest = last.max(*newest);
    }

    /// How many there were so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::event::{Label, Lines};
    use crate::engine::source::{ContainerId, DaemonId, StdStream};

    use super::*;

    fn lines(id: &str, times: &[i64]) -> Event {
        let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(id) };
        let mut lines = Lines::new(Arc::new(Label { key, name: id.into() }));
        for time in times {
            let time = Timestamp::from_nanos(1_700_000_000_000_000_000 + *time);
            lines.push(time, StdStream::Stdout, [b"x\n", b""], true, false);
        }
        Event::Lines(lines)
    }

    #[test]
    fn what_was_there_before_is_not_counted() {
        let mut fresh = Fresh::default();
        let shared = fresh.clone();
        for event in [lines("a", &[5]), lines("b", &[9]), lines("a", &[5]), lines("b", &[9])] {
            fresh.see(&event);
        }
        assert_eq!(shared.lines(), 0, "the last line of each stream again and again");
        fresh.see(&lines("a", &[5, 6, 7]));
        fresh.see(&lines("a", &[7]));
        assert_eq!(shared.lines(), 2);
    }
}
