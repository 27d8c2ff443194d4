//! Any report gives a valid page: no name becomes markup, and no number is `NaN`.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{elements, html};
use crate::format::escape::tests::{hostile, is_harmless};
use crate::leak::facts::{Comparison, Gone, Metric, Report, Verdict};
use crate::leak::judge::combine::Mode;
use crate::leak::record::Drive;
use crate::leak::report::tests::example_reports;

/// The page between the style and the script.
fn body(page: &str) -> &str {
    let (_, rest) = page.split_once("</style>").unwrap();
    rest.rsplit_once("<script>").unwrap().0
}

/// The elements in order. Panics for an element that is not closed.
fn elements(body: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned();
        if tag.starts_with('/') {
            if !["head", "main"].contains(&name.as_str()) {
                assert_eq!(open.pop().as_deref(), Some(name.as_str()));
            }
        } else {
            all.push(name.clone());
            if !tag.ends_with('/') && !["body", "main", "meta"].contains(&name.as_str()) {
                open.push(name);
            }
        }
    }
    assert_eq!(open, Vec::<String>::new());
    all
}

#[test]
fn the_page_has_no_external_resources() {
    for report in example_reports::all() {
        let page = html(&report);
        for forbidden in
            ["http:", "https:", "src=", "@import", "url(", "<link", "<img", "NaN", ">inf"]
        {
            let found = page.replace("http://127.0.0.1:6060", "");
            assert!(!found.contains(forbidden), "{forbidden}");
        }
        elements(body(&page));
    }
}

#[test]
fn the_verdict_has_a_word_and_an_icon() {
    let signs: BTreeSet<String> =
        [Verdict::Leak, Verdict::Clean, Verdict::Inconclusive, Verdict::Invalid]
            .map(|verdict| elements::icon(verdict).into_string())
            .into();
    assert_eq!(signs.len(), 4);
    for report in example_reports::all() {
        let heading = format!("<h1 class=\"verdict\">{}</h1>", report.verdict.as_str());
        assert!(html(&report).contains(&heading));
    }
}

#[test]
fn every_metric_has_its_chart_with_phases_cuts_and_ends() {
    let report = example_reports::leak();
    let page = html(&report);
    assert_eq!(page.matches("<use href=\"#phases\"").count(), report.metrics.len());
    assert_eq!(page.matches("class=\"grid\"").count(), report.metrics.len());
    assert!(page.contains("<span class=\"unit\">goroutines</span>"));
    assert!(page.contains(">72</span>") && page.contains(">228</span>"));
    let mut cut = example_reports::leak();
    cut.cuts[0].source = "daemon".to_owned();
    let page = html(&cut);
    assert_eq!(page.matches("class=\"cutnote\"").count(), 2);
    // The restart interrupts the line.
    let line = page.split("class=\"line leaks\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(line.matches('M').count(), 2);
}

#[test]
fn the_legend_explains_the_shading() {
    let command = Report { drive: Drive::Command, ..example_reports::leak() };
    assert!(html(&command).contains("Shaded: the command is run."));
    assert!(html(&example_reports::leak()).contains("Shaded: streams are opened and closed."));
}

#[test]
fn unexplained_growth_has_a_bar() {
    let page = html(&example_reports::leak());
    assert!(page.contains("<div class=\"bar unexplained\"><i style=\"width:10.0%\">"));
}

#[test]
fn growth_as_before_is_below_the_verdict() {
    let page = html(&example_reports::as_before());
    let (banner, rest) = page.split_once("</header>").unwrap();
    assert!(banner.contains("grows as before: 0.5 per cycle"));
    assert!(rest.contains("<h2>Compared with the earlier run of 2026-11-17T12:00:00Z (LEAK)</h2>"));
    assert!(rest.contains("<li>the earlier run took 3m04s, this one 10m"));
}

#[test]
fn any_length_of_series_can_be_drawn() {
    for points in [0, 1, 2, 100_000] {
        let page = html(&example_reports::long(points));
        assert!(page.len() < 100_000, "{points}: {}", page.len());
        elements(body(&page));
        assert_eq!(page.contains("No readings."), points == 0);
    }
}

#[test]
fn lines_are_absent_unless_cmon_opens_streams() {
    assert!(html(&example_reports::clean()).contains("lines read"));
    assert!(!html(&example_reports::interrupted()).contains("lines read"));
}

#[test]
fn a_metric_without_a_series_has_an_explanation() {
    let page = |mode| {
        let own =
            Metric { mode, series: Vec::new(), ..example_reports::level("own.survivors", 0.0) };
        html(&Report { metrics: vec![own], ..example_reports::clean() })
    };
    assert!(page(Mode::Driven).contains(">No readings.</p>"));
    for (mode, what) in
        [(Mode::Exact, "Counted one by one"), (Mode::Proof, "Reported by the runtime")]
    {
        let html = page(mode);
        assert!(html.contains(what) && !html.contains("No readings."), "{mode:?}");
    }
}

#[test]
fn nan_and_infinity_are_never_printed() {
    let page = html(&example_reports::without_numbers());
    let body = body(&page);
    assert!(!body.contains("NaN") && !body.contains("inf,") && !body.contains(">inf"), "{body}");
    elements(body);
}

#[test]
fn many_metrics_are_folded() {
    let page = html(&example_reports::many(200));
    assert!(page.contains("<summary>176 more series</summary>"));
    assert_eq!(page.matches("<article ").count(), 200);
    elements(body(&page));
}

#[test]
fn runs_that_are_compared_are_one_page() {
    let mut comparison = crate::leak::report::compare::tests::comparison();
    // A run with shading, groups and several series.
    comparison.runs.push(example_reports::leak());
    let page = comparison_page(&comparison);
    elements(body(&page));
    let (head, reports) = page.split_once("<section class=\"run\"").unwrap();
    assert!(head.contains("<p>target.collector.goroutines does not depend on the stream timeout"));
    assert!(head.contains(">target.collector.goroutines</td>"));
    assert_eq!(reports.matches("<h3 class=\"verdict\">LEAK</h3>").count(), 3);
    // Each id is unique, and each link has a target.
    let ids: Vec<&str> =
        page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let places: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(places.len(), ids.len(), "{ids:?}");
    let wanted = page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    let wanted: BTreeSet<&str> = wanted.collect();
    assert!(
        wanted.is_subset(&places) && wanted.contains("run-3") && wanted.contains("run-3-phases")
    );
    // A comparison of one run or none is valid too.
    for count in [0, 1] {
        comparison.runs.truncate(count);
        elements(body(&comparison_page(&comparison)));
    }
}

/// The elements without those of stacks, which a name may split.
fn frame(page: &str) -> Vec<String> {
    const STACK_ELEMENTS: [&str; 5] = ["ol", "li", "code", "details", "summary"];
    let all = elements(body(page)).into_iter();
    all.filter(|name| !STACK_ELEMENTS.contains(&name.as_str())).collect()
}

fn comparison_page(all: &Comparison) -> String {
    super::comparison(all)
}

/// Two runs, with a container of this name that is gone in the second.
fn of(runs: Vec<Report>, name: &str) -> Comparison {
    let runs = runs.into_iter().chain([example_reports::with_text(name)]).collect();
    let gone = Gone { stream_timeout_seconds: 1.0, of: 2, containers: vec![name.to_owned()] };
    Comparison { metrics: Vec::new(), containers_gone: vec![gone], runs }
}

proptest! {
    // Each page is large, and there are many names in it.
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_name_becomes_markup(name in hostile()) {
        let page = html(&example_reports::with_text(&name));
        prop_assert!(is_harmless(&page));
        // Some names omit a paragraph.
        let without = |mut all: Vec<String>| {
            all.retain(|name| name != "p");
            all
        };
        let plain = html(&example_reports::with_text("x"));
        prop_assert_eq!(without(frame(&page)), without(frame(&plain)));
        let runs = vec![example_reports::with_text(&name)];
        let page = comparison_page(&of(runs, &name));
        prop_assert!(is_harmless(&page));
        let runs = vec![example_reports::with_text("x")];
        let plain = comparison_page(&of(runs, "x"));
        prop_assert_eq!(without(frame(&page)), without(frame(&plain)));
    }
}
