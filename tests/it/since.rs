//! `--since` and `--until`, exact to the nanosecond, on logs of each driver and of several files.

use super::support::{Cmon, Container};

/// The lines with their timestamps, as the daemon gives them.
fn stamped(container: &Container) -> Vec<(String, String)> {
    let done = Cmon::run(&["tail", "--no-follow", "--no-prefix", "-t", &container.name]).code(0);
    let text = String::from_utf8(done.stdout).unwrap();
    let split =
        |line: &str| line.split_once(' ').map(|(time, line)| (time.to_owned(), line.to_owned()));
    text.lines().map(|line| split(line).unwrap()).collect()
}

#[test]
fn the_lines_between_two_times_are_shown_and_no_other() {
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

#[test]
fn a_follow_shows_the_lines_from_a_time_on_and_what_comes() {
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
fn a_time_that_is_none_is_an_error_with_the_forms() {
    for (args, words) in [
        (&["--since", "yesterday"][..], "2026-11-28T12:30"),
        (&["--since", "-5m"], "write a time ago (10m"),
        (&["--until", "2999-01-01"], "in the future"),
        (&["--since", "5m", "--until", "10m"], "before --since"),
    ] {
        Cmon::run(&[&["tail", "web"][..], args].concat()).code(2).says(words);
    }
}
