//! Lines of several containers in the order of their times, and a follow that ends at a time.

use cmon::engine::source::StdStream::Stdout;
use cmon::engine::timestamp::Timestamp;

use super::support::{Cmon, Container, Scene, eventually};

/// Time, name and line of each line, as `-t` prints them.
fn stamped(text: &str) -> Vec<(&str, &str, &str)> {
    let split = |line| -> Option<(&str, &str, &str)> {
        let (name, rest) = str::split_once(line, '|')?;
        let (time, line) = rest.trim_start().split_once(' ')?;
        Some((time, name.trim_end(), line))
    };
    text.lines().map(|line| split(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

/// All lines of a container with their times, as `docker logs -t` prints them.
fn truth(container: &Container) -> Vec<(String, String)> {
    let args = ["logs", "-t", &container.name];
    let done = container.daemon.command("docker").args(args).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let split = |line: &str| {
        let (time, line) = line.split_once(' ').unwrap();
        (time.to_owned(), line.to_owned())
    };
    text.lines().map(split).collect()
}

#[test]
fn the_history_of_twenty_containers_comes_in_the_order_of_its_times() {
    const EACH: usize = 5000;
    let pad = "x".repeat(300);
    let script = format!("count {EACH} | sed 's/$/ {pad}/'; hold");
    let names: Vec<String> = (1..=20).map(|number| format!("order-{number}")).collect();
    let containers: Vec<Container> =
        names.iter().map(|name| Container::named(name, &[], &script)).collect();
    let written: Vec<Vec<(String, String)>> = containers
        .iter()
        .map(|container| {
            eventually("all lines", || Some(truth(container)).filter(|all| all.len() == EACH))
        })
        .collect();
    let mut times: Vec<&str> = written.iter().flatten().map(|(time, _)| time.as_str()).collect();
    times.sort_unstable();
    let check = |text: &str| {
        let shown = stamped(text);
        let differs = shown.iter().zip(&times).position(|((time, ..), wanted)| time != wanted);
        let around = differs.map(|at| &shown[at.saturating_sub(3)..(at + 3).min(shown.len())]);
        let wanted = differs.map(|at| times[at]);
        assert_eq!((around, shown.len()), (None, times.len()), "{differs:?} {wanted:?}");
        for (name, written) in names.iter().zip(&written) {
            let own = shown.iter().filter(|(_, of, _)| of == name);
            let own = own.map(|(time, _, line)| (*time, *line));
            let written = written.iter().map(|(time, line)| (time.as_str(), line.as_str()));
            assert!(own.eq(written), "{name}");
        }
    };
    let args = ["tail", "-n", "all", "-t=full", "order-*"];
    check(&Cmon::run(&[&args[..], &["--no-follow"]].concat()).code(0).text());
    let cmon = Cmon::start(&args).read();
    eventually("all lines", || (cmon.out().lines().count() == times.len()).then_some(()));
    // The logs have 31 MB.
    assert!(cmon.memory() < 64 * 1024, "{} KiB", cmon.memory());
    check(&cmon.interrupt().code(130).text());
}

#[test]
fn a_live_line_waits_for_older_ones_within_the_order_window() {
    let scene = Scene::of(&["web", "db"]);
    let now = Timestamp::now().saturating_nanos();
    let write = |name: &str, millis: i64| {
        let time = Timestamp::from_nanos(now + millis * 1_000_000);
        scene.fake.write_at(name, Stdout, time, format!("{name} {millis}\n").as_bytes());
    };
    let order = |cmon: &Cmon| {
        let text = cmon.out();
        text.lines()
            .map(|line| line.split('|').nth(1).unwrap().trim().to_owned())
            .collect::<Vec<_>>()
    };
    for (window, base) in [("0s", 0), ("500ms", 1000)] {
        let args = ["tail", "-n", "0", "--order-window", window, "web", "db"];
        let cmon = scene.start(&args).read();
        scene.wait_for_follower("web");
        scene.wait_for_follower("db");
        write("web", base + 2);
        if window == "0s" {
            cmon.wait_for_out("web");
        }
        write("db", base + 1);
        cmon.wait_for_out("db");
        cmon.wait_for_out("web");
        let (web, db) = (format!("web {}", base + 2), format!("db {}", base + 1));
        let expected = if window == "0s" { [web, db] } else { [db, web] };
        assert_eq!(order(&cmon), expected, "{window}");
        cmon.interrupt().code(130);
    }
    for (window, text) in [("2m", "the longest is 1m"), ("soon", "try 100ms or 2s")] {
        scene.run(&["tail", "--order-window", window, "web", "db"]).code(2).says(text);
    }
}

#[test]
fn a_stack_trace_stays_together_among_other_containers_lines() {
    let scene = Scene::of(&["web", "db"]);
    let now = Timestamp::now().saturating_nanos();
    for (name, time, line) in [
        ("web", 1, "Exception in thread \"main\" java.lang.Error"),
        ("db", 2, "db 2"),
        ("web", 3, "\tat a.b.C.d(C.java:7)"),
        ("db", 4, "db 4"),
        ("web", 5, "web 5"),
    ] {
        let time = Timestamp::from_nanos(now + time * 1_000_000);
        scene.fake.write_at(name, Stdout, time, format!("{line}\n").as_bytes());
    }
    let lines = |args: &[&str]| {
        let done = scene.run(&[&["tail", "--no-follow", "-a"], args].concat()).code(0);
        let text = done.text();
        let line = |line: &str| line.split_once("| ").unwrap().1.to_owned();
        text.lines().map(line).collect::<Vec<_>>()
    };
    let head = "Exception in thread \"main\" java.lang.Error";
    let at = "\tat a.b.C.d(C.java:7)";
    assert_eq!(lines(&["--join-stacks"]), [head, at, "db 2", "db 4", "web 5"]);
    assert_eq!(lines(&[]), [head, "db 2", at, "db 4", "web 5"]);
}

#[test]
fn a_follow_ends_at_its_time_with_all_lines_until_then() {
    let container = Container::run("while true; do seq 3; usleep 20000; done");
    container.wait_for_log("3");
    let now = jiff::Timestamp::now();
    let until = now + jiff::SignedDuration::from_millis(2500);
    let text = format!("{until:.9}");
    let args = ["tail", "-n", "all", "-t", "--until", &text, &container.name];
    let done = Cmon::start(&args).read().done().code(0);
    assert!(until < jiff::Timestamp::now());
    let shown = done.text();
    let shown: Vec<&str> = shown.lines().collect();
    let written = truth(&container);
    let wanted =
        written.iter().filter(|(time, _)| time.parse::<jiff::Timestamp>().unwrap() <= until);
    let wanted: Vec<String> = wanted.map(|(time, line)| format!("{time} {line}")).collect();
    assert!(wanted.len() < written.len(), "the container writes on");
    assert_eq!(shown, wanted);
    // The same with a relative time, for several containers of which one has stopped.
    let stopped = Container::run("seq 5");
    stopped.wait();
    let args = ["tail", "--until", "+1s", "-t=full", &container.name, &stopped.name];
    let done = Cmon::start(&args).read().done().code(0);
    assert_eq!(
        stamped(&done.text()).iter().filter(|(_, name, _)| *name == stopped.name).count(),
        5
    );
    let args = ["tail", "--until", "1h", "--exit-on-stop", &container.name];
    Cmon::run(&args).code(2).says("'--until <TIME> in the past': it ends after the stored lines");
}
