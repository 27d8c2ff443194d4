//! A daemon that is killed, stopped, frozen: what it kept is shown once, and what happened is told.

use std::thread::sleep;
use std::time::Duration;

use super::support::{Cmon, Dockerd, Done, ROTATED, eventually};

/// A line every twentieth of a second, numbered, from 1 at each start.
const TALK: &str = "i=0; while :; do i=$((i+1)); echo line $i; echo err $i >&2; usleep 50000; done";

/// A daemon of its own with one talking container.
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

/// What was shown is the beginning of what the daemon holds, line for line, on each output.
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

#[test]
fn the_daemon_is_killed_and_its_containers_with_it() {
    let daemon = talking(&[], "always");
    let cmon = follow(&daemon);
    wait_for_lines(&cmon, 60);
    daemon.signal("KILL");
    cmon.wait_for_out(r#""event":"daemon_away""#);
    daemon.start_again();
    cmon.wait_for_out(r#""event":"daemon_back""#);
    wait_for_lines(&cmon, 60);
    let done = cmon.interrupt().code(130);
    exact(&daemon, &done);
}

#[test]
fn the_daemon_is_killed_and_its_containers_live_on() {
    let daemon = talking(&["--live-restore"], "no");
    let cmon = follow(&daemon);
    wait_for_lines(&cmon, 60);
    daemon.signal("KILL");
    daemon.start_again();
    wait_for_lines(&cmon, 60);
    let done = cmon.interrupt().code(130);
    exact(&daemon, &done);
    // Its end would otherwise outlive the daemon.
    daemon.docker(&["rm", "-f", "talk"]);
}

#[test]
fn the_daemon_is_away_for_a_while_and_its_socket_too() {
    let daemon = talking(&[], "always");
    let cmon = follow(&daemon);
    wait_for_lines(&cmon, 40);
    daemon.signal("KILL");
    std::fs::remove_file(daemon.socket()).unwrap();
    sleep(Duration::from_secs(4));
    daemon.start_again();
    cmon.wait_for_out(r#""event":"daemon_back""#);
    wait_for_lines(&cmon, 40);
    let done = cmon.interrupt().code(130);
    exact(&daemon, &done);
}

#[test]
fn the_daemon_is_stopped_in_good_order_and_away_for_half_a_minute() {
    let daemon = talking(&[], "always");
    let cmon = follow(&daemon);
    wait_for_lines(&cmon, 40);
    daemon.signal("TERM");
    cmon.wait_for_out(r#""event":"daemon_away""#);
    sleep(Duration::from_secs(30));
    daemon.start_again();
    cmon.wait_for_out(r#""event":"daemon_back""#);
    wait_for_lines(&cmon, 40);
    let done = cmon.interrupt().code(130);
    exact(&daemon, &done);
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
    cmon.wait_for_out(r#""event":"daemon_back""#);
    wait_for_lines(&cmon, 100);
    let done = cmon.interrupt().code(130);
    exact(&daemon, &done);
}

#[test]
fn the_daemon_is_frozen_for_a_while() {
    let daemon = talking(&[], "no");
    let cmon = follow(&daemon);
    wait_for_lines(&cmon, 40);
    let before = cmon.descriptors();
    daemon.signal("STOP");
    for _ in 0..20 {
        sleep(Duration::from_secs(1));
        assert!(cmon.descriptors() <= before + 3, "{} of {before}", cmon.descriptors());
    }
    daemon.signal("CONT");
    wait_for_lines(&cmon, 80);
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
    // The old stream is closed, and the new one is not answered.
    cmon.wait_for_err_times(ROTATED, rotations + 1);
    // It ends although the daemon stays frozen until afterwards.
    let done = cmon.interrupt().code(130);
    daemon.signal("CONT");
    exact(&daemon, &done);
    eventually("no follower in the daemon", || (daemon.followers() == 0).then_some(()));
}
