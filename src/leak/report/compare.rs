//! Several runs of the same load under different stream timeouts, in one table: whether the growth
//! depends on how often streams are opened and closed.
//!
//! Whether it does is decided elsewhere and comes here as [`Comparison::sentences`].

use std::collections::BTreeSet;

use serde::Serialize;

use super::escape::{plain, wrap};
use super::figures::{self, NONE, Unit, amount, duration};
use super::{Interval, Metric, Report, Verdict};
use crate::format::color::{DIM, GREEN, RED, RESET, YELLOW};

/// The name and version of the JSON form.
pub const SCHEMA: &str = "cmon.leak-check.compare/1";

/// Lines are no longer than this, unless names are.
const WIDTH: usize = 80;

/// Runs that are alike but for the stream timeout.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One report for each stream timeout, in the order they were asked for.
    pub runs: Vec<Report>,
    /// What came of comparing them, in plain words: the first is the answer.
    pub sentences: Vec<String>,
}

/// A comparison as it is in JSON.
#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    sentences: &'a [String],
    runs: &'a [Report],
}

/// The comparison as one line of JSON, its end included.
pub fn json(comparison: &Comparison) -> String {
    let Comparison { runs, sentences } = comparison;
    let wire = Wire { schema: SCHEMA, sentences, runs };
    super::json::harmless(&serde_json::to_string(&wire).unwrap_or_else(|error| {
        serde_json::json!({ "schema": SCHEMA, "error": error.to_string() }).to_string()
    }))
}

impl Comparison {
    /// That of all runs together: one leak is enough, and what could not be measured comes next.
    pub fn verdict(&self) -> Verdict {
        let order = [Verdict::Leak, Verdict::Invalid, Verdict::Inconclusive];
        let any = |verdict: &Verdict| self.runs.iter().any(|run| run.verdict == *verdict);
        let worst = order.into_iter().find(any);
        worst.unwrap_or(if self.runs.is_empty() { Verdict::Invalid } else { Verdict::Clean })
    }

    /// The first sentence.
    pub(super) fn answer(&self) -> &str {
        self.sentences.first().map_or("nothing was compared", String::as_str)
    }
}

/// The comparison as a table, the answer first.
pub fn text(comparison: &Comparison, color: bool) -> String {
    let mut lines = Vec::new();
    for sentence in &comparison.sentences {
        lines.extend(wrap(&plain(sentence), WIDTH));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(table(&rows(&comparison.runs), color));
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n") + "\n"
}

/// The rows of the table: a title, and a cell for each run. The first row tells the runs apart; what
/// belongs to the metric above begins with two spaces.
pub(super) fn rows(runs: &[Report]) -> Vec<Vec<String>> {
    let head = |title: &str, cell: fn(&Report) -> String| {
        let cells = std::iter::once(title.to_owned()).chain(runs.iter().map(cell));
        cells.collect::<Vec<_>>()
    };
    let mut rows = vec![
        head("stream timeout", timeout),
        head("verdict", |run| run.verdict.as_str().to_owned()),
        head("cycles/min expected", |run| rate(run.cycles_expected)),
        head("cycles/min reached", |run| rate(Some(run.cycles_per_minute))),
        head("lines/min", |run| rate(run.lines.map(|lines| lines / run.seconds * 60.0))),
        head("on/off pairs", |run| run.pairs.to_string()),
    ];
    for name in names(runs) {
        rows.push(row(name, runs, |run| Some(metric(run, name)?.verdict.as_str().to_owned())));
        rows.push(rates("  per minute", name, runs, |metric| metric.per_minute));
        rows.push(rates("  per cycle", name, runs, |metric| metric.per_cycle));
    }
    let sources: BTreeSet<&String> = runs.iter().flat_map(|run| run.cpu.keys()).collect();
    for source in sources {
        rows.push(row(&format!("{source} CPU"), runs, |run| run.cpu.get(source).copied().map(cpu)));
    }
    // Figures that no run has are left out, a name without figures is not.
    rows.retain(|row| !row[0].starts_with("  ") || row[1..].iter().any(|cell| cell != NONE));
    // Streams that are held have no rungs.
    rows.retain(|row| row[0] != "on/off pairs" || runs.iter().any(|run| 0 < run.pairs));
    rows
}

/// A rate of a metric under each timeout, with the same number of decimals.
fn rates(
    title: &str,
    name: &str,
    runs: &[Report],
    of: impl Fn(&Metric) -> Option<Interval>,
) -> Vec<String> {
    let unit = Unit::of(name);
    let known: Vec<Option<Interval>> = runs.iter().map(|run| of(metric(run, name)?)).collect();
    let estimate = |interval: &Option<Interval>| (interval.map(|it| it.estimate), unit);
    let estimates = figures::aligned(&known.iter().map(estimate).collect::<Vec<_>>());
    let cells =
        estimates.into_iter().zip(&known).map(|(estimate, interval)| match (estimate, interval) {
            (Some(_), Some(interval)) if figures::is_wide(interval) => {
                figures::interval(interval, unit)
            }
            (Some(estimate), _) => estimate,
            (None, _) => NONE.to_owned(),
        });
    std::iter::once(title.to_owned()).chain(cells).collect()
}

fn row(title: &str, runs: &[Report], cell: impl Fn(&Report) -> Option<String>) -> Vec<String> {
    let cells = runs.iter().map(|run| cell(run).unwrap_or_else(|| NONE.to_owned()));
    std::iter::once(plain(title)).chain(cells).collect()
}

/// The names of all metrics, in the order of the first run that has them.
fn names(runs: &[Report]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for metric in runs.iter().flat_map(|run| &run.metrics) {
        if !names.contains(&metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    names
}

fn metric<'a>(run: &'a Report, name: &str) -> Option<&'a Metric> {
    run.metrics.iter().find(|metric| metric.name == name)
}

/// The stream timeout, which tells the runs apart.
pub(super) fn timeout(run: &Report) -> String {
    match 0.0 < run.stream_timeout {
        true => duration(run.stream_timeout),
        false => NONE.to_owned(),
    }
}

fn rate(value: Option<f64>) -> String {
    let known = value.filter(|value| value.is_finite());
    known.map_or(NONE.to_owned(), |value| amount((value * 10.0).round() / 10.0, Unit::Count))
}

/// `12.5 %` of one core.
fn cpu(share: f64) -> String {
    format!("{} of a core", super::figures::percent(share))
}

/// The rows with their columns under each other; the colours are only those of the verdicts.
fn table(rows: &[Vec<String>], color: bool) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| {
            let padded = format!("{cell:<width$}");
            let paint = match (at, cell.as_str()) {
                (0, _) => DIM,
                (_, "LEAK" | "INVALID") => RED,
                (_, "CLEAN") => GREEN,
                (_, "INCONCLUSIVE") => YELLOW,
                _ => "",
            };
            match color && !paint.is_empty() {
                true => format!("{paint}{padded}{RESET}"),
                false => padded,
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::leak::report::escape::tests::{hostile, is_harmless};
    use crate::leak::report::sample;

    /// A collector whose health check leaks, under two stream timeouts: the growth is the same.
    pub(in crate::leak::report) fn comparison() -> Comparison {
        let run = |timeout: f64, cycles: f64| {
            let leaking = |name: &str, per_minute: f64| Metric {
                verdict: Verdict::Leak,
                per_cycle: Some(sample::interval(0.0, -0.01, 0.01)),
                per_minute: Some(sample::interval(per_minute, per_minute - 0.4, per_minute + 0.4)),
                ..sample::still(name, 44.0)
            };
            Report {
                verdict: Verdict::Leak,
                seconds: 600.0,
                lines: Some(4785.0),
                stream_timeout: timeout,
                cycles_expected: Some(8.0 * 60.0 / timeout),
                cycles_per_minute: cycles,
                metrics: vec![
                    leaking("target.collector.goroutines", 32.0),
                    leaking("target.collector.fds", 16.0),
                ],
                cpu: [("own".to_owned(), cycles / 600.0)].into(),
                ..sample::clean()
            }
        };
        let sentence = "The growth does not depend on the stream timeout: 32.0 per minute at 30s and \
                        32.0 per minute at 5m, with 90 % fewer cycles.";
        Comparison {
            runs: vec![run(30.0, 15.9), run(300.0, 1.6)],
            sentences: vec![sentence.to_owned()],
        }
    }

    #[test]
    fn pairs_are_told_where_there_are_some() {
        let mut comparison = comparison();
        assert!(text(&comparison, false).contains("\non/off pairs "));
        comparison.runs.iter_mut().for_each(|run| run.pairs = 0);
        assert!(!text(&comparison, false).contains("on/off pairs"));
    }

    #[test]
    fn the_answer_stands_above_the_table() {
        insta::assert_snapshot!(text(&comparison(), false));
    }

    #[test]
    fn the_verdict_is_the_worst_of_all() {
        use Verdict::{Clean, Inconclusive, Invalid, Leak};
        let of = |verdicts: &[Verdict]| {
            let runs =
                verdicts.iter().map(|verdict| Report { verdict: *verdict, ..sample::clean() });
            Comparison { runs: runs.collect(), sentences: Vec::new() }.verdict()
        };
        assert_eq!(of(&[Clean, Leak, Invalid]), Leak);
        assert_eq!(of(&[Clean, Inconclusive, Invalid]), Invalid);
        assert_eq!(of(&[Clean, Inconclusive]), Inconclusive);
        assert_eq!((of(&[Clean, Clean]), of(&[])), (Clean, Invalid));
    }

    #[test]
    fn json_holds_the_whole_reports() {
        let value: Value = serde_json::from_str(&json(&comparison())).unwrap();
        assert_eq!(value["schema"], SCHEMA);
        assert_eq!(value["sentences"].as_array().map(Vec::len), Some(1));
        assert_eq!(value["runs"][1]["stream_timeout"], 300.0);
        let document = include_str!("../../../docs/leak-check-json.md");
        assert!(document.contains(SCHEMA) && document.contains("| `sentences` |"));
    }

    #[test]
    fn runs_may_have_different_metrics_or_none() {
        let runs = vec![sample::empty(), sample::leak(), sample::without_numbers()];
        let text = text(&Comparison { runs, sentences: Vec::new() }, false);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains("own.tasks            -        CLEAN"), "{text}");
        let nothing = Comparison { runs: Vec::new(), sentences: Vec::new() };
        assert!(super::text(&nothing, true).contains("stream timeout"));
    }

    proptest! {
        #[test]
        fn no_name_can_drive_the_terminal(name in hostile()) {
            let runs = vec![sample::with_text(&name), sample::with_text("x")];
            let comparison = Comparison { runs, sentences: vec![name] };
            prop_assert!(is_harmless(&text(&comparison, false)));
            prop_assert!(is_harmless(&json(&comparison).replace("\\n", "")));
        }
    }
}
