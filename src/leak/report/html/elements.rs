//! Shared elements of a page: badges, icons, lists.

use maud::{Markup, html};

use crate::leak::facts::Verdict;
use crate::leak::report::document::{Align, Cell, Column, Level, Row, Table};
use crate::leak::report::sentences::heading;

/// The place of a report on a page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// It is the whole page.
    Page,
    /// It is the run of this number, below a comparison.
    Run(usize),
}

impl Place {
    /// The prefix of all element ids of the report.
    pub(super) fn ids(self) -> String {
        match self {
            Self::Page => String::new(),
            Self::Run(number) => format!("run-{number}-"),
        }
    }
}

pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak => "leak",
        Verdict::Clean => "clean",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Invalid => "invalid",
    }
}

/// A different icon for each verdict, so that color is not needed.
pub(super) fn icon(verdict: Verdict) -> Markup {
    let circle = html! { circle cx="12" cy="12" r="10.4" {} };
    let (outline, sign) = match verdict {
        Verdict::Leak => (html! { path d="M12 2.6 22.6 21.4H1.4z" {} }, "M12 9.4v5.4m0 3v.2"),
        Verdict::Clean => (circle, "m7 12.4 3.6 3.6L17 8.6"),
        Verdict::Inconclusive => (circle, "M9 9.4c0-4 6.2-3.6 6.2-.2 0 2.4-3.2 2.4-3.2 5m0 3v.2"),
        Verdict::Invalid => (
            html! { path d="M7.6 1.6h8.8l6 6v8.8l-6 6H7.6l-6-6V7.6z" {} },
            "m8.4 8.4 7.2 7.2m0-7.2-7.2 7.2",
        ),
    };
    html! {
        svg.icon viewBox="0 0 24 24" aria-hidden="true" { (outline) path.sign d=(sign) {} }
    }
}

pub(super) fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (class(verdict)) } { (icon(verdict)) (verdict.as_str()) } }
}

/// A section with a table. `head` makes the title of each column, by its index. `ids` is the prefix of the ids of metrics.
pub(super) fn table(
    title: &str,
    class: &str,
    table: &Table,
    ids: &str,
    head: &dyn Fn(usize, &Column) -> Markup,
) -> Markup {
    let titles: Vec<String> = table.columns.iter().map(|column| heading(&column.title)).collect();
    html! {
        section {
            h2 { (title) }
            div class=(class) {
                table {
                    thead {
                        tr {
                            @for (at, column) in table.columns.iter().enumerate() {
                                th.number[column.align == Align::Right] scope="col" { (head(at, column)) }
                            }
                        }
                    }
                    tbody { @for row in &table.rows { (table_row(row, &table.columns, &titles, ids)) } }
                }
            }
        }
    }
}

fn table_row(row: &Row, columns: &[Column], titles: &[String], ids: &str) -> Markup {
    let Row::Cells { level, cells, .. } = row else { return heading_row(row, columns.len()) };
    html! {
        tr.below[*level == Level::Part] {
            @for ((cell, column), title) in cells.iter().zip(columns).zip(titles) {
                td.none[*cell == Cell::Absent].number[column.align == Align::Right] data-title=(title) {
                    (written(cell, ids))
                }
            }
        }
    }
}

fn heading_row(row: &Row, columns: usize) -> Markup {
    let Row::Heading(text) = row else { return html! {} };
    html! { tr.heading { th colspan=(columns) scope="rowgroup" { (text) } } }
}

fn written(cell: &Cell, ids: &str) -> Markup {
    match cell {
        Cell::Verdict(verdict) => badge(*verdict),
        Cell::Metric { name, at } => html! { a href={ "#" (ids) "m" (at) } { (name) } },
        Cell::Rate { estimate, bounds: Some(bounds), .. } => {
            html! { b { (estimate) } " " small { "(" (bounds) ")" } }
        }
        other => html! { (other.exact()) },
    }
}

/// A section with a list; empty without items.
pub(super) fn list(title: &str, class: &str, items: &[String]) -> Markup {
    html! {
        @if !items.is_empty() {
            section class={ "list " (class) } {
                h2 { (title) }
                ul { @for item in items { li { (item) } } }
            }
        }
    }
}

/// Names with their values.
pub(super) fn pairs<'a>(
    class: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Markup {
    html! {
        dl class=(class) { @for (name, value) in pairs { dt { (name) } dd { (value) } } }
    }
}
