//! A real Podman, which knows other states than dockerd and answers later: cmon starts there, and shows
//! every line.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::support::{Cmon, eventually};

/// The service of a Podman with directories of its own.
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
            .expect("podman is needed: apt-get install podman crun");
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
        let plain = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"];
        command.args(plain).args(args);
        command
    }

    #[track_caller]
    fn run(&self, args: &[&str]) {
        let done = self.command(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "podman {args:?}: {stderr}");
    }

    /// Makes a container that runs this script; `verb` is `run` or `create`.
    #[track_caller]
    fn container(&self, verb: &[&str], name: &str, script: &str) {
        let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
        let of_it = ["--network", "none", "--name", name];
        self.run(&[verb, &of_it, &limits, &["box", "sh", "-c", script]].concat());
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // What is left is removed by force below.
        drop(self.command(&["rm", "--all", "--force", "--time", "0"]).output());
        if let Some(mut service) = self.service.take() {
            drop(service.kill().and_then(|()| service.wait()));
        }
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

#[test]
fn cmon_starts_and_follows_beside_containers_in_states_of_podman() {
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
