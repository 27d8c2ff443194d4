//! A container's stored log: messages in the order of storage, the oldest dropped.

use std::collections::{BTreeSet, VecDeque};

use crate::engine::source::StdStream;
use crate::engine::timestamp::Timestamp;

/// The daemon splits lines into messages of at most this many bytes.
const PIECE_BYTES: usize = 16 * 1024;
/// The number of kept messages; a long run drops its oldest.
const RECORDS_MAX: usize = 50_000;

/// One message: a line, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The output.
    pub stream: StdStream,
    /// The daemon's timestamp.
    pub time: Timestamp,
    /// As the container wrote it.
    pub payload: Vec<u8>,
}

/// The stored messages.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// The number of the oldest stored message; numbers are never reused.
    first: u64,
    messages: VecDeque<Message>,
    /// Messages that a follow delivers twice, as dockerd before 23 does at a new file.
    doubled: BTreeSet<u64>,
}

/// The messages that a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    /// At most this number from the end, before other conditions apply.
    pub(super) tail: Option<u64>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

impl Wanted {
    /// Whether this message is one of them; `None` if no later one is either.
    pub(super) fn takes(&self, message: &Message) -> Option<bool> {
        if self.until.is_some_and(|until| until < message.time) {
            return None;
        }
        let stream = match message.stream {
            StdStream::Stdout => self.stdout,
            StdStream::Stderr => self.stderr,
        };
        Some(stream && self.since.is_none_or(|since| since <= message.time))
    }
}

impl Store {
    /// Stores text: each line is a message, a long one several with one timestamp. Text behind the last newline is a
    /// message without one. `tick` returns a new timestamp.
    pub(super) fn write(
        &mut self,
        stream: StdStream,
        text: &[u8],
        mut tick: impl FnMut() -> Timestamp,
    ) {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let time = tick();
            for piece in line.chunks(PIECE_BYTES) {
                self.push(Message { stream, time, payload: piece.to_vec() });
            }
        }
    }

    pub(super) fn push(&mut self, message: Message) {
        if self.messages.len() == RECORDS_MAX {
            self.forget(1);
        }
        self.messages.push_back(message);
    }

    /// Drops the oldest messages, as at the rotation of a log file.
    pub(super) fn forget(&mut self, count: usize) {
        let count = count.min(self.messages.len());
        self.messages.drain(..count);
        self.first += count as u64;
        self.doubled = self.doubled.split_off(&self.first);
    }

    /// Begins a new file with the next message: follows deliver it twice.
    pub(super) fn double_next(&mut self) {
        self.doubled.insert(self.end());
    }

    pub(super) fn messages(&self) -> Vec<Message> {
        self.messages.iter().cloned().collect()
    }

    /// The number of the first message for a request of the last `tail`.
    pub(super) fn start(&self, tail: Option<u64>) -> u64 {
        let held = self.messages.len() as u64;
        self.first + held - tail.map_or(held, |tail| tail.min(held))
    }

    fn end(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// The message with this number, or the oldest after it, and how often a follow delivers it.
    pub(super) fn get(&self, number: u64) -> Option<(u64, &Message, usize)> {
        let number = number.max(self.first);
        let at = usize::try_from(number - self.first).ok()?;
        let times = if self.doubled.contains(&number) { 2 } else { 1 };
        self.messages.get(at).map(|message| (number, message, times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(text: &str) -> Store {
        let (mut store, mut now) = (Store::default(), 0);
        store.write(StdStream::Stdout, text.as_bytes(), || {
            now += 1;
            Timestamp::from_nanos(now)
        });
        store
    }

    #[test]
    fn a_long_line_is_several_messages_of_one_moment() {
        let store = store(&format!("short\n{}\nopen", "x".repeat(40_000)));
        let sizes: Vec<(i64, usize)> = store
            .messages()
            .iter()
            .map(|message| (message.time.saturating_nanos(), message.payload.len()))
            .collect();
        assert_eq!(sizes, [(1, 6), (2, 16_384), (2, 16_384), (2, 7_233), (3, 4)]);
    }

    #[test]
    fn messages_keep_their_numbers_when_older_ones_are_forgotten() {
        let mut store = store("a\nb\nc\n");
        assert_eq!((store.start(None), store.start(Some(1)), store.start(Some(9))), (0, 2, 0));
        store.forget(2);
        let (number, message, _) = store.get(0).unwrap();
        assert_eq!((number, message.payload.as_slice()), (2, b"c\n".as_slice()));
        assert_eq!(store.start(None), 2);
    }

    #[test]
    fn since_and_until_are_inclusive() {
        let wanted = |since: Option<i64>, until: Option<i64>| {
            let time = |nanos: Option<i64>| nanos.map(Timestamp::from_nanos);
            let wanted = Wanted {
                stdout: true,
                since: time(since),
                until: time(until),
                ..Wanted::default()
            };
            let messages = store("a\nb\nc\n").messages();
            messages
                .iter()
                .map_while(|message| wanted.takes(message))
                .filter(|taken| *taken)
                .count()
        };
        assert_eq!([wanted(None, None), wanted(Some(2), None), wanted(None, Some(2))], [3, 2, 2]);
    }
}
