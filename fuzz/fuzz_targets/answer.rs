//! Any bytes as an answer of the daemon: head, body, frames, lines.
//!
//! Nothing panics or loops, memory stays within its bounds, and however the bytes are cut, the same
//! lines come out and the same end.
//!
//!     cargo +stable fuzz run -s none answer

#![no_main]

use std::sync::Arc;

use cmon::docker::frames::Decoder;
use cmon::docker::http::{Body, HEAD_MAX_BYTES, Head};
use cmon::engine::event::{Ending, Label, Lines};
use cmon::engine::lines::Assembler;
use cmon::engine::source::{ContainerId, ContainerKey, DaemonId, Frames, OutputKind, PieceRule};
use libfuzzer_sys::fuzz_target;

/// The longest line that is let through in one piece.
const MAX_LINE: usize = 512;

/// What a container has written, as one text per output, and whether the answer was in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    lines: Vec<(u8, i64, Vec<u8>, bool)>,
    broken: bool,
}

fn read<'a>(tty: bool, rule: PieceRule, pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("c") };
    let label = Arc::new(Label::new(key, "c".into()));
    let (mut head, mut body) = (Vec::new(), None);
    let (mut decoder, mut assembler) =
        (Decoder::new(OutputKind::of(tty)), Assembler::new(rule, MAX_LINE));
    let mut read = Read::default();
    let mut take = |frames: &Frames, read: &mut Read| {
        let mut lines = Lines::new(Arc::clone(&label));
        frames.iter().for_each(|(frame, payload)| assembler.push(frame, payload, &mut lines));
        for (line, text) in lines.iter() {
            assert!(text.len() <= MAX_LINE + 16, "a line of {} bytes", text.len());
            let whole = line.ending != Ending::Piece;
            read.lines.push((
                line.stream as u8,
                line.time.saturating_nanos(),
                text.to_vec(),
                whole,
            ));
        }
    };
    for piece in pieces {
        let mut bytes = piece;
        let joined;
        if body.is_none() {
            head.extend_from_slice(bytes);
            match Head::parse(&head) {
                Ok(Some((parsed, used))) => {
                    body = Some(Body::new(parsed.framing));
                    joined = head.split_off(used);
                    bytes = &joined;
                }
                Ok(None) => {
                    assert!(head.len() <= 2 * HEAD_MAX_BYTES);
                    continue;
                }
                Err(_) => return Read { broken: true, ..read },
            }
        }
        let body = body.as_mut().expect("set above");
        let mut frames = Frames::default();
        let fed = loop {
            match body.next(&mut bytes) {
                Ok(Some(piece)) => {
                    if decoder.feed(piece, &mut frames).is_err() {
                        break false;
                    }
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        take(&frames, &mut read);
        if !fed {
            return Read { broken: true, ..read };
        }
    }
    read
}

/// The pieces of a long line depend on how its frames came; its text does not.
fn text(read: &Read) -> [Vec<u8>; 2] {
    let of = |stream| {
        let lines = read.lines.iter().filter(move |line| line.0 == stream);
        lines
            .flat_map(|line| [line.2.as_slice(), if line.3 { b"\n" } else { b"" }].concat())
            .collect()
    };
    [of(0), of(1)]
}

fuzz_target!(|data: &[u8]| {
    let [flags, step, answer @ ..] = data else {
        return;
    };
    let tty = flags & 1 == 1;
    let rule = if flags & 2 == 2 { PieceRule::SameTimestamp } else { PieceRule::FullPieces };
    let at_once = read(tty, rule, std::iter::once(answer));
    let cut = read(tty, rule, answer.chunks(usize::from(*step).max(1)));
    assert_eq!(text(&at_once), text(&cut));
    assert_eq!(at_once.broken, cut.broken);
});
