//! `cmon watch` in a real terminal, with the embedded daemon and a real one.

use std::io::Write;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use super::support::{Container, Dockerd, Terminal, eventually, pty};

const NAMES: [&str; 8] = ["api", "cache", "console", "cron", "db", "mail", "web", "worker"];

/// A terminal with the demo in it, all eight containers shown.
fn demo(args: &str) -> Terminal {
    let terminal = Terminal::open(None);
    terminal.cmon(&format!("watch --demo {args}"));
    for name in NAMES {
        eventually(name, || terminal.row(name));
    }
    terminal
}

/// The last row of a screen of `rows` rows.
fn foot(screen: &str, rows: usize) -> &str {
    screen.lines().nth(rows - 1).unwrap_or_default()
}

#[test]
fn lines_on_the_screen_are_filtered_and_pretty() {
    let terminal = demo("-i 'order|queue|payment' -e queue -o pretty");
    terminal.keys(&["/", "a", "p", "i", "Enter", "Enter"]);
    terminal.wait_until("pretty lines that pass", |screen| {
        let lines = || screen.lines().skip(1).take(20).filter(|line| !line.trim().is_empty());
        0 < lines().count() && lines().all(|line| line.contains("INFO  order placed user="))
    });
    terminal.keys(&["v"]);
    terminal.wait_for("{\"level\":\"info\",\"msg\":\"order placed\"");
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn the_demo_in_a_terminal_with_every_key() {
    let terminal = demo("--stream-timeout 30s");
    terminal.wait_until("figures", |screen| {
        screen.contains("8 containers") && screen.contains("cmon-demo 24.0.9")
    });
    terminal.keys(&["/", "w", "e"]);
    terminal
        .wait_until("a filter", |screen| screen.contains("filter: we") && !screen.contains("mail"));
    terminal.keys(&["Enter"]);
    terminal.wait_until("no prompt", |screen| !screen.contains("filter:"));
    terminal.keys(&["Enter"]);
    terminal.wait_for("GET /");
    terminal.keys(&["t", "w", "/", "G", "E", "T", "Enter"]);
    terminal.wait_for("n/N `GET`  f follow off  w wrap on  t times on");
    terminal.keys(&["Escape"]);
    terminal.wait_for("/ search");
    terminal.keys(&["Escape"]);
    terminal.wait_for("filter `we`: 1 of 8, Esc shows all  q quit");
    terminal.keys(&["Escape"]);
    terminal.wait_for("mail");
    terminal.keys(&["s", "S"]);
    terminal.wait_until("names from the end", |screen| {
        let at = |name: &str| screen.lines().position(|line| line.contains(&format!(" {name} ")));
        at("worker") < at("web") && at("web") < at("api") && screen.contains("NAME▼")
    });
    terminal.keys(&["?"]);
    terminal.wait_for("Any key closes this.");
    terminal.keys(&["Escape"]);
    terminal.resize(200, 60);
    terminal.wait_until("all columns", |screen| {
        screen.contains("LAST NOTE")
            && screen.contains("REOPENS")
            && foot(screen, 60).starts_with("q quit")
    });
    terminal.keys(&["r"]);
    terminal.wait_for("rotating ");
    terminal.resize(60, 12);
    terminal.wait_until("fewer columns", |screen| {
        !screen.contains("LINES/S")
            && screen.contains("STREAM")
            && screen.contains("readers = ")
            && foot(screen, 12).starts_with("rotating ")
    });
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn a_stream_is_rotated_by_a_key() {
    let terminal = demo("--stream-timeout 1h");
    terminal.keys(&["/", "w", "e", "b", "Enter"]);
    terminal.wait_until("only web", |screen| !screen.contains("mail"));
    terminal.resize(160, 24);
    let cycles = || {
        let row = terminal.row("web")?;
        row.split_whitespace().nth(5)?.parse::<u32>().ok()
    };
    assert_eq!(eventually("cycles", cycles), 0);
    terminal.keys(&["r"]);
    eventually("a cycle", || (cycles()? == 1).then_some(()));
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn signals_and_ctrl_c_leave_a_clean_terminal_and_their_codes() {
    let terminal = demo("");
    terminal.keys(&["C-c"]);
    terminal.is_clean_after(130);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        terminal.cmon("watch --demo");
        terminal.wait_for("c columns");
        kill_process(terminal.process(), signal).unwrap();
        terminal.is_clean_after(code);
    }
    terminal.cmon("watch --demo --duration 1s");
    terminal.is_clean_after(0);
}

#[test]
fn a_frozen_terminal_does_not_delay_the_end() {
    // The deadline ends it, or a second signal long before the deadline.
    for (timeout, signals) in [("1s", 1), ("1h", 2)] {
        // No program reads the frames.
        let (mut keys, tty) = pty();
        let mut child = Command::new(env!("CARGO_BIN_EXE_cmon"))
            .args(["watch", "--demo", "--stop-timeout", timeout])
            .env("RUST_BACKTRACE", "0")
            .stdin(tty.try_clone().unwrap())
            .stdout(tty.try_clone().unwrap())
            .stderr(tty.try_clone().unwrap())
            .spawn()
            .unwrap();
        let is_raw = || !tcgetattr(&tty).unwrap().local_modes.contains(LocalModes::ECHO);
        eventually("the screen", || is_raw().then_some(()));
        // cmon redraws until the terminal's buffer is full.
        eventually("a full terminal", || {
            keys.write_all(b"\x0c").unwrap();
            let mut tty = [PollFd::new(&tty, PollFlags::OUT)];
            let writable = poll(&mut tty, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
            (writable == 0).then_some(())
        });
        let process = Pid::from_child(&child);
        kill_process(process, Signal::TERM).unwrap();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("its end", || {
                // Two signals in one moment are one; the second is sent until it is taken.
                if signals == 2 {
                    kill_process(process, Signal::TERM).unwrap();
                }
                child.try_wait().unwrap()
            })
        }));
        let _ = child.kill();
        assert_eq!(ended.expect("it ends").code(), Some(143));
        assert!(!is_raw(), "the settings are those of before");
    }
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let terminal = demo("");
    terminal.keys(&["C-z"]);
    terminal.wait_for("Stopped");
    terminal.is_as_before();
    terminal.run("fg");
    terminal.wait_for("c columns");
    // Frozen and thawed by another process: cmon redraws, and keys still work.
    let process = terminal.process();
    kill_process(process, Signal::TSTP).unwrap();
    terminal.wait_for("Stopped");
    terminal.is_as_before();
    // Only the shell gets the new size.
    terminal.resize(100, 40);
    terminal.run("fg");
    terminal.wait_until("all of the new size", |screen| foot(screen, 40).contains("c columns"));
    terminal.keys(&["?"]);
    terminal.wait_for("Any key closes this.");
    terminal.keys(&["x", "q"]);
    terminal.is_clean_after(0);
}

#[test]
fn foreign_text_on_the_screen_is_drawn_over_on_request() {
    let terminal = demo("");
    terminal.keys(&["p"]);
    terminal.wait_for("PAUSED");
    terminal.scrawl("\x1b[20;30Hscrawled");
    terminal.wait_for("scrawled");
    terminal.keys(&["C-l"]);
    terminal.wait_until("a clean screen", |screen| !screen.contains("scrawled"));
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn a_panic_is_reported_on_a_clean_terminal() {
    for (thread, code) in [("screen", 1), ("main", 101)] {
        let terminal = Terminal::open(None);
        let cmon = env!("CARGO_BIN_EXE_cmon");
        terminal.run(&format!("RUST_BACKTRACE=0 CMON_TEST_PANIC={thread} {cmon} watch --demo"));
        if thread == "main" {
            terminal.wait_for("c columns");
            kill_process(terminal.process(), Signal::TERM).unwrap();
        }
        let message = format!("{thread} panicked on purpose");
        terminal.wait_for(&message);
        terminal.is_clean_after(code);
        // On the screen of the shell, and not on the alternate one.
        let screen = terminal.screen();
        assert_eq!(screen.matches(&message).count(), 1, "{screen}");
        // The earlier hook prints the screen's own panic at once, not the code that cleans up.
        assert_eq!(screen.contains("thread 'screen'"), thread == "screen", "{screen}");
    }
}

#[test]
fn a_waiting_run_shows_the_screen_at_once_and_its_awaited_patterns() {
    let terminal = Terminal::open(Some("unix:///nowhere.sock"));
    terminal.cmon("watch --wait");
    terminal.wait_for("DAEMON AWAY for");
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
    let terminal = Terminal::open(Some(&Dockerd::shared().url()));
    terminal.cmon("watch --wait awaited");
    terminal.wait_for("none of the named containers is there yet");
    let _came = Container::named("awaited", &[], "sleep 600");
    terminal.wait_until("the one that was awaited", |_| {
        terminal.row("awaited").is_some_and(|row| row.contains("streaming"))
    });
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn a_lost_terminal_ends_watch_with_and_without_sighup() {
    // A paused screen does not notice by drawing.
    for (before, is_paused) in [("", false), ("trap '' HUP; ", false), ("trap '' HUP; ", true)] {
        let terminal = Terminal::open(None);
        terminal.run(&format!("{before}{} watch --demo", env!("CARGO_BIN_EXE_cmon")));
        terminal.wait_for("c columns");
        if is_paused {
            terminal.keys(&["p"]);
            terminal.wait_for("PAUSED");
        }
        let process = terminal.process();
        drop(terminal);
        let ended = std::panic::catch_unwind(|| {
            eventually("its end", || test_kill_process(process).is_err().then_some(()));
        });
        if ended.is_err() {
            let _ = kill_process(process, Signal::KILL);
        }
        assert!(ended.is_ok(), "it goes on without a terminal: {before:?}, paused {is_paused}");
    }
}

#[test]
fn an_error_before_the_start_does_not_change_the_terminal() {
    let terminal = Terminal::open(Some("unix:///nowhere.sock"));
    terminal.cmon("watch");
    terminal.wait_for("could not connect to `unix:///nowhere.sock` (from DOCKER_HOST)");
    terminal.is_clean_after(1);
}

#[test]
fn a_killed_container_changes_its_row() {
    let daemon = Dockerd::shared();
    let talk = "i=0; while :; do i=$((i+1)); echo line $i; usleep 100000; done";
    let one = Container::run(talk);
    let two = Container::run(talk);
    let terminal = Terminal::open(Some(&daemon.url()));
    terminal.cmon(&format!("watch {} {} '/later/' --wait", one.name, two.name));
    for container in [&one, &two] {
        terminal.wait_until("streaming", |_| {
            terminal
                .row(&container.name)
                .is_some_and(|row| row.contains("running") && row.contains("streaming"))
        });
    }
    daemon.docker(&["kill", &one.name]);
    eventually("its row to change", || {
        terminal.row(&one.name).filter(|row| row.contains("exited 137"))
    });
    terminal.wait_until("the row that needs eyes has its sign", |screen| {
        screen.contains(&format!("~{}", one.name))
    });
    let later = Container::named("later-on", &[], talk);
    terminal.wait_until("a container that came later", |_| {
        terminal.row("later-on").is_some_and(|row| row.contains("streaming"))
    });
    terminal.keys(&["/", "o", "n", "Enter", "Enter"]);
    terminal.wait_for("line 5");
    drop(later);
    terminal.wait_for("removed: these are its last lines");
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn a_killed_daemon_is_shown_as_away_until_it_is_back() {
    let daemon = Dockerd::alone(&[]);
    let run = ["run", "-d", "--restart", "always", "--network", "none", "--name", "web", "box"];
    let script = "while :; do echo hello; sleep 1; done";
    daemon.docker(&[&run[..], &["sh", "-c", script]].concat());
    let terminal = Terminal::open(Some(&daemon.url()));
    terminal.cmon("watch");
    terminal.wait_until("streaming", |screen| screen.contains("streaming"));
    daemon.signal("KILL");
    terminal.wait_for("DAEMON AWAY for");
    terminal.wait_until("unknown figures", |screen| {
        screen.contains("daemon ? goroutines") && screen.contains("backing off")
    });
    daemon.start_again();
    terminal.wait_until("it is back", |screen| {
        !screen.contains("AWAY")
            && screen.contains("1 reader = 1 stream")
            && screen.contains("streaming")
    });
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn memory_does_not_grow_with_lines() {
    let daemon = Dockerd::shared();
    let loud = Container::run("while :; do seq 100000 100100; usleep 50000; done");
    let terminal = Terminal::open(Some(&daemon.url()));
    terminal.cmon(&format!("watch {}", loud.name));
    terminal.wait_until("streaming", |screen| screen.contains("streaming"));
    let process = terminal.process();
    let memory = || {
        let path = format!("/proc/{}/status", process.as_raw_nonzero());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let lines = || {
        eventually("lines", || {
            // The sixth word: name, state, stream, two of its age, lines a second.
            let rate: f64 = terminal.row(&loud.name)?.split_whitespace().nth(5)?.parse().ok()?;
            (0.0 < rate).then_some(())
        });
    };
    lines();
    let begun = memory();
    for _ in 0..3 {
        // Paused and continued: each a moment at which memory could grow.
        terminal.keys(&["p"]);
        terminal.wait_for("PAUSED");
        terminal.keys(&["p"]);
        terminal.wait_until("no pause", |screen| !screen.contains("PAUSED"));
        lines();
    }
    let ended = memory();
    assert!(ended < begun + 4096, "{begun} KiB, then {ended} KiB");
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}

#[test]
fn frames_are_ten_a_second_at_most_and_none_when_nothing_changes() {
    let daemon = Dockerd::shared();
    let loud = Container::run("while :; do seq 1000 1100; usleep 10000; done");
    let terminal = Terminal::open(Some(&daemon.url()));
    terminal.cmon(&format!("watch {}", loud.name));
    terminal.wait_until("streaming", |screen| screen.contains("streaming"));
    terminal.keys(&["Enter"]);
    // The time of the frame decides which lines are on the screen.
    terminal
        .wait_until("lines", |screen| screen.lines().skip(1).any(|row| row.starts_with("  10")));
    let begun = SystemTime::now();
    let frames = terminal.frames_during(|| std::thread::sleep(Duration::from_secs(5)));
    let seconds = begun.elapsed().unwrap().as_secs_f64();
    // There is a change a hundred times a second. A loaded machine draws fewer frames; frames that tmux takes late are
    // at most the content of the terminal's buffer.
    let most = 10.0 * seconds + 25.0;
    assert!(0 < frames && frames as f64 <= most, "{frames} in {seconds} s");
    terminal.keys(&["p"]);
    terminal.wait_for("PAUSED");
    // Earlier frames may still be in flight.
    let in_a_second = || terminal.frames_during(|| std::thread::sleep(Duration::from_secs(1)));
    eventually("no frame on its way", || (in_a_second() == 0).then_some(()));
    assert_eq!(in_a_second() + in_a_second(), 0, "a paused screen is not drawn");
    assert!(terminal.screen().contains("PAUSED (p goes on)"));
    terminal.keys(&["q"]);
    terminal.is_clean_after(0);
}
