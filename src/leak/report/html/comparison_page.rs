//! Several runs on one page: the answer, their table, and below it each run's own report.

use maud::{Markup, html};

use super::elements::{badge, class, icon, list};
use super::report_page::{Place, of_run, page};
use crate::leak::facts::{Comparison, Report};
use crate::leak::report::compare::{self, Role};
use crate::leak::report::document::Cell;
use crate::leak::report::figures::NONE;

/// The comparison as one self-contained HTML file.
pub(crate) fn comparison(comparison: &Comparison) -> String {
    let verdict = comparison.verdict();
    let runs = &comparison.runs;
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
        (list("More", "means", comparison.sentences().get(1..).unwrap_or_default()))
        (table(runs))
        @for (at, run) in (1..).zip(runs) {
            section.run id={ "run-" (at) } {
                h2 { "Stream timeout " (compare::timeout(run)) }
                (of_run(run, Place::Run(at)))
            }
        }
    };
    page(verdict, "cmon leak-check --compare", main)
}

/// The runs beside each other; the name of each leads to its report.
fn table(runs: &[Report]) -> Markup {
    let rows = compare::rows(runs);
    let Some((names, rows)) = rows.split_first() else { return html! {} };
    html! {
        section {
            h2 { "Compared" }
            div.compared {
                table {
                    thead {
                        tr {
                            th scope="col" { (names.title) }
                            @for (at, cell) in (1..).zip(&names.cells) {
                                th scope="col" { a href={ "#run-" (at) } { (written(cell)) } }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr.below[row.role == Role::Rate] {
                                th scope="row" { (row.title) }
                                @for cell in &row.cells {
                                    td.none[*cell == Cell::Absent] { (written(cell)) }
                                }
                            }
                        }
                    }
                }
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
