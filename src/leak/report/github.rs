//! The report for GitHub Actions: annotations, the step summary, and the verdict as an output.
//!
//! Lines that start with `::` are commands, so names are escaped.

use std::fmt::Write;

use super::compare;
use super::document::{Align, Body, Cell, Detail, Head, Kind, Level, Row, Section, Table};
use super::ranking::leading;
use super::{head, sections, sentences};
use crate::format::escape::{markdown, plain};
use crate::format::figures::share;
use crate::leak::facts::{Comparison, Metric, Report, Verdict};
use crate::sort::sort_by_key;

/// GitHub shows at most this many annotations of a kind per step.
const ANNOTATIONS_MAX: usize = 10;
/// GitHub refuses longer summaries.
const SUMMARY_MAX_BYTES: usize = 1024 * 1024;

/// One annotation for each gated metric that is not clean, leaks first.
pub(crate) fn annotations(report: &Report) -> String {
    written(notes(report, "cmon leak-check"))
}

/// The annotations of a comparison. Each title names the run.
pub(crate) fn annotations_compared(comparison: &Comparison) -> String {
    let run_notes = |run: &Report| {
        let title = format!("cmon leak-check, stream timeout {}", compare::timeout(run));
        notes(run, &title)
    };
    let mut notes: Vec<Note> = comparison.runs.iter().flat_map(run_notes).collect();
    sort_by_key(&mut notes, |note| VERDICT_ORDER.iter().position(|kind| *kind == note.verdict));
    if let (Some(first), true) = (notes.first_mut(), 1 < comparison.runs.len()) {
        first.message.push('\n');
        first.message.push_str(&plain(&comparison.answer()));
    }
    written(notes)
}

/// The order of annotations.
const VERDICT_ORDER: [Verdict; 4] =
    [Verdict::Leak, Verdict::Invalid, Verdict::Inconclusive, Verdict::Clean];

struct Note {
    verdict: Verdict,
    title: String,
    message: String,
}

fn written(notes: Vec<Note>) -> String {
    let mut text = String::new();
    for note in notes.into_iter().take(ANNOTATIONS_MAX) {
        command(&mut text, note.verdict, &note.title, &note.message);
    }
    text
}

fn notes(report: &Report, title: &str) -> Vec<Note> {
    let mut notes = Vec::new();
    let (head, _) = head::head(report);
    let leading = leading(report).map(Metric::name);
    let mut found: Vec<&Metric> =
        VERDICT_ORDER[..3].iter().flat_map(|kind| report.gated_with(*kind)).collect();
    sort_by_key(&mut found, |metric| leading != Some(metric.name()));
    let covered = found.iter().any(|metric| metric.verdict == report.verdict);
    // A CLEAN check may have growth that the baseline had too.
    let as_before = report.baseline.as_ref().is_some_and(|baseline| !baseline.as_before.is_empty());
    let head_lines = || {
        let facts = head.facts.iter();
        let facts = facts.map(|fact| plain(&format!("{}: {}", fact.role.title(), fact.text)));
        [plain(&head.sentence)].into_iter().chain(facts).collect::<Vec<_>>()
    };
    if !covered && (report.verdict != Verdict::Clean || as_before) {
        let message = head_lines().join("\n");
        notes.push(Note { verdict: report.verdict, title: title.to_owned(), message });
    }
    notes.extend(found.into_iter().enumerate().map(|(at, metric)| {
        let leads = at == 0 && metric.verdict == report.verdict;
        let mut lines =
            if leads { head_lines() } else { vec![plain(&sentences::headline(metric))] };
        lines.extend(metric.groups.iter().take(5).map(|group| {
            let rate = sentences::group_rate(group, metric);
            format!("{} {rate}: {}", share(group.share), plain(&group.title))
        }));
        let title = format!("{title}: {}", plain(&metric.id.name));
        Note { verdict: metric.verdict, title, message: lines.join("\n") }
    }));
    notes
}

fn command(into: &mut String, verdict: Verdict, title: &str, message: &str) {
    let kind = match verdict {
        Verdict::Leak | Verdict::Invalid => "error",
        Verdict::Inconclusive => "warning",
        Verdict::Clean => "notice",
    };
    let message = format!("{}: {message}", verdict.as_str());
    // Writing to a String cannot fail.
    let _ = writeln!(into, "::{kind} title={}::{}", property(title), data(&message));
}

/// Escapes the message after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The line for the output file: `verdict=leak`.
pub(crate) fn output(verdict: Verdict) -> String {
    format!("verdict={}\n", verdict.as_str().to_lowercase())
}

/// The summary of the step in Markdown.
pub(crate) fn summary(report: &Report) -> String {
    within(run_parts(report))
}

/// The summary of a comparison: its table, then each run.
pub(crate) fn summary_compared(comparison: &Comparison) -> String {
    let document = compare::document(comparison);
    let mut parts = vec![title(comparison.verdict(), &comparison.answer())];
    parts.extend(document.sections.iter().flat_map(section_of));
    for run in &comparison.runs {
        let timeout = compare::timeout(run);
        parts.push(format!("\n## Stream timeout {}\n\n", markdown(&timeout)));
        parts.extend(run_parts(run));
    }
    within(parts)
}

/// One run, in parts. `within` may drop the last ones.
fn run_parts(report: &Report) -> Vec<String> {
    let document = sections::document(report, Detail::Full);
    let mut parts: Vec<String> = document.head.iter().map(head).collect();
    parts.extend(document.sections.iter().flat_map(section_of));
    parts
}

/// A section in Markdown, with folded groups.
fn section_of(section: &Section) -> Vec<String> {
    let title = markdown(&sentences::heading(&section.title));
    let mut parts = match &section.body {
        Body::Table(table) if section.kind == Kind::Groups => {
            let table = table_of(table).concat();
            return vec![format!("<details><summary>{title}</summary>\n\n{table}\n</details>\n\n")];
        }
        Body::Table(table) => table_of(table),
        Body::Items(items) => items.iter().map(|item| format!("- {}\n", markdown(item))).collect(),
        Body::Pairs(pairs) => {
            let pair = |(name, value): &(String, String)| {
                format!("- {}: {}\n", markdown(name), markdown(value))
            };
            pairs.iter().map(pair).collect()
        }
    };
    if !title.is_empty() {
        parts.insert(0, format!("**{title}**\n\n"));
    }
    parts.push("\n".to_owned());
    parts
}

/// A table in lines of Markdown.
fn table_of(table: &Table) -> Vec<String> {
    let ends: String = table.columns.iter().map(|column| end_of(column.align)).collect();
    let titles = table.columns.iter().map(|column| markdown(&column.title_and_note()));
    let mut lines = vec![table_line(titles), format!("|{ends}\n")];
    lines.extend(table.rows.iter().map(|row| match row {
        Row::Cells { level, cells, .. } => {
            let indent = if *level == Level::Part { "&nbsp;&nbsp;" } else { "" };
            let mut cells: Vec<String> = cells.iter().map(cell_of).collect();
            if let Some(title) = cells.first_mut() {
                title.insert_str(0, indent);
            }
            table_line(cells)
        }
        Row::Heading(text) => table_line([markdown(text)]),
    }));
    lines
}

fn end_of(align: Align) -> &'static str {
    match align {
        Align::Left => "---|",
        Align::Right => "---:|",
    }
}

fn table_line(cells: impl IntoIterator<Item = String>) -> String {
    format!("| {} |\n", cells.into_iter().collect::<Vec<_>>().join(" | "))
}

fn cell_of(cell: &Cell) -> String {
    match cell {
        Cell::Verdict(verdict) => format!("**{}**", verdict.as_str()),
        other => markdown(&other.exact()),
    }
}

fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak => "❌",
        Verdict::Clean => "✅",
        Verdict::Inconclusive => "❔",
        Verdict::Invalid => "⚠️",
    }
}

/// The verdict with its sentence, as a heading.
fn title(verdict: Verdict, sentence: &str) -> String {
    format!("### {} {}: {}\n\n", sign(verdict), verdict.as_str(), markdown(sentence))
}

fn head(head: &Head) -> String {
    let mut text = title(head.verdict, &head.sentence);
    for fact in &head.facts {
        let _ = writeln!(text, "- {}: {}", fact.role.title(), markdown(&fact.text));
    }
    text + "\n"
}

/// The parts that fit into the summary, and a note if some do not.
fn within(parts: Vec<String>) -> String {
    let note = "\n\nThe rest did not fit into the summary.\n";
    let mut text = String::new();
    for part in parts {
        if SUMMARY_MAX_BYTES - note.len() < text.len() + part.len() {
            text.push_str(note);
            break;
        }
        text.push_str(&part);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::escape::tests::{hostile, is_harmless};
    use crate::leak::report::tests::example_reports;

    #[test]
    fn a_leak_is_an_error_with_its_groups() {
        insta::assert_snapshot!(annotations(&example_reports::leak()));
        insta::assert_snapshot!(summary(&example_reports::leak()));
        assert_eq!(output(Verdict::Leak), "verdict=leak\n");
    }

    #[test]
    fn an_inconclusive_check_is_a_warning_and_a_clean_one_has_no_annotation() {
        assert_eq!(annotations(&example_reports::clean()), "");
        assert!(
            annotations(&example_reports::inconclusive())
                .starts_with("::warning title=cmon leak-check%3A ")
        );
        assert!(annotations(&example_reports::invalid()).starts_with("::error "));
        assert!(
            annotations(&example_reports::empty())
                .starts_with("::error title=cmon leak-check::INVALID: ")
        );
    }

    #[test]
    fn annotations_and_the_summary_are_limited() {
        assert_eq!(annotations(&example_reports::many(200)).lines().count(), 10);
        let long = example_reports::with_text(&"x".repeat(200_000));
        let summary = summary(&long);
        assert!(
            summary.len() <= SUMMARY_MAX_BYTES
                && summary.ends_with("did not fit into the summary.\n")
        );
    }

    #[test]
    fn a_comparison_has_annotations_and_a_summary() {
        let comparison = compare::tests::comparison();
        let text = annotations_compared(&comparison);
        assert_eq!(text.lines().count(), 4, "{text}");
        for timeout in ["30s", "5m"] {
            let title = format!(
                "::error title=cmon leak-check%2C stream timeout {timeout}%3A \
                 target.collector.goroutines::LEAK: "
            );
            assert!(text.contains(&title), "{text}");
        }
        assert_eq!(text.matches("does not depend on the stream timeout").count(), 1);
        let summary = summary_compared(&comparison);
        let begin =
            "### ❌ LEAK: target.collector.goroutines does not depend on the stream timeout";
        assert!(summary.starts_with(begin), "{summary}");
        let table =
            "\n| stream timeout | 30s | 5m |\n|---|---|---|\n| verdict | **LEAK** | **LEAK** |\n";
        assert!(summary.contains(table), "{summary}");
        assert!(summary.contains("\n| &nbsp;&nbsp;per minute | +32.0 | +32.0 |"), "{summary}");
        for timeout in ["30s", "5m"] {
            assert!(summary.contains(&format!("\n## Stream timeout {timeout}\n\n### ❌ LEAK")));
        }
    }

    #[test]
    fn commands_are_escaped_as_github_reads_them() {
        let text = annotations(&example_reports::with_text("a:b,c%d\ne"));
        assert!(
            text.starts_with("::error title=cmon leak-check%3A a%3Ab%2Cc%25d^Je::LEAK: "),
            "{text}"
        );
    }

    #[test]
    fn growth_as_before_is_a_notice_of_a_clean_check() {
        let text = annotations(&example_reports::as_before());
        let shown = "::notice title=cmon leak-check::CLEAN: nothing new grows";
        assert!(text.starts_with(shown) && text.contains("grows as before"), "{text}");
        let summary = summary(&example_reports::as_before());
        assert!(summary.contains("daemon.goroutines grows as before"), "{summary}");
        assert!(summary.contains("- the earlier run took 3m04s, this one 10m"), "{summary}");
    }

    proptest! {
        #[test]
        fn no_name_becomes_a_command_or_a_cell(name in hostile()) {
            let report = example_reports::with_text(&name);
            let text = annotations(&report);
            prop_assert!(is_harmless(&text));
            prop_assert_eq!(text.lines().count(), 1);
            prop_assert!(text.lines().all(|line| line.starts_with("::error title=cmon leak-check")));
            let summary = summary(&report);
            prop_assert!(is_harmless(&summary) && !summary.contains("<script"));
            let rows: Vec<_> = summary.lines().filter(|line| line.starts_with("| **")).collect();
            prop_assert_eq!(rows.len(), 4);
            prop_assert!(rows.iter().all(|row| row.matches('|').count() == 9));
        }
    }
}
