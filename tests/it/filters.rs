//! Filters, levels, joined lines, highlights, and conditions that end `cmon tail`: on the embedded daemon.

use cmon::engine::source::StdStream::{Stderr, Stdout};
use rustix::process::Signal;

use super::support::Scene;

/// A daemon with one container, which has written these lines to its stdout.
fn wrote(lines: &[&str]) -> Scene {
    let scene = Scene::of(&["web"]);
    write(&scene, lines);
    scene
}

fn write(scene: &Scene, lines: &[&str]) {
    lines.iter().for_each(|line| scene.fake.write("web", Stdout, format!("{line}\n")));
}

/// The lines that `tail --no-follow` shows of it.
#[track_caller]
fn shown(scene: &Scene, args: &[&str]) -> Vec<String> {
    let done = scene.run(&[&["tail", "--no-follow", "web"], args].concat()).code(0);
    done.text().lines().map(str::to_owned).collect()
}

#[test]
fn include_and_exclude_select_lines_by_their_text_without_colors() {
    let lines = ["GET /login 200", "\x1b[31mer\x1b[0mror: login", "GET /health 200", "\u{fffd}"];
    let scene = wrote(&lines);
    assert_eq!(shown(&scene, &["-i", "login"]), lines[..2]);
    assert_eq!(shown(&scene, &["--grep", "^error", "-i", "health"]), lines[1..3]);
    assert_eq!(shown(&scene, &["-i", "login", "-e", "GET"]), lines[1..2]);
    assert_eq!(shown(&scene, &["--exclude", "login", "-e", "GET"]), lines[3..]);
    // Objects contain the original line.
    let done = scene.run(&["tail", "--no-follow", "web", "-o", "json", "-i", "^error"]).code(0);
    assert_eq!(done.messages("web", "stdout"), [lines[1]]);
}

#[test]
fn a_filter_may_come_from_the_environment() {
    let scene = wrote(&["a", "b", "c"]);
    let args = ["tail", "--no-follow", "web"];
    let change = |command: &mut std::process::Command| {
        command.env("CMON_INCLUDE", "a|b").env("CMON_EXCLUDE", "b");
        command.env("CMON_JOIN_STACKS", "1").env("CMON_LEVEL", "warn");
    };
    assert_eq!(scene.start_with(&args, change).done().code(0).text(), "a\n");
    let change = |command: &mut std::process::Command| {
        command.env("CMON_JOIN", "^ ");
    };
    let done = scene.start_with(&args, change).done().code(0);
    assert_eq!(done.text(), "a\nb\nc\n", "it does nothing, and is no mistake");
}

#[test]
fn a_level_selects_whole_events() {
    let lines = [
        "no level yet",
        r#"{"level":"info","msg":"x"}"#,
        "ts=1 level=warning msg=x",
        "  detail",
        "[DEBUG] x",
        "E1128 12:00:00.000000 1 x.go:1] x",
        "2026-11-28T12:00:00Z INFO x",
        "panic: x",
    ];
    let scene = wrote(&lines);
    let at = |level: &str| shown(&scene, &["--level", level]);
    assert_eq!(at("warn"), [lines[0], lines[2], lines[3], lines[5], lines[7]]);
    assert_eq!(at("fatal"), [lines[0], lines[7]]);
    assert_eq!(at("trace"), lines);
    scene.run(&["tail", "web", "--level", "loud"]).code(2).says("[possible values: trace, debug,");
}

#[test]
fn joined_lines_are_shown_and_hidden_together() {
    let lines = ["start", "ERROR: x", "java.lang.Error: boom", "\tat a.B.c(B.java:1)", "end"];
    let scene = wrote(&lines);
    assert_eq!(shown(&scene, &["-i", "boom"]), [lines[2]]);
    assert_eq!(shown(&scene, &["-i", "boom", "--join-stacks"]), lines[1..4]);
    assert_eq!(shown(&scene, &["-e", "boom", "--join-stacks"]), ["start", "end"]);
    assert_eq!(shown(&scene, &["-i", "boom", "--join", r"^\s"]), lines[2..4]);
    scene.run(&["tail", "web", "--join", "x"]).code(2).says("--join has no effect by itself");
}

#[test]
fn an_open_event_is_shown_without_a_next_line() {
    let scene = Scene::of(&["web"]);
    let cmon = scene.start(&["tail", "web", "-i", "boom", "--join-stacks"]);
    scene.wait_for_follower("web");
    write(&scene, &["boom"]);
    cmon.wait_for_out("boom\n");
    cmon.interrupt().code(130);
}

#[test]
fn matches_are_highlighted_if_stdout_has_colors() {
    let scene = wrote(&["an \x1b[31merror\x1b[0m here", "fine"]);
    let args = ["-H", "n err", "-H", "ror"];
    assert_eq!(shown(&scene, &args), ["an \x1b[31merror\x1b[0m here", "fine"]);
    let colored = shown(&scene, &[&args[..], &["--color", "always"]].concat());
    let (on, off) = ("\x1b[7m", "\x1b[27m");
    let first = format!("a{on}n {off}\x1b[31m{on}error{off}\x1b[0m here");
    assert_eq!(colored, [first.as_str(), "fine"]);
    scene.run(&["tail", "web", "-H", "x", "-o", "json"]).code(2).says("objects are not colored");
}

#[test]
fn a_malformed_expression_is_an_error_with_its_flag_its_place_and_the_reason() {
    let scene = Scene::of(&["web"]);
    for (args, text) in [
        (&["-i", "a(b"][..], "--include `a(b`: unclosed group, at character 2"),
        (
            &["--until-match", "x", "--fail-on", "[z-a]"],
            "--fail-on `[z-a]`: invalid character class",
        ),
    ] {
        scene.run(&[&["tail", "web"][..], args].concat()).code(2).says(text);
    }
}

#[test]
fn the_first_stored_line_can_end_the_run() {
    let scene = wrote(&["before", "ready", "after"]);
    let done = scene.run(&["tail", "web", "--until-match", "^ready"]).code(0);
    assert_eq!(done.text(), "before\nready\n");
    // Hidden events do not match, and of both ends the failure counts.
    let args = ["tail", "web", "--until-match", "ready", "-e", "ready", "--fail-on", "after"];
    let done = scene.run(&args).code(3).says("a line of `web` matches --fail-on `after`");
    assert_eq!(done.text(), "before\nafter\n");
    let done = scene.run(&["tail", "web", "--until-match", "ready", "--fail-on", "read"]).code(3);
    assert_eq!(done.text(), "before\nready\n");
    let args = ["tail", "web", "--until-match", "ready", "--join", "after", "-o", "json"];
    assert_eq!(scene.run(&args).code(0).messages("web", "stdout"), ["before", "ready", "after"]);
}

#[test]
fn a_later_matching_line_is_the_last_one_shown() {
    let scene = Scene::of(&["web", "db"]);
    let cmon = scene.start(&["tail", "web", "db", "--until-match", "ready", "--no-prefix"]);
    scene.wait_for_follower("web");
    write(&scene, &["starting"]);
    cmon.wait_for_out("starting");
    let lines: Vec<String> = (0..2000).map(|number| format!("line {number}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    write(&scene, &[&lines[..1000], &["ready"], &lines[1000..]].concat());
    let done = cmon.done().code(0);
    let expected = [&["starting"], &lines[..1000], &["ready"]].concat();
    assert_eq!(done.text().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_end_of_all_containers_before_a_match_is_exit_4() {
    let scene = Scene::of(&["web", "db"]);
    scene.fake.write("web", Stderr, "not yet\n");
    let cmon = scene.start(&["tail", "web", "db", "--until-match", "ready"]);
    cmon.wait_for_out("not yet");
    scene.fake.exit("db", 0);
    cmon.wait_for_err("- db exited 0");
    write(&scene, &["still running"]);
    cmon.wait_for_out("still running");
    scene.fake.exit("web", 0);
    cmon.done().code(4).says("no line matched --until-match `ready`");
    // Without a follow, the end of the stored lines counts.
    scene.run(&["tail", "web", "--no-follow", "--until-match", "ready"]).code(4);
    scene.run(&["tail", "web", "--no-follow", "--until-match", "yet"]).code(0);
    scene.run(&["tail", "web", "--no-follow", "--fail-on", "ready"]).code(0);
    scene.run(&["tail", "web", "--no-follow", "--fail-on", "yet"]).code(3);
}

#[test]
fn the_last_event_of_a_run_can_match() {
    let scene = Scene::of(&["web"]);
    let args = ["tail", "web", "--until-match", "ready", "--join", "^ "];
    let cmon = scene.start(&args);
    scene.wait_for_follower("web");
    write(&scene, &["getting", " ready"]);
    scene.fake.exit("web", 0);
    assert_eq!(cmon.done().code(0).text(), "getting\n ready\n");
}

#[test]
fn a_run_ends_when_its_time_is_over() {
    let scene = wrote(&["line"]);
    let done = scene.run(&["tail", "web", "--timeout", "1s"]).code(124);
    let done = done.says("the time of --timeout 1s is over");
    assert!(!done.stderr.contains("--until-match"), "{done}");
    let args = ["tail", "web", "--timeout", "1s", "--until-match", "ready"];
    scene.run(&args).code(124).says("is over, and no line matched --until-match `ready`");
    // Waiting for a container is part of the run.
    scene.run(&["tail", "job", "--wait", "--timeout", "1s"]).code(124);
    // A run that ends earlier is not affected.
    scene.run(&["tail", "web", "--no-follow", "--timeout", "1h"]).code(0);
}

#[test]
fn signals_and_errors_keep_their_exit_codes() {
    let scene = Scene::of(&["web"]);
    let args = ["tail", "web", "--until-match", "ready", "--timeout", "1h"];
    let cmon = scene.start(&args);
    scene.wait_for_follower("web");
    cmon.interrupt().code(130);
    // The daemon may still count the first follower.
    let scene = Scene::of(&["web"]);
    let cmon = scene.start(&args);
    scene.wait_for_follower("web");
    cmon.signal(Signal::TERM);
    cmon.done().code(143);
    scene.run(&["tail", "wbe", "--until-match", "ready"]).code(1).says("did you mean `web`?");
    let away = ["tail", "web", "--until-match", "x", "--host", "unix:///nowhere/s"];
    scene.run(&away).code(1).says("could not connect");
}
