//! The page of a comparison: the answer, a table, and the report of each run.

use maud::{Markup, html};

use super::elements::{Place, badge, class, icon, list};
use super::report_page::{page, run_content};
use crate::leak::facts::Comparison;
use crate::leak::report::compare;
use crate::leak::report::document::{Body, Cell, Level, Row, Section, Table};
use crate::leak::report::figures::NONE;
use crate::leak::report::sentences::heading;

/// The comparison as one self-contained HTML file.
pub(crate) fn comparison(comparison: &Comparison) -> String {
    let (verdict, runs) = (comparison.verdict(), &comparison.runs);
    let version = runs.first().map_or("", |run| &run.cmon);
    let main = html! {
        header class={ "banner " (class(verdict)) } {
            (icon(verdict))
            div {
                h1.verdict { (verdict.as_str()) }
                p { (comparison.answer()) }
                p.when { "cmon leak-check --compare " (version) }
            }
        }
        @for section in compare::document(comparison).sections { (section_of(&section)) }
        @for (at, run) in (1..).zip(runs) {
            section.run id={ "run-" (at) } {
                h2 { "Stream timeout " (compare::timeout(run)) }
                (run_content(run, Place::Run(at)))
            }
        }
    };
    page(verdict, "cmon leak-check --compare", &main)
}

fn section_of(section: &Section) -> Markup {
    match &section.body {
        Body::Items(items) => list(&heading(&section.title), "means", items),
        Body::Table(compared) => table(compared),
        Body::Pairs(_) => html! {},
    }
}

/// One column for each run, with a link to its report.
fn table(Table { columns, rows }: &Table) -> Markup {
    html! {
        section {
            h2 { "Compared" }
            div.compared {
                table {
                    thead {
                        tr {
                            @for (run, column) in columns.iter().enumerate() {
                                th scope="col" {
                                    @if run == 0 { (column.title) } @else { a href={ "#run-" (run) } { (column.title) } }
                                }
                            }
                        }
                    }
                    tbody { @for row in rows { (table_row(row)) } }
                }
            }
        }
    }
}

fn table_row(row: &Row) -> Markup {
    let Row::Cells { level, cells, .. } = row else { return html! {} };
    html! {
        tr.below[*level == Level::Part] {
            @for (column, cell) in cells.iter().enumerate() {
                @if column == 0 { th scope="row" { (written(cell)) } }
                @else { td.none[*cell == Cell::Absent] { (written(cell)) } }
            }
        }
    }
}

fn written(cell: &Cell) -> Markup {
    match cell {
        Cell::Verdict(verdict) => badge(*verdict),
        Cell::Text(text) => html! { (text) },
        Cell::Absent => html! { (NONE) },
    }
}
