//! What distinguishes one frame of a log from another.

use twox_hash::XxHash3_64;

use crate::engine::source::{Frame, StdStream};
use crate::engine::timestamp::Timestamp;

/// What distinguishes one frame from another.
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

    /// A key that was saved as these parts.
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

    /// Where the container wrote it.
    pub fn stream(&self) -> StdStream {
        self.stream
    }
}
