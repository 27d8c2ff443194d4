//! The forms of a report: text, JSON, `JUnit`, HTML, and what GitHub shows.

use std::fs::read_to_string;

use super::check::{NOWHERE, Report, cmon};
use super::recording;
use crate::support::{Cmon, Container, Dockerd};

#[test]
fn one_leak_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    let leak = recording::write(dir.path(), "leak", recording::driven(1.0));
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (junit, html) = (file("junit.xml"), file("report.html"));
    let args = ["--replay", &leak, "--junit", &junit, "--html", &html, "-o", "json"];
    let done = cmon(NOWHERE, &args, |_| {}).done().code(1);
    let report = Report::of(done);
    report.says("daemon.goroutines", "LEAK").grows("daemon.goroutines", "per_cycle", 1.0, 0.01);
    report.says("own.survivors", "CLEAN");

    let xml = read_to_string(&junit).unwrap();
    let elements = well_formed(&xml);
    let count = |name: &str| elements.iter().filter(|element| *element == name).count();
    let found = (count("testsuites"), count("testsuite"), count("testcase"), count("failure"));
    assert_eq!(found, (1, 1, 2, 1), "{xml}");

    let page = read_to_string(&html).unwrap();
    assert!(page.starts_with("<!") && page.trim_end().ends_with("</html>"), "{page}");
    assert!(page.contains("daemon.goroutines") && page.contains("<svg"), "charts are in it");
    for reference in ["http:", "https:", "src=", "@import", "url(", "<link", "<img", "fetch("] {
        assert!(!page.contains(reference), "`{reference}` leads out of the file");
    }

    // A length that is meant for checks is no contradiction.
    let text = cmon(NOWHERE, &["--replay", &leak, "--alpha", "0.05"], |command| {
        command.env("CMON_LEAK_DURATION", "4m");
    });
    let text = text.done().code(1).text();
    assert!(text.contains("LEAK") && text.contains("daemon.goroutines"), "{text}");
    assert!(text.contains("+1"), "the rate is shown: {text}");
    assert!(!text.contains('\x1b'), "no colours in a pipe: {text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let again = format!("judge again cmon leak-check --replay {leak} --alpha 0.05");
    assert!(words.join(" ").ends_with(&again), "the same once more: {text}");
}

#[test]
fn a_verdict_for_each_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let replay = |name: &str, text: String, more: &[&str]| {
        let path = recording::write(dir.path(), name, text);
        Cmon::run(&[&["leak-check", "--replay", &path][..], more].concat())
    };
    assert!(replay("clean", recording::driven(0.0), &[]).code(0).text().contains("CLEAN"));
    // Four pairs prove nothing.
    let short = || {
        let all = recording::driven(0.0);
        all.lines().take(10).fold(String::new(), |text, line| text + line + "\n")
    };
    assert!(replay("short", short(), &[]).code(3).text().contains("INCONCLUSIVE"));
    replay("short", short(), &["--on-inconclusive", "fail"]).code(1);
    replay("short", short(), &["--on-inconclusive", "pass"]).code(0);
    let silent = recording::driven(0.0).replace("\"lines\":", "\"lines\":0.0,\"was\":");
    assert!(replay("silent", silent, &[]).code(2).text().contains("no lines"));
    let left = r#""survivors":[{"kind":"reader","name":"web","age":4.5}]"#;
    let left = recording::driven(0.0).replace(r#""survivors":[]"#, left);
    let done = replay("left", left, &[]).code(1);
    assert!(done.text().contains("a leak in cmon"), "{done}");
}

#[test]
fn a_step_on_github() {
    let dir = tempfile::tempdir().unwrap();
    let leak = recording::write(dir.path(), "leak", recording::driven(1.0));
    let summary = dir.path().join("summary");
    let output = dir.path().join("output");
    // Earlier steps have written there, too.
    std::fs::write(&summary, "earlier\n").unwrap();
    std::fs::write(&output, "one=1\n").unwrap();
    let run = |on: &str| {
        cmon(NOWHERE, &["-o", "json", "--replay", &leak], |command| {
            command.env("GITHUB_ACTIONS", on);
            command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_OUTPUT", &output);
        })
        .done()
        .code(1)
    };
    let done = run("true");
    let errors: Vec<&str> =
        done.stderr.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 1, "{done}");
    let start = "::error title=cmon leak-check%3A daemon.goroutines::LEAK: ";
    assert!(errors[0].starts_with(start), "{done}");
    // The report on stdout is whole all the same.
    Report::of(done);
    let text = read_to_string(&summary).unwrap();
    assert!(text.starts_with("earlier\n### "), "{text}");
    assert!(text.contains("| **LEAK** | daemon.goroutines |"), "{text}");
    assert_eq!(read_to_string(&output).unwrap(), "one=1\nverdict=leak\n");

    for off in ["false", "0", ""] {
        let done = run(off);
        assert!(!done.stderr.contains("::error"), "{done}");
        assert_eq!(read_to_string(&output).unwrap(), "one=1\nverdict=leak\n", "nothing more");
    }
    assert!(run("1").stderr.contains("::error"));
}

#[test]
fn nothing_that_a_recording_says_is_a_command_for_the_runner_of_a_workflow() {
    let dir = tempfile::tempdir().unwrap();
    let text = recording::driven(1.0).replace("daemon.goroutines", "daemon.x ##[error]y");
    let text = text.replace("web <&>", "web ##[error]y");
    let hostile = recording::write(dir.path(), "hostile", text);
    let stdout = |form: &str| {
        let done = Cmon::run(&["leak-check", "--replay", &hostile, "-o", form]);
        let stdout = done.text();
        assert!(stdout.contains("[error]y") && !stdout.contains("##["), "{form}: {done}");
        stdout
    };
    assert!(stdout("text").contains("daemon.x # #[error]y"));
    // The value of an object is the same all the same.
    let report: serde_json::Value = serde_json::from_str(&stdout("json")).unwrap();
    assert_eq!(report["containers"][0], "web ##[error]y \"db\"");
}

#[test]
fn a_plan_without_a_check() {
    let daemon = Dockerd::shared();
    let containers = [
        Container::named("planned-a", &[], "echo a; sleep 600"),
        Container::named("planned-b", &[], "echo b; sleep 600"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let never = dir.path().join("recording");
    let record = never.display().to_string();
    let args = ["--dry-run", "--duration", "3m", "--seed", "7", "--record", &record, "planned-*"];
    let done = cmon(&daemon.url(), &args, |_| {}).done().code(0);
    let text = done.text();
    for words in [
        "containers    2: planned-a, planned-b",
        "closed and opened again every 200ms: 600 cycles/min while driven",
        "warm-up       1m40s, 1,000 cycles",
        "pairs         13 on/off pairs: a drive and an idle phase, in random order",
        "takes         2m58s",
        "finds         leaks of 0.",
        "probes",
        "daemon.followers",
        "own.tasks",
    ] {
        assert!(text.contains(words), "no `{words}` in {done}");
    }
    let decides = |metric: &str| {
        let row = text.lines().find(|line| line.trim_start().starts_with(metric));
        row.is_some_and(|row| row.ends_with("decides"))
    };
    assert!(decides("daemon.goroutines") && !decides("own.rss_bytes"), "{done}");
    assert!(!never.exists(), "nothing was done");
    // The same for programs.
    let args = ["--dry-run", "--duration", "3m", "--seed", "7", "-o", "json", "planned-*"];
    let done = cmon(&daemon.url(), &args, |_| {}).done().code(0);
    let plan: serde_json::Value = serde_json::from_str(&done.text()).unwrap();
    assert_eq!(super::schema_check::violation(&plan), None, "{done}");
    assert_eq!((&plan["v"], &plan["type"]), (&1.into(), &"leak_plan".into()), "{done}");
    assert_eq!(plan["containers"], serde_json::json!(["planned-a", "planned-b"]), "{done}");
    let figures = ["pairs", "seed", "warm_up_cycles", "cycles_per_minute"];
    let figures = figures.map(|name| plan[name].as_f64().unwrap().to_string());
    assert_eq!(figures, ["13", "7", "1000", "600"], "{done}");
    let names = |gated: bool| -> Vec<&str> {
        let metrics = plan["metrics"].as_array().unwrap().iter();
        let metrics = metrics.filter(|metric| metric["gated"] == gated);
        metrics.map(|metric| metric["name"].as_str().unwrap()).collect()
    };
    assert!(names(true).contains(&"daemon.goroutines"), "{done}");
    assert!(names(false).contains(&"own.rss_bytes"), "{done}");
    let args = ["--dry-run", "--compare", "1s,2s", "-o", "json", "planned-*"];
    let done = cmon(&daemon.url(), &args, |_| {}).done().code(0);
    let plan: serde_json::Value = serde_json::from_str(&done.text()).unwrap();
    assert_eq!(plan["runs"][1]["stream_timeout_seconds"], 2.0, "one document for both: {done}");
    let short = cmon(&daemon.url(), &["--dry-run", "--duration", "20s", "planned-a"], |_| {});
    let short = short.done().code(0).text();
    assert!(short.contains("nothing: too few on/off pairs"), "{short}");
    drop(containers);
}

/// Fails unless this is well-formed XML of the simple kind that reports are; gives its elements.
#[track_caller]
fn well_formed(xml: &str) -> Vec<String> {
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
    let (mut open, mut all): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        text_is_sound(&rest[..at]);
        assert!(!open.is_empty() || rest[..at].trim().is_empty(), "text outside: {}", &rest[..at]);
        let end = rest[at..].find('>').unwrap_or_else(|| panic!("never closed: {rest}")) + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in the wrong order");
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "`{name}`");
        attributes_are_sound(attributes);
        all.push(name.to_owned());
        if !is_empty {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "left open: {open:?}, rest {rest}");
    all
}

#[track_caller]
fn attributes_are_sound(mut attributes: &str) {
    while !attributes.trim().is_empty() {
        let (name, rest) = attributes.trim_start().split_once("=\"").unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "`{name}`");
        let (value, rest) = rest.split_once('"').unwrap();
        text_is_sound(value);
        attributes = rest;
    }
}

#[track_caller]
fn text_is_sound(text: &str) {
    assert!(!text.contains('<'), "{text}");
    assert!(!text.chars().any(|c| c < ' ' && !"\t\r\n".contains(c)), "{text:?}");
    for part in text.split('&').skip(1) {
        let entity = part.split(';').next().unwrap();
        let known = ["amp", "lt", "gt", "quot", "apos"].contains(&entity);
        assert!(known || entity.starts_with('#'), "&{entity}; in {text}");
    }
}
