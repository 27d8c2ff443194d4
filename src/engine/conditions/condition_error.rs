//! Errors of conditions.

use super::filter_keys::{STATES, known_keys};
use crate::engine::pattern::PatternError;

/// A condition that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// A value is empty or lacks a part.
    #[error("`{flag} {text}`: expected {expected}")]
    Incomplete {
        /// The flag.
        flag: &'static str,
        /// As typed.
        text: String,
        /// An example of the form.
        expected: &'static str,
    },
    /// A filter has a key that cmon does not know.
    #[error("`--filter {text}`: unknown key `{key}`; expected one of {}", known_keys())]
    Key {
        /// As typed.
        text: String,
        /// The key.
        key: String,
    },
    /// A state that no container has.
    #[error("`--filter {text}`: unknown status; expected {STATES}")]
    Status {
        /// As typed.
        text: String,
    },
    /// A pattern in a condition is not valid.
    #[error("{flag}: {error}")]
    Pattern {
        /// The flag.
        flag: &'static str,
        /// The pattern's error.
        error: PatternError,
    },
}
