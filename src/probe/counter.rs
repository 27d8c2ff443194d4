//! The target's counter of cycles (`--cycles-metric`): its name, its position in an answer, and its course over
//! restarts. Pure.

use std::fmt;

use serde_json::Value;

use super::answer::AnswerError;
use super::json_figures::{self, JsonError, Near};
use super::metrics::{self, Selector};
use crate::probe::reasons::Fall;

/// The name of a counter: a Prometheus metric, a JSON key, a path with dots, or a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    text: String,
    /// As a Prometheus metric; `None` if it is not a valid name.
    selector: Option<Selector>,
    /// Possible pointers in JSON, the most likely first.
    pointers: Vec<String>,
}

/// The text names no counter in any format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no counter: write NAME or NAME{{label=\"value\"}} for Prometheus, and a key, a path \
     like stats.rotations or a pointer like /stats/rotations for expvar and JSON"
)]
pub struct NoCounter(String);

impl Counter {
    /// Reads `NAME`, `NAME{label="value",…}`, `a.dotted.path` or `/a/json/pointer`.
    ///
    /// # Errors
    /// The text has none of these forms.
    pub fn parse(text: &str) -> Result<Self, NoCounter> {
        let text = text.trim().to_owned();
        if text.starts_with('/') {
            return Ok(Self { pointers: vec![text.clone()], selector: None, text });
        }
        let selector = Selector::parse(&text).ok();
        if text.is_empty() || text.contains(['{', '}']) && selector.is_none() {
            return Err(NoCounter(text));
        }
        let pointers = match text.contains('{') {
            true => Vec::new(),
            false => pointers(&text),
        };
        Ok(Self { text, selector, pointers })
    }

    /// Its value in Prometheus text.
    ///
    /// # Errors
    /// It is absent or not a count.
    pub(super) fn in_prometheus(&self, text: &str) -> Result<f64, AnswerError> {
        match &self.selector {
            Some(selector) => Ok(metrics::figure(text, selector)?),
            None => Err(AnswerError::NotAMetricName(self.text.clone())),
        }
    }

    /// Its value in JSON.
    ///
    /// # Errors
    /// It is absent or not a count.
    pub(super) fn in_json(&self, value: &Value) -> Result<f64, AnswerError> {
        let mut near = Near::default();
        for pointer in &self.pointers {
            match json_figures::figure(value, pointer) {
                Err(JsonError::Absent(_, keys)) => near = keys,
                result => return Ok(result?),
            }
        }
        match self.pointers.as_slice() {
            [] => Err(AnswerError::Labels(self.text.clone())),
            tried => Err(AnswerError::NoCounter { pointers: tried.to_vec(), near }),
        }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text as one key, because a key may contain dots, and as a path of keys.
fn pointers(text: &str) -> Vec<String> {
    let escaped = text.replace('~', "~0").replace('/', "~1");
    let mut all = vec![format!("/{escaped}")];
    if text.contains('.') {
        all.push(format!("/{}", escaped.replace('.', "/")));
    }
    all
}

/// A counter with its last value and the sum of its increments.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cycles {
    pub(super) counter: Counter,
    last: f64,
    sum: f64,
}

/// The result of one more reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counted {
    /// Cycles since the start of the check, across restarts.
    pub(super) sum: f64,
    pub(super) rose: bool,
    pub(super) fell: Option<Fall>,
}

impl Cycles {
    pub(super) fn new(counter: Counter, first: f64) -> Self {
        Self { counter, last: first, sum: 0.0 }
    }

    /// Takes the next value. A value that fell means that the counter restarted at 0. Cycles between the last reading
    /// and the restart are lost.
    pub(super) fn observe(&mut self, count: f64) -> Counted {
        let before = std::mem::replace(&mut self.last, count);
        let fallen = || Fall { name: self.counter.to_string(), from: before, to: count };
        let fell = (count < before).then(fallen);
        self.sum += if fell.is_some() { count } else { count - before };
        Counted { sum: self.sum, rose: before < count, fell }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn counter(text: &str) -> Counter {
        Counter::parse(text).unwrap()
    }

    #[test]
    fn a_counter_is_found_in_each_format() {
        let text = "turns{c=\"a\"} 3\nturns{c=\"b\"} 4\n";
        let value = json!({"turns": 9, "a.b": 1, "a": {"b": 2, "c": [{"d": 5}]}, "x/y~z": 6});
        assert_eq!(counter("turns").in_prometheus(text), Ok(7.0));
        assert_eq!(counter(r#"turns{c="a"}"#).in_prometheus(text), Ok(3.0));
        assert_eq!(counter(" turns ").in_json(&value), Ok(9.0));
        assert_eq!(counter("a.b").in_json(&value), Ok(1.0), "a key may hold dots");
        assert_eq!(counter("/a/b").in_json(&value), Ok(2.0));
        assert_eq!(counter("a.c.0.d").in_json(&value), Ok(5.0));
        assert_eq!(counter("x/y~z").in_json(&value), Ok(6.0));
    }

    #[test]
    fn a_missing_counter_is_an_error_with_the_pointers_tried() {
        let value = json!({"s": "5", "m": {"n": -1}});
        let in_json = |text: &str| counter(text).in_json(&value).unwrap_err().to_string();
        assert_eq!(in_json("t"), "there is nothing at `/t`; the answer has `m`, `s`");
        assert_eq!(in_json("a.b"), "there is nothing at `/a.b` or `/a/b`; the answer has `m`, `s`");
        assert_eq!(in_json("/m/x"), "there is nothing at `/m/x`; `/m` has `n`");
        assert_eq!(in_json("s"), "`/s` is a text, not a number");
        assert_eq!(in_json("m"), "`/m` is an object, not a number");
        assert_eq!(in_json("m.n"), "`/m/n` is -1: a count is never negative");
        assert_eq!(in_json(r#"t{a="b"}"#), r#"`t{a="b"}` has labels, which JSON has not"#);
        let in_text =
            |text: &str| counter(text).in_prometheus("a 1\nb -2\n").unwrap_err().to_string();
        assert_eq!(in_text("c"), "there is no metric `c`");
        assert_eq!(in_text("b"), "`b` is -2: a count is never negative");
        assert_eq!(in_text("/a"), "`/a` is not the name of a Prometheus metric");
    }

    #[test]
    fn invalid_names_of_counters_are_refused() {
        for text in ["", " ", "a{", "a}", "a{b}", "a{b=\"c}"] {
            let error = Counter::parse(text).unwrap_err().to_string();
            assert!(error.contains("names no counter: write NAME or NAME{label="), "{error}");
        }
    }

    #[test]
    fn a_counter_that_falls_restarted_at_0() {
        let mut cycles = Cycles::new(counter("turns"), 100.0);
        let counted = |sum, rose, fell: Option<Fall>| Counted { sum, rose, fell };
        assert_eq!(cycles.observe(130.0), counted(30.0, true, None));
        assert_eq!(cycles.observe(130.0), counted(30.0, false, None));
        let fall = Fall { name: "turns".to_owned(), from: 130.0, to: 5.0 };
        assert_eq!(fall.to_string(), "`turns` fell from 130 to 5");
        assert_eq!(cycles.observe(5.0), counted(35.0, false, Some(fall)));
        assert_eq!(cycles.observe(9.0), counted(39.0, true, None));
    }

    proptest! {
        #[test]
        fn no_name_makes_the_parser_panic(text in "[a-z./~{}=\" ]{0,9}|\\PC{0,9}") {
            if let Ok(counter) = Counter::parse(&text) {
                let _ = counter.in_json(&json!({"a": {"b": [1]}, "/": 2}));
                let _ = counter.in_prometheus("a{b=\"c\"} 1");
                prop_assert_eq!(Counter::parse(&counter.to_string()).unwrap(), counter);
            }
        }
    }
}
