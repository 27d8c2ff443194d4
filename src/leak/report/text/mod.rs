//! The report for people and for the logs of CI, made to be read at a glance: the verdict first,
//! then one line for each metric, then what it means and how it came to be. At most 100 columns
//! wherever names allow it, and never a control character from a name.

use std::fmt::Write;

use super::escape::{plain, shell, wrap};
use super::figures::{duration, share};
use super::{Metric, Report, Verdict, words};
use crate::format::color::{DIM, GREEN, RED, RESET, YELLOW};

/// Lines are no longer than this, unless a table of long names needs more.
const WIDTH: usize = 100;
/// What stands below a metric begins here: behind the longest verdict.
const INDENT: usize = 14;
/// So many groups are shown for each metric.
const GROUPS: usize = 5;
/// So many metrics that are well are shown, each with a line of its own.
const WELL: usize = 40;
/// So many items of a list are shown.
const ITEMS: usize = 20;

/// The report as text. `again` are the arguments of `cmon leak-check` that judge the same readings again in
/// the same way; empty where nothing was recorded.
pub fn text(report: &Report, color: bool, again: &[String]) -> String {
    let mut text = Text { into: String::new(), color };
    text.verdict(report);
    text.metrics(report);
    if let Some(baseline) = &report.baseline {
        text.list(&plain(&baseline.title()), &baseline.lines());
    }
    text.list("what it means", &report.signatures);
    text.list("still alive at the end", &survivors(report));
    text.list("could not be had", &unavailable(report));
    text.list("a series began anew", &cuts(report));
    text.list("smallest leak that this run could have seen", &words::smallest(report));
    text.list("what helps", &report.advice);
    text.end(report, again);
    text.into
}

struct Text {
    into: String,
    color: bool,
}

/// The columns of the table of metrics, without the verdict.
type Row = [String; 4];

impl Text {
    fn line(&mut self, line: &str) {
        self.into.push_str(line.trim_end());
        self.into.push('\n');
    }

    /// `text` in a colour, where there are colours.
    fn painted(&self, color: &str, text: &str) -> String {
        match self.color {
            true => format!("{color}{text}{RESET}"),
            false => text.to_owned(),
        }
    }

    fn verdict(&mut self, report: &Report) {
        let word = report.verdict.as_str();
        let because = plain(&words::because(report));
        let mut lines = wrap(&because, WIDTH - word.len() - 2).into_iter();
        let head = self.painted(color_of(report.verdict), word);
        self.line(&format!("{head}: {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.line(&format!("{:1$}{line}", "", word.len() + 2));
        }
    }

    fn metrics(&mut self, report: &Report) {
        if report.metrics.is_empty() {
            return;
        }
        let titles = titles(report);
        let metrics = words::ordered(report);
        let rows: Vec<Row> = metrics.iter().map(|(_, metric)| row(metric)).collect();
        let widths = widths(&titles, &rows);
        self.line("");
        let header = joined(&titles, &widths);
        let header = self.painted(DIM, header.trim_end());
        self.line(&format!("{:INDENT$}{header}", ""));
        let mut well = 0;
        let mut told = false;
        for ((_, metric), row) in metrics.into_iter().zip(&rows) {
            if !metric.gated && !told {
                told = true;
                let note = self.painted(DIM, "not part of the verdict:");
                self.line(&format!("{:INDENT$}{note}", ""));
            }
            well += usize::from(metric.verdict == Verdict::Clean);
            if metric.verdict == Verdict::Clean && WELL < well {
                continue;
            }
            let word = format!("{:<INDENT$}", metric.verdict.as_str());
            let word = self.painted(color_of(metric.verdict), &word);
            self.line(&format!("{word}{}", joined(row, &widths)));
            self.below(metric);
        }
        if WELL < well {
            self.line(&format!("{:<INDENT$}and {} more metrics", "CLEAN", well - WELL));
        }
    }

    /// What is said of one metric below its line.
    fn below(&mut self, metric: &Metric) {
        let detail = match metric.verdict {
            Verdict::Clean if words::has_no_figures(metric) => metric.because.clone(),
            // It may grow all the same, as it did before.
            Verdict::Clean if metric.mode == "baseline" => metric.because.clone(),
            Verdict::Clean => words::shape(metric).map(str::to_owned).unwrap_or_default(),
            // A passive one says its shape itself.
            Verdict::Leak
                if words::shape(metric).is_some_and(|shape| metric.because.starts_with(shape)) =>
            {
                format!("{}; {}", words::ends(metric), metric.because)
            }
            Verdict::Leak => words::grown(metric),
            // What does not decide need not be explained.
            Verdict::Inconclusive | Verdict::Invalid if !metric.gated => String::new(),
            Verdict::Inconclusive | Verdict::Invalid => metric.because.clone(),
        };
        if !detail.is_empty() {
            for line in wrap(&plain(&detail), WIDTH - INDENT) {
                self.line(&format!("{:INDENT$}{line}", ""));
            }
        }
        let shown = &metric.groups[..metric.groups.len().min(GROUPS)];
        let rates: Vec<String> =
            shown.iter().map(|group| words::group_rate(group, metric)).collect();
        let width = rates.iter().map(|rate| rate.chars().count()).max().unwrap_or_default();
        for (group, rate) in shown.iter().zip(rates) {
            let part = share(group.share);
            let head = format!("{part:>6}  {rate:<width$}  {} to {}  ", group.first, group.last);
            let indent = INDENT + head.chars().count();
            let room = WIDTH.saturating_sub(indent).max(30);
            let mut title = wrap(&plain(&group.title), room).into_iter();
            let first = title.next().unwrap_or_default();
            self.line(&format!("{:INDENT$}{head}{first}", ""));
            for line in title {
                self.line(&format!("{:indent$}{line}", ""));
            }
        }
        if shown.len() < metric.groups.len() {
            let more = metric.groups.len() - shown.len();
            self.line(&format!("{:INDENT$}{:>6}  and {more} more groups that grow", "", ""));
        }
        if let Some(rest) = words::rest(&metric.groups) {
            self.line(&format!(
                "{:INDENT$}{:>6}  in no group that grows for certain",
                "",
                share(rest)
            ));
        }
    }

    /// A heading and its items; nothing without items.
    fn list(&mut self, title: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.line("");
        for line in wrap(&format!("{title}:"), WIDTH) {
            self.line(&line);
        }
        for item in &items[..items.len().min(ITEMS)] {
            for (at, line) in wrap(&plain(item), WIDTH - 4).iter().enumerate() {
                let bullet = if at == 0 { "  - " } else { "    " };
                self.line(&format!("{bullet}{line}"));
            }
        }
        if ITEMS < items.len() {
            self.line(&format!("  and {} more", items.len() - ITEMS));
        }
    }

    /// What was done, and how to do it again.
    fn end(&mut self, report: &Report, again: &[String]) {
        self.line("");
        self.pair("work", &words::work(report));
        self.pair("checked", &words::checked(report));
        if !report.daemon.is_empty() {
            self.pair("daemon", &report.daemon);
        }
        if report.drive.has_rungs() {
            self.pair("seed", &format!("{} (the same order again: --seed {0})", report.seed));
        }
        if !again.is_empty() {
            let words: Vec<String> = again.iter().map(|word| shell(word)).collect();
            self.pair("judge again", &format!("cmon leak-check {}", words.join(" ")));
        }
    }

    fn pair(&mut self, name: &str, value: &str) {
        for (at, line) in wrap(&plain(value), WIDTH - INDENT).iter().enumerate() {
            let head = format!("{:<INDENT$}", if at == 0 { name } else { "" });
            let head = self.painted(DIM, &head);
            self.line(&format!("{head}{line}"));
        }
    }
}

/// Meaning never hangs on it: the word stands there too.
fn color_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak | Verdict::Invalid => RED,
        Verdict::Clean => GREEN,
        Verdict::Inconclusive => YELLOW,
    }
}

fn titles(report: &Report) -> Row {
    let per_cycle = report.metrics.iter().filter_map(|metric| metric.per_cycle.as_ref());
    let per_minute = report.metrics.iter().filter_map(|metric| metric.per_minute.as_ref());
    let minute = words::per_minute_title(report);
    [
        "metric".to_owned(),
        format!("per cycle{}", words::confidence(per_cycle)),
        format!("{minute}{}", words::confidence(per_minute)),
        "p".to_owned(),
    ]
}

fn row(metric: &Metric) -> Row {
    [plain(&metric.name), words::per_cycle(metric), words::per_minute(metric), words::p(metric)]
}

/// The width of each column; 0 where no metric has anything in it.
fn widths(titles: &Row, rows: &[Row]) -> [usize; 4] {
    std::array::from_fn(|column| {
        let cells = || rows.iter().map(|row| &row[column]);
        match cells().all(|cell| cell == super::figures::NONE) {
            true => 0,
            false => cells()
                .chain([&titles[column]])
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default(),
        }
    })
}

fn joined(row: &Row, widths: &[usize; 4]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths).filter(|(_, width)| 0 < **width) {
        // Writing to a String cannot fail.
        let _ = write!(line, "{cell:<width$}  ");
    }
    line.trim_end().to_owned()
}

fn survivors(report: &Report) -> Vec<String> {
    let all = report.survivors.iter();
    all.map(|it| format!("{} {}, {} old", it.kind, it.name, duration(it.age))).collect()
}

fn unavailable(report: &Report) -> Vec<String> {
    report.unavailable.iter().map(|it| format!("{}: {}", it.metric, it.why)).collect()
}

fn cuts(report: &Report) -> Vec<String> {
    let at = |milliseconds: u64| duration(milliseconds as f64 / 1000.0);
    let all = report.cuts.iter();
    all.map(|cut| format!("{} at {}: {}", cut.source, at(cut.at_ms), cut.why)).collect()
}

#[cfg(test)]
mod tests;
