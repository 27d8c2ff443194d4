//! Checks beside each other: two stream timeouts (`--compare`), and a check against an earlier one
//! (`--baseline`).

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::check::{NOWHERE, Report, cmon};
use super::daemons::Crowd;
use super::{Cases, length, recording};
use crate::support::{Cmon, Done, PATIENCE, eventually};

/// The stream timeouts that are compared, as they are given and in seconds.
const TIMEOUTS: [(&str, f64); 2] = [("2s", 2.0), ("5s", 5.0)];
/// What runs all the time in the embedded daemon; the others come and go, and have fewer streams.
const STEADY: [&str; 5] = ["api", "cache", "console", "db", "web"];

#[test]
fn two_stream_timeouts() {
    let cases = Cases::default();
    cases
        .add("a real daemon, as a table", as_a_table)
        .add("the embedded one, in JSON", in_json)
        .run();
}

#[test]
fn containers_that_come_and_go_between_the_runs() {
    let crowd = Crowd::start(3);
    crowd.daemon.docker(&["stop", "-t", "0", "talker3"]);
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("r.ndjson").display().to_string();
    let args = ["--compare", "1s,2s", "--duration", "10s", "-o", "json", "--record", &record];
    let check = cmon(&crowd.daemon.url(), &args, |_| {}).read();
    // The first run has its containers, and the second has not.
    let first = dir.path().join("r.1s.ndjson");
    eventually("the first run", || first.exists().then_some(()));
    crowd.daemon.docker(&["start", "talker3"]);
    crowd.daemon.docker(&["rm", "-f", "talker2"]);
    let done = check.done_within(2 * Duration::from_secs(10) + PATIENCE);
    let value: Value = serde_json::from_str(&done.text()).unwrap();
    let containers = [0, 1].map(|run| &value["runs"][run]["containers"]);
    assert_eq!(containers[0], &serde_json::json!(["talker1", "talker2"]), "{done}");
    assert_eq!(containers[1], &serde_json::json!(["talker1"]), "{done}");
    let shown = "1 of 2 containers of the first run was gone in the run with 2s: talker2";
    let sentences = value["text"]["sentences"].as_array().unwrap();
    assert!(sentences.iter().any(|sentence| sentence == shown), "{done}");
}

/// Compares them, to the end.
#[track_caller]
fn compared(host: &str, args: &[&str]) -> Done {
    let each = length(45, 300);
    let [time, timeouts] =
        [format!("{}s", each.as_secs()), TIMEOUTS.map(|(name, _)| name).join(",")];
    let args = [&["--compare", &timeouts, "--duration", &time], args].concat();
    cmon(host, &args, |_| {}).read().done_within(2 * each + PATIENCE)
}

/// What was reached must be what was expected. A loaded machine reaches less, never more, and still
/// more with the shorter timeout.
#[track_caller]
fn near(reached: [f64; 2], expected: [f64; 2], done: &Done) {
    assert!(reached[1] < reached[0], "{reached:?} cycles/min: {done}");
    for (reached, expected) in reached.into_iter().zip(expected) {
        let is_near = 0.0 < reached && reached <= 1.2 * expected;
        assert!(is_near, "{reached} cycles/min, not {expected}: {done}");
    }
}

/// The cells of a row of the table.
#[track_caller]
fn row(title: &str, done: &Done) -> [String; 2] {
    let text = done.text();
    let found = text.lines().find_map(|line| line.strip_prefix(title));
    let cells = found.unwrap_or_else(|| panic!("no row `{title}`: {done}"));
    let cells: Vec<String> = cells.split_whitespace().map(str::to_owned).collect();
    cells.try_into().unwrap_or_else(|cells| panic!("{title}: {cells:?}: {done}"))
}

/// A figure of the table: `1,280` has a comma in it.
#[track_caller]
fn figure(cell: &str) -> f64 {
    let figure = cell.replace(',', "").parse();
    figure.unwrap_or_else(|error| panic!("`{cell}`: {error}"))
}

fn as_a_table() {
    let crowd = Crowd::start(4);
    let done = compared(&crowd.daemon.url(), &[]);
    assert_eq!(row("stream timeout ", &done), TIMEOUTS.map(|(name, _)| name), "{done}");
    agree(&row("verdict ", &done), &done);
    // Four containers, and a minute of 30 or 12 times the stream timeout.
    assert_eq!(row("cycles/min expected ", &done), ["120", "48"], "{done}");
    let reached = row("cycles/min reached ", &done).map(|cell| figure(&cell));
    near(reached, [120.0, 48.0], &done);
    assert!(row("lines/min ", &done).iter().all(|cell| 0.0 < figure(cell)), "{done}");
    for name in ["own.survivors ", "own.tasks ", "daemon.followers ", "daemon.goroutines "] {
        let verdicts = row(name, &done);
        assert!(verdicts.iter().all(|verdict| verdict != "LEAK"), "{done}");
    }
}

fn in_json() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.ndjson").display().to_string();
    let args = [&["--demo", "-o", "json", "--record", &path][..], &STEADY].concat();
    let done = compared(NOWHERE, &args);
    let text = done.text();
    assert_eq!(text.lines().count(), 1, "one object, one line: {done}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["v"], &value["type"]), (&1.into(), &"leak_comparison".into()), "{done}");
    assert_eq!(super::schema_check::violation(&value), None, "{done}");
    let sentences = value["text"]["sentences"].as_array().unwrap();
    assert!(!sentences.is_empty(), "an answer comes first: {done}");
    let runs = value["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{done}");
    let verdicts = [0, 1].map(|run| runs[run]["verdict"].as_str().unwrap().to_owned());
    agree(&verdicts, &done);
    let of_both = |name: &str| [0, 1].map(|run| runs[run][name].as_f64().unwrap());
    near(of_both("cycles_per_minute"), of_both("cycles_expected"), &done);
    for (run, (name, timeout)) in runs.iter().zip(TIMEOUTS) {
        let number = |name: &str| run[name].as_f64().unwrap_or_else(|| panic!("{name}: {done}"));
        assert_eq!((&run["drive"], &run["interrupted"]), (&"held".into(), &false.into()), "{done}");
        assert_eq!(number("stream_timeout_seconds").to_bits(), timeout.to_bits(), "{done}");
        assert_eq!(run["containers"], serde_json::json!(STEADY), "{done}");
        assert!(0.0 < number("lines"), "{done}");
        let expected = 60.0 * STEADY.len() as f64 / timeout;
        assert!((number("cycles_expected") - expected).abs() < 1e-6, "{done}");
        let metrics = run["metrics"].as_array().unwrap();
        assert!(metrics.iter().all(|metric| metric["verdict"] != "LEAK"), "{done}");
        let survivors = metrics.iter().find(|metric| metric["name"] == "own.survivors");
        assert_eq!(survivors.unwrap()["verdict"], "CLEAN", "{done}");
        // Its recording is that of this run, to the last digit.
        let path = dir.path().join(format!("r.{name}.ndjson"));
        let again = replayed(&path);
        let mut again = again.value;
        for field in ["v", "type", "time"] {
            again.as_object_mut().unwrap().remove(field).unwrap();
        }
        assert_eq!(&again, run, "{name}");
    }
    let mut files: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["r.2s.ndjson", "r.5s.ndjson"], "one for each, and none for both");
}

#[track_caller]
fn replayed(path: &Path) -> Report {
    let path = path.display().to_string();
    Report::of(Cmon::run(&["leak-check", "-o", "json", "--replay", &path]))
}

/// The exit code must be that of both verdicts, and none of them a leak: neither daemon has one.
#[track_caller]
fn agree(verdicts: &[String; 2], done: &Done) {
    let any = |verdict: &str| verdicts.iter().any(|one| one == verdict);
    assert!(verdicts.iter().all(|one| one == "CLEAN" || one == "INCONCLUSIVE"), "{done}");
    let code = if any("INCONCLUSIVE") { 3 } else { 0 };
    assert_eq!(done.status.code(), Some(code), "{done}");
}

/// A check of 1.0 goroutines per cycle is held against earlier ones.
#[test]
fn an_earlier_recording() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, rate: f64| recording::write(dir.path(), name, recording::driven(rate));
    let [none, same, twice] = [write("none", 0.0), write("same", 1.0), write("twice", 2.0)];
    let judged = |now: &str, before: &[&str]| {
        let args = [&["leak-check", "--replay", now, "-o", "json"], before].concat();
        Report::of(Cmon::run(&args))
    };
    let metric = "daemon.goroutines";
    let because = |report: &Report| report.explanation(metric).to_owned();

    // The verdict and the exit code say the same: `Report::of` has made sure of that.
    let alone = judged(&same, &[]);
    assert_eq!(alone.says(metric, "LEAK").verdict(), "LEAK", "{alone}");
    let known = judged(&same, &["--baseline", &same]);
    assert_eq!(known.has_no_leak().says(metric, "CLEAN").verdict(), "CLEAN", "{known}");
    assert!(because(&known).contains("no new growth: 0 per cycle"), "{known}");
    known.grows(metric, "per_cycle", 1.0, 0.01);
    let new = judged(&same, &["--baseline", &none]);
    assert_eq!(new.says(metric, "LEAK").verdict(), "LEAK", "{new}");
    assert!(because(&new).contains("new growth: +1 per cycle"), "{new}");
    assert_eq!(new.metric(metric)["mode"], "baseline", "{new}");
    // It was a leak before, and is a larger one now.
    let more = judged(&twice, &["--baseline", &same]);
    assert_eq!(more.says(metric, "LEAK").verdict(), "LEAK", "{more}");
    assert!(because(&more).contains("new growth: +1 per cycle"), "{more}");
    let less = judged(&same, &["--baseline", &twice]);
    assert_eq!(less.has_no_leak().says(metric, "CLEAN").verdict(), "CLEAN", "{less}");
    assert!(because(&less).contains("grows less: -1 per cycle"), "{less}");
    // Without JSON it is the same.
    let args = ["leak-check", "--replay", &same, "--baseline", &same];
    Cmon::run(&args).code(0);
    let args = ["leak-check", "--replay", &same, "--baseline", &none];
    let text = Cmon::run(&args).code(1).text();
    assert!(text.starts_with("LEAK: the daemon leaks goroutines: new growth, now +1.0"), "{text}");
}
