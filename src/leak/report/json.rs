//! Formats reports as JSON: one object per line, in the envelope of all commands (`v`, `type`, `time`).
//! `docs/leak-check-json.md` describes each field, and `docs/leak-check.schema.json` is the schema. Tests check both.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::headline;
use crate::leak::facts::{Baseline, Report, Signature};

/// The version of the envelope.
const VERSION: u32 = 1;

/// The type of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The report of a check.
    #[serde(rename = "leak_report")]
    Report,
    /// Several checks under different stream timeouts.
    #[serde(rename = "leak_comparison")]
    Comparison,
    /// The plan of a check.
    #[serde(rename = "leak_plan")]
    Plan,
    /// The plans of a comparison.
    #[serde(rename = "leak_plan_comparison")]
    PlanComparison,
    /// A case of the self-test.
    #[serde(rename = "leak_self_test")]
    SelfTest,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    v: u32,
    r#type: Kind,
    /// When the check started.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    #[serde(flatten)]
    body: &'a T,
}

/// A report: its facts, and the sentences for people.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    text: Text<'a>,
    #[serde(flatten)]
    facts: &'a Report,
}

/// The facts in sentences, for people.
#[derive(Debug, Serialize)]
struct Text<'a> {
    /// The verdict's sentence.
    verdict: String,
    /// The sentence of each metric, by name.
    metrics: BTreeMap<&'a str, String>,
    signatures: Vec<String>,
    differences: Vec<String>,
    advice: Vec<String>,
}

impl<'a> Body<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let metrics = report.metrics.iter();
        let text = Text {
            verdict: headline::with_interruption(report),
            metrics: metrics.map(|metric| (metric.name(), metric.summary())).collect(),
            signatures: report.signatures.iter().map(Signature::to_string).collect(),
            differences: report
                .baseline
                .as_ref()
                .map(Baseline::difference_lines)
                .unwrap_or_default(),
            advice: report.advice_lines(),
        };
        Self { text, facts: report }
    }
}

/// The report as one line with a line end. NaN is `null`.
pub(crate) fn json(report: &Report) -> String {
    line(Kind::Report, Some(&report.started), &Body::of(report))
}

/// An object as one line with a line end.
pub(crate) fn line<T: Serialize>(kind: Kind, time: Option<&str>, body: &T) -> String {
    let written = serde_json::to_string(&Envelope { v: VERSION, r#type: kind, time, body });
    escape_controls(&written.unwrap_or_else(|error| {
        // Serialization of a report cannot fail. If that changes, the line has the error.
        serde_json::json!({ "v": VERSION, "type": kind, "error": error.to_string() }).to_string()
    }))
}

/// Escapes control characters above U+007E, which JSON allows in strings but a terminal may interpret.
fn escape_controls(json: &str) -> String {
    let mut into = String::with_capacity(json.len() + 1);
    for letter in json.chars() {
        match letter {
            // `##[error]` is a command for CI runners anywhere in a line.
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
    use crate::format::escape::tests::hostile;
    use crate::leak::report::compare;
    use crate::leak::report::tests::example_reports;
    use crate::leak::report::tests::schema_check::violation;

    const DOCUMENT: &str = include_str!("../../../docs/leak-check-json.md");

    fn properties(rule: &Value, into: &mut BTreeSet<String>) {
        match rule {
            Value::Object(fields) => fields.iter().for_each(|(keyword, argument)| {
                if let ("properties", Value::Object(named)) = (keyword.as_str(), argument) {
                    into.extend(named.keys().cloned());
                }
                properties(argument, into);
            }),
            Value::Array(rules) => rules.iter().for_each(|rule| properties(rule, into)),
            _ => {}
        }
    }

    fn parsed(written: &str) -> Value {
        serde_json::from_str(written).unwrap()
    }

    #[test]
    fn every_object_follows_the_schema() {
        let reports = example_reports::all()
            .into_iter()
            .chain([example_reports::without_numbers(), example_reports::many(3)]);
        let mut all: Vec<Value> = reports.map(|report| parsed(&json(&report))).collect();
        all.push(parsed(&json(&example_reports::with_text("x"))));
        all.push(parsed(&crate::leak::report::compare::json(&compare::tests::comparison())));
        for value in all {
            assert_eq!(violation(&value), None, "{}", value["type"]);
        }
    }

    #[test]
    fn the_schema_refuses_unknown_fields_missing_ones_and_wrong_kinds() {
        let report = parsed(&json(&example_reports::leak()));
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut report = report.clone();
            change(&mut report);
            violation(&report).expect("a violation")
        };
        assert!(changed(&|report| report["because"] = "so".into()).contains("`because` is not in"));
        let missing = changed(&|report| drop(report.as_object_mut().unwrap().remove("seed")));
        assert!(missing.contains("`seed` is missing"), "{missing}");
        let kind = changed(&|report| report["metrics"][0]["shape"]["kind"] = "circle".into());
        assert!(kind.contains("metrics[0].shape"), "{kind}");
        let word = changed(&|report| report["metrics"][0]["verdict"] = "PERHAPS".into());
        assert!(word.contains("metrics[0].verdict"), "{word}");
    }

    /// Names of fields are in backticks in the tables of the document.
    #[test]
    fn every_field_of_the_schema_is_documented() {
        let schema = parsed(include_str!("../../../docs/leak-check.schema.json"));
        let mut fields = BTreeSet::new();
        properties(&schema, &mut fields);
        assert!(100 < fields.len());
        let missing: Vec<_> =
            fields.iter().filter(|name| !DOCUMENT.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "not in docs/leak-check-json.md: {missing:?}");
    }

    #[test]
    fn nan_and_infinity_are_null() {
        let text = json(&example_reports::without_numbers());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["cycles_per_minute"], Value::Null);
        assert_eq!(value["metrics"][0]["per_cycle"]["high"], Value::Null);
        assert_eq!(value["metrics"][0]["series"][0][2], Value::Null);
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }

    proptest! {
        #[test]
        fn json_is_one_line_and_preserves_any_text(text in hostile()) {
            let report = example_reports::with_text(&text);
            let written = json(&report);
            prop_assert_eq!(written.chars().filter(|letter| letter.is_control()).count(), 1);
            let value: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(value["reason"]["error"].as_str(), Some(text.as_str()));
        }
    }
}
