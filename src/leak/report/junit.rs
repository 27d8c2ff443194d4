//! The report as `JUnit` XML, which most CI systems show as tests: one for each metric that decides.
//!
//! A leak is a failure, what could not be measured an error, and what could not be told is skipped,
//! or an error where the check is to fail on it.

use std::fmt::Write;

use super::compare::{self, Comparison};
use super::escape::markup;
use super::{Detail, Metric, Report, Verdict, sections, text, words};

/// The report as a `JUnit` file. With `fail_on_inconclusive` what could not be told is an error.
pub fn junit(report: &Report, fail_on_inconclusive: bool) -> String {
    file(&[Suite::of(report, &Place::default(), fail_on_inconclusive)])
}

/// Several runs that are compared as one `JUnit` file, a suite for each.
pub fn compared(comparison: &Comparison, fail_on_inconclusive: bool) -> String {
    let suites = comparison.runs.iter().map(|run| {
        let place = Place {
            run: format!("stream timeout {}", compare::timeout(run)),
            sentences: comparison.sentences.clone(),
        };
        Suite::of(run, &place, fail_on_inconclusive)
    });
    file(&suites.collect::<Vec<_>>())
}

/// Which of several runs it is, and what came of comparing them; nothing of both where it is the only one.
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
    fn of(report: &Report, place: &Place, fail_on_inconclusive: bool) -> Self {
        let gated: Vec<&Metric> = report.metrics.iter().filter(|metric| metric.gated).collect();
        let case_of = |metric: &&Metric| of_metric(metric, place, fail_on_inconclusive);
        let mut cases: Vec<String> = gated.iter().map(case_of).collect();
        // What no metric tells: cmon's own leftovers, a check that could not be done.
        let told = gated.iter().any(|metric| metric.verdict == report.verdict);
        if !told {
            let outcome = outcome(report.verdict, fail_on_inconclusive);
            let message = words::because(report);
            let name = place.name("verdict");
            cases.push(case("cmon.leak-check", &name, outcome, &message, &message));
        }
        let count = |wanted: &str| {
            let opening = format!("<{wanted} ");
            cases.iter().filter(|case| case.contains(&opening)).count()
        };
        let (failures, errors, skipped) = (count("failure"), count("error"), count("skipped"));
        let (verdict, because) = (report.verdict.as_str(), words::because(report));
        let said = text::outline(&sections::document(report, Detail::Full)).into_iter();
        let said: Vec<String> = said.map(|line| markup(&line)).collect();
        let xml = format!(
            "<testsuite name=\"{name}\" timestamp=\"{begun}\" tests=\"{tests}\" \
             failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds}\">\n\
             <properties>\n{properties}</properties>\n\
             {cases}\
             <system-out>{verdict}: {because}\n{said}</system-out>\n\
             </testsuite>\n",
            name = markup(&place.name("cmon leak-check")),
            tests = cases.len(),
            seconds = seconds(report.seconds),
            begun = markup(report.begun.trim_end_matches('Z')),
            properties = properties(report, place),
            cases = cases.concat(),
            because = markup(&because),
            said = said.join("\n"),
        );
        Self { xml, tests: cases.len(), failures, errors, seconds: report.seconds }
    }
}

fn of_metric(metric: &Metric, place: &Place, fail_on_inconclusive: bool) -> String {
    let (source, name) = metric.name.rsplit_once('.').unwrap_or(("", &metric.name));
    let class = match source {
        "" => "cmon.leak-check".to_owned(),
        source => format!("cmon.leak-check.{source}"),
    };
    let mut details = vec![
        format!("per cycle: {}", words::per_cycle(metric)),
        format!("per minute: {}", words::per_minute(metric)),
        format!("p: {}", words::p(metric)),
        format!("course: {}", words::course(metric)),
    ];
    details.extend(metric.groups.iter().map(|group| {
        let rate = words::group_rate(group, metric);
        let share = super::figures::share(group.share);
        format!("{share} {rate}, {} to {}: {}", group.first, group.last, group.title)
    }));
    let outcome = outcome(metric.verdict, fail_on_inconclusive);
    case(&class, &place.name(name), outcome, &words::headline(metric), &details.join("\n"))
}

/// The element and its type; nothing where all is well.
type Outcome = Option<(&'static str, &'static str)>;

fn outcome(verdict: Verdict, fail_on_inconclusive: bool) -> Outcome {
    match verdict {
        Verdict::Clean => None,
        Verdict::Leak => Some(("failure", "leak")),
        Verdict::Invalid => Some(("error", "invalid")),
        Verdict::Inconclusive if fail_on_inconclusive => Some(("error", "inconclusive")),
        Verdict::Inconclusive => Some(("skipped", "inconclusive")),
    }
}

fn case(class: &str, name: &str, outcome: Outcome, message: &str, details: &str) -> String {
    let head = format!("<testcase classname=\"{}\" name=\"{}\"", markup(class), markup(name));
    let message = markup(message);
    let details: Vec<String> = details.split('\n').map(markup).collect();
    let details = details.join("\n");
    match outcome {
        None => format!("{head}/>\n"),
        // A skipped test has no type.
        Some(("skipped", _)) => {
            format!("{head}>\n<skipped message=\"{message}\">{details}</skipped>\n</testcase>\n")
        }
        Some((element, kind)) => format!(
            "{head}>\n<{element} type=\"{kind}\" message=\"{message}\">{details}</{element}>\n</testcase>\n"
        ),
    }
}

fn properties(report: &Report, place: &Place) -> String {
    let mut text = String::new();
    let all = [
        ("verdict", report.verdict.as_str().to_owned()),
        ("cmon", report.cmon.clone()),
        ("daemon", report.daemon.clone()),
        ("seed", report.seed.to_string()),
        ("smallest leak that could have been seen", words::smallest(report).join("; ")),
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
        let counts = |report: &Report, fail| {
            let xml = junit(report, fail);
            ["<failure ", "<error ", "<skipped "].map(|element| xml.matches(element).count())
        };
        assert_eq!(counts(&sample::leak(), false), [1, 0, 0]);
        assert_eq!(counts(&sample::clean(), false), [0, 0, 0]);
        assert_eq!(counts(&sample::inconclusive(), false), [0, 0, 1]);
        assert_eq!(counts(&sample::inconclusive(), true), [0, 1, 0]);
        assert_eq!(counts(&sample::invalid(), false), [0, 1, 0]);
        // Nothing could be read: that is an error too, and not an empty file that is taken for well.
        assert_eq!(counts(&sample::empty(), false), [0, 1, 0]);
    }

    #[test]
    fn a_leak_of_cmon_itself_fails_though_every_metric_is_clean() {
        let report = Report { verdict: Verdict::Leak, ..sample::clean() };
        let xml = junit(&report, false);
        assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
    }

    #[test]
    fn growth_that_was_there_before_is_told_though_no_test_fails() {
        let xml = junit(&sample::as_before(), false);
        let told = "<system-out>CLEAN: nothing new grows in 2 gated metrics, compared with the \
                    earlier run; daemon.goroutines grows as before: 0.5 per cycle\n";
        assert!(xml.contains(told) && xml.contains("failures=\"0\""), "{xml}");
        assert!(xml.contains("\n- the earlier run took 3m4s, this one 10m"), "{xml}");
    }

    #[test]
    fn each_run_that_is_compared_is_a_suite_of_its_own() {
        let comparison = crate::leak::report::compare::tests::comparison();
        let xml = compared(&comparison, false);
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
        let sentence = "<property name=\"compared\" value=\"The growth does not depend on";
        assert_eq!(xml.matches(sentence).count(), 2);
    }

    #[test]
    fn it_reads_well() {
        insta::assert_snapshot!(junit(&sample::leak(), false));
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_xml(name in hostile()) {
            let xml = junit(&sample::with_text(&name), true);
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
