//! The forms of output on real containers.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime};

use super::support::{Cmon, Container, Dockerd, pty};

#[test]
fn json_holds_lines_notes_and_the_summary() {
    let container = Container::run("echo out; echo err >&2; exit 4");
    container.wait();
    container.docker("start");
    container.wait();
    let args = ["tail", "-o", "json", "--no-follow", "--summary", &container.name];
    let done = Cmon::run(&args).code(0);
    assert_eq!(done.stderr, "");
    assert_eq!(done.messages(&container.name, "stdout"), ["out", "out"]);
    assert_eq!(done.messages(&container.name, "stderr"), ["err", "err"]);
    let summary = done.objects("summary").pop().unwrap();
    assert_eq!((&summary["lines"], &summary["containers"]), (&4.into(), &1.into()));
    let times: Vec<String> =
        done.objects("line").iter().map(|line| line["time"].as_str().unwrap().to_owned()).collect();
    assert!(times.iter().all(|time| time.len() == 30 && time.ends_with('Z')), "{times:?}");
}

#[test]
fn colors_are_for_terminals_unless_requested() {
    let (one, two) = (Container::run("echo a"), Container::run("echo b"));
    one.wait();
    two.wait();
    let args = ["tail", "--no-follow", &one.name, &two.name];
    assert!(!Cmon::run(&args).code(0).text().contains('\x1b'));
    let always = [&args[..], &["--color", "always"]].concat();
    assert!(Cmon::run(&always).code(0).text().contains('\x1b'));
}

#[test]
fn verbose_logs_events_on_stderr() {
    let container = Container::run("echo a");
    container.wait();
    let done = Cmon::run(&["tail", "-v", "--exit-on-stop", &container.name]).code(0);
    assert_eq!(done.text(), "a\n");
    let done = done.says("DEBUG");
    assert!(!done.stderr.contains("TRACE"), "{done}");
    Cmon::run(&["tail", "-vv", "--exit-on-stop", &container.name]).code(0).says("TRACE");
}

/// How long cmon takes to copy this many stored lines to a file, with this as stderr.
#[track_caller]
fn time_to_copy(container: &Container, lines: usize, stderr: impl Into<Stdio>) -> Duration {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut cmon = Dockerd::shared().command(env!("CARGO_BIN_EXE_cmon"));
    cmon.args(["tail", "--no-follow", "-n", "all", &container.name])
        .envs([("XDG_CONFIG_HOME", "/nowhere"), ("TERM", "xterm")])
        .stdin(Stdio::null())
        .stdout(file.reopen().unwrap())
        .stderr(stderr);
    let begun = SystemTime::now();
    assert!(cmon.status().unwrap().success());
    let time = begun.elapsed().unwrap();
    let copied = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(copied.lines().count(), lines);
    time
}

#[test]
fn a_status_line_does_not_delay_a_stored_log() {
    const LINES: usize = 200_000;
    let container = Container::run(&format!("seq 1 {LINES}"));
    container.wait();
    let (mut master, tty) = pty();
    let shown = thread::spawn(move || {
        let (mut shown, mut part) = (Vec::new(), [0; 4096]);
        // The end of a terminal is an error.
        while let Ok(count) = master.read(&mut part) {
            shown.extend_from_slice(&part[..count]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    });
    let null = || File::options().write(true).open("/dev/null").unwrap();
    let times = [0; 3].map(|_| {
        let at_a_terminal = time_to_copy(&container, LINES, tty.try_clone().unwrap());
        (at_a_terminal, time_to_copy(&container, LINES, null()))
    });
    drop(tty);
    let shown = shown.join().unwrap();
    assert_eq!(shown.matches("200,000 lines").count(), 3, "a summary shows a terminal: {shown}");
    // If each burst waited for the next redraw, the runs at the terminal would take some 20 times as long.
    let fastest = times.map(|(at_a_terminal, _)| at_a_terminal).into_iter().min().unwrap();
    let slowest = times.map(|(_, without)| without).into_iter().max().unwrap();
    assert!(fastest < 4 * slowest, "{times:?}");
}
