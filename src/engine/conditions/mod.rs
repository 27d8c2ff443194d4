//! Conditions that a selected container must meet beside its name: labels, image, compose project,
//! docker's filters, and patterns of containers to leave out. Pure.

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
    /// Patterns of containers to leave out.
    pub excluded: Vec<String>,
}

/// Compiled conditions.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// In each group at least one must hold.
    groups: Vec<Vec<Condition>>,
    excluded: Vec<Pattern>,
    /// The filters that the daemon applies; all of them are one condition of `groups`.
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
    /// The daemon's own filters let it through.
    Passes(Exited),
}

/// Whether a filter of the daemon's asks for containers that have exited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exited {
    AskedFor,
    NotAskedFor,
}

/// Whether the state of a container counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is about to be followed.
    Counts,
    /// It is followed already, and stays so when it stops.
    Ignored,
}

#[cfg(test)]
mod tests;
