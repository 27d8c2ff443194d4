//! `--no-follow`: the stored lines, byte for byte as from `docker logs`.

use super::support::{Cmon, Container};

/// Both outputs, CRLF, an empty line, a long line, and no newline at the end.
const MIXED: &str = r"
count 300; count 300 >&2
printf 'crlf\r\n\n\033[31mred\033[0m\n'
head -c 40000 /dev/zero | tr '\0' x; echo
printf 'no newline'; printf 'none here' >&2
";

#[test]
fn each_output_equals_what_docker_logs_puts_on_it() {
    let container = Container::run(MIXED);
    let logs = container.wait().logs();
    for (flag, expected) in [("--stdout", &logs.stdout), ("--stderr", &logs.stderr)] {
        let done = Cmon::run(&["tail", "--no-follow", flag, &container.name]).code(0);
        assert!(done.stdout == *expected, "{flag}: {done}");
        assert_eq!(done.stderr, "", "{flag}");
    }
}

#[test]
fn timestamps_equal_those_of_docker_logs() {
    let container = Container::run("count 300; echo last; count 100 >&2");
    container.wait();
    let docker = container.daemon.docker(&["logs", "-t", &container.name]);
    let done = Cmon::run(&["tail", "--no-follow", "-t", "--stdout", &container.name]).code(0);
    assert_eq!(done.text(), docker);
}

#[test]
fn a_terminal_is_byte_for_byte_too() {
    let container = Container::run_with(&["-t"], MIXED);
    let logs = container.wait().logs();
    let done = Cmon::run(&["tail", "--no-follow", &container.name]).code(0);
    assert!(done.stdout == logs.stdout, "{done}");
}

#[test]
fn the_last_lines_are_counted_as_lines() {
    let long = "head -c 40000 /dev/zero | tr '\\0' x; echo";
    let container = Container::run(&format!("count 300; {long}; {long}"));
    container.wait();
    let lines = |wanted: &str| {
        let done = Cmon::run(&["tail", "--no-follow", "-n", wanted, &container.name]).code(0);
        done.text().lines().map(str::len).collect::<Vec<_>>()
    };
    assert_eq!(lines("3"), [3, 40_000, 40_000]);
    assert_eq!(lines("0"), [0; 0]);
    assert_eq!((lines("all").len(), lines("1000").len()), (302, 302));
}

#[test]
fn several_containers_have_their_names_in_front() {
    let (one, two) = (Container::run("echo first"), Container::run("printf second"));
    one.wait();
    two.wait();
    let done = Cmon::run(&["tail", "--no-follow", &one.name, &two.name]).code(0);
    let mut lines: Vec<&str> = Vec::new();
    let text = done.text();
    lines.extend(text.lines());
    lines.sort_unstable();
    let mut expected =
        [format!("{} | first", padded(&one.name)), format!("{} | second", padded(&two.name))];
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

fn padded(name: &str) -> String {
    format!("{name:4}")
}

#[test]
fn bytes_that_are_not_text_are_kept() {
    // json-file stores only text; the local driver keeps the bytes.
    let container = Container::run_with(&["--log-driver", "local"], r"printf '\377\376 raw\n'");
    container.wait();
    let bare = Cmon::run(&["tail", "--no-follow", &container.name]).code(0);
    assert_eq!(bare.stdout, b"\xff\xfe raw\n");
    let json = Cmon::run(&["tail", "--no-follow", "-o", "json", &container.name]).code(0);
    assert_eq!(json.objects("line")[0]["msg_base64"], "//4gcmF3");
}

#[test]
fn a_line_above_the_limit_passes_in_marked_pieces() {
    let container = Container::run("head -c 40000 /dev/zero | tr '\\0' x; echo");
    container.wait();
    let args = ["tail", "--no-follow", "-o", "json", "--max-line", "16KiB", &container.name];
    let lines = Cmon::run(&args).code(0).objects("line");
    let (last, pieces) = lines.split_last().unwrap();
    assert!(1 < lines.len() && pieces.iter().all(|piece| piece["partial"] == true));
    assert!(last["partial"].is_null());
    let length = |line: &serde_json::Value| line["msg"].as_str().unwrap().len();
    assert_eq!(lines.iter().map(length).sum::<usize>(), 40_000);
    assert!(lines.iter().all(|line| length(line) <= 16_384));
    let bare = Cmon::run(&["tail", "--no-follow", "--max-line", "16KiB", &container.name]).code(0);
    assert_eq!(bare.stdout.len(), 40_001, "the bare bytes are not broken");
}
