//! The pprof labels of a group of goroutines, as a hint.

use serde::{Deserialize, Serialize};

/// The maximum of counted values per label.
pub(crate) const VALUES_MAX: usize = 1000;
/// The maximum of labels in a text.
const LABELS_SHOWN: usize = 4;

/// A label of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub(crate) name: String,
    /// The number of values that the members have; 1000 stands for more, too.
    pub(crate) values: usize,
    /// The value, if all members have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

/// `kind=log, id (24 values)`; empty without labels.
pub(crate) fn text(labels: &[Label]) -> String {
    let shown = labels.iter().take(LABELS_SHOWN).map(|Label { name, values, value }| match value {
        Some(value) => format!("{name}={value}"),
        None if VALUES_MAX <= *values => format!("{name} ({VALUES_MAX} values or more)"),
        None => format!("{name} ({values} values)"),
    });
    let mut shown: Vec<String> = shown.collect();
    if LABELS_SHOWN < labels.len() {
        shown.push(format!("{} more", labels.len() - LABELS_SHOWN));
    }
    shown.join(", ")
}
