//! The report for programs: one JSON object on one line. `docs/leak-check-json.md` says what each
//! field means, and is kept complete by a test here.

use std::fmt::Write;

use super::Report;

/// The report as one line, its end included. What is not a number is `null`.
pub fn json(report: &Report) -> String {
    harmless(&serde_json::to_string(report).unwrap_or_else(|error| {
        // All keys are strings and no part of a report can fail; should that change, it is said.
        serde_json::json!({ "schema": super::SCHEMA, "error": error.to_string() }).to_string()
    }))
}

/// JSON leaves control characters above U+007E as they are, and a terminal obeys some of them. They
/// can only stand in strings, where an escape means the same.
pub(super) fn harmless(json: &str) -> String {
    let mut into = String::with_capacity(json.len() + 1);
    for letter in json.chars() {
        match letter {
            // `##[error]` is a command to a runner of CI wherever it stands in a line.
            '#' if into.ends_with('#') => into.push_str("\\u0023"),
            '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                // Writing to a String cannot fail.
                let _ = write!(into, "\\u{:04x}", u32::from(letter));
            }
            letter => into.push(letter),
        }
    }
    into.push('\n');
    into
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::leak::report::escape::tests::hostile;
    use crate::leak::report::sample;

    const DOCUMENT: &str = include_str!("../../../docs/leak-check-json.md");

    fn names(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                into.insert(name.clone());
                names(value, into);
            }),
            Value::Array(values) => values.iter().for_each(|value| names(value, into)),
            _ => {}
        }
    }

    #[test]
    fn every_field_is_documented() {
        let mut fields = BTreeSet::new();
        for report in sample::all() {
            names(&serde_json::from_str(&json(&report)).unwrap(), &mut fields);
        }
        assert!(40 < fields.len());
        let missing: Vec<_> =
            fields.iter().filter(|name| !DOCUMENT.contains(&format!("| `{name}` |"))).collect();
        assert!(missing.is_empty(), "not in docs/leak-check-json.md: {missing:?}");
        assert!(DOCUMENT.contains(crate::leak::report::SCHEMA));
    }

    #[test]
    fn what_is_not_a_number_is_null() {
        let text = json(&sample::without_numbers());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["cycles_per_minute"], Value::Null);
        assert_eq!(value["metrics"][0]["per_cycle"]["high"], Value::Null);
        assert_eq!(value["metrics"][0]["series"][0][2], Value::Null);
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }

    proptest! {
        #[test]
        fn it_is_one_line_and_reads_back_whatever_names_hold(text in hostile()) {
            let report = sample::with_text(&text);
            let written = json(&report);
            prop_assert_eq!(written.chars().filter(|letter| letter.is_control()).count(), 1);
            let value: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(value["because"].as_str(), Some(text.as_str()));
        }
    }
}
