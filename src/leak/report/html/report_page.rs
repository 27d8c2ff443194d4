//! The page of one report.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::Frame;
use super::elements::Place;
use super::{elements, parts};
use crate::format::escape::plain_html;
use crate::format::units::span;
use crate::leak::facts::{Metric, Report, Verdict};
use crate::leak::record::Drive;
use crate::leak::report::document::{Body, Column, Detail, Kind, Room, Section};
use crate::leak::report::ranking::ordered;
use crate::leak::report::sentences::heading;
use crate::leak::report::{headline, sections};

/// The maximum of open cards; the others are folded.
const OPEN_CARDS_MAX: usize = 24;

/// The report as one self-contained HTML file.
pub(crate) fn html(report: &Report) -> String {
    page(report.verdict, "cmon leak-check", &run_content(report, Place::Page))
}

/// The HTML document around `main`, which must contain no line ends. Control characters become visible text.
pub(super) fn page(verdict: Verdict, title: &str, main: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                meta name="color-scheme" content="light dark";
                title { (verdict.as_str()) ": " (title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main { (PreEscaped(plain_html(&main.0))) }
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    page.into_string() + "\n"
}

/// The content for one run.
pub(super) fn run_content(report: &Report, place: Place) -> Markup {
    let verdict = report.verdict.as_str();
    let document = sections::document(report, Detail::Full);
    let facts = document.head.iter().flat_map(|head| &head.facts);
    let facts: Vec<_> = facts.map(|fact| (fact.role.title(), fact.text.as_str())).collect();
    let list = |kind: Kind, class: &str| match document.section(kind) {
        Some(Section { title, body: Body::Items(items), .. }) => {
            elements::list(&heading(title), class, items)
        }
        _ => html! {},
    };
    let metrics = match document.section(Kind::Metrics).map(|section| &section.body) {
        Some(Body::Table(table)) => {
            let head = |_, column: &Column| html! { (heading(&column.title_and_note())) };
            elements::table("Metrics", "metrics", &table.within(Room::Page), &place.ids(), &head)
        }
        _ => html! {},
    };
    html! {
        header class={ "banner " (elements::class(report.verdict)) } {
            (elements::icon(report.verdict))
            div {
                @match place {
                    Place::Page => h1.verdict { (verdict) },
                    Place::Run(_) => h3.verdict { (verdict) },
                }
                p { (headline::with_interruption(report)) }
                @if !facts.is_empty() { (elements::pairs("facts", facts)) }
                p.when {
                    "cmon leak-check " (report.cmon) " · " span { (report.started) } " · " (span(report.seconds))
                    @if let Some(daemon) = &report.daemon { " · " (daemon.address) }
                }
            }
        }
        (list(Kind::Meaning, "means"))
        (list(Kind::Reasons, "plain"))
        (list(Kind::Advice, "helps"))
        (list(Kind::Baseline, "before"))
        (parts::figures(report))
        (metrics)
        (cards(report, place))
        (list(Kind::Survivors, "alive"))
        (list(Kind::Unavailable, "plain"))
        (list(Kind::Cuts, "plain"))
        (list(Kind::Smallest, "plain"))
        (list(Kind::Rules, "plain"))
        (parts::parameters(report))
    }
}

/// A card for each metric, in the order of the table.
fn cards(report: &Report, place: Place) -> Markup {
    if report.metrics.is_empty() {
        return html! {};
    }
    let frame = Frame::new(report, place);
    let shaded = match (frame.has_phases, report.drive) {
        (false, _) => None,
        (true, Drive::Command) => Some("the command is run"),
        (true, _) => Some("streams are opened and closed"),
    };
    let order = ordered(report);
    let (open, folded) = order.split_at(order.len().min(OPEN_CARDS_MAX));
    let cards = |metrics: &[(usize, &Metric)]| {
        html! {
            div.cards {
                @for (at, metric) in metrics { (parts::card(report, metric, *at, &frame)) }
            }
        }
    };
    html! {
        section {
            h2 { "Series" }
            (frame.shared(report))
            p.legend {
                @if let Some(shaded) = shaded { span.key.driven {} " Shaded: " (shaded) ". " }
                "Time since the check began runs to the right, the count upwards; the upwards axis need not begin at 0."
            }
            (cards(open))
            @if !folded.is_empty() {
                details.more { summary { (folded.len()) " more series" } (cards(folded)) }
            }
        }
    }
}
