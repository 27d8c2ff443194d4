//! Container output that is not plain text lines: any bytes, no newline, very long lines.

use super::support::{Cmon, Container, eventually};

fn follow(container: &Container) -> Vec<u8> {
    let args = ["tail", "-n", "all", "--exit-on-stop", "--stream-timeout", "500ms"];
    Cmon::run(&[&args[..], &[&container.name]].concat()).code(0).stdout
}

#[test]
fn progress_bars_of_a_terminal_without_a_newline() {
    // 5 MB in steps, so that cmon follows it and does not only read it.
    let script = "for i in $(seq 50); do head -c 100000 /dev/zero | tr '\\0' '#'; printf '\\r'; usleep 20000; done; hold";
    let container = Container::run_with(&["-t"], script);
    let mut cmon = Cmon::start(&["tail", "-n", "all", "--exit-on-stop", &container.name]).read();
    // Text without a newline is held until there is one: up to 16 KiB by the daemon, 1 MiB by cmon.
    eventually("most of it", || (38 * 100_001 <= cmon.out().len()).then_some(()));
    assert!(cmon.memory() < 64 * 1024, "{} KiB", cmon.memory());
    container.go();
    assert_eq!(cmon.status().code(), Some(0));
    let done = cmon.done();
    assert!(done.stdout == container.logs().stdout, "{} bytes", done.stdout.len());
    assert_eq!(done.stdout.len(), 50 * 100_001);
}

#[test]
fn a_terminal_whose_lines_begin_like_a_frame() {
    let script = r"for i in 0 1 2; do printf '\00'$i'\0\0\0\0\0\0\005hello\n'; usleep 100000; done";
    let container = Container::run_with(&["-t"], script);
    let shown = follow(&container);
    assert_eq!(shown, container.logs().stdout);
    assert_eq!(shown.split(|byte| *byte == b'\n').count(), 4);
}

#[test]
fn a_long_line_of_a_terminal_has_no_timestamps_inside() {
    let script = "sleep 0.5; head -c 200000 /dev/zero | tr '\\0' y; echo; echo after";
    let container = Container::run_with(&["-t"], script);
    let shown = follow(&container);
    assert!(
        shown == [vec![b'y'; 200_000], b"\r\nafter\r\n".to_vec()].concat(),
        "{} bytes",
        shown.len()
    );
}

#[test]
fn zero_bytes_and_broken_text_pass_unchanged() {
    let script = r"sleep 0.3; printf 'a\0b\n\377\376c\n\0\n'; head -c 1048576 /dev/zero | tr '\0' z; echo; printf end";
    let local = Container::run_with(&["--log-driver", "local"], script);
    let shown = follow(&local);
    // The driver itself loses the newline of a line in pieces.
    assert!(shown == local.logs().stdout, "{} bytes", shown.len());
    assert!(shown.starts_with(b"a\0b\n\xff\xfec\n\0\nzzz") && shown.ends_with(b"zzzend"));
    let json_file = Container::run(script);
    let shown = follow(&json_file);
    assert!(shown == json_file.logs().stdout, "as the daemon stored it");
}

#[test]
fn a_line_of_a_hundred_megabytes() {
    let script = "head -c 104857600 /dev/zero | tr '\\0' x; echo; echo after; sleep 600";
    let container = Container::run(script);
    container.wait_for_log("after");
    let mut cmon = Cmon::start(&["tail", "-n", "all", "-o", "json", &container.name]);
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(cmon.take_stdout()));
    let (mut bytes, mut pieces) = (0, 0);
    loop {
        let line: serde_json::Value =
            serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let text = line["msg"].as_str().unwrap();
        if text == "after" {
            break;
        }
        assert!(text.len() <= 1 << 20 && text.bytes().all(|byte| byte == b'x'));
        bytes += text.len();
        pieces += usize::from(line["partial"] == true);
    }
    assert_eq!((bytes, pieces), (104_857_600, 99), "the last piece is the end of the line");
    assert!(cmon.memory() < 64 * 1024, "{} KiB", cmon.memory());
}

/// dockerd 20.10 stores a line of N x 16 KiB with an empty last piece. `local` shows it without a newline, so only the
/// bytes show where the next message begins.
#[test]
fn lines_that_fill_whole_pieces() {
    let line =
        |length| format!("head -c {length} /dev/zero | tr '\\0' z; echo; echo b$i; usleep 20000");
    for driver in ["local", "json-file"] {
        for tty in [&["-t"][..], &[]] {
            let lines = [16_382, 16_383, 16_384, 32_767, 32_768].map(line).join("; ");
            let script = format!("sleep 0.3; for i in 1 2 3 4 5; do {lines}; done");
            let container =
                Container::run_with(&[&["--log-driver", driver], tty].concat(), &script);
            let shown = follow(&container);
            assert!(shown == container.logs().stdout, "{driver} {tty:?}: {} bytes", shown.len());
            // Windows begin at each message, and all agree.
            for count in ["7", "64", "all"] {
                let args = ["tail", "--no-follow", "-n", count, &container.name];
                let done = Cmon::run(&args).code(0);
                assert!(shown.ends_with(&done.stdout), "{driver} {tty:?} {count}");
                assert_eq!(done.stderr, "", "{driver} {tty:?} {count}");
            }
        }
    }
}
