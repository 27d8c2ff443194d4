//! The page of one report, from top to bottom.

use std::fmt::Write;

use super::chart::Frame;
use super::{elements, parts};
use crate::format::units::span;
use crate::leak::facts::{Metric, Report, Verdict};
use crate::leak::record::Drive;
use crate::leak::report::document::{Detail, Kind};
use crate::leak::report::escape::markup;
use crate::leak::report::ranking::ordered;
use crate::leak::report::{head, headline, sections, sentences};

/// This many cards are open; the others are folded.
const OPEN_CARDS_MAX: usize = 24;

/// The report as one self-contained HTML file.
pub(crate) fn html(report: &Report) -> String {
    page(report.verdict, "cmon leak-check", &of_run(report, "h1", ""))
}

/// A whole page around this.
pub(super) fn page(verdict: Verdict, title: &str, main: &str) -> String {
    let verdict = verdict.as_str();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{verdict}: {title}</title>\n\
         <style>\n{css}</style>\n</head>\n<body>\n<main>\n{main}</main>\n\
         <script>\n{script}</script>\n</body>\n</html>\n",
        css = include_str!("page.css"),
        script = include_str!("page.js"),
    )
}

/// All of one run, from its banner on. `heading` is the element that the verdict stands in, `ids` how
/// the names of all places in it begin, so that a page can hold several runs.
pub(super) fn of_run(report: &Report, heading: &str, ids: &str) -> String {
    let (verdict, sentence) =
        (report.verdict.as_str(), markup(&headline::with_interruption(report)));
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "<header class=\"banner {class}\">\n{icon}\n<div>\n\
         <{heading} class=\"verdict\">{verdict}</{heading}>\n<p>{sentence}</p>\n{facts}\
         <p class=\"when\">cmon leak-check {version} · <span>{started}</span> · {length}{daemon}</p>\n</div>\n</header>",
        class = elements::class(report.verdict),
        icon = elements::icon(report.verdict),
        version = markup(&report.cmon),
        started = markup(&report.started),
        facts = facts(report),
        length = span(report.seconds),
        daemon = match &report.daemon {
            None => String::new(),
            Some(daemon) => format!(" · {}", markup(&daemon.address)),
        },
    );
    let document = sections::document(report, Detail::Full);
    let list = |kind: Kind, class: &str| {
        let all = document.sections.iter().filter(|section| section.kind == kind);
        elements::each(all, |section| {
            elements::list(&sentences::heading(&section.title), class, document.items(kind))
        })
    };
    page.push_str(&list(Kind::Meaning, "means"));
    page.push_str(&list(Kind::Reasons, "calm"));
    page.push_str(&list(Kind::Advice, "helps"));
    page.push_str(&list(Kind::Baseline, "before"));
    page.push_str(&parts::figures(report));
    page.push_str(&parts::table(report, ids));
    page.push_str(&cards(report, ids));
    page.push_str(&list(Kind::Survivors, "alive"));
    page.push_str(&list(Kind::Unavailable, "calm"));
    page.push_str(&list(Kind::Cuts, "calm"));
    page.push_str(&list(Kind::Smallest, "calm"));
    page.push_str(&list(Kind::Rules, "calm"));
    page.push_str(&parts::parameters(report));
    page
}

/// The facts below the sentence; nothing without any.
fn facts(report: &Report) -> String {
    let facts = head::head(report).facts;
    if facts.is_empty() {
        return String::new();
    }
    let facts = elements::each(&facts, |fact| {
        format!("<dt>{}</dt><dd>{}</dd>\n", fact.role.title(), markup(&fact.text))
    });
    format!("<dl class=\"facts\">\n{facts}</dl>\n")
}

/// A card for each metric, in the order of the table.
fn cards(report: &Report, ids: &str) -> String {
    if report.metrics.is_empty() {
        return String::new();
    }
    let frame = Frame::new(report, ids);
    let mut text = format!("<section>\n<h2>Series</h2>\n{}", frame.shared(report));
    let shading = match (frame.has_phases, report.drive) {
        (false, _) => "",
        (true, Drive::Command) => "<span class=\"key driven\"></span> Shaded: the command is run. ",
        (true, _) => "<span class=\"key driven\"></span> Shaded: streams are opened and closed. ",
    };
    let _ = writeln!(
        text,
        "<p class=\"legend\">{shading}Time since the check began runs to the right, the count upwards; \
         the upwards axis need not begin at 0.</p>\n<div class=\"cards\">"
    );
    let order = ordered(report);
    let (open, folded) = order.split_at(order.len().min(OPEN_CARDS_MAX));
    let card = |(at, metric): &(usize, &Metric)| parts::card(report, metric, *at, &frame);
    text.extend(open.iter().map(card));
    text.push_str("</div>\n");
    if !folded.is_empty() {
        let _ = writeln!(
            text,
            "<details class=\"more\"><summary>{} more series</summary>\n<div class=\"cards\">",
            folded.len()
        );
        text.extend(folded.iter().map(card));
        text.push_str("</div>\n</details>\n");
    }
    text.push_str("</section>\n");
    text
}
