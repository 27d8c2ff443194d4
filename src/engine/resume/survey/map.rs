//! The result of a survey: the readable parts of a log, and what precedes them.

use crate::engine::anchor::Key;

/// Messages between two records that the daemon cannot decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The window that begins with them, at the end of the survey.
    pub window: u64,
    /// Their keys.
    pub keys: Vec<Key>,
    /// A record that cannot be decoded stands before them.
    pub hole_before: bool,
}

/// The result of a survey.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// The parts in file order.
    pub parts: Vec<Part>,
    /// Whether the last part reaches the end of the log, or the newest record is bad.
    pub newest: Newest,
    /// What precedes the first part.
    pub before: Before,
}

/// Whether the newest record can be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Newest {
    /// It can, or there is none: the last part reaches the end of the log.
    #[default]
    Good,
    /// It cannot.
    Bad,
}

/// What precedes the first part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Before {
    /// Nothing: the log begins there.
    #[default]
    Nothing,
    /// Messages that the goal does not need; a search in the part's window finds the anchor.
    Anchored,
    /// Messages that the goal does not need.
    Unneeded,
    /// Records that cannot be decoded, or messages beyond the largest window.
    Unreadable,
}

impl Map {
    /// Whether all of the log can be read.
    pub fn is_whole(&self) -> bool {
        self.newest == Newest::Good && self.parts.len() < 2 && self.before == Before::Nothing
    }

    /// How many of the newest records one window can show.
    pub fn reach(&self) -> u64 {
        match (self.newest, self.parts.last()) {
            (Newest::Good, Some(part)) => part.window,
            _ => 0,
        }
    }
}
