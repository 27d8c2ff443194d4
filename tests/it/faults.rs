//! A daemon that is killed, stopped or frozen: each line that it kept is shown once, and its absence is reported.

use super::support::{Cmon, Dockerd, Done, ROTATED, eventually};

/// A line every twentieth of a second, numbered, from 1 at each start.
const TALK: &str = "i=0; while :; do i=$((i+1)); echo line $i; echo err $i >&2; usleep 50000; done";

/// A separate daemon with one writing container.
fn talking(args: &[&str], policy: &str) -> Dockerd {
    let daemon = Dockerd::alone(args);
    let run = ["run", "-d", "--network", "none", "--name", "talk", "--restart", policy];
    daemon.docker(&[&run[..], &["box", "sh", "-c", TALK]].concat());
    daemon
}

fn follow(daemon: &Dockerd) -> Cmon {
    follow_with(daemon, &[])
}

fn follow_with(daemon: &Dockerd, more: &[&str]) -> Cmon {
    let url = daemon.url();
    let args = ["tail", "-o", "json", "-n", "all", "--summary", "--stream-timeout", "2s"];
    Cmon::start_with(&[&args[..], more, &["talk"]].concat(), |command| {
        command.env("DOCKER_HOST", url);
    })
    .read()
}

/// Waits for `more` further lines.
fn wait_for_lines(cmon: &Cmon, more: usize) {
    let count = || cmon.out().matches(r#""type":"line""#).count();
    let before = count();
    eventually("more lines", || (before + more <= count()).then_some(()));
}

/// The shown lines are the beginning of the daemon's log, line for line, on each output.
#[track_caller]
fn exact(daemon: &Dockerd, done: &Done) {
    let logs = daemon.command("docker").args(["logs", "talk"]).output().unwrap();
    for (stream, held) in [("stdout", logs.stdout), ("stderr", logs.stderr)] {
        let held = String::from_utf8(held).unwrap();
        let shown = done.messages("talk", stream);
        let held: Vec<&str> = held.lines().take(shown.len()).collect();
        assert_eq!(shown, held, "{stream}");
    }
    let summary = done.objects("summary").pop().unwrap();
    for field in ["tasks", "connections", "gaps", "streams_open", "panics"] {
        assert_eq!(summary[field], 0, "{summary}");
    }
}

/// Lines come before and after `fault`, and none is lost or duplicated.
#[track_caller]
fn survives(daemon: &Dockerd, fault: impl FnOnce(&Cmon)) {
    let cmon = follow_with(daemon, &["-v"]);
    wait_for_lines(&cmon, 60);
    fault(&cmon);
    wait_for_lines(&cmon, 60);
    exact(daemon, &cmon.interrupt().code(130));
}

/// Waits until cmon has retried an absent daemon this often.
fn wait_for_tries(cmon: &Cmon, times: usize) {
    cmon.wait_for_out(r#""event":"daemon_away""#);
    cmon.wait_for_err_times("could not list", times);
}

fn wait_until_back(cmon: &Cmon) {
    cmon.wait_for_out(r#""event":"daemon_back""#);
}

#[test]
fn a_killed_daemon_takes_its_containers_with_it() {
    let daemon = talking(&[], "always");
    survives(&daemon, |cmon| {
        daemon.signal("KILL");
        wait_for_tries(cmon, 1);
        daemon.start_again();
        wait_until_back(cmon);
    });
}

#[test]
fn containers_outlive_a_killed_daemon() {
    let daemon = talking(&["--live-restore"], "no");
    survives(&daemon, |_| {
        daemon.signal("KILL");
        daemon.start_again();
    });
    // They would otherwise outlive the test.
    daemon.docker(&["rm", "-f", "talk"]);
}

#[test]
fn the_socket_of_a_killed_daemon_is_removed() {
    let daemon = talking(&[], "always");
    survives(&daemon, |cmon| {
        daemon.signal("KILL");
        std::fs::remove_file(daemon.socket()).unwrap();
        wait_for_tries(cmon, 4);
        daemon.start_again();
        wait_until_back(cmon);
    });
}

#[test]
fn a_daemon_that_ends_normally_is_away_for_many_retries() {
    let daemon = talking(&[], "always");
    survives(&daemon, |cmon| {
        daemon.signal("TERM");
        wait_for_tries(cmon, 8);
        daemon.start_again();
        wait_until_back(cmon);
    });
}

#[test]
fn a_frozen_daemon_gets_no_more_connections() {
    let daemon = talking(&[], "no");
    survives(&daemon, |cmon| {
        let before = cmon.descriptors();
        daemon.signal("STOP");
        // The stream was rotated, and the daemon does not answer the next one.
        cmon.wait_for_out(r#""event":"still_waiting""#);
        assert!(cmon.descriptors() <= before + 3, "{} of {before}", cmon.descriptors());
        daemon.signal("CONT");
    });
}

#[test]
fn cmon_may_start_while_the_daemon_is_down() {
    let daemon = talking(&[], "always");
    daemon.signal("KILL");
    let refused = follow(&daemon).done().code(1);
    refused.says("could not connect to `unix://");
    let cmon = follow_with(&daemon, &["--wait"]);
    cmon.wait_for_out(r#""event":"daemon_away""#);
    daemon.start_again();
    wait_until_back(&cmon);
    wait_for_lines(&cmon, 100);
    let done = cmon.interrupt().code(130);
    exact(&daemon, &done);
}

#[test]
fn a_stop_while_the_daemon_is_frozen_ends_in_time() {
    let daemon = talking(&[], "no");
    let cmon = follow_with(&daemon, &["-v", "--stop-timeout", "1s"]);
    wait_for_lines(&cmon, 40);
    let rotations = cmon.err().matches(ROTATED).count();
    daemon.signal("STOP");
    // The old stream is closed, and the daemon does not answer the new one.
    cmon.wait_for_err_times(ROTATED, rotations + 1);
    // It ends although the daemon stays frozen until afterwards.
    let done = cmon.interrupt().code(130);
    daemon.signal("CONT");
    exact(&daemon, &done);
    eventually("no follower in the daemon", || (daemon.followers() == 0).then_some(()));
}
