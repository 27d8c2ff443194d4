//! Figures from the text that Prometheus reads (`/metrics`). Pure.
//!
//! Only what a leak shows in is taken from it, and any one metric by name for the target's own count
//! of cycles. A figure that is absent or `NaN` is not there; it is never 0.

use std::collections::BTreeMap;

/// Why a text is not in Prometheus' form, or a metric in it is no count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// Nothing came.
    #[error("the answer is empty")]
    Empty,
    /// A page for people.
    #[error("the answer is an HTML page, not Prometheus text")]
    Html,
    /// Something else.
    #[error("the answer is not Prometheus text: no line of it is a metric")]
    Other,
    /// A count below zero.
    #[error("`{0}` is {1}: a count is never negative")]
    Negative(String, String),
    /// A count without an end.
    #[error("`{0}` is infinite, which is no count")]
    Infinite(String),
    /// The metric is not there.
    #[error("there is no metric `{0}`")]
    Absent(String),
    /// It was not written as a metric.
    #[error("`{0}` does not name a metric; write NAME or NAME{{label=\"value\"}}")]
    Selector(String),
}

/// What a metric is called, and which of its labels are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    name: String,
    labels: Vec<(String, String)>,
}

impl Selector {
    /// Reads `NAME` or `NAME{label="value",…}`.
    pub fn parse(text: &str) -> Result<Self, MetricsError> {
        let wrong = || MetricsError::Selector(text.to_owned());
        let (name, labels, rest) = head(text.trim()).ok_or_else(wrong)?;
        match rest.is_empty() {
            true => Ok(Self { name: name.to_owned(), labels }),
            false => Err(wrong()),
        }
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), labels: Vec::new() }
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        self.name == sample.name && self.labels.iter().all(|label| sample.labels.contains(label))
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if self.labels.is_empty() {
            return Ok(());
        }
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        write!(f, "{{{}}}", labels.join(","))
    }
}

/// What is looked for, by the last part of the metric's name in a recording; the first that is there
/// counts.
const FIGURES: [(&str, &[&str]); 4] = [
    ("goroutines", &["go_goroutines"]),
    ("fds", &["process_open_fds"]),
    ("threads", &["process_threads", "go_threads"]),
    ("rss_bytes", &["process_resident_memory_bytes"]),
];

/// The metrics that they are, in words.
pub fn looked_for() -> String {
    FIGURES.map(|(_, names)| names.join(" or ")).join(", ")
}

/// The figures of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// `goroutines`, `fds`, `threads`, `rss_bytes`, as far as they are there.
    pub figures: BTreeMap<&'static str, f64>,
    /// When the process began, in seconds since 1970: another one means another process.
    pub started: Option<f64>,
    /// What is there and is no count, by the same names.
    pub wrong: Vec<(&'static str, MetricsError)>,
}

/// Finds the figures of a process.
pub fn parse(text: &str) -> Result<Metrics, MetricsError> {
    check(text)?;
    let mut found = Metrics {
        started: figure(text, &Selector::named("process_start_time_seconds")).ok(),
        ..Metrics::default()
    };
    for (figure_name, metrics) in FIGURES {
        for name in metrics {
            match figure(text, &Selector::named(name)) {
                Ok(value) => drop(found.figures.insert(figure_name, value)),
                Err(MetricsError::Absent(_)) => continue,
                Err(error) => found.wrong.push((figure_name, error)),
            }
            break;
        }
    }
    Ok(found)
}

/// One metric: the sum over all that the selector matches, without those that are `NaN`.
pub fn figure(text: &str, selector: &Selector) -> Result<f64, MetricsError> {
    let mut sum = None;
    for sample in samples(text).filter(|sample| selector.matches(sample)) {
        match sample.value {
            value if value.is_nan() => {}
            value if value.is_infinite() => {
                return Err(MetricsError::Infinite(selector.to_string()));
            }
            value if value < 0.0 => {
                return Err(MetricsError::Negative(selector.to_string(), value.to_string()));
            }
            value => *sum.get_or_insert(0.0) += value,
        }
    }
    match sum {
        Some(sum) if !f64::is_finite(sum) => Err(MetricsError::Infinite(selector.to_string())),
        sum => sum.ok_or_else(|| MetricsError::Absent(selector.to_string())),
    }
}

/// Whether the text is in Prometheus' form at all.
pub fn check(text: &str) -> Result<(), MetricsError> {
    let start = text.trim_start();
    match () {
        () if start.is_empty() => Err(MetricsError::Empty),
        () if start.starts_with('<') => Err(MetricsError::Html),
        // The first line that is no comment decides: any text has a line somewhere that could be one.
        () if lines(text).next().is_some_and(|line| sample(line).is_some()) => Ok(()),
        () => Err(MetricsError::Other),
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(String, String)>,
    value: f64,
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    lines(text).filter_map(sample)
}

/// `name{label="value"} 1.5 1700000000000`; the labels and the time may be absent.
fn sample(line: &str) -> Option<Sample<'_>> {
    let (name, labels, rest) = head(line)?;
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?;
    // A time, or the example that OpenMetrics puts there.
    if words.next().is_some_and(|word| word != "#" && word.parse::<f64>().is_err()) {
        return None;
    }
    // A metric's value is set apart by a space or by its labels' brace.
    if !rest.starts_with([' ', '\t']) && labels.is_empty() && !line.contains('}') {
        return None;
    }
    Some(Sample { name, labels, value: value.parse().ok()? })
}

type Head<'a> = (&'a str, Vec<(String, String)>, &'a str);

/// Name and labels, and what comes after them.
fn head(line: &str) -> Option<Head<'_>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = line.find(|c| !is_name(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let Some(mut rest) = rest.trim_start().strip_prefix('{') else {
        return Some((name, Vec::new(), rest));
    };
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((name, labels, after));
        }
        let (label, after) = rest.split_once('=')?;
        if label.trim().is_empty() || !label.trim().chars().all(is_name) {
            return None;
        }
        let (value, after) = quoted(after.trim_start())?;
        labels.push((label.trim().to_owned(), value));
        rest = after;
    }
}

/// A value as it is written in quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A value in quotes, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 2..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GO: &str = include_str!("fixtures/prometheus.txt");

    fn wanted(text: &str) -> Selector {
        Selector::parse(text).unwrap()
    }

    #[test]
    fn a_go_process_tells_four_figures_and_when_it_began() {
        let found = parse(GO).unwrap();
        let figures: Vec<(&str, f64)> = found.figures.into_iter().collect();
        let expected =
            [("fds", 11.0), ("goroutines", 42.0), ("rss_bytes", 17_854_464.0), ("threads", 9.0)];
        assert_eq!(figures, expected);
        assert_eq!(found.started, Some(1_795_559_082.57));
        assert_eq!(found.wrong, []);
    }

    #[test]
    fn one_metric_is_the_sum_over_what_the_selector_matches() {
        let sum = |text: &str| figure(GO, &wanted(text));
        assert_eq!(sum("collector_rotations_total"), Ok(160.0));
        assert_eq!(sum(r#"collector_rotations_total{container="web"}"#), Ok(100.0));
        assert_eq!(sum(r#"collector_rotations_total{reason="age",container="db"}"#), Ok(60.0));
        // A label's value may hold a brace and quotes.
        assert_eq!(sum(r#"odd{path="a\"} b"}"#), Ok(7.0));
        let absent = sum(r#"collector_rotations_total{container="cache"}"#).unwrap_err();
        let words = r#"there is no metric `collector_rotations_total{container="cache"}`"#;
        assert_eq!(absent.to_string(), words);
    }

    #[test]
    fn a_selector_is_written_as_it_is_read() {
        for text in ["a", r#"a{b="c"}"#, r#"a{b="\"\\ \n",d="\u{7}"}"#] {
            assert_eq!(wanted(text).to_string(), text.replace("\\u", "u"), "{text}");
            assert_eq!(wanted(&wanted(text).to_string()), wanted(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_count_is_said() {
        let found = parse("go_goroutines -3\nprocess_open_fds NaN\ngo_threads +Inf\n").unwrap();
        assert!(found.figures.is_empty(), "{found:?}");
        let words: Vec<String> = found.wrong.iter().map(|(_, error)| error.to_string()).collect();
        assert_eq!(
            words,
            [
                "`go_goroutines` is -3: a count is never negative",
                "`go_threads` is infinite, which is no count"
            ]
        );
    }

    #[test]
    fn other_texts_are_refused_in_words() {
        assert_eq!(check(""), Err(MetricsError::Empty));
        assert_eq!(check("<!doctype html><p>"), Err(MetricsError::Html));
        assert_eq!(check("{\"a\": 1}"), Err(MetricsError::Other));
        assert_eq!(check("goroutine profile: total 5\n"), Err(MetricsError::Other));
        assert_eq!(check("OK 5 things\n"), Err(MetricsError::Other));
        for text in ["", "a b", "{}", "a{b}", "a{b=\"c}", "1a", "a{b=\"c\"} 5", "a{=\"c\"}"] {
            let error = Selector::parse(text).unwrap_err();
            assert!(matches!(error, MetricsError::Selector(_)), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_figure_is_below_zero(text in "(go_goroutines|[a-z]{0,3}|\\PC{0,9})([{}\"=,\\\\ a-z]{0,12})[ ]?(-?[0-9]{0,9}|NaN|.{0,6})\n?") {
            if let Ok(found) = parse(&text) {
                prop_assert!(found.figures.values().all(|value| 0.0 <= *value && value.is_finite()));
            }
        }
    }
}
