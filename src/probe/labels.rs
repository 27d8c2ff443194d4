//! The pprof labels of a group of goroutines, as a hint.
//!
//! A recording and a report have the typed labels in `label_values`, and the hint as text in `labels`. A recording of
//! an older cmon has the text alone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The labels of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Labels(pub(crate) Vec<Label>);

/// A part of the hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Label {
    /// All members have this value.
    One { name: String, value: String },
    /// The members have this number of values, or more.
    Several { name: String, values: usize, or_more: bool },
    /// This number of further labels.
    More { labels: usize },
    /// The text of an older recording.
    Recorded { text: String },
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One { name, value } => write!(f, "{name}={value}"),
            Self::Several { name, values, or_more: false } => write!(f, "{name} ({values} values)"),
            Self::Several { name, values, or_more: true } => {
                write!(f, "{name} ({values} values or more)")
            }
            Self::More { labels } => write!(f, "{labels} more"),
            Self::Recorded { text } => f.write_str(text),
        }
    }
}

impl Labels {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `kind=log, id (24 values)`; `None` without labels.
    pub(crate) fn hint(&self) -> Option<String> {
        let all: Vec<String> = self.0.iter().map(Label::to_string).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

#[derive(Serialize, Deserialize)]
struct Form {
    #[serde(default)]
    labels: String,
    #[serde(default)]
    label_values: Vec<Label>,
}

impl From<Labels> for Form {
    fn from(labels: Labels) -> Self {
        Self { labels: labels.hint().unwrap_or_default(), label_values: labels.0 }
    }
}

impl From<Form> for Labels {
    fn from(Form { labels: text, label_values }: Form) -> Self {
        match label_values.is_empty() && !text.is_empty() {
            true => Self(vec![Label::Recorded { text }]),
            false => Self(label_values),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn labels_are_typed_beside_their_text_and_an_older_recording_has_the_text() {
        let parse = |value: &Value| serde_json::from_value::<Labels>(value.clone()).unwrap();
        let labels = Labels(vec![
            Label::One { name: "kind".to_owned(), value: "log".to_owned() },
            Label::Several { name: "id".to_owned(), values: 1000, or_more: true },
            Label::More { labels: 2 },
        ]);
        let text = "kind=log, id (1000 values or more), 2 more";
        let value = serde_json::to_value(&labels).unwrap();
        assert_eq!(value["labels"], text);
        let several = json!({ "kind": "several", "name": "id", "values": 1000, "or_more": true });
        assert_eq!(value["label_values"][1], several);
        assert_eq!(parse(&value), labels);

        let older = parse(&json!({ "labels": text }));
        assert_eq!(older.hint().as_deref(), Some(text));
        assert_eq!(parse(&serde_json::to_value(&older).unwrap()), older);
        assert_eq!(parse(&json!({})).hint(), None);
    }
}
