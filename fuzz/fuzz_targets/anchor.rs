//! Any log, any delivered part of it, any window: the search gives exactly the rest, or says that it
//! cannot tell.
//!
//!     cargo +stable fuzz run -s none anchor

#![no_main]

use cmon::engine::anchor::{Anchor, Key, SeekStep};
use cmon::engine::source::{Frames, StdStream};
use cmon::engine::timestamp::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Each byte is a message: one bit its output, one whether that output's clock ticks, one its text.
fn log(bytes: &[u8]) -> Vec<Key> {
    let mut clocks = [0_i64; 2];
    let key = |byte: &u8| {
        let stream = if byte & 1 == 0 { StdStream::Stdout } else { StdStream::Stderr };
        let clock = &mut clocks[usize::from(byte & 1)];
        *clock += i64::from(byte >> 1 & 1);
        let text: &[u8] = if byte & 4 == 0 { b"a\n" } else { b"b\n" };
        let mut frames = Frames::default();
        frames.push(stream, Timestamp::from_nanos(*clock), [text, b""]);
        let (frame, payload) = frames.iter().next().expect("just pushed");
        Key::of(frame, payload)
    };
    bytes.iter().map(key).collect()
}

fuzz_target!(|data: &[u8]| {
    let [part, window, bytes @ ..] = data else {
        return;
    };
    // Within what the anchor keeps, the answer is exact.
    let log = log(&bytes[..bytes.len().min(400)]);
    if log.is_empty() {
        return;
    }
    let cut = 1 + usize::from(*part) % log.len();
    let mut anchor = Anchor::new();
    log[..cut].iter().for_each(|key| anchor.push(*key));
    let window = usize::from(*window) + 1;
    let from = log.len().saturating_sub(window);
    let mut seek = anchor.seek((0 < from).then_some(window as u64));
    let (mut new, mut unproven) = (Vec::new(), Vec::new());
    for key in &log[from..] {
        match seek.see(key) {
            SeekStep::New => new.push(*key),
            SeekStep::Unproven => unproven.push(*key),
            SeekStep::Delivered { .. } | SeekStep::Earlier | SeekStep::Late => {}
        }
    }
    seek.end();
    if seek.is_found() {
        new.append(&mut unproven);
        assert_eq!(new, log[cut..]);
    } else {
        assert!(0 < from, "the whole log shows the anchor");
    }
});
