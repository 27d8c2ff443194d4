//! The page of a comparison: the answer, a table, and the report of each run.

use maud::{Markup, html};

use super::elements::{Place, class, icon, list, table};
use super::report_page::{page, run_content};
use crate::leak::facts::Comparison;
use crate::leak::report::compare;
use crate::leak::report::document::{Body, Section};
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
        // The title of a column leads to the run.
        Body::Table(compared) => {
            table("Compared", "compared", compared, "", &|at, column| match at {
                0 => html! { (column.title) },
                run => html! { a href={ "#run-" (run) } { (column.title) } },
            })
        }
        Body::Pairs(_) => html! {},
    }
}
