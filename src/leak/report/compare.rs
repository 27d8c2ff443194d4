//! Formats a comparison of runs with different stream timeouts as text and JSON.

use std::collections::BTreeSet;

use serde::Serialize;

use super::document::{
    Body, Cell, Column, Detail, Document, Head, Kind, Level, Row, Section, Table,
};
use super::{explain, json, text};
use crate::format::Colors;
use crate::format::figures::{self, NONE, amount};
use crate::format::units::span;
use crate::leak::facts::{Compared, Comparison, Gone, Interval, Metric, Report};
use crate::leak::judge::dependence::Cause;
use crate::probe::metric::Unit;

/// One line of JSON with a line end.
pub(crate) fn json(comparison: &Comparison) -> String {
    #[derive(Serialize)]
    struct Text {
        sentences: Vec<String>,
    }
    #[derive(Serialize)]
    struct ComparisonBody<'a> {
        text: Text,
        metrics: &'a [Compared],
        containers_gone: &'a [Gone],
        runs: Vec<json::Body<'a>>,
    }
    let Comparison { metrics, containers_gone, runs } = comparison;
    let started = runs.first().map(|run| run.started.as_str());
    let text = Text { sentences: comparison.sentences() };
    let runs = runs.iter().map(json::Body::of).collect();
    json::line(
        json::Kind::Comparison,
        started,
        &ComparisonBody { text, metrics, containers_gone, runs },
    )
}

impl Comparison {
    /// The result in sentences; the first is the answer.
    pub(crate) fn sentences(&self) -> Vec<String> {
        if self.runs.len() < 2 {
            return vec!["one run alone cannot be compared".to_owned()];
        }
        let (mut sentences, mut still, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
        for Compared { name, dependence } in &self.metrics {
            match dependence.cause {
                Cause::None => still.push(name.as_str()),
                Cause::Unclear => unclear.push(name.as_str()),
                _ => sentences.push(format!("{name} {}", dependence.summary())),
            }
        }
        if !still.is_empty() {
            sentences.push(format!("no growth under either stream timeout: {}", still.join(", ")));
        }
        if !unclear.is_empty() {
            sentences.push(format!("{} ({})", explain::UNCLEAR_DEPENDENCE, unclear.join(", ")));
        }
        if sentences.is_empty() {
            sentences.push("nothing was measured in both runs".to_owned());
        }
        sentences.extend(self.containers_gone.iter().map(Gone::summary));
        sentences
    }

    /// The first sentence.
    pub(super) fn answer(&self) -> String {
        self.sentences().into_iter().next().unwrap_or_default()
    }
}

impl Gone {
    fn summary(&self) -> String {
        let were = if self.containers.len() == 1 { "was" } else { "were" };
        format!(
            "{} of {} containers of the first run {were} gone in the run with {}: {}",
            self.containers.len(),
            self.of,
            span(self.stream_timeout_seconds),
            figures::names(&self.containers)
        )
    }
}

/// The comparison as text.
pub(crate) fn text(comparison: &Comparison, detail: Detail, colors: Colors) -> String {
    text::written(&document(comparison), detail, colors)
}

pub(super) fn document(comparison: &Comparison) -> Document {
    let mut sentences = comparison.sentences().into_iter();
    let sentence = sentences.next().unwrap_or_default();
    let head = Head { verdict: comparison.verdict(), sentence, facts: Vec::new() };
    let (more, table) = (Body::Items(sentences.collect()), Body::Table(table(&comparison.runs)));
    let sections = [
        Section::new(Kind::Meaning, "what else the runs show", Detail::Brief, more),
        Section::new(Kind::Compared, "", Detail::Brief, table),
    ];
    let sections = sections.into_iter().filter(|section| !section.is_empty()).collect();
    Document { head: Some(head), sections }
}

/// A column for each run, and a row for each value.
fn table(runs: &[Report]) -> Table {
    let columns = runs.iter().map(|run| Column::left(&timeout(run)));
    let columns = std::iter::once(Column::left("stream timeout")).chain(columns).collect();
    let row = |title: &str, cell: &dyn Fn(&Report) -> Cell| {
        let title = std::iter::once(Cell::Text(title.to_owned()));
        Row::main(title.chain(runs.iter().map(cell)).collect())
    };
    let text = |text: String| Cell::Text(text);
    let mut rows = vec![
        row("verdict", &|run| Cell::Verdict(run.verdict)),
        row("cycles/min expected", &|run| rate(run.cycles_expected)),
        row("cycles/min reached", &|run| rate(Some(run.cycles_per_minute))),
        row("lines/min", &|run| rate(run.lines.map(|lines| lines / run.seconds * 60.0))),
    ];
    // Held streams have no phases.
    if runs.iter().any(|run| 0 < run.pairs) {
        rows.push(row("on/off pairs", &|run| text(run.pairs.to_string())));
    }
    for name in names(runs) {
        let verdict = |run: &Report| run.metric(name).map(|metric| Cell::Verdict(metric.verdict));
        rows.push(row(name, &|run| verdict(run).unwrap_or(Cell::Absent)));
        rows.extend(rates("per minute", name, runs, |metric| metric.per_minute));
        rows.extend(rates("per cycle", name, runs, |metric| metric.per_cycle));
    }
    let sources: BTreeSet<&String> = runs.iter().flat_map(|run| run.cpu.keys()).collect();
    for source in sources {
        let cpu = |run: &Report| {
            let share = run.cpu.get(source).copied();
            share.map_or(Cell::Absent, |share| {
                text(format!("{} of a core", figures::percent(share)))
            })
        };
        rows.push(row(&format!("{source} CPU"), &cpu));
    }
    Table { columns, rows }
}

/// A rate of a metric in each run, with the same number of decimals. `None` if no run has it.
fn rates(
    title: &str,
    name: &str,
    runs: &[Report],
    of: impl Fn(&Metric) -> Option<Interval>,
) -> Option<Row> {
    let unit = runs.iter().find_map(|run| run.metric(name))?.id.unit;
    let known: Vec<Option<Interval>> = runs.iter().map(|run| of(run.metric(name)?)).collect();
    let estimate = |interval: &Option<Interval>| (interval.map(|rate| rate.estimate), unit);
    let estimates = figures::aligned(&known.iter().map(estimate).collect::<Vec<_>>());
    let cells =
        estimates.into_iter().zip(&known).map(|(estimate, interval)| match (estimate, interval) {
            (Some(_), Some(rate)) if figures::is_wide(rate.estimate, rate.low..=rate.high) => {
                Cell::Text(figures::interval(rate.estimate, rate.low..=rate.high, unit))
            }
            (Some(estimate), _) => Cell::Text(estimate.text),
            (None, _) => Cell::Absent,
        });
    let cells: Vec<Cell> = cells.collect();
    cells.iter().any(|cell| *cell != Cell::Absent).then(|| {
        let title = std::iter::once(Cell::Text(title.to_owned()));
        Row::Cells { level: Level::Part, cells: title.chain(cells).collect(), below: Vec::new() }
    })
}

/// The names of all metrics, in the order of the first run that has them.
fn names(runs: &[Report]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for metric in runs.iter().flat_map(|run| &run.metrics) {
        if !names.contains(&metric.name()) {
            names.push(metric.name());
        }
    }
    names
}

/// The stream timeout, which is the name of a run.
pub(super) fn timeout(run: &Report) -> String {
    match 0.0 < run.stream_timeout {
        true => span(run.stream_timeout),
        false => NONE.to_owned(),
    }
}

fn rate(value: Option<f64>) -> Cell {
    let known = value.filter(|value| value.is_finite());
    known.map_or(Cell::Absent, |value| {
        Cell::Text(amount((value * 10.0).round() / 10.0, Unit::Count))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::format::escape::tests::{hostile, is_harmless};
    use crate::leak::facts::Verdict;
    use crate::leak::judge::dependence::Dependence;
    use crate::leak::report::tests::example_reports;

    fn without_metrics(runs: Vec<Report>) -> Comparison {
        Comparison { metrics: Vec::new(), containers_gone: Vec::new(), runs }
    }

    /// A collector whose health check leaks, under two stream timeouts: the growth is the same.
    pub(in crate::leak::report) fn comparison() -> Comparison {
        let run = |timeout: f64, cycles: f64| {
            let leaking = |name: &str, per_minute: f64| Metric {
                verdict: Verdict::Leak,
                per_cycle: Some(example_reports::interval(0.0, -0.01, 0.01)),
                per_minute: Some(example_reports::interval(
                    per_minute,
                    per_minute - 0.4,
                    per_minute + 0.4,
                )),
                ..example_reports::level(name, 44.0)
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
                ..example_reports::clean()
            }
        };
        let dependence = Dependence {
            cause: Cause::Time,
            z_per_minute: 0.0,
            z_per_cycle: None,
            ratio: Some(10.0),
        };
        let name = "target.collector.goroutines".to_owned();
        let metrics = vec![Compared { name, dependence }];
        Comparison { metrics, ..without_metrics(vec![run(30.0, 15.9), run(300.0, 1.6)]) }
    }

    #[test]
    fn pairs_are_reported_if_there_are_any() {
        let mut comparison = comparison();
        assert!(text(&comparison, Detail::Brief, Colors::Off).contains("\non/off pairs "));
        comparison.runs.iter_mut().for_each(|run| run.pairs = 0);
        assert!(!text(&comparison, Detail::Brief, Colors::Off).contains("on/off pairs"));
    }

    #[test]
    fn the_answer_stands_above_the_table() {
        insta::assert_snapshot!(text(&comparison(), Detail::Brief, Colors::Off));
    }

    #[test]
    fn the_verdict_is_the_worst_of_all() {
        use Verdict::{Clean, Inconclusive, Invalid, Leak};
        let verdict = |verdicts: &[Verdict]| {
            let runs = verdicts
                .iter()
                .map(|verdict| Report { verdict: *verdict, ..example_reports::clean() });
            without_metrics(runs.collect()).verdict()
        };
        assert_eq!(verdict(&[Clean, Leak, Invalid]), Leak);
        assert_eq!(verdict(&[Clean, Inconclusive, Invalid]), Invalid);
        assert_eq!(verdict(&[Clean, Inconclusive]), Inconclusive);
        assert_eq!((verdict(&[Clean, Clean]), verdict(&[])), (Clean, Invalid));
    }

    #[test]
    fn json_contains_the_full_reports() {
        let value: Value = serde_json::from_str(&json(&comparison())).unwrap();
        assert_eq!((&value["v"], &value["type"]), (&1.into(), &"leak_comparison".into()));
        assert_eq!(value["metrics"][0]["cause"], "time");
        assert_eq!(value["runs"][1]["stream_timeout_seconds"], 300.0);
    }

    #[test]
    fn runs_may_have_different_metrics_or_none() {
        let runs = vec![
            example_reports::empty(),
            example_reports::leak(),
            example_reports::without_numbers(),
        ];
        let text = text(&without_metrics(runs), Detail::Brief, Colors::Off);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains("own.tasks            -             CLEAN"), "{text}");
        let nothing = without_metrics(Vec::new());
        assert!(super::text(&nothing, Detail::Brief, Colors::On).contains("stream timeout"));
    }

    proptest! {
        #[test]
        fn no_name_controls_the_terminal(name in hostile()) {
            let runs = vec![example_reports::with_text(&name), example_reports::with_text("x")];
            let gone = Gone { stream_timeout_seconds: 1.0, of: 2, containers: vec![name] };
            let comparison = Comparison { containers_gone: vec![gone], ..without_metrics(runs) };
            prop_assert!(is_harmless(&text(&comparison, Detail::Brief, Colors::Off)));
            prop_assert!(is_harmless(&json(&comparison).replace("\\n", "")));
        }
    }
}
