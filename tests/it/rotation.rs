//! No line is lost or duplicated, whatever happens to the streams: the main promise.

use rustix::process::Signal;

use super::support::{Cmon, Container, Dockerd, Done, ROTATED, eventually};

/// Follows with a rotation every second.
fn follow(names: &[&str]) -> Cmon {
    let args = ["tail", "-o", "json", "--summary", "-n", "all", "--stream-timeout", "1s"];
    Cmon::start(&[&args, names].concat()).read()
}

fn numbers(to: u32) -> Vec<String> {
    (1..=to).map(|number| number.to_string()).collect()
}

/// Reports where two lists differ, instead of both lists.
#[track_caller]
fn same(found: &[String], expected: &[String], done: &Done) {
    let parted = found.iter().zip(expected).position(|(found, expected)| found != expected);
    let short = |line: &String| line.chars().take(60).collect::<String>();
    let at = parted.unwrap_or(found.len().min(expected.len()));
    assert!(
        found.len() == expected.len() && parted.is_none(),
        "{} lines, expected {}; they part at {at}: {:?}, expected {:?}\n{}",
        found.len(),
        expected.len(),
        found.get(at).map(short),
        expected.get(at).map(short),
        done.stderr,
    );
}

/// The common assertions at the end of a run: nothing left, nothing missing.
#[track_caller]
fn clean_end(done: &Done) -> serde_json::Value {
    let summary = done.objects("summary").pop().unwrap();
    assert_eq!(summary["streams_opened"], summary["streams_closed"], "{summary}");
    let left = ["streams_open", "readers", "tasks", "connections", "gaps", "panics"];
    left.iter().for_each(|field| assert_eq!(summary[*field], 0, "{field}: {summary}"));
    assert_eq!(summary["stragglers"], serde_json::json!([]));
    summary
}

#[test]
fn twenty_thousand_lines_on_both_outputs() {
    let container = Container::run("count 20000 & count 20000 >&2 & wait; hold");
    let cmon = follow(&["-v", &container.name]);
    // Eight and more in the ten seconds of the lines; a machine that rotates later ends later.
    cmon.wait_for_err_times(ROTATED, 8);
    for stream in ["stdout", "stderr"] {
        cmon.wait_for_out(&format!(r#""stream":"{stream}","msg":"20000""#));
    }
    container.go();
    cmon.wait_for_out(r#""event":"exited""#);
    let done = cmon.interrupt().code(130);
    for stream in ["stdout", "stderr"] {
        same(&done.messages(&container.name, stream), &numbers(20_000), &done);
    }
    let summary = clean_end(&done);
    assert!(8 <= summary["rotations"].as_u64().unwrap(), "{summary}");
}

#[test]
fn long_lines_among_short_ones() {
    let long = "head -c 40000 /dev/zero | tr '\\0' x; echo";
    let script = format!("for i in $(seq 30); do count 200; {long}; done & count 8000 >&2 & wait");
    let container = Container::run(&script);
    let cmon = follow(&[&container.name]);
    cmon.wait_for_out(r#""event":"exited""#);
    let done = cmon.interrupt().code(130);
    let once = [numbers(200), vec!["x".repeat(40_000)]].concat();
    let expected: Vec<String> = std::iter::repeat_n(once, 30).flatten().collect();
    same(&done.messages(&container.name, "stdout"), &expected, &done);
    same(&done.messages(&container.name, "stderr"), &numbers(8000), &done);
    clean_end(&done);
}

#[test]
fn a_container_with_a_terminal() {
    let long = "head -c 40000 /dev/zero | tr '\\0' y; echo";
    let script = format!("count 5000; {long}; count 5000");
    let container = Container::run_with(&["-t"], &script);
    let cmon = follow(&[&container.name]);
    cmon.wait_for_out(r#""event":"exited""#);
    let done = cmon.interrupt().code(130);
    let expected = [numbers(5000), vec!["y".repeat(40_000)], numbers(5000)].concat();
    same(&done.messages(&container.name, "stdout"), &expected, &done);
    clean_end(&done);
}

#[test]
fn two_restarts_lose_no_line_while_streams_rotate() {
    let container = Container::run("count 5000 & count 5000 >&2 & wait");
    let cmon = follow(&[&container.name]);
    for run in 1..=2 {
        let halfway = || cmon.out().matches(r#""msg":"2000""#).count();
        eventually("half of a run", || (halfway() == 2 * run).then_some(()));
        container.daemon.docker(&["restart", "-t", "0", &container.name]);
    }
    container.wait();
    let logs = container.logs();
    let all = [&logs.stdout[..], &logs.stderr].concat();
    let all = all.split(|byte| *byte == b'\n').count() - 1;
    eventually("every line", || {
        (all <= cmon.out().matches(r#""type":"line""#).count()).then_some(())
    });
    let done = cmon.interrupt().code(130);
    for (stream, bytes) in [("stdout", logs.stdout), ("stderr", logs.stderr)] {
        let text = String::from_utf8(bytes).unwrap();
        let expected: Vec<String> = text.lines().map(str::to_owned).collect();
        same(&done.messages(&container.name, stream), &expected, &done);
    }
    assert_eq!(clean_end(&done)["lines"], done.lines().len());
}

#[test]
fn eight_containers_lose_no_line_while_streams_rotate() {
    let containers: Vec<Container> =
        (0..8).map(|_| Container::run("count 4000 & count 4000 >&2 & wait; sleep 600")).collect();
    let names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
    let cmon = follow(&names);
    for name in &names {
        for stream in ["stdout", "stderr"] {
            let last = format!(r#""stream":"{stream}","msg":"4000""#);
            eventually(&last, || {
                let text = cmon.out();
                let of_name = format!(r#""container":"{name}""#);
                text.lines()
                    .any(|line| line.contains(&of_name) && line.contains(&last))
                    .then_some(())
            });
        }
    }
    let done = cmon.interrupt().code(130);
    for name in &names {
        for stream in ["stdout", "stderr"] {
            same(&done.messages(name, stream), &numbers(4000), &done);
        }
    }
    let summary = clean_end(&done);
    assert_eq!(summary["cycles"].as_object().unwrap().len(), 8, "{summary}");
}

#[test]
fn the_daemon_keeps_no_goroutines() {
    // A separate daemon: its goroutines would include the other tests'.
    let daemon = Dockerd::alone(&[]);
    let names: Vec<String> = (0..4).map(|number| format!("left{number}")).collect();
    for name in &names {
        let script = "while :; do date; sleep 0.1; done";
        daemon.docker(&[
            "run",
            "-d",
            "--network",
            "none",
            "--name",
            name,
            "box",
            "sh",
            "-c",
            script,
        ]);
    }
    let goroutines = || daemon.info()["NGoroutines"].as_u64().unwrap();
    // After a start, the daemon has more of them for a moment. The minimum of fifty looks is its own.
    let before = (0..50).map(|_| goroutines()).min().unwrap();
    let url = daemon.url();
    let args = ["tail", "-v", "left*", "--summary", "--stream-timeout", "300ms", "-n", "0"];
    let cmon = Cmon::start_with(&args, |command| {
        command.env("DOCKER_HOST", url);
    })
    .read();
    eventually("four followers", || (daemon.followers() == 4).then_some(()));
    cmon.wait_for_err_times(ROTATED, 4 * 10);
    cmon.signal(Signal::INT);
    cmon.done().code(130).says("tasks left: 0, connections left: 0");
    eventually("the goroutines of before", || {
        (goroutines() <= before && daemon.followers() == 0).then_some(())
    });
}
