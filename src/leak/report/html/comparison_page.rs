//! Several runs on one page: the answer, their table, and below it each run's own report.

use std::fmt::Write;

use super::elements::{badge, class, each, icon, list};
use super::report_page::{of_run, page};
use crate::leak::facts::{Comparison, Report};
use crate::leak::report::compare::{self, Role};
use crate::leak::report::document::Cell;
use crate::leak::report::escape::markup;
use crate::leak::report::figures::NONE;

/// The comparison as one self-contained HTML file.
pub(crate) fn comparison(comparison: &Comparison) -> String {
    let verdict = comparison.verdict();
    let runs = &comparison.runs;
    let version = runs.first().map_or("", |run| &run.cmon);
    let mut main = format!(
        "<header class=\"banner {}\">\n{}\n<div>\n<h1 class=\"verdict\">{}</h1>\n<p>{}</p>\n\
         <p class=\"when\">cmon leak-check --compare {}</p>\n</div>\n</header>\n",
        class(verdict),
        icon(verdict),
        verdict.as_str(),
        markup(&comparison.answer()),
        markup(version),
    );
    main.push_str(&list("More", "means", comparison.sentences().get(1..).unwrap_or_default()));
    main.push_str(&table(runs));
    for (at, run) in (1..).zip(runs) {
        // Writing to a String cannot fail.
        let _ = write!(
            main,
            "<section class=\"run\" id=\"run-{at}\">\n<h2>Stream timeout {}</h2>\n{}</section>\n",
            compare::timeout(run),
            of_run(run, "h3", &format!("run-{at}-"))
        );
    }
    page(verdict, "cmon leak-check --compare", &main)
}

/// The runs beside each other; the name of each leads to its report.
fn table(runs: &[Report]) -> String {
    let rows = compare::rows(runs);
    let Some((names, rows)) = rows.split_first() else { return String::new() };
    let head = each((1..).zip(&names.cells), |(at, cell)| {
        format!("<th scope=\"col\"><a href=\"#run-{at}\">{}</a></th>", written(cell))
    });
    let body = each(rows, |row| {
        let below = if row.role == Role::Rate { " class=\"below\"" } else { "" };
        let cells = each(&row.cells, |cell| match cell {
            Cell::Absent => format!("<td class=\"none\">{NONE}</td>"),
            cell => format!("<td>{}</td>", written(cell)),
        });
        format!("<tr{below}><th scope=\"row\">{}</th>{cells}</tr>\n", markup(&row.title))
    });
    format!(
        "<section>\n<h2>Compared</h2>\n<div class=\"compared\">\n<table>\n<thead><tr>\
         <th scope=\"col\">{}</th>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n\
         </section>\n",
        markup(&names.title)
    )
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Verdict(verdict) => badge(*verdict),
        Cell::Text(text) => markup(text),
        Cell::Absent => NONE.to_owned(),
    }
}
