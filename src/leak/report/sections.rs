//! Builds the document of a report, section by section.

use super::document::{
    Body, Cell, Column, Detail, Document, Kind, Level, Room, Row, Section, Significance, Table,
};
use super::ranking::{leading, ordered};
use super::{explain, head, sentences};
use crate::format::figures::{self, share};
use crate::format::sparkline::sparkline;
use crate::leak::facts::{Advice, Interval, Metric, Report, Verdict};
use crate::leak::judge::cohort::Cohorts;
use crate::leak::judge::shape::Shape;

/// The maximum of CLEAN metrics in a brief table.
const CLEAN_SHOWN: usize = 12;
/// The maximum of groups per metric in a brief report, and in a full one.
const GROUPS_SHOWN: (usize, usize) = (4, 20);
const SPARKLINE_WIDTH: usize = 24;

pub(super) fn document(report: &Report, detail: Detail) -> Document {
    let mut sections = Vec::new();
    let mut add = |kind: Kind, title: &str, from: Detail, body: Body| {
        let section = Section::new(kind, title, from, body);
        if !section.is_empty() {
            sections.push(section);
        }
    };
    add(Kind::Metrics, "", Detail::Brief, Body::Table(metrics(report, detail)));
    let leading = leading(report).map(Metric::name);
    for (_, metric) in ordered(report) {
        let leads = leading == Some(metric.name()) && 1 < metric.groups.len();
        let from = if leads { Detail::Brief } else { Detail::Full };
        let title = format!("what grows in {}", metric.name());
        add(Kind::Groups, &title, from, Body::Table(groups(metric, detail)));
    }
    // Facts of the head are not repeated.
    let (head, shown) = head::head(report);
    let meaning = report.signatures.iter().filter(|signature| shown.signature != Some(*signature));
    let meaning = meaning.map(ToString::to_string).collect();
    let title = if shown.signature.is_some() { "what else it means" } else { "what it means" };
    let (compared, baseline) = report
        .baseline
        .as_ref()
        .map(|earlier| (earlier.title(), earlier.lines()))
        .unwrap_or_default();
    let reasons = match report.verdict {
        Verdict::Inconclusive => Vec::new(),
        _ => explain::all_undecided(report),
    };
    let reasons_title = match report.verdict {
        Verdict::Leak => "why other metrics are not clear",
        _ => "why metrics are not clear",
    };
    let advice = match report.verdict {
        Verdict::Leak => Vec::new(),
        _ => {
            let further = report.advice.iter().filter(|advice| shown.advice != Some(*advice));
            further.map(Advice::summary).collect()
        }
    };
    let advice_title = if shown.advice.is_some() { "what else helps" } else { "what helps" };
    let smallest = "smallest leak that this check would have found";
    let (brief, full) = (Detail::Brief, Detail::Full);
    let lists = [
        (Kind::Meaning, title, brief, meaning),
        (Kind::Baseline, &compared, brief, baseline),
        (Kind::Reasons, reasons_title, full, reasons),
        (Kind::Survivors, "still alive at the end", brief, sentences::survivors(report)),
        (Kind::Unavailable, "not available", brief, sentences::unavailable(report)),
        (Kind::Cuts, "series that restarted", brief, sentences::cuts(report)),
        (Kind::Smallest, smallest, full, sentences::smallest(report)),
        (Kind::Advice, advice_title, full, advice),
        (Kind::Rules, "how the verdict was made", full, sentences::rules(report)),
    ];
    for (kind, title, from, items) in lists {
        add(kind, title, from, Body::Items(items));
    }
    let mut work = vec![("work", sentences::work(report)), ("checked", sentences::checked(report))];
    match detail {
        Detail::Full => {
            work.extend(report.daemon.as_ref().map(|daemon| ("daemon", daemon.address.clone())));
            if report.drive.has_phases() {
                work.push(("seed", format!("{} (the same order again: --seed {0})", report.seed)));
            }
        }
        Detail::Brief if !report.metrics.is_empty() => {
            work.push(("details", "-v, or --html FILE for charts".to_owned()));
        }
        Detail::Brief => {}
    }
    let work = work.into_iter().map(|(name, value)| (name.to_owned(), value));
    add(Kind::Work, "", Detail::Brief, Body::Pairs(work.collect()));
    Document { head: Some(head), sections }
}

/// One row for each metric: rates, first and last value. A full report adds intervals, the shape and the reason below.
///
/// For an INVALID check, a brief table has neither verdicts nor rates.
fn metrics(report: &Report, detail: Detail) -> Table {
    let judged = report.verdict != Verdict::Invalid;
    let measured = judged || detail == Detail::Full;
    let ordered = ordered(report);
    let mut clean = 0;
    let is_shown = |(_, metric): &&(usize, &Metric)| {
        clean += usize::from(metric.verdict == Verdict::Clean);
        metric.verdict != Verdict::Clean || clean <= CLEAN_SHOWN || detail == Detail::Full
    };
    let shown: Vec<(usize, &Metric)> = ordered.iter().filter(is_shown).copied().collect();
    let minute = match report.drive.has_phases() {
        true => "per idle min",
        false => "per minute",
    };
    let rates = [
        ("per cycle", rates(&shown, |metric| metric.per_cycle)),
        (minute, rates(&shown, |metric| metric.per_minute)),
    ];
    // Omits empty columns.
    let rates: Vec<_> = rates
        .into_iter()
        .filter(|(_, cells)| measured && cells.iter().any(|cell| *cell != Cell::Absent))
        .collect();
    let name = if judged { "metric" } else { "metric (not judged)" };
    let confidence = sentences::confidence(shown.iter().flat_map(|(_, metric)| metric.rates()));
    let mut columns = vec![Column::left("verdict"), Column::left(name)];
    let rate_column = |title: &str| Column::right(title).with_note(confidence.clone());
    columns.extend(rates.iter().map(|(title, _)| rate_column(title)));
    columns.extend([Column::right("from"), Column::right("to")]);
    columns.push(Column::right("p-value").from(Room::Page));
    columns.push(Column::left("course").from(Room::PageWithoutCharts));
    let (mut rows, mut decides) = (Vec::new(), true);
    for (row, metric) in shown.iter().enumerate() {
        if judged && decides && !metric.1.gated {
            decides = false;
            rows.push(Row::Heading("not part of the verdict:".to_owned()));
        }
        let rates = rates.iter().map(|(_, rates)| rates[row].clone());
        rows.push(metric_row(report, *metric, detail, rates.collect()));
    }
    if shown.len() < ordered.len() {
        let more = ordered.len() - shown.len();
        rows.push(Row::Heading(format!("and {more} more that are CLEAN (-v shows them)")));
    }
    Table { columns, rows }
}

fn metric_row(
    report: &Report,
    (at, metric): (usize, &Metric),
    detail: Detail,
    rates: Vec<Cell>,
) -> Row {
    // INCONCLUSIVE is irrelevant for a metric that is not gated.
    let verdict = match (metric.gated, metric.verdict, detail) {
        _ if report.verdict == Verdict::Invalid => Cell::Text(String::new()),
        (false, Verdict::Inconclusive, Detail::Brief) => Cell::Text(String::new()),
        (_, verdict, _) => Cell::Verdict(verdict),
    };
    let mut cells = vec![verdict, Cell::Metric { name: metric.id.name.clone(), at }];
    cells.extend(rates);
    cells.extend(figures::pair(metric.first, metric.last, metric.id.unit).map(Cell::Text));
    cells.push(metric.p.map_or(Cell::Absent, |p| Cell::Text(figures::chance(p))));
    let sparkline = sparkline(&metric.series, SPARKLINE_WIDTH);
    let course = [sparkline, sentences::shape(metric).unwrap_or_default()].join(" ");
    cells.push(Cell::Text(course.trim().to_owned()));
    let mut below = Vec::new();
    if detail == Detail::Full {
        below.extend(sentences::intervals(metric));
        below.extend(sentences::shape(metric));
        below.push(explain::metric(metric));
        below.extend(metric.cohorts.as_ref().map(Cohorts::summary));
        below.retain(|text| !text.is_empty());
    }
    Row::Cells { level: Level::Main, cells, below }
}

/// The rates of one column, with the same number of decimals.
fn rates(shown: &[(usize, &Metric)], rate: fn(&Metric) -> Option<Interval>) -> Vec<Cell> {
    let known = shown.iter().map(|(_, metric)| {
        let known = rate(metric).map(|rate| rate.estimate).filter(|rate| rate.is_finite());
        (known, metric.id.unit)
    });
    let texts = figures::aligned(&known.collect::<Vec<_>>());
    let rates = texts.into_iter().zip(shown).map(|(short, (_, metric))| {
        let (Some(short), Some(rate)) = (short, rate(metric)) else { return Cell::Absent };
        let stopped = matches!(metric.shape, Shape::Stopped { .. });
        let contains_zero = rate.low <= 0.0 && 0.0 <= rate.high;
        let significance = match contains_zero && !stopped && !short.is_zero {
            true => Significance::MayBeChance,
            false => Significance::Clear,
        };
        let (estimate, bounds) =
            figures::estimate_and_bounds(rate.estimate, rate.low..=rate.high, metric.id.unit);
        Cell::Rate { short: short.text, significance, estimate, bounds }
    });
    rates.collect()
}

/// The groups of a metric that grow.
fn groups(metric: &Metric, detail: Detail) -> Table {
    let limit = if detail == Detail::Brief { GROUPS_SHOWN.0 } else { GROUPS_SHOWN.1 };
    let shown = &metric.groups[..metric.groups.len().min(limit)];
    let columns = vec![
        Column::right("share"),
        Column::left("growth"),
        Column::right("from"),
        Column::right("to"),
        Column::left("group"),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for group in shown {
        let labels = match group.labels.text() {
            none if none.is_empty() => none,
            labels => format!(" (labels {labels})"),
        };
        let cells = [
            share(group.share),
            sentences::group_rate(group, metric),
            group.first.to_string(),
            group.last.to_string(),
            format!("{}{labels}", group.title),
        ];
        rows.push(Row::main(cells.map(Cell::Text).into()));
    }
    if shown.len() < metric.groups.len() {
        let more = metric.groups.len() - shown.len();
        rows.push(Row::Heading(format!("and {more} more")));
    }
    if let Some(rest) = sentences::rest(&metric.groups) {
        let what = "in no group that grows for certain".to_owned();
        let (share, what) = (Cell::Text(share(rest)), Cell::Text(what));
        rows.push(Row::main(vec![share, Cell::Absent, Cell::Absent, Cell::Absent, what]));
    }
    Table { columns, rows }
}
