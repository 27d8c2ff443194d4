//! The `filters` parameter of the Docker API: values by key, of which one must match.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// Parses `{"name":["web"]}`, or the older `{"name":{"web":true}}`.
    pub(super) fn of(text: &str) -> Option<Self> {
        let all: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
        let values = |value: Value| match value {
            Value::Array(values) => {
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
            }
            Value::Object(values) => Some(values.into_iter().map(|(value, _)| value).collect()),
            _ => None,
        };
        let pair = |(key, value)| Some((key, values(value)?));
        all.into_iter().map(pair).collect::<Option<_>>().map(Self)
    }

    /// The first key that is not in this list.
    pub(super) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|key| !known.contains(key))
    }

    /// The first value of a key that is not in this list.
    pub(super) fn unknown_value(&self, key: &str, known: &[&str]) -> Option<&str> {
        let mut values = self.0.get(key)?.iter().map(String::as_str);
        values.find(|value| !known.contains(value))
    }

    /// Whether one of the values of a key matches, or it has none.
    pub(super) fn any(&self, key: &str, matches: impl Fn(&str) -> bool) -> bool {
        self.0
            .get(key)
            .is_none_or(|values| values.is_empty() || values.iter().any(|value| matches(value)))
    }

    /// Whether these labels match all requested ones, as `KEY` or `KEY=VALUE`.
    pub(super) fn labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = |wanted: &String| match wanted.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|of| of == value),
            None => labels.contains_key(wanted),
        };
        self.0.get("label").is_none_or(|all| all.iter().all(has))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_filters_are_read() {
        let new = Filters::of(r#"{"label":["tier=data","x"],"name":["web","db"]}"#).unwrap();
        let old = r#"{"label":{"tier=data":true,"x":true},"name":{"web":true,"db":true}}"#;
        assert!(Filters::of(old).unwrap().any("name", |name| name == "db"));
        assert!(new.any("name", |name| name == "web") && !new.any("name", |name| name == "api"));
        assert!(new.any("status", |_| false), "no value is no condition");
        let labels = |all: &[(&str, &str)]| {
            let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            new.labels(&all.iter().map(pair).collect())
        };
        assert!(labels(&[("tier", "data"), ("x", "")]));
        assert!(!labels(&[("tier", "data")]) && !labels(&[("tier", "tools"), ("x", "")]));
        assert_eq!(new.unknown(&["label"]), Some("name"));
        assert_eq!((Filters::of("x"), Filters::of(r#"{"name":1}"#)), (None, None));
    }
}
