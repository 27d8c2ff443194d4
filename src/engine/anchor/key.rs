//! The key of a frame, which identifies it in a log.

use twox_hash::XxHash3_64;

use crate::engine::source::{Frame, StdStream};
use crate::engine::timestamp::Timestamp;

/// Identifies a frame by output, timestamp, and length and hash of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) time: Timestamp,
    pub(super) hash: u64,
    len: u32,
    pub(super) stream: StdStream,
}

impl Key {
    /// The key of a frame with this payload.
    pub fn of(frame: Frame, payload: &[u8]) -> Self {
        // The same in every version of cmon: hashes are saved in cursors.
        let hash = XxHash3_64::oneshot(payload);
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Self { time: frame.time, hash, len, stream: frame.stream }
    }

    /// A saved key, from these parts.
    pub fn from_parts(time: Timestamp, hash: u64, len: u32, stream: StdStream) -> Self {
        Self { time, hash, len, stream }
    }

    /// The frame's timestamp.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The XXH3 hash of its payload.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The length of its payload in bytes.
    pub fn length(&self) -> u32 {
        self.len
    }

    /// The container's output that the frame was written to.
    pub fn stream(&self) -> StdStream {
        self.stream
    }
}
