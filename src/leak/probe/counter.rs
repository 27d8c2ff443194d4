//! The target's own count of its cycles (`--cycles-metric`): how it is named, where it is found, and what
//! becomes of it over restarts. Pure.

use std::fmt;

use serde_json::Value;

use super::answer::AnswerError;
use super::json_figures::{self, JsonError, Near};
use super::metrics::{self, Selector};
use crate::leak::reasons::Fall;

/// What counts a target's cycles, as it was given: a metric of Prometheus' text, a key or a path with dots
/// in a JSON text, or a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    text: String,
    /// As a metric of Prometheus' text; `None` where it cannot be the name of one.
    selector: Option<Selector>,
    /// Where it may be in a JSON text, the likeliest first.
    pointers: Vec<String>,
}

/// It names no counter in any form.
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
    /// It is none of them.
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

    /// Its count in a text for Prometheus.
    ///
    /// # Errors
    /// It is not there or no count.
    pub(super) fn in_prometheus(&self, text: &str) -> Result<f64, AnswerError> {
        match &self.selector {
            Some(selector) => Ok(metrics::figure(text, selector)?),
            None => Err(AnswerError::NotAMetricName(self.text.clone())),
        }
    }

    /// Its count in a JSON text.
    ///
    /// # Errors
    /// There is nothing where it may be, or no count.
    pub(super) fn in_json(&self, value: &Value) -> Result<f64, AnswerError> {
        let mut near = Near::default();
        for pointer in &self.pointers {
            match json_figures::figure(value, pointer) {
                Err(JsonError::Absent(_, there)) => near = there,
                found => return Ok(found?),
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

/// A key as it stands, since it may hold dots, and a path of keys.
fn pointers(text: &str) -> Vec<String> {
    let escaped = text.replace('~', "~0").replace('/', "~1");
    let mut all = vec![format!("/{escaped}")];
    if text.contains('.') {
        all.push(format!("/{}", escaped.replace('.', "/")));
    }
    all
}

/// The count as it was read last, and what it has come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cycles {
    pub(super) counter: Counter,
    last: f64,
    sum: f64,
}

/// What one more count says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counted {
    /// Cycles since the check began, over restarts.
    pub(super) sum: f64,
    /// It has risen.
    pub(super) rose: bool,
    /// It is less than before.
    pub(super) fell: Option<Fall>,
}

impl Cycles {
    pub(super) fn new(counter: Counter, first: f64) -> Self {
        Self { counter, last: first, sum: 0.0 }
    }

    /// Takes the next count. Where it fell it has started again, and what came between the last look and
    /// that moment is not known.
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
    fn a_name_is_looked_for_in_each_form() {
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
    fn what_is_not_found_says_where_it_was_looked_for() {
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
    fn what_names_no_counter_is_refused() {
        for text in ["", " ", "a{", "a}", "a{b}", "a{b=\"c}"] {
            let error = Counter::parse(text).unwrap_err().to_string();
            assert!(error.contains("names no counter: write NAME or NAME{label="), "{error}");
        }
    }

    #[test]
    fn a_count_that_falls_has_begun_anew() {
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
        fn no_name_makes_it_panic(text in "[a-z./~{}=\" ]{0,9}|\\PC{0,9}") {
            if let Ok(counter) = Counter::parse(&text) {
                let _ = counter.in_json(&json!({"a": {"b": [1]}, "/": 2}));
                let _ = counter.in_prometheus("a{b=\"c\"} 1");
                prop_assert_eq!(Counter::parse(&counter.to_string()).unwrap(), counter);
            }
        }
    }
}
