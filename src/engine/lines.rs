//! Frames to lines: pieces of long lines are joined, per output of the container.
//!
//! The state belongs to the container, not to a stream: a line stays one line if its pieces come over two
//! streams. A line above the limit is delivered in marked pieces, so the limit bounds the memory.

use super::event::{Delivery, Extent, Lines};
use super::position::BegunLine;
use super::source::{Frame, PieceRule, StdStream};
use super::timestamp::Timestamp;

/// The daemon's buffer size: it splits a long line into multiples of this, except for the last piece.
const PIECE_BYTES: usize = 16 * 1024;

/// Joins the frames of one container into lines.
#[derive(Clone, Debug)]
pub struct Assembler {
    rule: PieceRule,
    max_line: usize,
    open: [Option<Open>; 2],
}

/// A line without its end.
#[derive(Clone, Debug)]
struct Open {
    time: Timestamp,
    /// The bytes that were not delivered.
    text: Vec<u8>,
    /// The length of the line up to here.
    length: usize,
    /// Bytes of the next frame that an earlier run delivered.
    skip: usize,
}

impl Assembler {
    /// Joins by this rule. Lines above `max_line` bytes, terminator excluded, are delivered in pieces.
    pub fn new(rule: PieceRule, max_line: usize) -> Self {
        Self { rule, max_line: max_line.max(1), open: [None, None] }
    }

    /// A new joiner with the same settings and no open line.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::new(self.rule, self.max_line)
    }

    /// Takes the next frame and appends the lines that it completes.
    pub fn push(&mut self, frame: Frame, payload: &[u8], into: &mut Lines) {
        let whole = payload.ends_with(b"\n");
        let continues =
            self.open[slot(frame.stream)].as_ref().is_some_and(|open| match self.rule {
                PieceRule::SameTimestamp => open.time == frame.time,
                PieceRule::FullPieces => open.length.is_multiple_of(PIECE_BYTES),
                PieceRule::UntilNewline => true,
            });
        if !continues {
            self.flush_stream(frame.stream, into);
            if whole && payload.len() <= self.max_line {
                into.push(
                    frame.time,
                    frame.stream,
                    [payload, &[]],
                    Extent::Whole,
                    Delivery::InOrder,
                );
                return;
            }
        }
        let slot = &mut self.open[slot(frame.stream)];
        let mut open =
            slot.take().unwrap_or(Open { time: frame.time, text: Vec::new(), length: 0, skip: 0 });
        let skip = std::mem::take(&mut open.skip).min(payload.len());
        open.text.extend_from_slice(&payload[skip..]);
        open.length += payload.len();
        let terminator = terminator(&open.text);
        while self.max_line < open.text.len() - terminator.min(open.text.len()) {
            let cut = boundary(&open.text, self.max_line);
            into.push(
                open.time,
                frame.stream,
                [&open.text[..cut], &[]],
                Extent::Piece,
                Delivery::InOrder,
            );
            open.text.drain(..cut);
        }
        if whole {
            into.push(open.time, frame.stream, [&open.text, &[]], Extent::Whole, Delivery::InOrder);
        } else {
            *slot = Some(open);
        }
    }

    /// Undelivered bytes of each output's open line.
    pub fn open(&self) -> [usize; 2] {
        self.open.each_ref().map(|open| open.as_ref().map_or(0, |open| open.text.len()))
    }

    /// Each output's open line that was delivered in part.
    pub fn begun(&self) -> [Option<BegunLine>; 2] {
        self.open.each_ref().map(|open| {
            let Open { time, text, length, skip } = open.as_ref()?;
            let delivered = (length - text.len() + skip) as u64;
            let skip = u32::try_from(*skip).unwrap_or(u32::MAX);
            (0 < delivered).then_some(BegunLine { time: *time, delivered, skip })
        })
    }

    /// Continues a line that an earlier run delivered in part.
    pub fn begin(&mut self, stream: StdStream, part: BegunLine) {
        let BegunLine { time, delivered, skip } = part;
        let length = usize::try_from(delivered.saturating_sub(u64::from(skip)));
        let length = length.unwrap_or(usize::MAX / 2);
        let open = Open { time, text: Vec::new(), length, skip: skip as usize };
        self.open[slot(stream)] = Some(open);
    }

    /// Delivers the open lines as pieces.
    pub fn hand_on_open(&mut self, into: &mut Lines) {
        for stream in [StdStream::Stdout, StdStream::Stderr] {
            if let Some(open) = &mut self.open[slot(stream)]
                && !open.text.is_empty()
            {
                into.push(open.time, stream, [&open.text, &[]], Extent::Piece, Delivery::InOrder);
                open.text.clear();
            }
        }
    }

    /// Ends all open lines: the container's run is over, or lines are missing.
    pub fn flush(&mut self, into: &mut Lines) {
        self.flush_stream(StdStream::Stdout, into);
        self.flush_stream(StdStream::Stderr, into);
    }

    fn flush_stream(&mut self, stream: StdStream, into: &mut Lines) {
        if let Some(open) = self.open[slot(stream)].take().filter(|open| 0 < open.length) {
            into.push(open.time, stream, [&open.text, &[]], Extent::Whole, Delivery::InOrder);
        }
    }
}

fn slot(stream: StdStream) -> usize {
    match stream {
        StdStream::Stdout => 0,
        StdStream::Stderr => 1,
    }
}

/// The length of the text's line terminator.
fn terminator(text: &[u8]) -> usize {
    match text {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// The last index at or before `limit` that splits no UTF-8 character; `limit` itself if the bytes are
/// not UTF-8.
fn boundary(text: &[u8], limit: usize) -> usize {
    let is_start = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80);
    let lowest = limit.saturating_sub(3).max(1);
    (lowest..=limit).rev().find(is_start).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::event::{Ending, Label};
    use crate::engine::source::{ContainerId, ContainerKey, DaemonId, Frames};

    fn batch() -> Lines {
        let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("c") };
        Lines::new(Arc::new(Label::new(key, "web".into())))
    }

    /// Stream, time, text and ending of each completed line.
    fn assemble(
        rule: PieceRule,
        max_line: usize,
        frames: &[(StdStream, i64, Vec<u8>)],
    ) -> Vec<(StdStream, i64, Vec<u8>, Ending)> {
        let mut batch = batch();
        let mut all = Frames::default();
        for (stream, time, payload) in frames {
            all.push(*stream, Timestamp::from_nanos(*time), [payload, &[]]);
        }
        let mut assembler = Assembler::new(rule, max_line);
        all.iter().for_each(|(frame, payload)| assembler.push(frame, payload, &mut batch));
        assembler.flush(&mut batch);
        let owned = |(line, text): (crate::engine::event::Line, &[u8])| {
            (line.stream, line.time.saturating_nanos(), text.to_vec(), line.ending)
        };
        batch.iter().map(owned).collect()
    }

    use StdStream::{Stderr, Stdout};

    const MIB: usize = 1 << 20;

    #[test]
    fn pieces_are_joined_though_the_other_output_comes_between() {
        let frames = [
            (Stdout, 1, vec![b'a'; PIECE_BYTES]),
            (Stderr, 2, b"err\n".to_vec()),
            (Stdout, 1, b"end\n".to_vec()),
        ];
        let joined = [vec![b'a'; PIECE_BYTES], b"end".to_vec()].concat();
        let expected = [(Stderr, 2, b"err".to_vec(), Ending::Lf), (Stdout, 1, joined, Ending::Lf)];
        assert_eq!(assemble(PieceRule::SameTimestamp, MIB, &frames), expected);
    }

    #[test]
    fn a_line_that_the_next_run_follows_ends_without_a_newline() {
        let frames = [(Stdout, 1, b"no end".to_vec()), (Stdout, 2, b"next\r\n".to_vec())];
        let expected = [
            (Stdout, 1, b"no end".to_vec(), Ending::Unterminated),
            (Stdout, 2, b"next".to_vec(), Ending::CrLf),
        ];
        assert_eq!(assemble(PieceRule::SameTimestamp, MIB, &frames), expected);
        assert_eq!(assemble(PieceRule::FullPieces, MIB, &frames), expected);
    }

    #[test]
    fn full_pieces_with_different_timestamps_are_one_line_by_rule() {
        let frames = [(Stdout, 1, vec![b'a'; PIECE_BYTES]), (Stdout, 2, b"end\n".to_vec())];
        assert_eq!(assemble(PieceRule::FullPieces, MIB, &frames).len(), 1);
        assert_eq!(assemble(PieceRule::SameTimestamp, MIB, &frames).len(), 2);
    }

    #[test]
    fn parts_of_any_length_are_one_line_until_its_newline_by_rule() {
        let frames = [
            (Stdout, 1, b"95".to_vec()),
            (Stderr, 1, b"err\n".to_vec()),
            (Stdout, 2, b"376\n".to_vec()),
            (Stdout, 2, b"95377\n".to_vec()),
        ];
        let expected = [
            (Stderr, 1, b"err".to_vec(), Ending::Lf),
            (Stdout, 1, b"95376".to_vec(), Ending::Lf),
            (Stdout, 2, b"95377".to_vec(), Ending::Lf),
        ];
        assert_eq!(assemble(PieceRule::UntilNewline, MIB, &frames), expected);
    }

    #[test]
    fn a_line_over_the_limit_passes_in_marked_pieces() {
        let frames = [(Stdout, 1, b"abcdefghij\n".to_vec())];
        let expected = [
            (Stdout, 1, b"abcd".to_vec(), Ending::Piece),
            (Stdout, 1, b"efgh".to_vec(), Ending::Piece),
            (Stdout, 1, b"ij".to_vec(), Ending::Lf),
        ];
        assert_eq!(assemble(PieceRule::SameTimestamp, 4, &frames), expected);
        assert_eq!(assemble(PieceRule::SameTimestamp, 10, &frames).len(), 1, "just within");
    }

    #[test]
    fn a_character_is_not_cut_in_two() {
        let frames = [(Stdout, 1, "aé€😀x\n".as_bytes().to_vec())];
        for limit in 4..10 {
            let lines = assemble(PieceRule::SameTimestamp, limit, &frames);
            assert!(lines.iter().all(|(.., text, _)| std::str::from_utf8(text).is_ok()), "{limit}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_doubled_or_out_of_order(
            frames in prop::collection::vec(
                (prop_oneof![Just(Stdout), Just(Stderr)], 0i64..4, prop::collection::vec(b'a'..b'd', 0..20), any::<bool>()),
                0..20,
            ),
            max_line in 1usize..30,
        ) {
            let frames: Vec<_> = frames.into_iter().map(|(stream, time, mut text, ends)| {
                if ends { text.push(b'\n'); }
                (stream, time, text)
            }).collect();
            for stream in [Stdout, Stderr] {
                let of = |(s, ..): &&(StdStream, i64, Vec<u8>)| *s == stream;
                let input: Vec<u8> = frames.iter().filter(of).flat_map(|f| f.2.clone()).collect();
                let lines = assemble(PieceRule::SameTimestamp, max_line, &frames);
                let output: Vec<u8> = lines.iter().filter(|line| line.0 == stream).flat_map(|line| {
                    let end: &[u8] = if line.3 == Ending::Lf { b"\n" } else { b"" };
                    [line.2.as_slice(), end].concat()
                }).collect();
                prop_assert_eq!(output, input);
                let longest = lines.iter().map(|line| line.2.len()).max().unwrap_or(0);
                prop_assert!(longest <= max_line);
            }
        }
    }
}
