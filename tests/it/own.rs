//! cmon in a container of the daemon that it follows: it must not follow its own output.

use std::path::Path;
use std::process::Command;

use super::support::{Cmon, Dockerd, eventually};

/// Packs cmon with its libraries and busybox.
const IMAGE: &str = r#"
set -e
mkdir -p "$1/bin" "$1/tmp" "$1/run" "$1/var" "$1/proc"
ln -s /run "$1/var/run"
cp "$2" "$1/bin/cmon"
cp "$(command -v busybox)" "$1/bin/busybox"
ln -s busybox "$1/bin/sh"
for library in $(ldd "$2" | grep -o '/[^ ]*'); do
    mkdir -p "$1$(dirname "$library")"
    cp -L "$library" "$1$library"
done
tar -C "$1" -c . | docker import - cmonbox >/dev/null
"#;

/// A separate daemon, with an image that contains cmon.
fn daemon() -> Dockerd {
    let daemon = Dockerd::alone(&[]);
    let dir = tempfile::tempdir().unwrap();
    let mut command = daemon.command("sh");
    command.args(["-c", IMAGE, "image"]).arg(dir.path()).arg(env!("CARGO_BIN_EXE_cmon"));
    let made = command.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    daemon
}

struct Inside<'a> {
    daemon: &'a Dockerd,
    name: String,
}

impl<'a> Inside<'a> {
    /// Runs cmon in a container of this name; the socket is at its default place.
    fn run(daemon: &'a Dockerd, name: &str, options: &[&str], args: &[&str]) -> Self {
        let socket = format!("{}:/var/run/docker.sock", daemon.socket().display());
        // If it follows itself after all, that must not fill the disk.
        let bounded = ["--log-opt", "max-size=4m", "--log-opt", "max-file=2"];
        let run = [&["run", "-d", "--name", name, "-v", &socket], &bounded[..]].concat();
        daemon.docker(&[run.as_slice(), options, &["cmonbox", "/bin/cmon"], args].concat());
        Self { daemon, name: name.to_owned() }
    }

    /// Its output up to now: stdout and stderr.
    fn log(&self) -> String {
        let logs = self.daemon.command("docker").args(["logs", &self.name]).output().unwrap();
        String::from_utf8([logs.stdout, logs.stderr].concat()).unwrap()
    }

    fn wait_for(&self, text: &str) {
        let mut log = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(&format!("`{text}` in the log of {}", self.name), || {
                log = self.log();
                log.contains(text).then_some(())
            });
        }));
        let end: String = log.chars().take(2000).collect();
        assert!(found.is_ok(), "no `{text}` in the log of {}: {end}", self.name);
    }

    /// Its exit code, once it has ended.
    fn code(&self) -> String {
        self.daemon.docker(&["wait", &self.name]).trim().to_owned()
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let _ = self.daemon.command("docker").args(["rm", "-f", &self.name]).output();
    }
}

/// A container that writes one line on request.
fn talker(daemon: &Dockerd) {
    let script = "while read -r line; do echo $line; done < /tmp/orders";
    let script = format!("mkfifo /tmp/orders; exec 3<>/tmp/orders; {script}");
    daemon.docker(&[
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        "talker",
        "box",
        "sh",
        "-c",
        &script,
    ]);
}

fn say(daemon: &Dockerd, line: &str) {
    let script = format!("echo {line} > /tmp/orders");
    daemon.docker(&["exec", "talker", "sh", "-c", &script]);
}

#[test]
fn cmon_in_a_container_does_not_follow_its_own_output() {
    let daemon = daemon();
    talker(&daemon);
    let none = &["--network", "none"][..];
    for (at, (options, args)) in [
        (none, &["tail", "-a", "-o", "json"][..]),
        (none, &["tail", "talker", "in*", "-o", "json"]),
        (none, &["tail", "/./", "-o", "json"]),
        (&["--network", "none", "--hostname", "custom"], &["tail", "-a", "-o", "json"]),
        (&["--network", "host"], &["tail", "-a", "-o", "json"]),
        (&["--network", "none", "--pid", "host"], &["tail", "-a", "-o", "json"]),
        // The files and the hostname are those of the other container.
        (&["--network", "container:talker"], &["tail", "-a", "-o", "json"]),
    ]
    .into_iter()
    .enumerate()
    {
        let other = Inside::run(&daemon, "inother", none, &["tail", "talker", "-n", "0"]);
        let inside = Inside::run(&daemon, &format!("in{at}"), options, args);
        inside.wait_for("own_container");
        for round in ["one", "two", "three"] {
            let line = format!("{round}-{at}");
            say(&daemon, &line);
            inside.wait_for(&format!("\"msg\":\"{line}\""));
        }
        let log = inside.log();
        let objects: Vec<serde_json::Value> =
            log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let own: Vec<_> = objects.iter().filter(|one| one["container"] == inside.name).collect();
        assert!(
            own.len() == 1 && own[0]["event"] == "own_container",
            "{options:?} {args:?}: {} objects of its own, like {:?}",
            own.len(),
            own.last()
        );
        drop((inside, other));
    }
}

#[test]
fn watch_and_leak_check_leave_the_own_container_out_and_say_so() {
    let daemon = daemon();
    talker(&daemon);
    let none = &["--network", "none"][..];
    let inside =
        Inside::run(&daemon, "watching", none, &["watch", "-o", "json", "--interval", "200ms"]);
    inside.wait_for("watching is left out: cmon runs in it");
    inside.wait_for("\"container\":\"talker\"");
    let log = inside.log();
    let rows = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    for row in rows.flat_map(|snapshot| snapshot["rows"].as_array().unwrap().clone()) {
        assert_eq!(row["container"], "talker", "{log}");
    }
    assert_eq!(log.matches("is left out").count(), 1, "reported once: {log}");
    drop(inside);
    let args = ["leak-check", "--dry-run", "--duration", "1m"];
    let inside = Inside::run(&daemon, "checking", none, &args);
    assert_eq!(inside.code(), "0", "{}", inside.log());
    let log = inside.log();
    assert!(log.contains("checking is left out: cmon runs in it"), "{log}");
    assert!(log.contains("containers    1: talker"), "{log}");
    drop(inside);
    // A whole check: its engine runs once for each phase, and none of them follows it.
    let args = ["leak-check", "--duration", "10s", "-o", "json", "-q"];
    let inside = Inside::run(&daemon, "checked", none, &args);
    inside.code();
    let log = inside.log();
    let report: serde_json::Value = serde_json::from_str(log.trim()).unwrap();
    assert_eq!(report["containers"], serde_json::json!(["talker"]), "{log}");
}

#[test]
fn naming_cmons_own_container_is_an_error() {
    let daemon = daemon();
    talker(&daemon);
    let none = &["--network", "none"][..];
    for (args, code) in [
        (&["tail", "talker", "named"][..], "1"),
        (&["tail", "name*"], "1"),
        (&["watch", "named"], "1"),
        (&["leak-check", "named"], "2"),
    ] {
        let inside = Inside::run(&daemon, "named", none, args);
        assert_eq!(inside.code(), code, "{args:?}: {}", inside.log());
        let log = inside.log();
        assert!(log.contains("is `named`, the container that cmon itself runs in"), "{log}");
        assert!(log.contains("try: name other containers"), "{log}");
    }
    // Outside of it, it is a container like any other.
    let inside = Inside::run(&daemon, "named", none, &["tail", "talker"]);
    let url = daemon.url();
    let args = ["tail", "named", "--host", &url, "--no-follow"];
    Cmon::start_with(&args, |command: &mut Command| {
        command.current_dir(Path::new("/"));
    })
    .done()
    .code(0);
    drop(inside);
}
