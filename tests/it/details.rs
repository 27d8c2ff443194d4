//! `--details` on a real daemon: the labels and variables that log options name, separate from the messages.

use super::support::{Cmon, Container, Done, Proxy, eventually};

const JSON: [&str; 14] = [
    "--log-driver",
    "json-file",
    "--label",
    "app=web one",
    "-e",
    "TIER=a,b=ü",
    "--log-opt",
    "labels=app",
    "--log-opt",
    "env=TIER",
    "--log-opt",
    "tag=t1",
    "--stop-timeout",
    "1",
];
/// The form of `docker logs --details`.
const SHOWN: &str = "TIER=a%2Cb%3D%C3%BC,app=web+one,tag=t1 ";

fn container(more: &[&str], script: &str) -> Container {
    Container::run_with(&[&JSON[..], more].concat(), script)
}

fn numbers(container: &Container, done: &Done) -> Vec<u32> {
    done.messages(&container.name, "stdout")
        .iter()
        .map(|line| line.trim().parse().unwrap())
        .collect()
}

#[test]
fn details_are_shown_as_by_docker_and_ignored_by_filters() {
    for more in [&[][..], &["-t"]] {
        let container = container(more, "echo 'a=b c'; echo ' x'; echo web; seq 3");
        container.wait();
        let name = container.name.as_str();
        let docker = container.daemon.docker(&["logs", "--details", name]);
        assert!(docker.starts_with(&format!("{SHOWN}a=b c")), "{docker}");
        let ours = |args: &[&str]| {
            Cmon::run(&[&["tail", "--no-follow", name, "--details"], args].concat()).code(0).text()
        };
        assert_eq!(ours(&[]), docker);
        assert_eq!(ours(&["-i", "web"]).lines().collect::<Vec<_>>(), [format!("{SHOWN}web")]);
        assert_eq!(ours(&["-t"]), container.daemon.docker(&["logs", "--details", "-t", name]));
        let templated = ours(&["--template", "{{details.app}}:{{msg}}", "-n", "1"]);
        assert_eq!(templated.trim_end(), "web one:3");
        let done = Cmon::run(&["tail", "--no-follow", name, "--details", "-o", "json"]).code(0);
        for line in done.objects("line") {
            let details = serde_json::json!({ "TIER": "a,b=ü", "app": "web one", "tag": "t1" });
            assert_eq!(line["details"], details);
        }
        assert_eq!(done.messages(name, "stdout")[0].trim_end(), "a=b c");
        // Without the flag, details are not requested.
        let plain = Cmon::run(&["tail", "--no-follow", name, "-o", "json"]).code(0).text();
        assert!(!plain.contains("details"), "{plain}");
    }
}

#[test]
fn details_do_not_change_a_log_without_any() {
    for driver in ["json-file", "local"] {
        let container = Container::run_with(
            &["--log-driver", driver, "--label", "app=web"],
            "echo ' a b'; seq 3",
        );
        container.wait();
        let read = |args: &[&str]| {
            Cmon::run(&[&["tail", "--no-follow", &container.name], args].concat()).code(0).text()
        };
        assert_eq!(read(&["--details"]), read(&[]), "{driver}");
        assert_eq!(read(&["--details", "-o", "json"]), read(&["-o", "json"]), "{driver}");
    }
}

#[test]
fn a_cut_and_rotations_lose_no_line_with_details() {
    for more in [&[][..], &["-t"], &["--log-opt", "max-size=20k", "--log-opt", "max-file=9"]] {
        let container = container(more, "hold; slowly 300");
        let proxy = Proxy::before(&container.daemon.socket());
        let args = [
            "tail",
            "--details",
            "-o",
            "json",
            "--exit-on-stop",
            "--stream-timeout",
            "300ms",
            "--host",
        ];
        let cmon = Cmon::start(&[&args[..], &[&proxy.url(), &container.name]].concat()).read();
        let follows = || proxy.logs().iter().any(|query| query.contains("follow=1"));
        eventually("a follow", || follows().then_some(()));
        container.go();
        for number in ["\"50", "\"125", "\"200"] {
            cmon.wait_for_out(number);
            proxy.cut();
        }
        let done = cmon.done().code(0);
        assert_eq!(numbers(&container, &done), (1..=300).collect::<Vec<u32>>(), "{}", done.stderr);
        assert!(done.objects("line").iter().all(|line| line["details"]["tag"] == "t1"));
        assert_eq!(done.objects("gap").len(), 0);
        assert!(
            proxy.logs().iter().all(|query| query.contains("&details=1")),
            "all reads are alike"
        );
    }
}

#[test]
fn a_cursor_is_the_same_with_and_without_details() {
    let dir = tempfile::tempdir().unwrap();
    let cursor = dir.path().join("c").display().to_string();
    let container = container(&[], "seq 5; hold; seq 6 9; hold; seq 10 12");
    let run = |args: &[&str]| {
        let base = ["tail", "--no-follow", "-o", "json", "--cursor", &cursor, &container.name];
        numbers(&container, &Cmon::run(&[&base[..], args].concat()).code(0))
    };
    container.wait_for_log("5");
    assert_eq!(run(&["--details"]), [1, 2, 3, 4, 5]);
    container.go();
    container.wait_for_log("9");
    assert_eq!(run(&[]), [6, 7, 8, 9]);
    container.go();
    container.wait();
    assert_eq!(run(&["--details"]), [10, 11, 12]);
}

#[test]
fn a_long_line_is_joined_with_details() {
    for more in [&[][..], &["-t"]] {
        let long =
            "i=0; while [ $i -lt 4000 ]; do printf 0123456789; i=$((i + 1)); done; echo; echo end";
        let container = container(more, long);
        container.wait();
        let done =
            Cmon::run(&["tail", "--no-follow", &container.name, "--details", "-o", "json"]).code(0);
        let lines = done.messages(&container.name, "stdout");
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        assert_eq!(lines, ["0123456789".repeat(4000).as_str(), "end"]);
    }
}

#[test]
fn the_embedded_daemon_has_details() {
    let text =
        Cmon::run(&["tail", "--demo", "web", "--no-follow", "-n", "2", "--details"]).code(0).text();
    assert!(
        text.lines().count() == 2 && text.lines().all(|line| line.starts_with("tier=frontend ")),
        "{text}"
    );
}
