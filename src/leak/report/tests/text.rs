//! Text reports of each verdict, and hostile names.

use proptest::prelude::*;

use crate::format::color::{DIM, GREEN, RED, RESET, YELLOW};
use crate::format::escape::tests::{has_no_command, hostile, is_harmless};
use crate::leak::facts::{Advice, Report, Unavailable, Verdict};
use crate::leak::judge::required_duration::Gain;
use crate::leak::report::Detail;
use crate::leak::report::ranking::ordered;
use crate::leak::report::tests::example_reports;
use crate::leak::report::text::*;
use crate::probe::metric::MetricId;

#[test]
fn a_leak_has_its_groups_and_patterns() {
    insta::assert_snapshot!(text(
        &example_reports::leak(),
        Detail::Full,
        Colors::Off,
        &["--replay".into(), "run 1.ndjson".into()]
    ));
}

/// The text without the work and the targets.
fn findings(report: &Report) -> String {
    let text = text(report, Detail::Full, Colors::Off, &[]);
    text.split("\nwork ").next().unwrap().to_owned()
}

#[test]
fn a_clean_run_has_its_detection_limit() {
    insta::assert_snapshot!(text(&example_reports::clean(), Detail::Full, Colors::Off, &[]));
}

#[test]
fn an_inconclusive_run_has_advice() {
    insta::assert_snapshot!(findings(&example_reports::inconclusive()));
}

#[test]
fn a_run_without_lines_is_invalid() {
    insta::assert_snapshot!(findings(&example_reports::invalid()));
    let full = text(&example_reports::invalid(), Detail::Full, Colors::Off, &[])
        .replace("\n              ", " ");
    assert!(full.contains("12 cycles/min while driven (600 expected)"), "{full}");
    assert!(full.contains("10 on/off pairs, 0 lines"), "{full}");
}

#[test]
fn growth_as_before_is_reported_in_a_clean_run() {
    insta::assert_snapshot!(findings(&example_reports::as_before()));
}

#[test]
fn the_first_line_mentions_an_interruption() {
    insta::assert_snapshot!(text(&example_reports::interrupted(), Detail::Full, Colors::Off, &[]));
}

#[test]
fn an_empty_report_is_invalid() {
    insta::assert_snapshot!(text(&example_reports::empty(), Detail::Full, Colors::Off, &[]));
}

#[test]
fn the_text_without_colors_is_the_same() {
    for report in example_reports::all() {
        let mut colored = text(&report, Detail::Full, Colors::On, &[]);
        assert!(colored.contains("\x1b["));
        for color in [DIM, GREEN, RED, YELLOW, RESET] {
            colored = colored.replace(color, "");
        }
        assert_eq!(colored, text(&report, Detail::Full, Colors::Off, &[]));
    }
}

#[test]
fn the_text_fits_80_columns_and_has_no_nan() {
    let gains = vec![Gain::ByTime, Gain::Limit, Gain::WarmUp, Gain::WarmUpCycles { had: 7.0 }];
    let advice = vec![Advice::RunLonger { seconds: None, gains, driven: true }];
    let wordy = Report { advice, ..example_reports::inconclusive() };
    for report in example_reports::all().into_iter().chain([wordy]) {
        let texts =
            [Detail::Brief, Detail::Full].map(|detail| text(&report, detail, Colors::Off, &[]));
        let text = texts.concat();
        let wide = text.lines().find(|line| 80 < line.chars().count());
        assert_eq!(wide, None);
    }
    let text = text(&example_reports::without_numbers(), Detail::Full, Colors::Off, &[]);
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

#[test]
fn metrics_are_ordered_by_gate_and_verdict() {
    let order = |report: &Report| {
        let metrics = ordered(report).into_iter();
        metrics.map(|(_, metric)| (metric.verdict, metric.gated)).collect::<Vec<_>>()
    };
    let mut report = example_reports::many(3);
    report.metrics.reverse();
    report.metrics[2].gated = false;
    let expected = [(Verdict::Inconclusive, true), (Verdict::Clean, true), (Verdict::Leak, false)];
    assert_eq!(order(&report), expected);
}

#[test]
fn all_leaks_of_many_metrics_are_shown() {
    let lines = |detail, verdict: &str| {
        let text = text(&example_reports::many(200), detail, Colors::Off, &[]);
        text.lines().filter(|line| line.starts_with(verdict)).count()
    };
    assert_eq!(lines(Detail::Brief, "LEAK  "), 67);
    assert_eq!((lines(Detail::Brief, "CLEAN "), lines(Detail::Full, "CLEAN ")), (12, 66));
    let brief = text(&example_reports::many(200), Detail::Brief, Colors::Off, &[]);
    assert!(brief.contains("and 54 more that are CLEAN (-v shows them)"), "{brief}");
}

#[test]
fn no_name_becomes_a_workflow_command() {
    // The length of the prefix changes the position of line breaks.
    for blanks in 0..90 {
        let frame =
            format!("main.{} ::error::x ::stop-commands::y main.x ##[error]z", "a".repeat(blanks));
        let mut report = example_reports::with_text(&frame);
        let token = format!("{}::add-mask::x", "b".repeat(blanks));
        report.metrics[0].groups[0].title = token;
        for detail in [Detail::Brief, Detail::Full] {
            let text =
                text(&report, detail, Colors::Off, &["::error::x".to_owned(), frame.clone()]);
            assert!(has_no_command(&text), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_name_controls_the_terminal(name in hostile()) {
        let text = text(&example_reports::with_text(&name), Detail::Full, Colors::Off, &[name]);
        prop_assert!(is_harmless(&text) && has_no_command(&text));
    }
}

#[test]
fn a_leak_needs_no_advice_in_any_detail() {
    let longer = Advice::RunLonger { seconds: Some(420.0), gains: vec![Gain::Limit], driven: true };
    let advised = Report { advice: vec![longer], ..example_reports::leak() };
    let text = text(&advised, Detail::Full, Colors::Off, &[]);
    assert!(!text.contains("run at least 7m") && !text.contains("what helps"), "{text}");
}

#[test]
fn a_long_list_is_whole_in_a_full_report() {
    let missing = |at: usize| Unavailable {
        metric: format!("target.m{at}"),
        reason: example_reports::recorded("gone"),
        times: 1,
    };
    let report = Report { unavailable: (0..25).map(missing).collect(), ..example_reports::clean() };
    let text = |detail| text(&report, detail, Colors::Off, &[]);
    let (brief, full) = (text(Detail::Brief), text(Detail::Full));
    assert_eq!((brief.matches(": gone").count(), full.matches(": gone").count()), (20, 25));
    assert!(brief.contains("  and 5 more (-v shows them)") && !full.contains("more"), "{brief}");
}

#[test]
fn the_table_of_metrics_has_at_most_80_columns() {
    let mut report = example_reports::leak();
    report.metrics[0].id = MetricId::parse("target.port21601.goroutines");
    report.metrics[1].id = MetricId::parse("target.a-service-of-some-team.rss_bytes");
    for metric in &mut report.metrics {
        (metric.first, metric.last) = (1_234_567.0, 92_234_567.0);
    }
    for detail in [Detail::Brief, Detail::Full] {
        let text = text(&report, detail, Colors::Off, &[]);
        let table = text.lines().skip_while(|line| !line.starts_with("verdict"));
        let long: Vec<&str> = table.filter(|line| 80 < line.chars().count()).collect();
        assert_eq!(long, Vec::<&str>::new(), "{text}");
    }
}
