//! Every kind of end, and its leftovers.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rustix::process::Signal;

use super::support::{Cmon, Container, eventually};

const TALK: &str = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done";

#[test]
fn a_signal_ends_the_run_with_the_summary() {
    let container = Container::run(TALK);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let cmon = Cmon::start(&["tail", &container.name]).read();
        cmon.wait_for_out("line");
        cmon.signal(signal);
        cmon.done().code(code).says("tasks left: 0, connections left: 0");
    }
}

#[test]
fn quiet_has_no_summary() {
    let container = Container::run(TALK);
    let cmon = Cmon::start(&["tail", "-q", &container.name]).read();
    cmon.wait_for_out("line");
    assert_eq!(cmon.interrupt().code(130).stderr, "");
}

#[test]
fn a_closed_pipe_ends_the_run_of_a_silent_container() {
    let container = Container::run("echo only; sleep 600");
    container.wait_for_log("only");
    let mut cmon = Cmon::start(&["tail", &container.name]);
    let mut line = String::new();
    BufReader::new(cmon.take_stdout()).read_line(&mut line).unwrap();
    assert_eq!(line, "only\n");
    // The reader is dropped, and with it the pipe.
    assert_eq!(cmon.status().code(), Some(0));
    let state = ["inspect", "-f", "{{.State.Running}}", &container.name];
    assert_eq!(container.daemon.docker(&state), "true\n", "it did not wait for a line or the end");
}

/// Writes far more than pipes and channels hold.
const FLOOD: &str = "seq 400000; sleep 600";

#[test]
fn a_blocked_reader_holds_cmon_back_and_loses_nothing() {
    let container = Container::run(FLOOD);
    container.wait_for_log("400000");
    let mut cmon = Cmon::start(&["tail", "-n", "all", &container.name]);
    let mut stdout = cmon.take_stdout();
    let mut first = [0; 1];
    stdout.read_exact(&mut first).unwrap();
    cmon.wait_for_a_full_pipe();
    let mut text = String::from_utf8(first.to_vec()).unwrap();
    let mut lines = BufReader::new(stdout);
    while !text.ends_with("\n400000\n") {
        assert_ne!(lines.read_line(&mut text).unwrap(), 0, "it ended early");
    }
    let expected: Vec<String> = (1..=400_000).map(|number| format!("{number}\n")).collect();
    assert!(text == expected.concat());
    assert!(cmon.memory() < 64 * 1024, "{} KiB", cmon.memory());
    drop(lines);
    assert_eq!(cmon.status().code(), Some(0));
}

#[test]
fn a_blocked_reader_does_not_delay_the_end() {
    let container = Container::run(FLOOD);
    container.wait_for_log("400000");
    let start = |timeout: &str| {
        let mut cmon =
            Cmon::start(&["tail", "-n", "all", "--stop-timeout", timeout, &container.name]);
        let mut stdout = cmon.take_stdout();
        stdout.read_exact(&mut [0; 1]).unwrap();
        cmon.wait_for_a_full_pipe();
        cmon.signal(Signal::INT);
        (cmon, stdout)
    };
    // The run with a limit of an hour still waits for its reader after the deadline has ended the other.
    let (mut patient, patients_stdout) = start("1h");
    let (mut cmon, stdout) = start("1s");
    assert_eq!(cmon.status().code(), Some(130));
    cmon.wait_for_err("the output could not be written within 2s, so lines may be missing");
    assert_eq!(patient.try_status(), None, "only the deadline ends it");
    drop((stdout, patients_stdout));
    assert_eq!(patient.status().code(), Some(130));
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let container = Container::run(FLOOD);
    container.wait_for_log("400000");
    let args = ["tail", "-n", "all", "--stop-timeout", "1h", &container.name];
    let mut cmon = Cmon::start(&args);
    let mut stdout = cmon.take_stdout();
    stdout.read_exact(&mut [0; 1]).unwrap();
    cmon.signal(Signal::INT);
    // Two signals in one moment are one; the second is sent until it is taken.
    let status = eventually("the end", || {
        cmon.signal(Signal::INT);
        cmon.try_status()
    });
    assert_eq!(status.code(), Some(130));
    drop(stdout);
}

#[test]
fn a_full_disk_is_reported() {
    let container = Container::run("seq 100; sleep 600");
    container.wait_for_log("100");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut cmon = Cmon::start_with(&["tail", &container.name], |command| {
        command.stdout(Stdio::from(full));
    });
    assert_eq!(cmon.status().code(), Some(1));
    cmon.wait_for_err("could not write to stdout");
    cmon.wait_for_err("No space left on device");
}
