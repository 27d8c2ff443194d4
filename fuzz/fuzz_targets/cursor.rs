//! Any bytes as the file of a cursor: they are read or refused, and what is read is written as it was. The hash of the
//! second line is made to fit, so that what stands behind it is reached.
//!
//!     cargo +stable fuzz run -s none cursor

#![no_main]

use cmon::cursor::{decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode(bytes);
    let hash = twox_hash::XxHash3_64::oneshot(bytes);
    let head = format!("{{\"cmon_cursor\":1,\"xxh3\":\"{hash:016x}\"}}\n");
    let text = [head.as_bytes(), bytes, b"\n"].concat();
    if let Ok(contents) = decode(&text) {
        assert_eq!(decode(encode(&contents).as_bytes()), Ok(contents));
    }
});
