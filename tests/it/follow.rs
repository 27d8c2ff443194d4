//! Containers that appear, disappear and return while cmon follows.

use super::support::{Cmon, Container, Dockerd};

#[test]
fn a_container_that_starts_again_is_followed_again() {
    let container = Container::run("echo hello; hold; exit 3");
    let cmon = Cmon::start(&["tail", "-n", "all", &container.name]).read();
    cmon.wait_for_out("hello\n");
    container.go();
    cmon.wait_for_err(&format!("- {} exited 3", container.name));
    container.docker("start");
    cmon.wait_for_err(&format!("+ {} started", container.name));
    cmon.wait_for_out("hello\nhello\n");
    let done = cmon.interrupt().code(130);
    assert_eq!(done.text(), "hello\nhello\n");
}

#[test]
fn a_new_container_that_matches_joins_from_its_first_line() {
    let first = Container::named("join-one", &[], "echo one; sleep 600");
    let cmon = Cmon::start(&["tail", "join-*", "-n", "all"]).read();
    cmon.wait_for_out("join-one | one");
    let second = Container::named("join-two", &[], "echo two; sleep 600");
    cmon.wait_for_out("join-two | two");
    cmon.wait_for_err("+ join-two started");
    let other = Container::named("other-three", &[], "echo three");
    other.wait();
    drop((first, second));
    cmon.wait_for_err("- join-two removed");
    let done = cmon.interrupt().code(130);
    assert!(!done.text().contains("three"), "{done}");
}

#[test]
fn a_container_made_again_under_its_name_is_followed() {
    let container = Container::named("again", &[], "echo first; sleep 600");
    let cmon = Cmon::start(&["tail", "again", "-n", "all"]).read();
    cmon.wait_for_out("first");
    drop(container);
    cmon.wait_for_err("- again removed");
    let container = Container::named("again", &[], "echo second; sleep 600");
    cmon.wait_for_out("second");
    drop(container);
    assert_eq!(cmon.interrupt().code(130).text(), "first\nsecond\n");
}

#[test]
fn a_last_line_without_a_newline_is_shown() {
    for _ in 0..5 {
        let container = Container::run("sleep 0.5; printf noeol");
        let args = ["tail", "-n", "all", "--exit-on-stop", &container.name];
        assert_eq!(Cmon::run(&args).code(0).text(), "noeol");
    }
}

#[test]
fn a_selection_may_be_an_id_a_glob_an_expression_or_all() {
    let container = Container::named("pick-me", &[], "echo picked; sleep 600");
    container.wait_for_log("picked");
    let id = Dockerd::shared().docker(&["inspect", "-f", "{{.Id}}", "pick-me"]);
    for pattern in ["pick-me", &id[..12], "pick-*", "/^pick.me$/"] {
        let done = Cmon::run(&["tail", "--no-follow", pattern]).code(0);
        assert!(done.text().contains("picked"), "{pattern}: {done}");
    }
    // Containers of other tests are among all, and one that is being removed cannot be read.
    let done = Cmon::run(&["tail", "--no-follow", "-a"]);
    assert!(done.text().contains("picked"), "-a: {done}");
}

#[test]
fn a_single_output_can_be_followed() {
    let container = Container::run("echo out; echo err >&2; sleep 0.3; echo out2; echo err2 >&2");
    let args = |flag| ["tail", "-n", "all", "--exit-on-stop", flag, &container.name];
    assert_eq!(Cmon::run(&args("--stdout")).code(0).text(), "out\nout2\n");
    assert_eq!(Cmon::run(&args("--stderr")).code(0).text(), "err\nerr2\n");
}

#[test]
fn the_first_lines_are_the_last_ten() {
    let container = Container::run("seq 50; sleep 600");
    container.wait_for_log("50");
    let cmon = Cmon::start(&["tail", &container.name]).read();
    cmon.wait_for_out("50\n");
    let expected: Vec<String> = (41..=50).map(|number| format!("{number}\n")).collect();
    assert_eq!(cmon.interrupt().code(130).text(), expected.concat());
}

#[test]
fn the_daemon_may_rotate_its_files_meanwhile() {
    let small = ["--log-opt", "max-size=20k", "--log-opt", "max-file=200"];
    let script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; usleep 1500; done";
    let container = Container::run_with(&small, script);
    let args = ["tail", "-n", "all", "--exit-on-stop", "--stream-timeout", "1s", &container.name];
    let done = Cmon::run(&args).code(0);
    let expected: Vec<String> = (1..=3000).map(|number| format!("line {number}\n")).collect();
    assert_eq!(done.text(), expected.concat());
}
