//! Reads metrics from JSON: Go's expvar (`/debug/vars`), or one number by its JSON pointer. Pure.

use std::fmt;

use serde_json::Value;

use super::metrics::ProcessFigures;

/// Why JSON has no such metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is an HTML page, not JSON")]
    Html,
    #[error("the answer is not JSON: {0}")]
    Syntax(String),
    /// There is nothing at the pointer; [`Near`] lists the nearest keys.
    #[error("there is nothing at `{0}`{1}")]
    Absent(String, Near),
    #[error("`{0}` is {1}, not a number")]
    NotANumber(String, &'static str),
    #[error("`{0}` is {1}: a count is never negative")]
    Negative(String, String),
    /// No `memstats`, which every Go program's expvar has.
    #[error("the answer is JSON, but not Go's expvar: it has no `memstats`")]
    NotExpvar,
}

/// The keys of the last object on the path of a pointer that leads nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// The pointer of the object; empty for the root.
    at: String,
    /// Its first keys.
    keys: Vec<String>,
    /// Whether it has more keys.
    more: bool,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys come from the target, so control characters are escaped.
        let keys: Vec<String> =
            self.keys.iter().map(|key| format!("`{}`", key.escape_debug())).collect();
        match (keys.is_empty(), self.at.as_str()) {
            (true, _) => return Ok(()),
            (false, "") => write!(f, "; the answer has {}", keys.join(", "))?,
            (false, at) => write!(f, "; `{at}` has {}", keys.join(", "))?,
        }
        f.write_str(if self.more { ", …" } else { "" })
    }
}

/// Reads a JSON text.
pub fn parse(body: &[u8]) -> Result<Value, JsonError> {
    match body.trim_ascii_start().first() {
        None => Err(JsonError::Empty),
        Some(b'<') => Err(JsonError::Html),
        Some(_) => {
            serde_json::from_slice(body).map_err(|error| JsonError::Syntax(error.to_string()))
        }
    }
}

/// The count at this pointer (RFC 6901): `/pools/0/open`.
pub fn figure(value: &Value, pointer: &str) -> Result<f64, JsonError> {
    let at = || pointer.to_owned();
    let kind = match value.pointer(pointer) {
        None => return Err(JsonError::Absent(at(), near(value, pointer))),
        Some(Value::Number(number)) => match number.as_f64() {
            Some(count) if count < 0.0 => {
                return Err(JsonError::Negative(at(), number.to_string()));
            }
            Some(count) => return Ok(count),
            None => "too large",
        },
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "true or false",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    Err(JsonError::NotANumber(at(), kind))
}

/// The maximum of keys in [`Near`].
const NEAR_KEYS_MAX: usize = 6;
/// The maximum of characters per key.
const KEY_MAX_CHARS: usize = 40;

fn near(value: &Value, pointer: &str) -> Near {
    let mut at = pointer;
    while let Some((parent, _)) = at.rsplit_once('/') {
        at = parent;
        let Some(Value::Object(fields)) = value.pointer(at) else {
            continue;
        };
        let keys = fields.keys().take(NEAR_KEYS_MAX);
        let keys = keys.map(|key| key.chars().take(KEY_MAX_CHARS).collect()).collect();
        return Near { at: at.to_owned(), keys, more: NEAR_KEYS_MAX < fields.len() };
    }
    Near::default()
}

/// The pointer to a count in the answer, as an example. Uses only keys that need no escaping.
pub fn example(value: &Value) -> Option<String> {
    let name = |name: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        name.len() <= KEY_MAX_CHARS && name.bytes().all(plain)
    };
    let within = |name: &str, value| Some(format!("/{name}{}", example(value)?));
    match value {
        Value::Number(_) => figure(value, "").is_ok().then(String::new),
        Value::Object(fields) => {
            fields.iter().filter(|(key, _)| name(key)).find_map(|(key, value)| within(key, value))
        }
        Value::Array(items) => items.first().and_then(|value| within("0", value)),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// The pid in the answer, if any.
pub fn pid(value: &Value) -> Option<u64> {
    value.get("pid").and_then(Value::as_u64)
}

/// The same, without the variables that every Go program publishes.
pub fn own_example(value: &Value) -> Option<String> {
    let mut own = value.clone();
    own.as_object_mut()?.retain(|name, _| name != "memstats" && name != "cmdline");
    example(&own)
}

/// Pointers of the number of goroutines in common programs.
const GOROUTINE_KEYS: [&str; 5] =
    ["/goroutines", "/Goroutines", "/numGoroutine", "/NumGoroutine", "/num_goroutines"];

/// Reads Go's expvar: `heap_bytes`, and `goroutines` if published.
pub fn expvar(value: &Value) -> Result<ProcessFigures, JsonError> {
    if !value.get("memstats").is_some_and(Value::is_object) {
        return Err(JsonError::NotExpvar);
    }
    let mut found = ProcessFigures::default();
    let allocated = figure(value, "/memstats/TotalAlloc").ok();
    found.totals.extend(allocated.map(|bytes| ("memstats.TotalAlloc", bytes)));
    let heap = figure(value, "/memstats/HeapAlloc").ok();
    found.figures.extend(heap.map(|bytes| ("heap_bytes", bytes)));
    let goroutines = GOROUTINE_KEYS.iter().find_map(|pointer| figure(value, pointer).ok());
    found.figures.extend(goroutines.map(|count| ("goroutines", count)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXPVAR: &str = include_str!("fixtures/expvar.json");

    #[test]
    fn expvar_has_the_heap_and_published_goroutines() {
        let found = expvar(&parse(EXPVAR.as_bytes()).unwrap()).unwrap();
        let figures: Vec<(&str, f64)> = found.figures.into_iter().collect();
        assert_eq!(figures, [("goroutines", 21.0), ("heap_bytes", 408_520.0)]);
        assert_eq!(found.totals, [("memstats.TotalAlloc", 408_520.0)].into());
        let without = parse(b"{\"memstats\": {\"HeapAlloc\": 1}}").unwrap();
        assert_eq!(expvar(&without).unwrap().figures.len(), 1);
    }

    #[test]
    fn a_pointer_selects_one_number() {
        let value = parse(br#"{"pools": [{"open": 5}, {"open": 7.5}], "a/b": 3}"#).unwrap();
        assert_eq!(figure(&value, "/pools/0/open"), Ok(5.0));
        assert_eq!(figure(&value, "/pools/1/open"), Ok(7.5));
        assert_eq!(figure(&value, "/a~1b"), Ok(3.0));
    }

    #[test]
    fn values_that_are_no_count_are_errors() {
        let value = parse(br#"{"n": null, "s": "5", "m": -2, "l": [1], "o": {}}"#).unwrap();
        let message = |pointer| figure(&value, pointer).unwrap_err().to_string();
        assert_eq!(
            message("/x"),
            "there is nothing at `/x`; the answer has `l`, `m`, `n`, `o`, `s`"
        );
        assert_eq!(message("/n"), "`/n` is null, not a number");
        assert_eq!(message("/s"), "`/s` is a text, not a number");
        assert_eq!(message("/l"), "`/l` is a list, not a number");
        assert_eq!(message("/o"), "`/o` is an object, not a number");
        assert_eq!(message("/m"), "`/m` is -2: a count is never negative");
        assert_eq!(expvar(&value), Err(JsonError::NotExpvar));
        let refused = |body: &str| parse(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused(" "), "the answer is empty");
        assert_eq!(refused("<html>"), "the answer is an HTML page, not JSON");
        let cut = refused(&EXPVAR[..80]);
        assert!(cut.starts_with("the answer is not JSON: EOF while parsing"), "{cut}");
    }

    #[test]
    fn an_example_is_a_pointer_to_a_count() {
        let example_of = |text: &str| example(&parse(text.as_bytes()).unwrap());
        let value =
            r#"{"a b": 1, "at": "12", "m": -2, "o": {"n": null}, "p": [{"open": 5}], "z": 1}"#;
        assert_eq!(example_of(value).as_deref(), Some("/p/0/open"));
        assert_eq!(example_of(r#"{"a": [], "b": "x"}"#), None);
    }

    #[test]
    fn a_wrong_pointer_is_an_error_with_the_nearest_keys() {
        let value = parse(br#"{"a": {"b": 1, "c\u001b": {"d": [1]}}, "e": 2}"#).unwrap();
        let message = |pointer| figure(&value, pointer).unwrap_err().to_string();
        assert_eq!(message("/a/x/y"), "there is nothing at `/a/x/y`; `/a` has `b`, `c\\u{1b}`");
        assert_eq!(message("/e/x"), "there is nothing at `/e/x`; the answer has `a`, `e`");
        assert_eq!(message("x"), "there is nothing at `x`");
        let list = parse(b"[1]").unwrap();
        assert_eq!(figure(&list, "/7").unwrap_err().to_string(), "there is nothing at `/7`");
        let many = parse(br#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}"#).unwrap();
        let message = figure(&many, "/x").unwrap_err().to_string();
        assert!(message.ends_with("`e`, `f`, …"), "{message}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(body in prop::collection::vec(any::<u8>(), 0..99), at in ".{0,9}") {
            if let Ok(value) = parse(&body) {
                let _ = figure(&value, &at);
                let _ = expvar(&value);
                let found = example(&value).map(|pointer| figure(&value, &pointer));
                prop_assert!(found.is_none_or(|found| found.is_ok()));
            }
        }
    }
}
