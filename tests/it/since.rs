//! `--since` and `--until`, exact to the nanosecond, on logs of each driver and of several files.

use std::fmt::Write as _;

use super::support::{Cmon, Container};

/// The lines with their timestamps, as from the daemon.
fn stamped(container: &Container) -> Vec<(String, String)> {
    let done = Cmon::run(&["tail", "--no-follow", "--no-prefix", "-t", &container.name]).code(0);
    let text = String::from_utf8(done.stdout).unwrap();
    let split =
        |line: &str| line.split_once(' ').map(|(time, line)| (time.to_owned(), line.to_owned()));
    text.lines().map(|line| split(line).unwrap()).collect()
}

#[test]
fn only_lines_between_two_times_are_shown() {
    let files = ["--log-opt", "max-size=4k", "--log-opt", "max-file=9"];
    let cases: [&[&str]; 3] = [
        &["--log-driver", "json-file"],
        &["--log-driver", "local"],
        &[&["--log-driver", "json-file"], &files[..]].concat(),
    ];
    for options in cases {
        let container = Container::run_with(options, "seq 300");
        container.wait();
        let lines = stamped(&container);
        assert_eq!(lines.len(), 300);
        let run = |args: &[&str]| {
            let tail = ["tail", "--no-follow", "--no-prefix", &container.name];
            let done = Cmon::run(&[&tail[..], args].concat()).code(0);
            let text = String::from_utf8(done.stdout).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<String>>()
        };
        let between = |from: &str, to: &str| {
            let wanted = lines.iter().filter(|(time, _)| from <= &**time && &**time <= to);
            wanted.map(|(_, line)| line.clone()).collect::<Vec<String>>()
        };
        let [early, late] = [&lines[40].0, &lines[260].0];
        assert_eq!(run(&["--since", late]), between(late, "9"));
        assert_eq!(run(&["--since", early, "--until", late]), between(early, late));
        assert_eq!(run(&["--until", early]), between("0", early));
        assert_eq!(run(&["--since", "1h"]).len(), 300);
        assert_eq!(run(&["--until", "2 hours ago"]), Vec::<String>::new());
        let wanted = between("0", late);
        assert_eq!(run(&["--until", late, "-n", "3"]), wanted[wanted.len() - 3..]);
        // Seconds since 1970, with nanoseconds.
        let time: jiff::Timestamp = late.parse().unwrap();
        let seconds = format!("{}.{:09}", time.as_second(), time.subsec_nanosecond());
        assert_eq!(run(&["--since", &seconds]), between(late, "9"));
    }
}

/// All lines with their times, as `docker logs -t` prints them.
fn truth(container: &Container) -> Vec<(jiff::Timestamp, String)> {
    let args = ["logs", "-t", &container.name];
    let done = container.daemon.command("docker").args(args).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let split = |line: &str| {
        let (time, line) = line.split_once(' ').unwrap();
        (time.parse().unwrap(), line.to_owned())
    };
    text.lines().map(split).collect()
}

/// A container with a log of records with these times.
fn with_records(times: &[i64]) -> Container {
    let container = Container::run("true");
    container.wait();
    let path = container.daemon.docker(&["inspect", "-f", "{{.LogPath}}", &container.name]);
    let mut records = String::new();
    for (number, time) in times.iter().enumerate() {
        let time = jiff::Timestamp::from_nanosecond(i128::from(*time)).unwrap();
        let record =
            format!("{{\"log\":\"{number}\\n\",\"stream\":\"stdout\",\"time\":\"{time:.9}\"}}");
        writeln!(records, "{record}").unwrap();
    }
    std::fs::write(path.trim(), records).unwrap();
    container
}

#[test]
fn two_hundred_ranges_show_only_their_lines() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let files = ["--log-opt", "max-size=8k", "--log-opt", "max-file=9", "--log-opt"];
    let written = "for i in $(seq 40); do seq $((i*20)) $((i*20+19)); usleep 9000; done";
    // A clock that goes on by up to 3 s, and now and then back by up to a minute.
    let mut clock = 1_700_000_000_000_000_000;
    let mut tick = || {
        clock += random.i64(0..3_000_000_000);
        if random.u8(..) < 12 {
            clock -= random.i64(0..60_000_000_000);
        }
        clock
    };
    let times: Vec<i64> = (0..800).map(|_| tick()).collect();
    let containers = [
        Container::run_with(&["--log-driver", "json-file"], written),
        Container::run_with(&["--log-driver", "local"], written),
        Container::run_with(&[&files[..], &["compress=true"]].concat(), written),
        Container::run_with(
            &[&["--log-driver", "local"], &files[..], &["compress=true"]].concat(),
            written,
        ),
        with_records(&times),
    ];
    for container in &containers {
        container.wait();
        let lines = truth(container);
        assert!(100 < lines.len(), "{} lines", lines.len());
        for _ in 0..40 {
            let mut edge = || {
                let (time, _) = lines[random.usize(..lines.len())];
                // At a line, or a nanosecond off.
                time + jiff::SignedDuration::from_nanos(random.i64(-1..=1))
            };
            let mut edges = [edge(), edge()];
            edges.sort();
            let last = (random.u8(..) < 64).then(|| random.usize(0..30));
            let wanted = lines.iter().filter(|(time, _)| edges[0] <= *time && *time <= edges[1]);
            let wanted: Vec<&str> = wanted.map(|(_, line)| line.as_str()).collect();
            let wanted = &wanted[last.map_or(0, |last| wanted.len().saturating_sub(last))..];
            let [since, until] = edges.map(|edge| format!("{edge:.9}"));
            let last = last.map(|last| last.to_string());
            let mut args = vec!["tail", "--no-follow", "--since", &since, "--until", &until];
            args.extend(last.iter().flat_map(|last| ["-n", last.as_str()]));
            args.push(&container.name);
            let done = Cmon::run(&args).code(0);
            let shown: Vec<&str> = std::str::from_utf8(&done.stdout).unwrap().lines().collect();
            assert_eq!(shown, wanted, "seed {seed}: {args:?} {}", done.stderr);
        }
    }
}

#[test]
fn a_follow_shows_lines_since_a_time_and_new_ones() {
    let container = Container::run("seq 200; hold; seq 201 400");
    let all = |done: &[(String, String)]| done.len() == 200;
    let lines = super::support::eventually("200 lines", || {
        Some(stamped(&container)).filter(|lines| all(lines))
    });
    let since = &lines[150].0;
    let first = lines.iter().position(|(time, _)| time >= since).unwrap();
    let args = ["tail", "-o", "json", "--exit-on-stop", "--since", since, &container.name];
    let cmon = Cmon::start(&args).read();
    cmon.wait_for_out("\"200\"");
    container.go();
    let done = cmon.done().code(0);
    let expected: Vec<String> = (first + 1..=400).map(|number| number.to_string()).collect();
    assert_eq!(done.messages(&container.name, "stdout"), expected);
}

#[test]
fn an_invalid_time_is_an_error_with_the_valid_forms() {
    for (args, text) in [
        (&["--since", "yesterday"][..], "2026-11-28T12:30"),
        (&["--since", "-5m"], "write a time ago (10m"),
        (&["--since", "5m", "--until", "10m"], "before --since"),
    ] {
        Cmon::run(&[&["tail", "web"][..], args].concat()).code(2).says(text);
    }
}
