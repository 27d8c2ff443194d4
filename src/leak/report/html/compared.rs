//! Several runs on one page: the answer, their table, and below it each run's own report.

use std::fmt::Write;

use super::parts::{badge, class, each, icon, list};
use super::{of_run, page};
use crate::leak::report::compare::{self, Comparison};
use crate::leak::report::escape::markup;
use crate::leak::report::figures::NONE;
use crate::leak::report::{Report, Verdict};

/// The comparison as one self-contained HTML file.
pub fn compared(comparison: &Comparison) -> String {
    let verdict = comparison.verdict();
    let runs = &comparison.runs;
    let version = runs.first().map_or("", |run| &run.cmon);
    let mut main = format!(
        "<header class=\"banner {}\">\n{}\n<div>\n<h1 class=\"verdict\">{}</h1>\n<p>{}</p>\n\
         <p class=\"when\">cmon leak-check --compare {}</p>\n</div>\n</header>\n",
        class(verdict),
        icon(verdict),
        verdict.as_str(),
        markup(comparison.answer()),
        markup(version),
    );
    main.push_str(&list(
        "What else there is to say",
        "means",
        comparison.sentences.get(1..).unwrap_or_default(),
    ));
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
    let (titles, rows) =
        rows.split_first().map_or((&[][..], &[][..]), |(titles, rows)| (titles.as_slice(), rows));
    let head = each(titles.iter().enumerate(), |(at, title)| match at {
        0 => format!("<th scope=\"col\">{}</th>", markup(title)),
        at => format!("<th scope=\"col\"><a href=\"#run-{at}\">{}</a></th>", markup(title)),
    });
    let body = each(rows, |row| {
        let (title, cells) =
            row.split_first().map_or(("", &[][..]), |(title, cells)| (title.as_str(), cells));
        let below = if title.starts_with("  ") { " class=\"below\"" } else { "" };
        let cells = each(cells, |text| cell(text));
        format!("<tr{below}><th scope=\"row\">{}</th>{cells}</tr>\n", markup(title.trim_start()))
    });
    format!(
        "<section>\n<h2>Compared</h2>\n<div class=\"compared\">\n<table>\n<thead><tr>{head}</tr></thead>\n\
         <tbody>\n{body}</tbody>\n</table>\n</div>\n</section>\n"
    )
}

fn cell(text: &str) -> String {
    let verdicts = [Verdict::Leak, Verdict::Clean, Verdict::Inconclusive, Verdict::Invalid];
    match verdicts.into_iter().find(|verdict| verdict.as_str() == text) {
        Some(verdict) => format!("<td>{}</td>", badge(verdict)),
        None if text == NONE => format!("<td class=\"none\">{NONE}</td>"),
        None => format!("<td>{}</td>", markup(text)),
    }
}
