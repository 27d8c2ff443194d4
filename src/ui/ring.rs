//! The last lines of one container, bounded in bytes: older ones are dropped.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::event::{Ending, Lines};
use crate::engine::source::StdStream;
use crate::engine::timestamp::Timestamp;
use crate::format::clean;

/// The approximate memory of a line in addition to its text.
const BESIDE: usize = 96;
/// The maximum length of a shown line.
const LONGEST: usize = 16 << 10;
/// The memory limit of all rings together, and the bounds of one.
const ALL: usize = 16 << 20;
const ONE: (usize, usize) = (32 << 10, 256 << 10);

/// The byte limit of each of `rings` rings.
pub(super) fn share(rings: usize) -> usize {
    (ALL / rings.max(1)).clamp(ONE.0, ONE.1)
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its number, from the container's first line on.
    pub(super) number: u64,
    /// The daemon's time.
    pub(super) time: Timestamp,
    /// The container's output that it was written to.
    pub(super) stream: StdStream,
    /// The text, harmless for a terminal, with colors.
    pub(super) text: Arc<str>,
    /// The daemon sent it late.
    pub(super) recovered: bool,
}

/// The last lines of one container. Clones share their text.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    next: u64,
}

impl Ring {
    /// Adds lines, and drops lines above `limit` bytes.
    pub(super) fn add(&mut self, lines: &Lines, limit: usize) {
        for (line, text) in lines.iter() {
            let cut = &text[..text.len().min(LONGEST)];
            let mut shown = clean(&String::from_utf8_lossy(cut));
            if cut.len() < text.len() || line.ending == Ending::Piece {
                shown.push('…');
            }
            self.bytes += shown.len() + BESIDE;
            self.entries.push_back(Entry {
                number: self.next,
                time: line.time,
                stream: line.stream,
                text: shown.into(),
                recovered: line.recovered,
            });
            self.next += 1;
            self.trim(limit);
        }
    }

    fn trim(&mut self, limit: usize) {
        while limit < self.bytes && 1 < self.entries.len() {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes -= oldest.text.len() + BESIDE;
            }
        }
    }

    /// The lines, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The number of the oldest line, and of the next line to come.
    pub(super) fn bounds(&self) -> (u64, u64) {
        (self.next - self.entries.len() as u64, self.next)
    }

    /// The line of this number, if it is in the ring.
    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        let at = number.checked_sub(self.bounds().0)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::event::{Delivery, Extent, Label};
    use crate::engine::source::{ContainerId, ContainerKey, DaemonId};

    pub(in crate::ui) fn key(id: &str) -> ContainerKey {
        ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(id) }
    }

    pub(in crate::ui) fn lines(id: &str, texts: &[&str]) -> Lines {
        let mut lines = Lines::new(Arc::new(Label::new(key(id), id.into())));
        for text in texts {
            let (stream, text) = match text.strip_prefix("E:") {
                Some(text) => (StdStream::Stderr, text),
                None => (StdStream::Stdout, *text),
            };
            let time = Timestamp::from_nanos(1_795_557_600_123_000_000);
            lines.push(time, stream, [text.as_bytes(), b"\n"], Extent::Whole, Delivery::InOrder);
        }
        lines
    }

    #[test]
    fn lines_of_a_container_are_sanitized_and_cut() {
        let mut ring = Ring::default();
        let long = "x".repeat(LONGEST + 1);
        let turned = "to \u{202e}nimda\u{2069}";
        ring.add(&lines("a", &["\x1b[2Jgone", "\x1b[31mred", &long, turned]), 1 << 20);
        let texts: Vec<&str> = ring.iter().map(|entry| &*entry.text).collect();
        assert_eq!(texts[..2], ["^[[2Jgone", "\x1b[31mred"]);
        assert_eq!(texts[2].chars().count(), LONGEST + 1, "cut, with a mark");
        assert_eq!(texts[3], "to <U+202E>nimda<U+2069>");
    }

    #[test]
    fn each_container_has_its_share_of_the_ring() {
        assert_eq!([1, 100, 10_000].map(share), [256 << 10, (16 << 20) / 100, 32 << 10]);
    }

    proptest! {
        #[test]
        fn the_ring_never_holds_more_than_its_limit(
            texts in prop::collection::vec("[a-z]{0,120}", 1..60), limit in 400usize..2000,
        ) {
            let mut ring = Ring::default();
            for text in &texts {
                ring.add(&lines("a", &[text]), limit);
                prop_assert!(ring.bytes() <= limit);
            }
            let (first, next) = ring.bounds();
            prop_assert_eq!(next, texts.len() as u64);
            for number in first..next {
                let held = ring.get(number).map(|entry| &*entry.text);
                prop_assert_eq!(held, Some(texts[usize::try_from(number).unwrap()].as_str()));
            }
            prop_assert!(ring.get(next).is_none());
        }
    }
}
