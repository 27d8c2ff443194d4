//! The report as `JUnit` XML for CI systems, with one test for each gated metric.
//!
//! LEAK is a failure and INVALID an error. INCONCLUSIVE is skipped, or an error with `--on-inconclusive`.

use super::document::Document;
use super::{Detail, compare, headline, sections, sentences, text};
use crate::format::escape::markup;
use crate::format::figures::share;
use crate::leak::facts::{Comparison, Metric, Report, Verdict};

/// The element of an INCONCLUSIVE metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    Skipped,
    Error,
}

/// The report as a `JUnit` file.
pub(crate) fn junit(report: &Report, unclear: Unclear) -> String {
    file(&[Suite::of(report, "", &[], unclear)])
}

/// A comparison as one `JUnit` file, with a suite for each run.
pub(crate) fn compared(comparison: &Comparison, unclear: Unclear) -> String {
    let sentences = comparison.sentences();
    let suites = comparison.runs.iter().map(|run| {
        // Many CI systems merge tests with equal names, so each run has a suffix.
        let suffix = format!(" (stream timeout {})", compare::timeout(run));
        Suite::of(run, &suffix, &sentences, unclear)
    });
    file(&suites.collect::<Vec<_>>())
}

/// A test suite with its totals.
struct Suite {
    xml: String,
    tests: usize,
    failures: usize,
    errors: usize,
    seconds: f64,
}

fn file(suites: &[Suite]) -> String {
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>().to_string();
    let attributes = [
        ("name", "cmon leak-check".to_owned()),
        ("tests", sum(|suite| suite.tests)),
        ("failures", sum(|suite| suite.failures)),
        ("errors", sum(|suite| suite.errors)),
        ("time", seconds(suites.iter().map(|suite| suite.seconds).sum())),
    ];
    let suites: String = suites.iter().map(|suite| suite.xml.as_str()).collect();
    let all = element("testsuites", &attributes, &format!("\n{suites}"));
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{all}")
}

impl Suite {
    /// The suite of a report. `compared` is the result of a comparison.
    fn of(report: &Report, suffix: &str, compared: &[String], unclear: Unclear) -> Self {
        let document = sections::document(report, Detail::Full);
        let gated: Vec<&Metric> = report.gated().collect();
        let case = |metric: &&Metric| Case::of(metric, &document, suffix, unclear);
        let mut cases: Vec<Case> = gated.iter().map(case).collect();
        let sentence = headline::with_interruption(report);
        // If no metric has this verdict, the check itself is a test.
        if gated.iter().all(|metric| metric.verdict != report.verdict) {
            cases.push(Case {
                class: "cmon.leak-check".to_owned(),
                name: format!("verdict{suffix}"),
                outcome: outcome(report.verdict, unclear),
                message: sentence.clone(),
                details: vec![sentence.clone()],
            });
        }
        let count = |element: Element| {
            cases.iter().filter(|case| case.outcome.is_some_and(|(of, _)| of == element)).count()
        };
        let (failures, errors) = (count(Element::Failure), count(Element::Error));
        let attributes = [
            ("name", format!("cmon leak-check{suffix}")),
            ("timestamp", report.started.trim_end_matches('Z').to_owned()),
            ("tests", cases.len().to_string()),
            ("failures", failures.to_string()),
            ("errors", errors.to_string()),
            ("skipped", count(Element::Skipped).to_string()),
            ("time", seconds(report.seconds)),
        ];
        let mut out = vec![format!("{}: {sentence}", report.verdict.as_str())];
        out.extend(text::outline(&document));
        let inner = [
            properties(report, compared),
            cases.iter().map(Case::xml).collect(),
            element("system-out", &[], &lines(&out)),
        ];
        let xml = element("testsuite", &attributes, &format!("\n{}", inner.concat()));
        Self { xml, tests: cases.len(), failures, errors, seconds: report.seconds }
    }
}

/// A test case.
struct Case {
    class: String,
    name: String,
    /// The element and its type; `None` if the test passed.
    outcome: Option<(Element, &'static str)>,
    message: String,
    details: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Failure,
    Error,
    Skipped,
}

impl Case {
    fn of(metric: &Metric, document: &Document, suffix: &str, unclear: Unclear) -> Self {
        let mut details = document.figures_of(metric.name());
        details.extend(metric.groups.iter().map(|group| {
            let (share, rate) = (share(group.share), sentences::group_rate(group, metric));
            format!("{share} {rate}, {} to {}: {}", group.first, group.last, group.title)
        }));
        Self {
            class: format!("cmon.leak-check.{}", metric.id.source),
            name: format!("{}{suffix}", metric.id.quantity),
            outcome: outcome(metric.verdict, unclear),
            message: sentences::headline(metric),
            details,
        }
    }

    fn xml(&self) -> String {
        let details = lines(&self.details);
        let message = ("message", self.message.clone());
        let inner = self.outcome.map(|(of, kind)| match of {
            Element::Failure => element("failure", &[("type", kind.to_owned()), message], &details),
            Element::Error => element("error", &[("type", kind.to_owned()), message], &details),
            // A skipped test has no type.
            Element::Skipped => element("skipped", &[message], &details),
        });
        let attributes = [("classname", self.class.clone()), ("name", self.name.clone())];
        let inner = inner.map_or_else(String::new, |inner| format!("\n{inner}"));
        element("testcase", &attributes, &inner)
    }
}

/// `None` if the test passed.
fn outcome(verdict: Verdict, unclear: Unclear) -> Option<(Element, &'static str)> {
    match (verdict, unclear) {
        (Verdict::Clean, _) => None,
        (Verdict::Leak, _) => Some((Element::Failure, "leak")),
        (Verdict::Invalid, _) => Some((Element::Error, "invalid")),
        (Verdict::Inconclusive, Unclear::Error) => Some((Element::Error, "inconclusive")),
        (Verdict::Inconclusive, Unclear::Skipped) => Some((Element::Skipped, "inconclusive")),
    }
}

fn properties(report: &Report, compared: &[String]) -> String {
    let all = [
        ("verdict", report.verdict.as_str().to_owned()),
        ("cmon", report.cmon.clone()),
        ("daemon", report.daemon.as_ref().map(|daemon| daemon.address.clone()).unwrap_or_default()),
        ("seed", report.seed.to_string()),
        ("smallest leak that could have been seen", sentences::smallest(report).join("; ")),
    ];
    let compared = compared.iter().map(|sentence| ("compared", sentence.clone()));
    let property = |(name, value): (&str, String)| {
        element("property", &[("name", name.to_owned()), ("value", value)], "")
    };
    let all: String = all.into_iter().chain(compared).map(property).collect();
    element("properties", &[], &format!("\n{all}"))
}

/// An element on its own line. Escapes the attributes; `inner` must be XML.
fn element(name: &str, attributes: &[(&str, String)], inner: &str) -> String {
    let attribute = |(name, value): &(&str, String)| format!(" {name}=\"{}\"", markup(value));
    let attributes: String = attributes.iter().map(attribute).collect();
    match inner {
        "" => format!("<{name}{attributes}/>\n"),
        inner => format!("<{name}{attributes}>{inner}</{name}>\n"),
    }
}

fn lines(lines: &[impl AsRef<str>]) -> String {
    lines.iter().map(|line| markup(line.as_ref())).collect::<Vec<_>>().join("\n")
}

fn seconds(seconds: f64) -> String {
    match seconds.is_finite() {
        true => format!("{seconds:.3}"),
        false => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::escape::tests::{hostile, is_harmless};
    use crate::leak::report::tests::example_reports;

    #[test]
    fn each_verdict_has_its_element() {
        let counts = |report: &Report, unclear| {
            let xml = junit(report, unclear);
            ["<failure ", "<error ", "<skipped "].map(|element| xml.matches(element).count())
        };
        assert_eq!(counts(&example_reports::leak(), Unclear::Skipped), [1, 0, 0]);
        assert_eq!(counts(&example_reports::clean(), Unclear::Skipped), [0, 0, 0]);
        assert_eq!(counts(&example_reports::inconclusive(), Unclear::Skipped), [0, 0, 1]);
        assert_eq!(counts(&example_reports::inconclusive(), Unclear::Error), [0, 1, 0]);
        assert_eq!(counts(&example_reports::invalid(), Unclear::Skipped), [0, 1, 0]);
        // A check without any metric is an error, not an empty file that looks successful.
        assert_eq!(counts(&example_reports::empty(), Unclear::Skipped), [0, 1, 0]);
    }

    #[test]
    fn a_leak_of_cmon_itself_fails_though_every_metric_is_clean() {
        let report = Report { verdict: Verdict::Leak, ..example_reports::clean() };
        let xml = junit(&report, Unclear::Skipped);
        assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
    }

    #[test]
    fn growth_as_before_is_reported_without_a_failure() {
        let xml = junit(&example_reports::as_before(), Unclear::Skipped);
        let out = "<system-out>CLEAN: nothing new grows, compared with the earlier check; \
                   daemon.goroutines grows as before: 0.5 per cycle\n";
        assert!(xml.contains(out) && xml.contains("failures=\"0\""), "{xml}");
        assert!(xml.contains("\n- the earlier run took 3m04s, this one 10m"), "{xml}");
    }

    #[test]
    fn each_run_of_a_comparison_is_a_suite() {
        let comparison = crate::leak::report::compare::tests::comparison();
        let xml = compared(&comparison, Unclear::Skipped);
        assert!(is_balanced(&xml), "{xml}");
        assert_eq!(xml.matches("<testsuite ").count(), 2);
        for timeout in ["30s", "5m"] {
            let suite = format!("<testsuite name=\"cmon leak-check (stream timeout {timeout})\"");
            let case = format!("name=\"goroutines (stream timeout {timeout})\"");
            assert!(xml.contains(&suite) && xml.contains(&case), "{xml}");
        }
        let sums = "<testsuites name=\"cmon leak-check\" tests=\"4\" failures=\"4\" errors=\"0\" \
                    time=\"1200.000\">";
        assert!(xml.contains(sums), "{xml}");
        let sentence =
            "<property name=\"compared\" value=\"target.collector.goroutines does not depend on";
        assert_eq!(xml.matches(sentence).count(), 2);
    }

    #[test]
    fn a_leak_is_a_failure_with_its_details() {
        insta::assert_snapshot!(junit(&example_reports::leak(), Unclear::Skipped));
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_xml(name in hostile()) {
            let xml = junit(&example_reports::with_text(&name), Unclear::Error);
            prop_assert!(is_harmless(&xml) && is_balanced(&xml));
            let invalid = ['\u{fffe}', '\u{ffff}'];
            prop_assert!(!xml.contains(invalid) && !xml.contains("]]>"));
        }
    }

    /// Whether all tags are closed and attributes are quoted.
    fn is_balanced(xml: &str) -> bool {
        let mut open = Vec::new();
        for piece in xml.split('<').skip(2) {
            let Some((tag, _)) = piece.split_once('>') else { return false };
            let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap_or_default();
            match (tag.starts_with('/'), tag.ends_with('/')) {
                (true, _) if open.pop() != Some(name) => return false,
                (false, false) => open.push(name),
                _ => {}
            }
            if tag.matches('"').count() % 2 == 1 {
                return false;
            }
        }
        open.is_empty()
    }
}
