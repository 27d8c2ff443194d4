//! Summarizes the pprof labels of a group of goroutines.
//!
//! A program may give each goroutine a unique label (like a request id). So labels do not split groups; they are a hint.

use std::collections::{BTreeMap, BTreeSet};

use crate::probe::labels::{Label, VALUES_MAX};

/// The maximum of labels per group.
const LABELS_MAX: usize = 1000;
/// The maximum of characters per value.
const VALUE_CHARS_MAX: usize = 40;

/// The labels seen on the goroutines of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenLabels<'a> {
    values: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> SeenLabels<'a> {
    /// Adds the labels of one section: `{"kind":"log", "id":"17"}`, quoted as Go's `%q` does it.
    pub(super) fn add(&mut self, text: &'a str) {
        for (name, value) in pairs(text) {
            let values = self.values.entry(name).or_default();
            if values.len() < VALUES_MAX {
                values.insert(value);
            }
        }
    }

    /// The first labels, by name.
    pub(super) fn summary(&self) -> Vec<Label> {
        let label = |(name, values): (&&str, &BTreeSet<&str>)| {
            let only = values.first().filter(|_| values.len() == 1);
            Label { name: cut(name), values: values.len(), value: only.map(|value| cut(value)) }
        };
        self.values.iter().take(LABELS_MAX).map(label).collect()
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Names and values, still escaped.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let mut quoted = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find('"') {
        let inner = &rest[begin + 1..];
        let mut escaped = false;
        let end = inner.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let Some(end) = end else { break };
        quoted.push(&inner[..end]);
        rest = &inner[end + 1..];
    }
    quoted.chunks_exact(2).map(|two| (two[0], two[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::labels::text;

    fn hint(texts: &[&str]) -> String {
        let mut labels = SeenLabels::default();
        texts.iter().for_each(|text| labels.add(text));
        text(&labels.summary())
    }

    #[test]
    fn one_value_is_shown_and_many_are_counted() {
        assert_eq!(hint(&[]), "");
        assert_eq!(hint(&[r#"{"kind":"log"}"#, r#"{"kind":"log"}"#]), "kind=log");
        let ids = [r#"{"id":"1", "kind":"log"}"#, r#"{"id":"2", "kind":"log"}"#];
        assert_eq!(hint(&ids), "id (2 values), kind=log");
        let many: Vec<String> = (0..2000).map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(hint(&many), "id (1000 values or more)");
        let wide = r#"{"a":"1", "b":"2", "c":"3", "d":"4", "e":"5", "f":"6"}"#;
        assert_eq!(hint(&[wide]), "a=1, b=2, c=3, d=4, 2 more");
    }

    #[test]
    fn malformed_labels_are_read_as_far_as_possible() {
        assert_eq!(hint(&[r#"{"c":"web; \"one\", \\", "d":"x"}"#]), r#"c=web; \"one\", \\, d=x"#);
        assert_eq!(hint(&[r#"{"c":"web"#]), "");
        assert_eq!(hint(&["{}"]), "");
        let long = format!(r#"{{"c":"{}"}}"#, "é".repeat(90));
        assert_eq!(hint(&[&long]), format!("c={}…", "é".repeat(40)));
    }
}
