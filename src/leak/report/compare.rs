//! Several runs of the same load under different stream timeouts, in one table: whether the growth depends on how
//! often streams are opened and closed.

use std::collections::BTreeSet;

use super::document::Cell;
use super::escape::{LINE_WIDTH, plain, wrap};
use super::explain;
use super::figures::{self, NONE, amount};
use super::json::{self, Body, Kind};
use crate::format::Colors;
use crate::format::color::DIM;
use crate::format::units::span;
use crate::leak::facts::{Compared, Comparison, Gone, Interval, Metric, Report};
use crate::leak::judge::dependence::Cause;
use crate::leak::metric::Unit;

/// The comparison as one line of JSON, its end included.
pub(crate) fn json(comparison: &Comparison) -> String {
    let Comparison { metrics, containers_gone, runs } = comparison;
    let started = runs.first().map(|run| run.started.as_str());
    let body = serde_json::json!({
        "text": { "sentences": comparison.sentences() },
        "metrics": metrics,
        "containers_gone": containers_gone,
        "runs": runs.iter().map(Body::of).collect::<Vec<_>>(),
    });
    json::line(Kind::Comparison, started, &body)
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
        // What is known comes before what is not.
        if !unclear.is_empty() {
            sentences.push(format!("{} ({})", explain::UNCLEAR_DEPENDENCE, unclear.join(", ")));
        }
        if sentences.is_empty() {
            sentences.push("nothing was measured in both runs".to_owned());
        }
        sentences.extend(self.containers_gone.iter().map(Gone::summary));
        sentences
    }

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

/// A row of the table: a title, and a cell for each run.
pub(super) struct Row {
    pub(super) role: Role,
    pub(super) title: String,
    pub(super) cells: Vec<Cell>,
}

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A fact of the run, or the verdict on a metric.
    Main,
    /// A rate of the metric above.
    Rate,
}

/// The comparison as a table, the answer first.
pub(crate) fn text(comparison: &Comparison, colors: Colors) -> String {
    let mut lines = Vec::new();
    for sentence in comparison.sentences() {
        lines.extend(wrap(&plain(&sentence), LINE_WIDTH));
    }
    lines.push(String::new());
    lines.extend(table(&rows(&comparison.runs), colors));
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n") + "\n"
}

/// The rows of the table. The first row names the runs.
pub(super) fn rows(runs: &[Report]) -> Vec<Row> {
    let row = |title: &str, cell: &dyn Fn(&Report) -> Cell| {
        let (role, title) = (Role::Main, plain(title));
        Row { role, title, cells: runs.iter().map(cell).collect() }
    };
    let text = |text: String| Cell::Text(text);
    let mut rows = vec![
        row("stream timeout", &|run| Cell::Text(timeout(run))),
        row("verdict", &|run| Cell::Verdict(run.verdict)),
        row("cycles/min expected", &|run| rate(run.cycles_expected)),
        row("cycles/min reached", &|run| rate(Some(run.cycles_per_minute))),
        row("lines/min", &|run| rate(run.lines.map(|lines| lines / run.seconds * 60.0))),
    ];
    // Streams that are held have no phases.
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
    rows
}

/// A rate of a metric under each timeout, with the same number of decimals; nothing when no run has it.
fn rates(
    title: &str,
    name: &str,
    runs: &[Report],
    of: impl Fn(&Metric) -> Option<Interval>,
) -> Option<Row> {
    let unit = runs.iter().find_map(|run| run.metric(name))?.id.unit;
    let known: Vec<Option<Interval>> = runs.iter().map(|run| of(run.metric(name)?)).collect();
    let estimate = |interval: &Option<Interval>| (interval.map(|it| it.estimate), unit);
    let estimates = figures::aligned(&known.iter().map(estimate).collect::<Vec<_>>());
    let cells =
        estimates.into_iter().zip(&known).map(|(estimate, interval)| match (estimate, interval) {
            (Some(_), Some(interval)) if figures::is_wide(interval) => {
                Cell::Text(figures::interval(interval, unit))
            }
            (Some(estimate), _) => Cell::Text(estimate),
            (None, _) => Cell::Absent,
        });
    let cells: Vec<Cell> = cells.collect();
    cells.iter().any(|cell| *cell != Cell::Absent).then(|| Row {
        role: Role::Rate,
        title: title.to_owned(),
        cells,
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

/// The rows with their columns under each other; only verdicts have colors.
fn table(rows: &[Row], colors: Colors) -> Vec<String> {
    let text = |cell: &Cell| match cell {
        Cell::Verdict(verdict) => verdict.as_str().to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Absent => NONE.to_owned(),
    };
    let title = |row: &Row| match row.role {
        Role::Main => row.title.clone(),
        Role::Rate => format!("  {}", row.title),
    };
    let columns = rows.iter().map(|row| row.cells.len()).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.cells.get(column));
        cells.map(|cell| text(cell).chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let titles = rows.iter().map(|row| title(row).chars().count()).max().unwrap_or_default();
    let line = |row: &Row| {
        let cells = row.cells.iter().zip(&widths).map(|(cell, width)| {
            let paint = match cell {
                Cell::Verdict(verdict) => verdict.color(),
                Cell::Text(_) | Cell::Absent => "",
            };
            colors.paint(paint, &format!("{:<width$}", text(cell)))
        });
        let title = colors.paint(DIM, &format!("{:<titles$}", title(row)));
        let cells: Vec<String> = std::iter::once(title).chain(cells).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::leak::facts::Verdict;
    use crate::leak::judge::dependence::Dependence;
    use crate::leak::report::escape::tests::{hostile, is_harmless};
    use crate::leak::report::tests::example_reports;

    fn alone(runs: Vec<Report>) -> Comparison {
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
                ..example_reports::still(name, 44.0)
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
        Comparison { metrics, ..alone(vec![run(30.0, 15.9), run(300.0, 1.6)]) }
    }

    #[test]
    fn pairs_are_reported_where_there_are_some() {
        let mut comparison = comparison();
        assert!(text(&comparison, Colors::Off).contains("\non/off pairs "));
        comparison.runs.iter_mut().for_each(|run| run.pairs = 0);
        assert!(!text(&comparison, Colors::Off).contains("on/off pairs"));
    }

    #[test]
    fn the_answer_stands_above_the_table() {
        insta::assert_snapshot!(text(&comparison(), Colors::Off));
    }

    #[test]
    fn the_verdict_is_the_worst_of_all() {
        use Verdict::{Clean, Inconclusive, Invalid, Leak};
        let of = |verdicts: &[Verdict]| {
            let runs = verdicts
                .iter()
                .map(|verdict| Report { verdict: *verdict, ..example_reports::clean() });
            alone(runs.collect()).verdict()
        };
        assert_eq!(of(&[Clean, Leak, Invalid]), Leak);
        assert_eq!(of(&[Clean, Inconclusive, Invalid]), Invalid);
        assert_eq!(of(&[Clean, Inconclusive]), Inconclusive);
        assert_eq!((of(&[Clean, Clean]), of(&[])), (Clean, Invalid));
    }

    #[test]
    fn json_holds_the_whole_reports() {
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
        let text = text(&alone(runs), Colors::Off);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains("own.tasks            -        CLEAN"), "{text}");
        let nothing = alone(Vec::new());
        assert!(super::text(&nothing, Colors::On).contains("stream timeout"));
    }

    proptest! {
        #[test]
        fn no_name_can_drive_the_terminal(name in hostile()) {
            let runs = vec![example_reports::with_text(&name), example_reports::with_text("x")];
            let gone = Gone { stream_timeout_seconds: 1.0, of: 2, containers: vec![name] };
            let comparison = Comparison { containers_gone: vec![gone], ..alone(runs) };
            prop_assert!(is_harmless(&text(&comparison, Colors::Off)));
            prop_assert!(is_harmless(&json(&comparison).replace("\\n", "")));
        }
    }
}
