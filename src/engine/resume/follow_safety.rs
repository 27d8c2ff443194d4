//! When a follow may miss lines and the stored log must be read instead; for the reasons see
//! [`files`](crate::engine::files).

use std::time::Duration;

use super::{Plan, Resume};
use crate::engine::anchor::Key;
use crate::engine::files::{Files, Newest};
use crate::engine::source::ReadMode;
use crate::engine::timestamp::Timestamp;

impl Resume {
    /// The output does not keep up.
    pub fn hold_back(&mut self) {
        self.held_back = true;
    }

    /// The output takes all lines that are read.
    pub fn output_keeps_up(&mut self) {
        self.held_back = false;
    }

    /// Whether the output did not keep up with the last read.
    pub fn is_held_back(&self) -> bool {
        self.held_back
    }

    /// Whether much of the log may be unread while a follow would not be sound.
    pub fn is_behind(&self) -> bool {
        let Some(files) = &self.files else {
            return false;
        };
        let much = self.held_back || matches!(self.plan, Plan::All | Plan::Rest);
        much || files.is_hopeless(&self.pace)
    }

    /// Whether the log's files fill so fast that a follow would not be sound.
    pub fn is_hopeless(&self) -> bool {
        self.files.as_ref().is_some_and(|files| files.is_hopeless(&self.pace))
    }

    /// The pause between two finite reads of such a log.
    pub fn between(&self) -> Duration {
        self.files.as_ref().map_or(Duration::ZERO, |files| files.between(&self.pace))
    }

    /// Whether the open follow must prove that it stands in the newest file.
    pub fn is_unproven(&self) -> bool {
        !self.proof.is_given() || self.files.as_ref().is_some_and(Files::is_unproven)
    }

    /// Takes the store's newest message, and checks whether the anchor has it.
    pub fn newest(&mut self, key: Key) -> bool {
        let known = self.anchor.contains(&key);
        let newest = if known { Newest::Delivered } else { Newest::Missing(key) };
        self.proof.newest(newest);
        if let Some(files) = &mut self.files {
            files.newest(newest);
        }
        known
    }

    /// Whether this message is among the last delivered.
    pub fn knows(&self, key: &Key) -> bool {
        self.anchor.contains(key)
    }

    /// Whether a live frame cannot directly follow the last delivered one, or may not: the store decides.
    pub(super) fn is_out_of_place(&self, key: &Key) -> bool {
        let Some(files) = self.files.as_ref().filter(|_| self.mode == ReadMode::Follow) else {
            return false;
        };
        let skips = |last: Timestamp| {
            last < key.time() && files.is_hopeless(&self.pace)
                || files.may_skip(last, key.time(), &self.pace)
        };
        self.anchor.last().is_some_and(skips) || self.anchor.is_older_than_all(key)
    }
}
