//! The report as `JUnit` XML, which most CI systems show as tests: one for each metric that decides.
//!
//! A leak is a failure, what could not be measured an error, and an unclear metric is skipped,
//! or an error when the check is to fail on it.

use std::fmt::Write;

use super::compare;
use super::escape::markup;
use super::{Detail, headline, sections, sentences, text};
use crate::leak::facts::{Comparison, Metric, Report, Verdict};

/// What an INCONCLUSIVE metric becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    Skipped,
    Error,
}

/// The report as a `JUnit` file.
pub(crate) fn junit(report: &Report, unclear: Unclear) -> String {
    file(&[Suite::of(report, &Place::default(), unclear)])
}

/// Several runs that are compared as one `JUnit` file, a suite for each.
pub(crate) fn compared(comparison: &Comparison, unclear: Unclear) -> String {
    let suites = comparison.runs.iter().map(|run| {
        let place = Place {
            run: format!("stream timeout {}", compare::timeout(run)),
            sentences: comparison.sentences(),
        };
        Suite::of(run, &place, unclear)
    });
    file(&suites.collect::<Vec<_>>())
}

/// Which of several runs it is, and the result of the comparison; empty for a single run.
#[derive(Default)]
struct Place {
    run: String,
    sentences: Vec<String>,
}

impl Place {
    /// A name that no other run has: many readers put tests of the same name together.
    fn name(&self, name: &str) -> String {
        if self.run.is_empty() { name.to_owned() } else { format!("{name} ({})", self.run) }
    }
}

/// A test suite, and what stands above all of them.
struct Suite {
    xml: String,
    tests: usize,
    failures: usize,
    errors: usize,
    seconds: f64,
}

fn file(suites: &[Suite]) -> String {
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"cmon leak-check\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}\">\n\
         {}</testsuites>\n",
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        sum(|suite| suite.errors),
        seconds(suites.iter().map(|suite| suite.seconds).sum()),
        suites.iter().map(|suite| suite.xml.as_str()).collect::<String>(),
    )
}

impl Suite {
    fn of(report: &Report, place: &Place, unclear: Unclear) -> Self {
        let gated: Vec<&Metric> = report.metrics.iter().filter(|metric| metric.gated).collect();
        let case_of = |metric: &&Metric| of_metric(metric, place, unclear);
        let mut cases: Vec<Case> = gated.iter().map(case_of).collect();
        // A verdict that no metric has: a check that could not be done.
        if gated.iter().all(|metric| metric.verdict != report.verdict) {
            let outcome = outcome(report.verdict, unclear);
            let message = headline::with_interruption(report);
            let name = place.name("verdict");
            cases.push(case("cmon.leak-check", &name, outcome, &message, &message));
        }
        let count = |element: Element| {
            let is = |case: &&Case| case.outcome.is_some_and(|outcome| outcome.element == element);
            cases.iter().filter(is).count()
        };
        let failures = count(Element::Failure);
        let (errors, skipped) = (count(Element::Error), count(Element::Skipped));
        let (verdict, sentence) = (report.verdict.as_str(), headline::with_interruption(report));
        let lines = text::outline(&sections::document(report, Detail::Full)).into_iter();
        let lines: Vec<String> = lines.map(|line| markup(&line)).collect();
        let xml = format!(
            "<testsuite name=\"{name}\" timestamp=\"{started}\" tests=\"{tests}\" \
             failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds}\">\n\
             <properties>\n{properties}</properties>\n\
             {cases}\
             <system-out>{verdict}: {sentence}\n{lines}</system-out>\n\
             </testsuite>\n",
            name = markup(&place.name("cmon leak-check")),
            tests = cases.len(),
            seconds = seconds(report.seconds),
            started = markup(report.started.trim_end_matches('Z')),
            properties = properties(report, place),
            cases = cases.iter().map(|case| case.xml.as_str()).collect::<String>(),
            sentence = markup(&sentence),
            lines = lines.join("\n"),
        );
        Self { xml, tests: cases.len(), failures, errors, seconds: report.seconds }
    }
}

fn of_metric(metric: &Metric, place: &Place, unclear: Unclear) -> Case {
    let class = format!("cmon.leak-check.{}", metric.id.source);
    let mut details = vec![
        format!("per cycle: {}", sentences::per_cycle(metric)),
        format!("per minute: {}", sentences::per_minute(metric)),
        format!("p: {}", sentences::p(metric)),
        format!("course: {}", sentences::course(metric)),
    ];
    details.extend(metric.groups.iter().map(|group| {
        let rate = sentences::group_rate(group, metric);
        let share = super::figures::share(group.share);
        format!("{share} {rate}, {} to {}: {}", group.first, group.last, group.title)
    }));
    let outcome = outcome(metric.verdict, unclear);
    case(
        &class,
        &place.name(&metric.id.quantity),
        outcome,
        &sentences::headline(metric),
        &details.join("\n"),
    )
}

/// A test case, written.
struct Case {
    outcome: Option<Outcome>,
    xml: String,
}

/// What came of a test that did not pass.
#[derive(Clone, Copy)]
struct Outcome {
    element: Element,
    kind: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Failure,
    Error,
    Skipped,
}

impl Element {
    fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// `None` when the test passed.
fn outcome(verdict: Verdict, unclear: Unclear) -> Option<Outcome> {
    let (element, kind) = match (verdict, unclear) {
        (Verdict::Clean, _) => return None,
        (Verdict::Leak, _) => (Element::Failure, "leak"),
        (Verdict::Invalid, _) => (Element::Error, "invalid"),
        (Verdict::Inconclusive, Unclear::Error) => (Element::Error, "inconclusive"),
        (Verdict::Inconclusive, Unclear::Skipped) => (Element::Skipped, "inconclusive"),
    };
    Some(Outcome { element, kind })
}

fn case(class: &str, name: &str, outcome: Option<Outcome>, message: &str, details: &str) -> Case {
    let head = format!("<testcase classname=\"{}\" name=\"{}\"", markup(class), markup(name));
    let message = markup(message);
    let details: Vec<String> = details.split('\n').map(markup).collect();
    let details = details.join("\n");
    let xml = match outcome {
        None => format!("{head}/>\n"),
        Some(Outcome { element, kind }) => {
            // A skipped test has no type.
            let kind = match element {
                Element::Skipped => String::new(),
                _ => format!(" type=\"{kind}\""),
            };
            let element = element.as_str();
            format!(
                "{head}>\n<{element}{kind} message=\"{message}\">{details}</{element}>\n</testcase>\n"
            )
        }
    };
    Case { outcome, xml }
}

fn properties(report: &Report, place: &Place) -> String {
    let mut text = String::new();
    let all = [
        ("verdict", report.verdict.as_str().to_owned()),
        ("cmon", report.cmon.clone()),
        ("daemon", report.daemon.as_ref().map(|daemon| daemon.address.clone()).unwrap_or_default()),
        ("seed", report.seed.to_string()),
        ("smallest leak that could have been seen", sentences::smallest(report).join("; ")),
    ];
    let compared = place.sentences.iter().map(|sentence| ("compared", sentence.clone()));
    for (name, value) in all.into_iter().chain(compared) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "<property name=\"{name}\" value=\"{}\"/>", markup(&value));
    }
    text
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
    use crate::leak::report::escape::tests::{hostile, is_harmless};
    use crate::leak::report::sample;

    #[test]
    fn each_verdict_has_its_element() {
        let counts = |report: &Report, unclear| {
            let xml = junit(report, unclear);
            ["<failure ", "<error ", "<skipped "].map(|element| xml.matches(element).count())
        };
        assert_eq!(counts(&sample::leak(), Unclear::Skipped), [1, 0, 0]);
        assert_eq!(counts(&sample::clean(), Unclear::Skipped), [0, 0, 0]);
        assert_eq!(counts(&sample::inconclusive(), Unclear::Skipped), [0, 0, 1]);
        assert_eq!(counts(&sample::inconclusive(), Unclear::Error), [0, 1, 0]);
        assert_eq!(counts(&sample::invalid(), Unclear::Skipped), [0, 1, 0]);
        // Nothing could be read: that is an error too, and not an empty file that is taken for well.
        assert_eq!(counts(&sample::empty(), Unclear::Skipped), [0, 1, 0]);
    }

    #[test]
    fn a_leak_of_cmon_itself_fails_though_every_metric_is_clean() {
        let report = Report { verdict: Verdict::Leak, ..sample::clean() };
        let xml = junit(&report, Unclear::Skipped);
        assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
    }

    #[test]
    fn growth_that_was_there_before_is_reported_though_no_test_fails() {
        let xml = junit(&sample::as_before(), Unclear::Skipped);
        let out = "<system-out>CLEAN: nothing new grows, compared with the earlier check; \
                   daemon.goroutines grows as before: 0.5 per cycle\n";
        assert!(xml.contains(out) && xml.contains("failures=\"0\""), "{xml}");
        assert!(xml.contains("\n- the earlier run took 3m4s, this one 10m"), "{xml}");
    }

    #[test]
    fn each_run_that_is_compared_is_a_suite_of_its_own() {
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
    fn it_reads_well() {
        insta::assert_snapshot!(junit(&sample::leak(), Unclear::Skipped));
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_xml(name in hostile()) {
            let xml = junit(&sample::with_text(&name), Unclear::Error);
            prop_assert!(is_harmless(&xml) && is_balanced(&xml));
            let invalid = ['\u{fffe}', '\u{ffff}'];
            prop_assert!(!xml.contains(invalid) && !xml.contains("]]>"));
        }
    }

    /// Every tag that is opened is closed, and attributes are quoted: enough for what is written here.
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
