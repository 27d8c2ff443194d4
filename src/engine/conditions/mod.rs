//! Conditions that restrict a selection in addition to names: labels, image, compose project, docker's
//! filters, and excluded names. Pure.

mod condition_error;
mod filter_keys;
mod matching;
mod parse;

use regex::Regex;

use super::pattern::Pattern;
use super::source::{ListFilters, Phase};
pub use condition_error::ConditionError;

/// Conditions as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionTexts {
    /// `KEY` or `KEY=VALUE`; all must hold.
    pub labels: Vec<String>,
    /// Images with or without a tag, or globs; one must hold.
    pub images: Vec<String>,
    /// `PROJECT` or `PROJECT/SERVICE`; one must hold.
    pub projects: Vec<String>,
    /// `KEY=VALUE` in docker's syntax; one per key must hold, and all labels.
    pub filters: Vec<String>,
    /// Patterns of containers to exclude.
    pub excluded: Vec<String>,
}

/// Compiled conditions.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// At least one condition of each group must hold.
    groups: Vec<Vec<Condition>>,
    excluded: Vec<Pattern>,
    /// The filters that the daemon applies; together they are one condition of `groups`.
    list_filters: ListFilters,
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// The flag and its value, as typed.
    pub(super) text: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Label {
        key: String,
        value: Option<String>,
    },
    Image(String),
    ImageGlob(glob::Pattern),
    Project {
        project: String,
        service: Option<String>,
    },
    Name(Regex),
    Id(String),
    Status(Phase),
    /// Whether the daemon's own filters pass it.
    Passes(Exited),
}

/// Whether a filter of the daemon selects exited containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exited {
    AskedFor,
    NotAskedFor,
}

/// Whether the state of a container counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It counts: the container is not followed yet.
    Counts,
    /// It does not: the container is followed already, and stays so when it stops.
    Ignored,
}

#[cfg(test)]
mod tests;
