//! Logs in files that the daemon rotates: stored lines are shown once, and lines dropped before cmon read them are
//! a gap with from and to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::support::{Cmon, Container, Done, ROTATED};

/// Numbers from 1 on, a hundred at a time, with a pause in microseconds.
fn numbers(to: u32, pause: u32) -> String {
    format!(
        "sleep 1; i=0; while [ $i -lt {to} ]; do seq $((i+1)) $((i+100)); i=$((i+100)); usleep \
         {pause}; done"
    )
}

fn follow(name: &str) -> Cmon {
    let args = ["tail", "-o", "json", "-n", "all", "--summary", "--exit-on-stop"];
    Cmon::start(&[&args, &["--stream-timeout", "1s", name][..]].concat())
}

fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object[field].as_str()
}

/// Each number once; missing ones lie between the two times of a gap; no number that the daemon still holds is missing.
#[track_caller]
fn exact_or_told(container: &Container, done: &Done) -> usize {
    let mut times: BTreeMap<u32, String> = BTreeMap::new();
    for line in done.objects("line") {
        let number = text(&line, "msg").unwrap().parse().unwrap();
        let before = times.insert(number, text(&line, "time").unwrap().to_owned());
        assert!(before.is_none(), "{number} is doubled\n{}", done.stderr);
    }
    let gaps = done.objects("gap");
    let mut before = (0, "");
    for (number, time) in &times {
        if *number != before.0 + 1 {
            let told = gaps.iter().any(|gap| {
                text(gap, "from").is_none_or(|from| from <= before.1)
                    && text(gap, "to").is_none_or(|to| time.as_str() <= to)
            });
            assert!(told, "nothing told between {before:?} and {number} {time}: {gaps:?}");
        }
        before = (*number, time);
    }
    let held = String::from_utf8(container.logs().stdout).unwrap();
    let held: BTreeSet<u32> = held.lines().map(|line| line.parse().unwrap()).collect();
    let missing: Vec<&u32> = held.iter().filter(|number| !times.contains_key(number)).collect();
    assert!(missing.is_empty(), "{} that the daemon holds: {missing:?}", missing.len());
    let summary = done.objects("summary").pop().unwrap();
    assert_eq!((&summary["tasks"], &summary["connections"]), (&0.into(), &0.into()));
    times.len()
}

fn limited(size: &str, files: &str) -> [String; 4] {
    let option = |option: &str, value: &str| ["--log-opt".to_owned(), format!("{option}={value}")];
    let [a, b] = option("max-size", size);
    let [c, d] = option("max-file", files);
    [a, b, c, d]
}

fn run(size: &str, files: &str, script: &str) -> Container {
    let options = limited(size, files);
    Container::run_with(&options.each_ref().map(String::as_str), script)
}

#[test]
fn files_of_every_size_followed_as_they_come() {
    for (size, files, to, pause) in
        [("20k", "2", 10_000, 50_000), ("20k", "5", 20_000, 20_000), ("1m", "2", 100_000, 5000)]
    {
        let container = run(size, files, &numbers(to, pause));
        let done = follow(&container.name).read().done().code(0);
        // The speed of the machine decides how much is shown. The rest is reported.
        let shown = exact_or_told(&container, &done);
        assert!(shown > 0, "{size} {files}: nothing of {to}");
    }
}

#[test]
fn files_dropped_while_output_is_blocked_are_a_gap() {
    let cases = [("20k", "2"), ("20k", "5"), ("1m", "2"), ("1m", "5")];
    let start = |(size, files): (&str, &str)| {
        let (to, pause) = if size == "1m" { (200_000, 4000) } else { (16_000, 40_000) };
        let container = run(size, files, &format!("{}; sleep 1", numbers(to, pause)));
        let mut cmon = follow(&container.name);
        let mut stdout = cmon.take_stdout();
        let mut shown = vec![0; 100_000];
        stdout.read_exact(&mut shown).unwrap();
        (container, cmon, stdout, shown)
    };
    for (container, cmon, mut stdout, mut shown) in cases.map(start) {
        // Meanwhile the container runs to its end, and the daemon drops most of its log.
        container.wait();
        stdout.read_to_end(&mut shown).unwrap();
        let done = cmon.done_with(shown).code(0);
        exact_or_told(&container, &done);
        assert!(!done.objects("gap").is_empty(), "{}", container.name);
    }
}

#[test]
fn a_slow_reader_loses_no_line_in_silence() {
    let container = run("1m", "2", &numbers(100_000, 3000));
    let mut cmon = follow(&container.name);
    let mut stdout = cmon.take_stdout();
    let mut shown = Vec::new();
    let mut piece = vec![0; 40_000];
    while let Ok(count @ 1..) = stdout.read(&mut piece) {
        shown.extend_from_slice(&piece[..count]);
        sleep(Duration::from_millis(10));
    }
    let done = cmon.done_with(shown).code(0);
    exact_or_told(&container, &done);
}

#[test]
fn rotation_of_the_local_driver_loses_no_line_in_silence() {
    for files in ["20", "3"] {
        let options = limited("100k", files);
        let args = ["--log-driver", "local"];
        let args: Vec<&str> = args.into_iter().chain(options.iter().map(String::as_str)).collect();
        let container = Container::run_with(&args, &numbers(20_000, 20_000));
        let done = follow(&container.name).read().done().code(0);
        let shown = exact_or_told(&container, &done);
        // If the daemon drops files, the speed of the machine decides how much is shown.
        assert!(if files == "3" { 0 < shown } else { shown == 20_000 }, "{files}: {shown}");
    }
}

#[test]
fn a_truncated_log_is_a_gap() {
    let container = Container::run("seq 1000; hold; seq 1001 2000; hold");
    let follow = ["tail", "-v", "-o", "json", "-n", "all", "--exit-on-stop"];
    let cmon = Cmon::start(&[&follow[..], &["--stream-timeout", "1s", &container.name]].concat());
    let cmon = cmon.read();
    cmon.wait_for_out(r#""msg":"1000""#);
    let path = container.daemon.docker(&["inspect", "-f", "{{.LogPath}}", &container.name]);
    std::fs::File::options().write(true).open(path.trim()).unwrap().set_len(0).unwrap();
    // A stream opened before would continue with the new lines. A stream opened now finds none.
    let rotations = cmon.err().matches(ROTATED).count();
    cmon.wait_for_err_times(ROTATED, rotations + 2);
    container.go();
    cmon.wait_for_out(r#""msg":"2000""#);
    container.go();
    let done = cmon.done().code(0);
    let shown = done.messages(&container.name, "stdout");
    let expected: Vec<String> = (1..=2000).map(|number| number.to_string()).collect();
    assert!(shown == expected, "{} lines\n{}", shown.len(), done.stderr);
    assert_eq!(done.objects("gap").len(), 1, "what was there could not be compared any more");
}

#[test]
fn a_driver_that_may_lose_lines_is_reported() {
    let container = Container::run_with(&["--log-opt", "mode=non-blocking"], "echo hello");
    container.wait();
    let done = Cmon::run(&["tail", "--no-follow", &container.name]).code(0);
    assert_eq!(done.text(), "hello\n");
    let done = done.says("can lose lines: its log mode is non-blocking");
    assert_eq!(done.stderr.lines().count(), 1);
    let quiet = Cmon::run(&["tail", "-q", "--no-follow", &container.name]).code(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn one_line_a_hundred_thousand_times() {
    let container = Container::run("sleep 1; yes same | head -n 100000");
    let done = follow(&container.name).read().done().code(0);
    let shown = done.messages(&container.name, "stdout");
    assert_eq!(shown.len(), 100_000);
    assert!(shown.iter().all(|line| line == "same"));
}

#[test]
fn a_reader_that_stops_while_half_a_million_lines_come() {
    let container = Container::run("seq 500000; echo all; sleep 600");
    let mut cmon = Cmon::start_with(
        &["tail", "-n", "all", "-o", "json", "--summary", "--exit-on-stop", &container.name],
        |command| {
            command.stdin(Stdio::null());
        },
    );
    let mut stdout = cmon.take_stdout();
    let mut shown = vec![0; 1000];
    stdout.read_exact(&mut shown).unwrap();
    container.wait_for_log("all");
    cmon.wait_for_a_full_pipe();
    // Not a wait for something to settle: the lag reported at the end must be at least this.
    sleep(Duration::from_secs(3));
    assert!(cmon.memory() < 64 * 1024, "{} KiB", cmon.memory());
    container.daemon.docker(&["stop", "-t", "0", &container.name]);
    stdout.read_to_end(&mut shown).unwrap();
    let done = cmon.done_with(shown).code(0);
    assert_eq!(done.messages(&container.name, "stdout").len(), 500_001);
    let summary = done.objects("summary").pop().unwrap();
    assert!(3.0 <= summary["max_lag_seconds"].as_f64().unwrap(), "{summary}");
}
