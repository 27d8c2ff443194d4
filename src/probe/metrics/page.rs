//! Reads a page in the exposition format: known process metrics, or one metric by its name. Pure.

use std::collections::BTreeMap;
use std::fmt;

use super::known::{self, FIGURES, STARTED, TOTALS};
use super::line::{self, Sample, escaped, head, lines, sample};

/// Why a text is not in the exposition format, or a metric is absent or not a count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is an HTML page, not Prometheus text")]
    Html,
    #[error("the answer is not Prometheus text: no line of it is a metric")]
    Other,
    #[error("`{0}` is {1}: a count is never negative")]
    Negative(String, String),
    #[error("`{0}` is infinite, which is no count")]
    Infinite(String),
    #[error("`{0}` is NaN, which means that it is unknown")]
    Unknown(String),
    #[error("there is no metric `{0}`")]
    Absent(String),
    #[error("`{0}` does not name a metric; write NAME or NAME{{label=\"value\"}}")]
    Selector(String),
}

/// A metric name with required labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
}

impl Selector {
    /// Reads `NAME`, `NAME{label="value",…}` or `{"a name in quotes",label="value"}`.
    pub fn parse(text: &str) -> Result<Self, MetricsError> {
        let invalid = || MetricsError::Selector(text.to_owned());
        let (name, labels, rest) = head(text.trim()).ok_or_else(invalid)?;
        match rest.is_empty() {
            true => Ok(Self { name, labels }),
            false => Err(invalid()),
        }
    }

    fn matches(&self, sample: &Sample) -> bool {
        self.name == sample.name && self.labels.iter().all(|label| sample.labels.contains(label))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = |(label, value): &(String, String)| {
            let label = if line::is_plain(label) { label.clone() } else { quoted(label) };
            format!("{label}={}", quoted(value))
        };
        let mut parts: Vec<String> = self.labels.iter().map(label).collect();
        match line::is_plain(&self.name) {
            true => f.write_str(&self.name)?,
            false => parts.insert(0, quoted(&self.name)),
        }
        match parts.is_empty() {
            true => Ok(()),
            false => write!(f, "{{{}}}", parts.join(",")),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// The metrics of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessFigures {
    /// Values by quantity: `goroutines`, `fds`, `threads`, `rss_bytes` and others.
    pub figures: BTreeMap<&'static str, f64>,
    /// Start time in seconds since 1970; `None` if the page has several.
    pub started: Option<f64>,
    /// Counters that only a restart resets.
    pub totals: BTreeMap<&'static str, f64>,
    /// Quantities with invalid values.
    pub invalid: Vec<(&'static str, MetricsError)>,
}

/// Finds the metrics of a process in one pass.
pub fn parse(text: &str) -> Result<ProcessFigures, MetricsError> {
    check(text)?;
    let mut sums: BTreeMap<&'static str, Sum> = BTreeMap::new();
    for sample in samples(text) {
        if let Some(name) = known::find(&sample.name) {
            sums.entry(name).or_default().add(sample.value);
        }
    }
    let mut found = ProcessFigures::default();
    for (figure, names) in FIGURES {
        let shown = names.iter().find_map(|name| Some((*name, sums.get(name)?.count(name)?)));
        match shown {
            Some((_, Ok(value))) => drop(found.figures.insert(figure, value)),
            Some((_, Err(error))) => found.invalid.push((figure, error)),
            None => {}
        }
    }
    let single = |name: &&'static str| {
        let sum = sums.get(*name).filter(|sum| sum.series == 1)?;
        Some((*name, sum.count(name)?.ok()?))
    };
    found.started = single(&STARTED).map(|(_, value)| value);
    found.totals = TOTALS.iter().filter_map(single).collect();
    Ok(found)
}

/// The sum of all series that the selector matches, without `NaN`.
pub fn figure(text: &str, selector: &Selector) -> Result<f64, MetricsError> {
    let mut sum = Sum::default();
    samples(text).filter(|sample| selector.matches(sample)).for_each(|s| sum.add(s.value));
    let name = selector.to_string();
    sum.count(&name).unwrap_or(match sum.series {
        0 => Err(MetricsError::Absent(name)),
        _ => Err(MetricsError::Unknown(name)),
    })
}

/// The sum of the samples of one name.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    series: usize,
    total: Option<f64>,
    infinite: bool,
    negative: Option<f64>,
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.series += 1;
        match value {
            value if value.is_nan() => {}
            value if value.is_infinite() => self.infinite = true,
            value if value < 0.0 => drop(self.negative.get_or_insert(value)),
            value => *self.total.get_or_insert(0.0) += value,
        }
    }

    /// The sum as a count; `None` without any number.
    fn count(&self, name: &str) -> Option<Result<f64, MetricsError>> {
        if self.infinite || self.total.is_some_and(f64::is_infinite) {
            return Some(Err(MetricsError::Infinite(name.to_owned())));
        }
        if let Some(value) = self.negative {
            return Some(Err(MetricsError::Negative(name.to_owned(), value.to_string())));
        }
        self.total.map(Ok)
    }
}

/// Checks that the text is in the exposition format.
pub fn check(text: &str) -> Result<(), MetricsError> {
    let start = text.trim_start();
    match () {
        () if start.is_empty() => Err(MetricsError::Empty),
        () if start.starts_with('<') => Err(MetricsError::Html),
        // The first line without a comment decides, because any text may contain a line that looks valid.
        () if lines(text).next().is_some_and(|line| sample(line).is_some()) => Ok(()),
        () => Err(MetricsError::Other),
    }
}

fn samples(text: &str) -> impl Iterator<Item = Sample> {
    lines(text).filter_map(sample)
}
