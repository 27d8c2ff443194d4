//! A real Podman, which has other states than dockerd and answers later: cmon starts with it, and shows every line.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::support::{Cmon, eventually};

/// A Podman service with private directories.
struct Podman {
    dir: PathBuf,
    service: Option<Child>,
}

impl Podman {
    fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("cmon-it-").tempdir_in("/tmp").unwrap().keep();
        let mut podman = Self { dir, service: None };
        let url = podman.url();
        let service = podman
            .command(&["system", "service", "--time", "0", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("podman is needed: apt-get install podman runc");
        podman.service = Some(service);
        let image = r#"mkdir -p "$1/i/bin" && cp "$(command -v busybox)" "$1/i/bin/" &&
            for tool in sh seq sleep; do ln -s busybox "$1/i/bin/$tool"; done &&
            tar -C "$1/i" -cf "$1/image.tar" ."#;
        let made = Command::new("sh").args(["-c", image, "image"]).arg(&podman.dir).status();
        assert!(made.unwrap().success(), "the image needs a static busybox");
        let tar = podman.dir.join("image.tar").display().to_string();
        podman.run(&["import", "--quiet", &tar, "box"]);
        eventually("Podman to listen", || UnixStream::connect(podman.dir.join("sock")).ok());
        podman
    }

    fn url(&self) -> String {
        format!("unix://{}/sock", self.dir.display())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("podman");
        for (option, below) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(option).arg(self.dir.join(below));
        }
        // runc comes with dockerd. crun refuses machines that have both kinds of cgroups.
        command.args(["--runtime=runc", "--storage-driver=vfs", "--cgroup-manager=cgroupfs"]);
        command.arg("--events-backend=file").args(args);
        command
    }

    #[track_caller]
    fn run(&self, args: &[&str]) {
        let done = self.command(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "podman {args:?}: {stderr}");
    }

    /// Creates a container that runs this script; `verb` is `run` or `create`.
    #[track_caller]
    fn container(&self, verb: &[&str], name: &str, script: &str) {
        let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
        let of_it = ["--network", "none", "--name", name];
        self.run(&[verb, &of_it, &limits, &["box", "sh", "-c", script]].concat());
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // The rest is removed by force below.
        drop(self.command(&["rm", "--all", "--force", "--time", "0"]).output());
        if let Some(mut service) = self.service.take() {
            drop(service.kill().and_then(|()| service.wait()));
        }
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

#[test]
fn cmon_follows_with_containers_in_podman_states() {
    let podman = Podman::start();
    podman.container(&["create"], "made", "seq 3");
    podman.container(&["create"], "init", "seq 3");
    podman.run(&["init", "init"]);
    podman.container(&["run", "-d"], "ended", "seq 3");
    podman.container(&["run", "-d"], "paused", "sleep 600");
    podman.run(&["pause", "paused"]);
    podman.container(&["run", "-d"], "silent", "sleep 600");
    podman.container(&["run", "-d", "-t"], "tty", "seq 100; sleep 600");
    podman.container(&["run", "-d"], "web", "seq 100; sleep 600");
    podman.run(&["wait", "ended"]);
    let follow = ["tail", "-a", "-n", "all", "-o", "json", "--stream-timeout", "2s"];
    let cmon = Cmon::start_with(&follow, |command| {
        command.env("DOCKER_HOST", podman.url());
    });
    let cmon = cmon.read();
    let lines_of = |name: &str, count: usize| {
        let container = format!(r#""container":"{name}""#);
        eventually(&format!("{count} lines of {name}"), || {
            let text = cmon.out();
            let lines = text.lines().filter(|line| line.contains(r#""type":"line""#));
            (count <= lines.filter(|line| line.contains(&container)).count()).then_some(())
        });
    };
    let expected = [("web", 100), ("tty", 100), ("ended", 3), ("late", 50)];
    expected[..3].iter().for_each(|(name, count)| lines_of(name, *count));
    // Its first event comes with the head of the answer.
    podman.container(&["run", "-d"], "late", "seq 50; sleep 600");
    lines_of("late", 50);
    let done = cmon.interrupt().code(130);
    for (name, count) in expected {
        let numbers: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
        assert_eq!(done.messages(name, "stdout"), numbers, "{name}");
    }
    assert_eq!(done.objects("gap").len(), 0);
    let notes = done.objects("note");
    let broke = notes.iter().find(|note| note["event"] == "stream_broke");
    assert_eq!(broke, None);
}

/// Podman's log API has whole seconds, so a place in a log is found by content and count.
#[test]
fn equal_lines_of_one_second_are_counted_through_rotations() {
    let podman = Podman::start();
    let script =
        "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo same; echo $((i % 7)); sleep 0.02; done";
    podman.container(&["run", "-d"], "web", script);
    let follow = ["tail", "web", "-n", "all", "-o", "json", "--summary", "--exit-on-stop"];
    let done =
        Cmon::start_with(&[&follow[..], &["--stream-timeout", "500ms"]].concat(), |command| {
            command.env("DOCKER_HOST", podman.url());
        })
        .done()
        .code(0);
    let expected: Vec<String> =
        (1..=300).flat_map(|i| ["same".to_owned(), (i % 7).to_string()]).collect();
    assert_eq!(done.messages("web", "stdout"), expected);
    assert_eq!(done.objects("gap").len(), 0);
    let rotations = &done.objects("summary")[0]["rotations"];
    assert!(5 <= rotations.as_u64().unwrap(), "{rotations}");
}

/// Podman stores what it reads at once, so a burst has lines in parts, and it serves the end of such a log wrongly.
#[test]
fn lines_that_podman_stored_in_parts_are_joined() {
    let podman = Podman::start();
    let script = "printf ab; sleep 0.3; echo c; seq 30000; sleep 2; seq 30001 60000";
    podman.container(&["run", "-d"], "web", script);
    let run = |args: &[&str]| {
        Cmon::start_with(&[&["tail", "web", "-o", "json"][..], args].concat(), |command| {
            command.env("DOCKER_HOST", podman.url());
        })
        .done()
        .code(0)
    };
    let follow = ["-n", "all", "--summary", "--exit-on-stop", "--stream-timeout", "1s"];
    let done = run(&follow);
    let mut expected = vec!["abc".to_owned()];
    expected.extend((1..=60_000).map(|number| number.to_string()));
    assert!(done.messages("web", "stdout") == expected, "{}", done.stderr);
    assert_eq!(done.objects("gap").len(), 0);
    let hundred = run(&["-n", "100", "--no-follow"]);
    assert_eq!(hundred.messages("web", "stdout"), expected[expected.len() - 100..]);
    // The limit counts messages, and each part is one.
    let many = run(&["-n", "5000", "--no-follow"]).messages("web", "stdout");
    assert!((4900..=5000).contains(&many.len()), "{}", many.len());
    assert!(many == expected[expected.len() - many.len()..]);
}

#[test]
fn a_cursor_continues_behind_equal_lines_and_lines_in_parts() {
    let podman = Podman::start();
    let script = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); for j in $(seq 40); do echo same; done; \
                  seq $((i*1000)) $((i*1000+400)); sleep 0.7; done; echo end; sleep 600";
    podman.container(&["run", "-d"], "web", script);
    let cursor = podman.dir.join("cursor").display().to_string();
    let run = |more: &[&str]| {
        let args = [&["tail", "web", "-n", "all", "--cursor", &cursor], more].concat();
        Cmon::start_with(&args, |command| {
            command.env("DOCKER_HOST", podman.url());
        })
        .read()
    };
    let mut shown = String::new();
    // Each run ends in the middle of a write, and a batch follows.
    for _ in 0..4 {
        let done = (1..=30).rev().find(|number| shown.contains(&format!("\n{number}400\n")));
        let cmon = run(&[]);
        cmon.wait_for_out(&match done.unwrap_or(0) + 2 {
            next @ ..=30 => format!("{next}400\n"),
            _ => "end\n".to_owned(),
        });
        shown += &cmon.interrupt().code(130).text();
        shown += &run(&["--no-follow"]).done().code(0).text();
        if shown.ends_with("end\n") {
            break;
        }
    }
    if !shown.ends_with("end\n") {
        let cmon = run(&[]);
        cmon.wait_for_out("end\n");
        shown += &cmon.interrupt().code(130).text();
    }
    let expected: String = (1..=30)
        .flat_map(|number| {
            let numbers = (number * 1000..=number * 1000 + 400).map(|line: u32| line.to_string());
            std::iter::repeat_n("same".to_owned(), 40).chain(numbers)
        })
        .chain(["end".to_owned()])
        .flat_map(|line| [line, "\n".to_owned()])
        .collect();
    assert!(shown == expected, "{} of {} lines", shown.lines().count(), expected.lines().count());
}
