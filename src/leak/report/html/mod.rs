//! The report as one HTML file: no network, no fonts, nothing beside it. It prints, it follows the
//! reader's choice of light or dark, and it says in words whatever it says in colour.
//!
//! ```text
//!  banner: verdict, because          mod      the page from top to bottom
//!  what it means, figures            parts    tables, lists, bars
//!  table of metrics                  chart    one series as SVG
//!  a card for each: chart, groups    scale    readings to the plane
//!  leftovers, rules, parameters      page.css, page.js
//! ```

mod chart;
mod parts;
mod scale;

use std::fmt::Write;

use super::escape::markup;
use super::figures::duration;
use super::{Metric, Report, words};
use chart::Frame;

/// So many cards are open; the others are behind a click.
const OPEN: usize = 24;

/// The report as one self-contained HTML file.
pub fn html(report: &Report) -> String {
    let (verdict, because) = (report.verdict.as_str(), markup(&words::because(report)));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{verdict}: cmon leak-check</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n<main>\n",
        include_str!("page.css")
    );
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "<header class=\"banner {class}\">\n{icon}\n<div>\n<h1>{verdict}</h1>\n<p>{because}</p>\n\
         <p class=\"when\">cmon leak-check {version} · <span>{begun}</span> · {length}{daemon}</p>\n</div>\n</header>",
        class = parts::class(report.verdict),
        icon = parts::icon(report.verdict),
        version = markup(&report.cmon),
        begun = markup(&report.begun),
        length = duration(report.seconds),
        daemon = match report.daemon.is_empty() {
            true => String::new(),
            false => format!(" · {}", markup(&report.daemon)),
        },
    );
    page.push_str(&parts::list("What it means", "means", &report.signatures));
    page.push_str(&parts::list("What helps", "helps", &report.advice));
    if let Some(baseline) = &report.baseline {
        page.push_str(&parts::list(
            &words::heading(&baseline.title()),
            "before",
            &baseline.lines(),
        ));
    }
    page.push_str(&parts::figures(report));
    page.push_str(&parts::table(report));
    page.push_str(&cards(report));
    page.push_str(&parts::leftovers(report));
    page.push_str(&parts::list(
        "Smallest leak that this run could have seen",
        "calm",
        &words::smallest(report),
    ));
    page.push_str(&parts::list("How the verdict was made", "calm", &words::rules(report)));
    page.push_str(&parts::parameters(report));
    let _ =
        write!(page, "</main>\n<script>\n{}</script>\n</body>\n</html>\n", include_str!("page.js"));
    page
}

/// A card for each metric, in the order of the table.
fn cards(report: &Report) -> String {
    if report.metrics.is_empty() {
        return String::new();
    }
    let frame = Frame::new(report);
    let mut text = format!("<section>\n<h2>Series</h2>\n{}", frame.shared(report));
    let shading = match frame.has_rungs() {
        true => "<span class=\"key driven\"></span> Shaded: streams are opened and closed. ",
        false => "",
    };
    let _ = writeln!(
        text,
        "<p class=\"legend\">{shading}Time since the check began runs to the right, the count upwards; \
         the upwards axis need not begin at 0.</p>\n<div class=\"cards\">"
    );
    let order = words::ordered(report);
    let (open, folded) = order.split_at(order.len().min(OPEN));
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

#[cfg(test)]
mod tests;
