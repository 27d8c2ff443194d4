//! Figures from JSON: Go's expvar (`/debug/vars`), and any one number by its pointer. Pure.

use std::fmt;

use serde_json::Value;

use super::metrics::ProcessFigures;

/// Why there is no figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Nothing came.
    #[error("the answer is empty")]
    Empty,
    /// A page for people.
    #[error("the answer is an HTML page, not JSON")]
    Html,
    /// It is cut off or something else.
    #[error("the answer is not JSON: {0}")]
    Syntax(String),
    /// The pointer leads nowhere; what there is instead.
    #[error("there is nothing at `{0}`{1}")]
    Absent(String, Near),
    /// There is something, but no number.
    #[error("`{0}` is {1}, not a number")]
    NotANumber(String, &'static str),
    /// A count below zero.
    #[error("`{0}` is {1}: a count is never negative")]
    Negative(String, String),
    /// No `memstats`, which every Go program's expvar has.
    #[error("the answer is JSON, but not Go's expvar: it has no `memstats`")]
    NotExpvar,
}

/// What the last object on the way of a pointer has, which leads nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// The object; empty for the whole answer.
    at: String,
    /// The first of its keys; without any, nothing is known.
    keys: Vec<String>,
    /// It has more of them.
    more: bool,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are the target's: what could drive a terminal is shown as text.
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

/// Names that are shown of what there is instead of a figure, at most, and letters of each.
const NEAR_NAMES_MAX_COUNT_AND_LETTERS: (usize, usize) = (6, 40);

fn near(value: &Value, pointer: &str) -> Near {
    let mut at = pointer;
    while let Some((parent, _)) = at.rsplit_once('/') {
        at = parent;
        let Some(Value::Object(fields)) = value.pointer(at) else {
            continue;
        };
        let (names, letters) = NEAR_NAMES_MAX_COUNT_AND_LETTERS;
        let keys = fields.keys().take(names).map(|key| key.chars().take(letters).collect());
        return Near { at: at.to_owned(), keys: keys.collect(), more: names < fields.len() };
    }
    Near::default()
}

/// The pointer to some count that the answer has, as an example: only one whose names can be typed as
/// they are.
pub fn example(value: &Value) -> Option<String> {
    let name = |name: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        name.len() <= NEAR_NAMES_MAX_COUNT_AND_LETTERS.1 && name.bytes().all(plain)
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

/// The number of the process that gave an answer, where it says so.
pub fn pid(value: &Value) -> Option<u64> {
    value.get("pid").and_then(Value::as_u64)
}

/// The pointer to some count that the program publishes itself, beside what Go's expvar always has.
pub fn own_example(value: &Value) -> Option<String> {
    let mut own = value.clone();
    own.as_object_mut()?.retain(|name, _| name != "memstats" && name != "cmdline");
    example(&own)
}

/// Names under which programs publish their goroutines.
const GOROUTINE_KEYS: [&str; 5] =
    ["/goroutines", "/Goroutines", "/numGoroutine", "/NumGoroutine", "/num_goroutines"];

/// Reads Go's expvar: `heap_bytes`, and `goroutines` where the program publishes them.
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
    fn expvar_shows_the_heap_and_the_goroutines_where_they_are_published() {
        let found = expvar(&parse(EXPVAR.as_bytes()).unwrap()).unwrap();
        let figures: Vec<(&str, f64)> = found.figures.into_iter().collect();
        assert_eq!(figures, [("goroutines", 21.0), ("heap_bytes", 408_520.0)]);
        assert_eq!(found.totals, [("memstats.TotalAlloc", 408_520.0)].into());
        let without = parse(b"{\"memstats\": {\"HeapAlloc\": 1}}").unwrap();
        assert_eq!(expvar(&without).unwrap().figures.len(), 1);
    }

    #[test]
    fn a_pointer_names_one_figure() {
        let value = parse(br#"{"pools": [{"open": 5}, {"open": 7.5}], "a/b": 3}"#).unwrap();
        assert_eq!(figure(&value, "/pools/0/open"), Ok(5.0));
        assert_eq!(figure(&value, "/pools/1/open"), Ok(7.5));
        assert_eq!(figure(&value, "/a~1b"), Ok(3.0));
    }

    #[test]
    fn what_is_no_figure_is_said_in_words() {
        let value = parse(br#"{"n": null, "s": "5", "m": -2, "l": [1], "o": {}}"#).unwrap();
        let words = |pointer| figure(&value, pointer).unwrap_err().to_string();
        assert_eq!(words("/x"), "there is nothing at `/x`; the answer has `l`, `m`, `n`, `o`, `s`");
        assert_eq!(words("/n"), "`/n` is null, not a number");
        assert_eq!(words("/s"), "`/s` is a text, not a number");
        assert_eq!(words("/l"), "`/l` is a list, not a number");
        assert_eq!(words("/o"), "`/o` is an object, not a number");
        assert_eq!(words("/m"), "`/m` is -2: a count is never negative");
        assert_eq!(expvar(&value), Err(JsonError::NotExpvar));
        let refused = |body: &str| parse(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused(" "), "the answer is empty");
        assert_eq!(refused("<html>"), "the answer is an HTML page, not JSON");
        let cut = refused(&EXPVAR[..80]);
        assert!(cut.starts_with("the answer is not JSON: EOF while parsing"), "{cut}");
    }

    #[test]
    fn an_example_is_a_figure_that_there_is() {
        let of = |text: &str| example(&parse(text.as_bytes()).unwrap());
        let value =
            r#"{"a b": 1, "at": "12", "m": -2, "o": {"n": null}, "p": [{"open": 5}], "z": 1}"#;
        assert_eq!(of(value).as_deref(), Some("/p/0/open"));
        assert_eq!(of(r#"{"a": [], "b": "x"}"#), None);
    }

    #[test]
    fn a_pointer_that_goes_astray_is_reported_what_there_is() {
        let value = parse(br#"{"a": {"b": 1, "c\u001b": {"d": [1]}}, "e": 2}"#).unwrap();
        let words = |pointer| figure(&value, pointer).unwrap_err().to_string();
        assert_eq!(words("/a/x/y"), "there is nothing at `/a/x/y`; `/a` has `b`, `c\\u{1b}`");
        assert_eq!(words("/e/x"), "there is nothing at `/e/x`; the answer has `a`, `e`");
        assert_eq!(words("x"), "there is nothing at `x`");
        let list = parse(b"[1]").unwrap();
        assert_eq!(figure(&list, "/7").unwrap_err().to_string(), "there is nothing at `/7`");
        let many = parse(br#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}"#).unwrap();
        let words = figure(&many, "/x").unwrap_err().to_string();
        assert!(words.ends_with("`e`, `f`, …"), "{words}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..99), at in ".{0,9}") {
            if let Ok(value) = parse(&body) {
                let _ = figure(&value, &at);
                let _ = expvar(&value);
                let found = example(&value).map(|pointer| figure(&value, &pointer));
                prop_assert!(found.is_none_or(|found| found.is_ok()));
            }
        }
    }
}
