//! What comes of a target: it is refused at the start, lost in between, or has news of its series.

use std::fmt;

/// Why a target could not be read this time.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) why: String,
    pub(super) gone: bool,
}

impl Lost {
    /// There is nothing any more that could answer.
    pub(super) fn gone(why: impl fmt::Display) -> Self {
        Self { why: why.to_string(), gone: true }
    }

    /// It may come back.
    pub(super) fn away(why: impl fmt::Display) -> Self {
        Self { why: why.to_string(), gone: false }
    }
}

/// Why a target cannot be watched, and what to do about it where that is known.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) why: String,
    pub(crate) hint: Option<String>,
}

impl Refused {
    pub(super) fn with(why: impl fmt::Display, hint: Option<&str>) -> Self {
        Self { why: why.to_string(), hint: hint.map(str::to_owned) }
    }
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self { why, hint: None }
    }
}

/// What a reading of one target found out about its series.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Why the series starts anew.
    pub(super) cut: Option<String>,
    /// It is the same that was read before, for sure.
    pub(super) same: bool,
    /// Why its figures are of nobody: several processes answer in turn.
    pub(super) several: Option<String>,
}
